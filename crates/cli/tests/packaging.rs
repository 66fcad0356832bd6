//! What is in `packaging/`: that systemd reads its units, and that all of it agrees with the command.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::process::Command;

use common::caldelta;

const WATCH: &str = include_str!("../../../packaging/systemd/caldelta-watch.service");
const SYNC: &str = include_str!("../../../packaging/systemd/caldelta-sync.service");
const TIMER: &str = include_str!("../../../packaging/systemd/caldelta-sync.timer");
const UNITS: [(&str, &str); 3] =
    [("caldelta-watch.service", WATCH), ("caldelta-sync.service", SYNC), ("caldelta-sync.timer", TIMER)];

/// The lines of a unit that set something, each as its section, name and value.
fn settings(unit: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in unit.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
        } else {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line:?} sets nothing"));
            settings.push((section.clone(), name.to_owned(), value.to_owned()));
        }
    }
    settings
}

fn value(unit: &str, name: &str) -> String {
    let found = settings(unit).into_iter().find(|(_, known, _)| known == name);
    found.unwrap_or_else(|| panic!("{name} is not set")).2
}

fn codes(unit: &str, name: &str) -> BTreeSet<u8> {
    value(unit, name).split(' ').map(|code| code.parse().unwrap()).collect()
}

#[test]
fn exit_codes_are_wired_as_they_are_documented() {
    let help = caldelta(["help"]).ok();
    let (_, documented) = help.split_once("Exit codes:\n").unwrap();
    let documented: BTreeSet<u8> =
        documented.lines().flat_map(|line| line.split([' ', ','])).filter_map(|word| word.parse().ok()).collect();
    assert_eq!(codes(WATCH, "SuccessExitStatus"), [130, 143].into());
    assert_eq!(codes(WATCH, "RestartPreventExitStatus"), [2, 65, 77, 78].into(), "what trying again can't help");
    assert_eq!(codes(SYNC, "SuccessExitStatus"), [75, 130, 143].into(), "what the next time may do better");
    for (unit, name) in [(WATCH, "SuccessExitStatus"), (WATCH, "RestartPreventExitStatus"), (SYNC, "SuccessExitStatus")]
    {
        assert!(codes(unit, name).is_subset(&documented));
    }
}

#[test]
fn units_run_commands_that_there_are_with_variables_that_there_are() {
    for (unit, command) in [(WATCH, "watch"), (SYNC, "sync")] {
        assert_eq!(value(unit, "ExecStart"), format!("/usr/bin/caldelta {command} $CALDELTA_TARGETS"));
        let help = caldelta([command, "--help"]).ok();
        let (variable, _) =
            value(unit, "Environment").split_once('=').map(|(name, to)| (name.to_owned(), to.to_owned())).unwrap();
        assert!(help.contains(&variable), "{variable}");
        for named in
            unit.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).filter(|word| word.starts_with("CALDELTA_"))
        {
            assert!(named == "CALDELTA_TARGETS" || help.contains(named), "{named}");
        }
        assert_eq!(value(unit, "StateDirectory"), "caldelta");
    }
    assert_eq!((value(WATCH, "Type"), value(SYNC, "Type")), ("notify".to_owned(), "oneshot".to_owned()));
    let hardened = |unit| -> BTreeSet<_> {
        settings(unit)
            .into_iter()
            .filter(|(_, name, _)| name.starts_with("Protect") || name.starts_with("Restrict"))
            .collect()
    };
    let watched: BTreeSet<_> =
        hardened(WATCH).into_iter().filter(|(_, name, _)| name != "RestartPreventExitStatus").collect();
    assert_eq!(watched, hardened(SYNC), "both are held as tight");
    assert!(watched.len() > 10);
}

#[test]
fn systemd_reads_the_units() {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (name, unit) in UNITS {
        let path = dir.path().join(name);
        std::fs::write(&path, unit.replace("/usr/bin/caldelta", env!("CARGO_BIN_EXE_caldelta"))).unwrap();
        paths.push(path);
    }
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&paths).output();
    let Ok(verified) = verified else {
        eprintln!("skipped: there is no systemd-analyze here");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && !said.contains(name_of(&paths[0])), "{said}");
}

fn name_of(path: &std::path::Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

#[test]
fn the_example_of_a_configuration_has_no_mistake() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/config.toml");
    let said = caldelta(["config", "validate", file]).ok();
    assert!(said.ends_with("keys, no mistake\n"), "{said}");
}

#[test]
fn the_image_runs_what_there_is_as_nobody_special() {
    let dockerfile = include_str!("../../../packaging/Dockerfile");
    assert!(dockerfile.matches("\nFROM ").count() >= 1 && dockerfile.contains("\nUSER 10001\n"));
    assert!(dockerfile.contains("--path crates/cli"));
    let help = caldelta(["watch", "--help"]).ok();
    for variable in dockerfile.split(|c: char| !(c.is_ascii_uppercase() || c == '_')) {
        assert!(!variable.starts_with("CALDELTA_") || help.contains(variable), "{variable}");
    }
}
