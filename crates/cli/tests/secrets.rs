//! No command prints a token: neither an access token nor one of the server's state tokens, whatever happens.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};

use common::secrets::secret_in;
use common::server::{Reply, Request, Server, pass_on};
use common::{Done, Sim, command, read, run, sync};

const CANARY: &str = "canary-1f0e2d3c4b5a-access-token";

/// What is secret: collected from what goes over the wire.
#[derive(Clone, Default)]
struct Secrets(Arc<Mutex<BTreeSet<String>>>);

impl Secrets {
    /// Takes the state tokens out of a request or a response.
    fn collect(&self, text: &str) {
        let mut secrets = self.0.lock().unwrap();
        for name in ["skiptoken=", "deltatoken="] {
            for (at, _) in text.match_indices(name) {
                let token: String = text[at + name.len()..]
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
                    .collect();
                assert!(token.len() >= 16, "{token:?} is no state token");
                secrets.insert(token);
            }
        }
    }

    #[track_caller]
    fn assert_not_in(&self, done: &Done) {
        for secret in self.0.lock().unwrap().iter().map(String::as_str).chain([CANARY]) {
            let said = [&done.stdout, &done.stderr].into_iter().any(|text| text.contains(secret));
            assert!(!said, "{secret} in {done:?}");
        }
    }
}

/// Runs every command on a store and looks at what it prints.
fn assert_reads_are_clean(secrets: &Secrets, store: &std::path::Path) {
    for args in [
        &["events", "list"][..],
        &["events", "list", "--json"],
        &["events", "show", "AAMk=", "--json"],
        &["changes"],
        &["changes", "--json"],
        &["status"],
        &["status", "--json"],
    ] {
        secrets.assert_not_in(&read(store, args));
    }
}

/// What every test here looks for: see `common::secrets`.
#[test]
fn a_secret_would_be_noticed() {
    for text in [
        "GET /x?$deltatoken=abc",
        "%24skiptoken%3Dabc",
        "$deltaToken=R",
        "at R0usmcqNFTlUN2NtRSsI_-dOf0_wb6R",
        "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOi",
        "eyJ0eXAiOiJKV1QiLCJhbGciOi",
        "0.sim.AAAAAAAAAAAAAAAAAAAAAAA",
        CANARY,
    ] {
        assert!(secret_in(text).is_some(), "{text}");
    }
    for text in ["", "GET /x?$deltatoken=…", "a skiptoken is opaque", "%24skiptoken%3D…", "token_type Bearer", "R0usmc"]
    {
        assert_eq!(secret_in(text), None);
    }
}

#[test]
fn no_command_prints_a_token() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    for day in 10..16 {
        sim.create("me", &format!("Lesson {day}"), &format!("2026-12-{day}T19"));
    }
    let secrets = Secrets::default();
    let (authority, seen) = (sim.authority().to_owned(), secrets.clone());
    // From the fifth request on, the server breaks off with all that can go wrong, and echoes what it was asked.
    let misbehaves = move |number: usize, request: &Request| {
        let echo = || request.target().replace('"', "");
        match number {
            5 => Reply::json(&format!(r#"{{"value":[],"at":"{}"}}"#, echo())),
            6 => Reply::json(&format!("<html>{CANARY} {}</html>", echo())),
            7 => Reply::new("302 Found", &format!("Location: http://127.0.0.1:9{}\r\n", echo()), ""),
            8 => {
                let (link, value) = (format!("http://127.0.0.1:9{}", echo()), r#""value":[]"#);
                Reply::json(&format!(r#"{{{value},"@odata.nextLink":"{link}"}}"#))
            }
            9 => Reply::json(&format!(r#"{{"value":[{{"id":"x","subject":"{}"]}}"#, echo())),
            _ => Reply::Bytes(pass_on(&authority, request)),
        }
    };
    let server = Server::start(move |number, request| {
        seen.collect(request.target());
        let reply = misbehaves(number, request);
        if let Reply::Bytes(bytes) = &reply {
            seen.collect(&String::from_utf8_lossy(bytes));
        }
        reply
    });
    let token = dir.path().join("token");
    fs::write(&token, CANARY).unwrap();
    let store = dir.path().join("store");
    let sync_with = |args: &[&str]| {
        let args = [&["--page-size", "2", "--token-file", token.to_str().unwrap()], args].concat();
        run(&mut sync(&server.root, &store, &args))
    };
    let first = sync_with(&["--json"]);
    secrets.assert_not_in(&first);
    first.ok();
    let mut failures = 0;
    while server.seen().len() < 10 {
        let done = sync_with(&[]);
        secrets.assert_not_in(&done);
        failures += u32::from(done.code == Some(65));
        assert_reads_are_clean(&secrets, &store);
    }
    assert_eq!(failures, 5, "each of the five was met");
    secrets.assert_not_in(&sync_with(&[]));
    assert!(secrets.0.lock().unwrap().len() >= 4, "the tokens are known");
    assert!(server.seen().iter().all(|request| request.head.contains(&format!("Bearer {CANARY}"))));
}

#[test]
fn a_token_of_the_wrong_form_is_not_shown_by_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = Secrets::default();
    let (store, token) = (dir.path().join("store"), dir.path().join("token"));
    for content in [format!("{CANARY} {CANARY}"), format!("{CANARY}\n{CANARY}"), format!("Bearer {CANARY}")] {
        fs::write(&token, &content).unwrap();
        let done = run(&mut sync("http://127.0.0.1:9", &store, &["--token-file", token.to_str().unwrap()]));
        secrets.assert_not_in(&done);
        done.failed(77, "white space");
        if cfg!(unix) {
            let show = format!("cat '{}'; exit 1", token.display());
            let done = run(&mut sync("http://127.0.0.1:9", &store, &["--token-command", &show]));
            secrets.assert_not_in(&done);
            done.failed(77, "the token command failed");
        }
    }
}

#[test]
fn help_does_not_show_what_the_environment_holds() {
    let shown = run(command(["sync", "--help"]).env("CALDELTA_TOKEN_COMMAND", format!("echo {CANARY}")));
    Secrets::default().assert_not_in(&shown);
    assert!(shown.stdout.contains("CALDELTA_TOKEN_COMMAND"));
}

#[test]
fn the_simulator_logs_no_token() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson", "2026-12-10T19");
    sim.create("me", "Lesson", "2026-12-11T19");
    run(&mut sim.sync(dir.path(), &["--page-size", "1"])).ok();
    run(&mut sim.sync(dir.path(), &[])).ok();
    let log = sim.stop();
    assert!(log.lines().filter(|line| line.starts_with("GET /v1.0/me/calendarView/delta 200")).count() >= 3, "{log}");
    assert!(!log.contains("token") && !log.contains("anybody"), "{log}");
}
