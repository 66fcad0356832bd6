//! An event as a JSON object on one line (`event/1`).

use store::Layers;
use store::reader::EventRow;

use crate::Error;
use crate::events::parse;

/// The event as Graph would show it, at the top level, with `schema` and `target` in front, and behind it `series` (the id of its
/// series, or null), `inherited` (which properties are the series master's) and `raw` (what Graph said, by layer).
///
/// Values are passed on as they were received; only white space between them is left out.
///
/// # Errors
/// [`Error::NotAnEvent`].
pub fn event(target: &str, row: &EventRow) -> Result<String, Error> {
    let event = parse(row)?;
    let mut line = String::from(r#"{"schema":"event/1""#);
    member(&mut line, "target", &text(target));
    for (name, value) in event.properties() {
        member(&mut line, name, value);
    }
    member(&mut line, "series", &text(row.row.meta.series.as_deref()));
    member(&mut line, "inherited", &text(row.inherited.clone()));
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

fn text(value: impl Into<serde_json::Value>) -> String {
    value.into().to_string()
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
