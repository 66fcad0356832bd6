//! `docs/cli.md` says all that there is to say.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;

use common::{Sim, caldelta, command, read, run};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/cli.md");

/// A part of the page, from its heading to the next one of the same level.
fn section(title: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("no section {title:?}"));
    rest.split_once("\n## ").map_or(rest, |(section, _)| section)
}

/// The names of an object's members and of those of the objects in it.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                found.insert(name.clone());
                names(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}

/// That the section has every member of the object, in snake case, in backticks.
#[track_caller]
fn assert_documented(title: &str, object: &Value) {
    let mut found = BTreeSet::new();
    names(object, &mut found);
    found.remove("schema");
    assert!(found.len() > 1, "{object}");
    for name in found {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name} is not in snake case");
        assert!(section(title).contains(&format!("`{name}`")), "`{name}` is not in the section {title:?}");
    }
    assert!(section(title).contains(&format!("`{}`", object["schema"].as_str().unwrap())), "{title}");
    assert_as_its_schema_says(object);
}

/// That an object is what its file in `docs/schemas` says: as much of JSON Schema as those files use.
#[track_caller]
fn assert_as_its_schema_says(object: &Value) {
    let name = object["schema"].as_str().unwrap();
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    let file = std::fs::read(directory.join(format!("{}.schema.json", name.replace('/', "-")))).unwrap();
    let schema: Value = serde_json::from_slice(&file).unwrap();
    for member in schema["required"].as_array().unwrap() {
        assert!(object.get(member.as_str().unwrap()).is_some(), "{name} has no {member}: {object}");
    }
    for (member, rule) in schema["properties"].as_object().unwrap() {
        let Some(value) = object.get(member) else { continue };
        assert!(rule.get("const").is_none_or(|expected| expected == value), "{name}, {member}: {value}");
        assert!(has_type(value, &rule["type"]), "{name}, {member}: {value} is no {}", rule["type"]);
        let items = value.as_array().into_iter().flatten();
        items.for_each(|item| assert!(has_type(item, &rule["items"]["type"]), "{name}, {member}: {item}"));
    }
}

fn has_type(value: &Value, expected: &Value) -> bool {
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match expected {
        Value::Array(any) => any.iter().any(|expected| expected == actual),
        Value::Null => true,
        one => one == actual,
    }
}

