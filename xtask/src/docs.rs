//! `cargo xtask docs [--check]`: the reference of flags, variables, configuration keys, exit codes and schemas, made of what
//! the command line says of itself and of the schemas' files.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

const PAGE: &str = "docs/reference.md";
const SCHEMAS: &str = "docs/schemas";

/// Writes the page, or with `--check` only says whether it stands there.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask docs [--check]".to_owned()),
    };
    let written = reference()?;
    if !check {
        return std::fs::write(path(PAGE), written).map_err(|error| format!("{PAGE} can't be written: {error}"));
    }
    match std::fs::read_to_string(path(PAGE)) {
        Ok(page) if page == written => Ok(()),
        _ => Err(format!("{PAGE} is not what the command line says of itself: run `cargo xtask docs`")),
    }
}

pub(crate) fn check() -> Result<(), String> {
    run(&["--check".to_owned()])
}

fn reference() -> Result<String, String> {
    crate::run(crate::cargo().args(["build", "--quiet", "--locked", "--package", "cli"]))?;
    let schema = caldelta(&["config", "schema"])?;
    let schema: Value =
        serde_json::from_str(&schema).map_err(|error| format!("the configuration's schema: {error}"))?;
    let help = caldelta(&["help"])?;
    let (_, codes) = help.split_once("Exit codes:\n").ok_or("the help has no exit codes")?;
    let mut page = "\
# Reference

Made by `cargo xtask docs` of the source: what the command line says of itself. [The command line](cli.md) explains it.
"
    .to_owned();
    page += "\n## Commands\n";
    for command in commands(&help) {
        describe(&[command], &mut page)?;
    }
    page += "\n## Configuration keys\n\nAbove all tables, for every command that has such an option:\n\n";
    page += "| key | values | meaning |\n|---|---|---|\n";
    let properties = object(&schema, "properties");
    for (key, about) in properties.iter().filter(|(_, about)| text(about, "type") != "object") {
        page += &format!("| `{key}` | {} | {} |\n", values(about), cell(text(about, "description")));
    }
    page += "\nA table named as a command, such as `[sync]` or `[export.vdir]`, has the long options of that command as keys;\n";
    page += "`[accounts.NAME]` has those of `login`. `caldelta config schema` prints all of it as a JSON Schema.\n";
    page += &format!("\n## Exit codes\n\n```text\n{}\n```\n", codes.trim_end());
    page += "\n## Schemas\n\nWhat is printed with `--json` and the like, an object per line:\n\n";
    page += "| object | schema | members |\n|---|---|---|\n";
    for (file, schema) in schemas()? {
        let members: Vec<String> = object(&schema, "properties").keys().map(|name| format!("`{name}`")).collect();
        let title = text(&schema, "title");
        page += &format!("| `{title}` | [{file}](schemas/{file}) | {} |\n", members.join(", "));
    }
    Ok(page)
}

/// A command's help, and those of the commands in it.
fn describe(words: &[&str], page: &mut String) -> Result<(), String> {
    let help = caldelta(&[words, &["--help"]].concat())?;
    let inner = commands(&help);
    if inner.is_empty() {
        *page += &format!("\n### {}\n\n```text\n{}\n```\n", words.join(" "), help.trim_end());
    }
    inner.into_iter().try_for_each(|name| describe(&[words, &[name]].concat(), page))
}

/// The names in a help's list of commands.
fn commands(help: &str) -> Vec<&str> {
    let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help").collect()
}

/// What the binary prints, as if nobody had ever used it, for a page of a hundred columns.
fn caldelta(arguments: &[&str]) -> Result<String, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| path("target"), PathBuf::from);
    let program = target.join("debug").join(format!("caldelta{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(&program).args(arguments).env_clear().stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("caldelta {} ended with {}", arguments.join(" "), output.status));
    }
    let lines = String::from_utf8_lossy(&output.stdout).lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    Ok(lines + "\n")
}

fn values(about: &Value) -> String {
    if let Some(names) = about.get("enum").and_then(Value::as_array) {
        let names = names.iter().filter_map(Value::as_str).map(|name| format!("`{name}`"));
        return names.collect::<Vec<_>>().join(", ");
    }
    let words = match text(about, "type") {
        "boolean" => "`true`, `false`",
        _ if about.get("anyOf").is_some() => "a text, or an array of them",
        _ => "a text or a number",
    };
    words.to_owned()
}

/// A text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn object(value: &Value, name: &str) -> Map<String, Value> {
    value.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn schemas() -> Result<Vec<(String, Value)>, String> {
    let failed = |error: std::io::Error| format!("{SCHEMAS} can't be read: {error}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path(SCHEMAS)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let text = std::fs::read_to_string(entry.path()).map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push((name.clone(), serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn path(name: &str) -> PathBuf {
    crate::workspace().join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_of_the_list() {
        let help = "Say\n\nCommands:\n  sync   Bring\n         it\n  watch  Keep\n  help   Print\n\nOptions:\n  -h\n";
        assert_eq!(commands(help), ["sync", "watch"]);
        assert!(commands("Options:\n  -h\n").is_empty());
    }
}
