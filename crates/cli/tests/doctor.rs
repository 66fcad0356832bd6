//! `caldelta doctor`: what is wrong, and what to do about it.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::authority::Authority;
use common::{Done, Sim, command, run};
use serde_json::Value;

/// The doctor's word on a server, with the accounts and the store of this directory.
fn doctor(graph_root: &str, dir: &Path, args: &[&str]) -> (Done, Value) {
    let mut command = command(["doctor", "--json", "--graph-root", graph_root, "--accounts"]);
    command.arg(dir.join("accounts")).arg("--store").arg(dir.join("store")).args(args);
    let done = run(&mut command);
    let report = serde_json::from_str(&done.stdout).unwrap();
    (done, report)
}

#[track_caller]
fn outcome<'a>(report: &'a Value, check: &str) -> (&'a str, &'a str) {
    let found = report["checks"].as_array().unwrap().iter().find(|found| found["check"] == check);
    let found = found.unwrap_or_else(|| panic!("{check} in {report}"));
    (found["outcome"].as_str().unwrap(), found["message"].as_str().unwrap())
}

/// Logs an application in.
fn log_in(authority: &Authority, dir: &Path) {
    let secret = dir.join("secret");
    std::fs::write(&secret, "application-secret").unwrap();
    let mut login = command(["login", "--client-credentials", "--client-id", "app", "--tenant", "contoso.com"]);
    login.args(["--graph-root", &authority.root]).arg("--accounts").arg(dir.join("accounts"));
    run(login.arg("--client-secret-file").arg(secret)).ok();
}

#[test]
fn nothing_is_wrong_at_a_simulator() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let (done, report) = doctor(&sim.graph_root, dir.path(), &[]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{report}");
    for check in ["token", "permissions", "graph", "clock"] {
        assert_eq!(outcome(&report, check).0, "ok", "{report}");
    }
    assert_eq!(outcome(&report, "store").0, "warn", "nothing was synced yet");
    let log = sim.stop();
    assert!(!log.contains("/delta"), "a diagnosis leaves no state in the mailbox: {log}");
}

#[test]
fn each_thing_that_is_wrong_is_named() {
    let (authority, dir) = (Authority::start(|_| ()), tempfile::tempdir().unwrap());
    let (done, report) = doctor(&authority.root, dir.path(), &["users/samanthab@contoso.com", "--account", "work"]);
    assert_eq!((done.code, outcome(&report, "account").0), (Some(77), "fail"), "{report}");

    log_in(&authority, dir.path());
    let target = "users/samanthab@contoso.com";
    let (done, report) = doctor(&authority.root, dir.path(), &[target]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(outcome(&report, "permissions"), ("ok", "granted (application): Calendars.Read"));
    assert_eq!(outcome(&report, "login_server").0, "ok");

    let (done, report) = doctor(&authority.root, dir.path(), &["groups/11111111-2222-3333-4444-555555555555"]);
    assert_eq!((done.code, outcome(&report, "permissions").0), (Some(77), "fail"), "{report}");

    authority.advance(Duration::from_secs(200));
    assert_eq!(outcome(&doctor(&authority.root, dir.path(), &[target]).1, "clock").0, "warn");
    authority.advance(Duration::from_secs(400));
    let (done, report) = doctor(&authority.root, dir.path(), &[target]);
    assert_eq!((done.code, outcome(&report, "clock").0), (Some(78), "fail"), "{report}");
}

#[test]
fn a_missing_permission_is_named_with_what_would_do() {
    let (authority, dir) = (Authority::start(|policy| policy.consent_missing = true), tempfile::tempdir().unwrap());
    log_in(&authority, dir.path());
    let (done, report) = doctor(&authority.root, dir.path(), &["users/samanthab@contoso.com"]);
    assert_eq!(done.code, Some(77), "{done:?}");
    let (outcome, message) = outcome(&report, "permissions");
    assert!(outcome == "fail" && message.contains("missing: one of Calendars.Read,"), "{message}");
}

#[test]
fn who_is_not_there_is_told_apart_from_who_says_no() {
    let dir = tempfile::tempdir().unwrap();
    let (done, report) = doctor("http://127.0.0.1:9", dir.path(), &[]);
    assert_eq!((done.code, outcome(&report, "graph").0), (Some(69), "fail"), "{report}");
    let (done, report) = doctor("https://graph.example.com", dir.path(), &[]);
    assert_eq!((done.code, outcome(&report, "token").0), (Some(77), "fail"), "{report}");
}

#[test]
fn a_report_names_no_person_and_shows_no_token() {
    let (authority, dir) = (Authority::start(|_| ()), tempfile::tempdir().unwrap());
    log_in(&authority, dir.path());
    let mut command = command(["doctor", "users/nobody@contoso.com", "--graph-root", &authority.root, "--accounts"]);
    command.arg(dir.path().join("accounts")).arg("--store").arg(dir.path().join("store")).env("HOME", dir.path());
    let done = run(&mut command);
    assert_eq!(done.code, Some(1), "{done:?}");
    let account = std::fs::read_to_string(dir.path().join("accounts/default.json")).unwrap();
    let account: Value = serde_json::from_str(&account).unwrap();
    let token = account["kept"]["access_token"].as_str().unwrap();
    let said = done.stdout + &done.stderr;
    for secret in [token, "nobody@", "application-secret", dir.path().to_str().unwrap()] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    assert!(said.contains("~/store"), "{said}");
}
