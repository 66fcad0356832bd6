//! The file's JSON Schema, made of the command line's options.

use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value, json};

use super::keys;

/// The schema of the whole file.
pub(crate) fn schema(root: &Command) -> Value {
    let mut properties: Map<String, Value> = options(keys::common(root).into_iter());
    for command in root.get_subcommands() {
        properties.insert(command.get_name().to_owned(), table(command));
    }
    let login = root.find_subcommand("login").map(table).unwrap_or_default();
    properties.insert("accounts".to_owned(), json!({"type": "object", "additionalProperties": login}));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "caldelta's configuration",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn table(command: &Command) -> Value {
    let mut properties = options(keys::of(command));
    for inner in command.get_subcommands() {
        properties.insert(inner.get_name().to_owned(), table(inner));
    }
    let about = command.get_about().map(ToString::to_string);
    json!({"type": "object", "description": about, "additionalProperties": false, "properties": properties})
}

fn options<'a>(args: impl Iterator<Item = &'a Arg>) -> Map<String, Value> {
    args.filter_map(|arg| Some((keys::name(arg)?.to_owned(), option(arg)))).collect()
}

fn option(arg: &Arg) -> Value {
    let names: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let mut one = match arg.get_action() {
        ArgAction::SetTrue => json!({"type": "boolean"}),
        _ if names.is_empty() => json!({"type": ["string", "number"]}),
        _ => json!({"enum": names}),
    };
    if let ArgAction::Append = arg.get_action() {
        one = json!({"anyOf": [one.clone(), {"type": "array", "items": one}]});
    }
    if let (Value::Object(members), Some(help)) = (&mut one, arg.get_help()) {
        members.insert("description".to_owned(), help.to_string().into());
    }
    one
}
