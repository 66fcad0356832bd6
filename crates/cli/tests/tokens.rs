//! Whose token a sync sends, and what becomes of what the server asks of the next one.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![cfg(unix)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::server::{Reply, Server, pass_on};
use common::{Sim, read, run, sync};

/// Base64 of JSON, with padding.
const CLAIMS: &str = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ==";

/// A 401 that asks for claims: in its header, as Graph does, or in its body, as some gateways do.
fn challenge(in_body: bool) -> Reply {
    let header = format!("WWW-Authenticate: Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{CLAIMS}\"\r\n");
    let claims = if in_body { format!(r#","innerError":{{"claims":"{CLAIMS}"}}"#) } else { String::new() };
    let body = format!(
        r#"{{"error":{{"code":"InvalidAuthenticationToken","message":"Continuous access evaluation"{claims}}}}}"#
    );
    let headers = if in_body { "" } else { &header };
    Reply::new("401 Unauthorized", &format!("Content-Type: application/json\r\nrequest-id: r-1\r\n{headers}"), &body)
}

/// The claims reach the token command as received, once; its next token is the one that is sent from then on.
#[test]
fn claims_reach_the_token_command_as_received() {
    for in_body in [false, true] {
        let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
        sim.create("me", "Lesson", "2026-12-10T19");
        let authority = sim.authority().to_owned();
        let server = Server::start(move |_, request| {
            let wanted = format!("authorization: bearer token-for-{}", CLAIMS.to_lowercase());
            let satisfied = request.head.to_lowercase().contains(&wanted);
            if satisfied { Reply::Bytes(pass_on(&authority, request)) } else { challenge(in_body) }
        });
        let asked = dir.path().join("asked");
        let command =
            format!("echo \"$CALDELTA_CLAIMS\" >> '{}'; echo \"token-for-$CALDELTA_CLAIMS\"", asked.display());
        let store = dir.path().join("store");
        run(&mut sync(&server.root, &store, &["--token-command", &command, "--page-size", "1"])).ok();
        assert_eq!(read(&store, &["events", "list", "--json"]).json()[0]["subject"], "Lesson");
        assert_eq!(std::fs::read_to_string(&asked).unwrap(), format!("\n{CLAIMS}\n"), "without claims first");
        assert_eq!(server.seen().len(), 2);
    }
}

/// One token with the claims is worth a try. A server that asks for them again is not satisfied: the sync says that somebody
/// has to log in, and `status` says what happened. Neither prints what was asked for.
#[test]
fn claims_that_are_asked_for_again_end_the_sync() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let authority = sim.authority().to_owned();
    let satisfied = Arc::new(AtomicBool::new(true));
    let is_satisfied = satisfied.clone();
    let server = Server::start(move |_, request| match is_satisfied.load(Ordering::SeqCst) {
        true => Reply::Bytes(pass_on(&authority, request)),
        false => challenge(true),
    });
    let sync = || run(&mut sync(&server.root, dir.path(), &["--token-command", "echo \"token-$CALDELTA_CLAIMS\""]));
    sync().ok();
    let before = server.seen().len();
    satisfied.store(false, Ordering::SeqCst);
    let done = sync();
    assert!(!done.stderr.contains(&CLAIMS[..20]), "{done:?}");
    done.failed(77, "InvalidAuthenticationToken");
    assert_eq!(server.seen().len() - before, 2);
    // A sync that fails prints no report; what it met is kept.
    let status = read(dir.path(), &["status", "--json"]).json().remove(0);
    let run = &status["health"]["last_run"];
    assert_eq!(
        (&run["requests"], &run["request_id"], &run["trouble"]),
        (&2.into(), &"r-1".into(), &"needs_login".into())
    );
    assert!(run["error"].as_str().unwrap().contains("InvalidAuthenticationToken"), "{run}");
}
