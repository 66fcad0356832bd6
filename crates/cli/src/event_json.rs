//! An event as a JSON object on one line (`event/1`).

use delta_core::Event;
use store::Layers;
use store::reader::EventRow;

use crate::exit::{Code, Failure};

/// The event as Graph would show it, at the top level, with `schema` in front, and behind it `series` (the id of its
/// series, or null), `inherited` (which properties are the series master's) and `raw` (what Graph said, by layer).
///
/// Values are passed on as they were received; only white space between them is left out.
pub(crate) fn event(row: &EventRow) -> Result<String, Failure> {
    let damaged = |_| Failure::new(Code::Data, format!("the event {} is not a JSON object", row.row.meta.id));
    let event = Event::parse(&row.json).map_err(damaged)?;
    let mut line = String::from(r#"{"schema":"event/1""#);
    for (name, value) in event.properties() {
        member(&mut line, name, value);
    }
    member(&mut line, "series", &text(&row.row.meta.series)?);
    member(&mut line, "inherited", &text(&row.inherited)?);
    member(&mut line, "raw", &raw(&row.raw));
    line.push('}');
    Ok(line)
}

fn raw(layers: &Layers<String>) -> String {
    let named: Vec<(&str, &str)> = match layers {
        Layers::Whole { whole, patch: None } => vec![("whole", whole)],
        Layers::Whole { whole, patch: Some(patch) } => vec![("whole", whole), ("patch", patch)],
        Layers::Partial { patch } => vec![("patch", patch)],
        Layers::Stub { stub } => vec![("stub", stub)],
    };
    let members: Vec<String> = named.iter().map(|(name, json)| format!(r#""{name}":{}"#, compact(json))).collect();
    format!("{{{}}}", members.join(","))
}

fn member(line: &mut String, name: &str, json: &str) {
    line.push(',');
    line.push_str(&serde_json::Value::from(name).to_string());
    line.push(':');
    line.push_str(&compact(json));
}

fn text(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::new(Code::Failure, error))
}

/// Valid JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |c: &char| {
        if escaped {
            escaped = false;
        } else if in_string && *c == '\\' {
            escaped = true;
        } else if *c == '"' {
            in_string = !in_string;
        }
        in_string || !c.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_is_left_out() {
        let json = "{ \"a b\" :\n[ 1e5, \"x \\\" y \\\\\" , { } ] }";
        assert_eq!(compact(json), r#"{"a b":[1e5,"x \" y \\",{}]}"#);
    }
}