#[test]
fn every_member_that_is_printed_is_documented() {
    let (sim, dir) = (Sim::with(&["--tls-self-signed"]), tempfile::tempdir().unwrap());
    assert_documented("sim", &sim.announcement);
    let sim = Sim::start();
    sim.create("me", "Lesson", "2026-12-10T19");
    assert_documented("sync", &run(&mut sim.sync(dir.path(), &["--json"])).json()[0]);
    sim.create("me", "One more", "2026-12-11T19");
    let told = run(&mut sim.sync(&dir.path().join("told"), &["--progress", "json"])).stderr;
    assert!(told.contains(r#""event":"page","doing":"reading everything","pages":1,"events":2,"#), "{told}");
    for line in told.lines() {
        assert_documented("sync", &serde_json::from_str(line).unwrap());
    }
    let mut dry_run = run(&mut sim.sync(dir.path(), &["--json", "--dry-run"])).json();
    assert_documented("sync", &dry_run.pop().unwrap());
    assert_documented("sync", &dry_run.pop().unwrap());
    let (secret, accounts) = (dir.path().join("secret"), dir.path().join("accounts"));
    std::fs::write(&secret, "s3cret").unwrap();
    let mut login =
        command(["login", "--json", "--client-credentials", "--client-id", "app", "--tenant", "contoso.com"]);
    login.args(["--graph-root", &sim.graph_root]).arg("--accounts").arg(&accounts);
    assert_documented("accounts", &run(login.arg("--client-secret-file").arg(&secret)).json()[0]);
    assert_documented("doctor", &run(&mut command(["doctor", "--json", "--graph-root", &sim.graph_root])).partial());
    let mut verified = run(sim.compare(dir.path(), &["--json"]).stderr(std::process::Stdio::piped()));
    assert_eq!(verified.code, Some(1), "{verified:?}");
    for line in std::mem::take(&mut verified.stdout).lines() {
        assert_documented("verify", &serde_json::from_str(line).unwrap());
    }
    let faults = dir.path().join("faults.json");
    let rules = r#"{"schema": "faults/1", "rules": [{"on": {"kind": "delta"}, "fault": "msgraph-sdk-dotnet-3082"}]}"#;
    std::fs::write(&faults, rules).unwrap();
    let troubled = Sim::with(&["--faults", faults.to_str().unwrap()]);
    troubled.create("me", "Lesson", "2026-12-10T19");
    let store = dir.path().join("troubled");
    assert_documented("sync", &run(&mut troubled.sync(&store, &["--json", "--page-size", "100"])).json()[0]);
    assert_documented("status", &read(&store, &["status", "--json"]).json()[0]);
    assert_documented("changes", &read(dir.path(), &["changes", "--json"]).json()[0]);
    assert_documented("status", &read(dir.path(), &["status", "--json"]).json()[0]);
    assert_documented("store", &read(dir.path(), &["store", "verify", "--json"]).json()[0]);
    let (copy, to) = (tempfile::tempdir().unwrap(), "--to");
    let salvaged = read(dir.path(), &["store", "salvage", "--json", to, copy.path().to_str().unwrap()]);
    assert_documented("store", &salvaged.json()[0]);
    let file = copy.path().join("calendar.ics");
    let exported = read(dir.path(), &["export", "ics", "--json", to, file.to_str().unwrap()]);
    assert_documented("export", &exported.json()[0]);
    assert_documented("agenda", &read(dir.path(), &["agenda", "2026-12-10", "--json", "--zone", "UTC"]).json()[0]);
    for column in export::singer::columns() {
        assert!(section("tap").contains(&format!("`{column}`")), "{column}");
    }
    for column in export::csv::COLUMNS {
        assert!(section("export").contains(&format!("`{column}`")), "{column}");
    }
    let event = read(dir.path(), &["events", "list", "--json"]).json().remove(0);
    let server = sim.get(&format!("/v1.0/me/events/{}", event["id"].as_str().unwrap()));
    for (name, _) in event.as_object().unwrap() {
        let graphs = name.starts_with("@odata.") || server.get(name).is_some();
        assert!(graphs || section("events").contains(&format!("`{name}`")), "{name}");
    }
    assert_as_its_schema_says(&event);
}

#[test]
fn every_option_and_variable_of_the_help_is_documented() {
    for (title, commands) in [
        ("demo", &[&["demo"][..]][..]),
        ("sim", &[&["sim"]]),
        ("login", &[&["login"]]),
        ("logout", &[&["logout"]]),
        ("accounts", &[&["accounts"]]),
        ("man", &[&["man"]]),
        ("doctor", &[&["doctor"]]),
        ("sync", &[&["sync"]]),
        ("watch", &[&["watch"]]),
        ("agenda", &[&["agenda"]]),
        ("events", &[&["events", "list"], &["events", "show"]]),
        ("changes", &[&["changes"]]),
        ("export", &[&["export", "ics"], &["export", "vdir"], &["export", "jsonl"], &["export", "csv"]]),
        ("tap", &[&["tap"]]),
        ("status", &[&["status"]]),
        ("verify", &[&["verify"]]),
        ("store", &[&["store", "dump"], &["store", "verify"], &["store", "salvage"]]),
    ] {
        for command in commands {
            let help = caldelta([*command, &["--help"]].concat()).ok();
            let words = || help.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
            let mut options = 0;
            for option in words().filter(|word| word.starts_with("--") && *word != "--help") {
                assert!(section(title).contains(option), "{option} is not in the section {title:?}");
                options += 1;
            }
            assert!(options > 0, "{help}");
            for variable in words().filter(|word| word.starts_with("CALDELTA_")) {
                assert!(section("Environment variables").contains(&format!("`{variable}`")), "{variable}");
            }
        }
    }
}

#[test]
fn every_command_has_a_section_and_every_exit_code_a_line() {
    let help = caldelta(["help"]).ok();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    for line in commands.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let command = line.split_whitespace().next().unwrap();
        assert!(command == "help" || !section(command).is_empty(), "{command}");
    }
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let codes: Vec<&str> =
        codes.lines().flat_map(|line| line.split([' ', ','])).filter(|w| w.parse::<u8>().is_ok()).collect();
    assert_eq!(codes, ["0", "1", "2", "3", "65", "69", "75", "77", "78", "130", "143"]);
    for code in codes {
        assert!(section("Exit codes").contains(&format!("\n| {code} |")), "{code}");
    }
}
