//! Servers that are not Graph, or break its contract: a code, one line, and nothing lost.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::server::{Reply, Server};
use common::{Sim, read, replicas, run, sync};

/// Where a link that leads elsewhere leads: nothing may ever ask there.
fn bait() -> Server {
    Server::start(|_, _| Reply::json("{}"))
}

#[test]
fn whatever_a_server_answers_the_copy_is_kept() {
    let bait = bait();
    let foreign =
        format!(r#"{{"value":[],"@odata.nextLink":"{}/v1.0/me/calendarView/delta?$skiptoken=x"}}"#, bait.root);
    let denied = r#"{"error":{"code":"ErrorAccessDenied","message":"No."}}"#;
    let full = r#"{"error":{"code":"ErrorQuotaExceeded","message":"No room."}}"#;
    let cases = [
        (
            "a page for people",
            Reply::new("200 OK", "Content-Type: text/html\r\n", "<!doctype html><h1>Sign in</h1>"),
            65,
            "is this Microsoft Graph?",
        ),
        ("nothing there", Reply::new("404 Not Found", "", "no such page"), 65, "is this Microsoft Graph?"),
        ("no link", Reply::json(r#"{"value":[]}"#), 65, "neither @odata.nextLink nor @odata.deltaLink"),
        ("no value", Reply::json(r#"{"@odata.deltaLink":"x"}"#), 65, "value"),
        ("null", Reply::json(r#"{"value":null,"@odata.deltaLink":"x"}"#), 65, "value"),
        ("an empty body", Reply::json(""), 65, "is not a page"),
        ("half a body", Reply::json(r#"{"value":[{"id":"#), 65, "is not a page"),
        ("an array", Reply::json("[]"), 65, "is not a page"),
        (
            "a redirect",
            Reply::new("302 Found", &format!("Location: {}/\r\n", bait.root), ""),
            65,
            "the server redirects",
        ),
        ("a link elsewhere", Reply::json(&foreign), 65, "link"),
        ("no permission", Reply::new("403 Forbidden", "", denied), 77, "lacks a permission"),
        ("a full mailbox", Reply::new("403 Forbidden", "", full), 1, "the mailbox is full"),
    ];
    for (name, reply, code, words) in cases {
        let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
        sim.create("me", "Lesson", "2026-12-10T10");
        let authority = sim.authority().to_owned();
        // Whether it is Graph that answers.
        let honest = Arc::new(AtomicBool::new(true));
        let graph = honest.clone();
        let server = Server::start(move |_, request| match graph.load(Ordering::SeqCst) {
            true => Reply::Bytes(common::server::pass_on(&authority, request)),
            false => reply.clone(),
        });
        let sync = || run(&mut sync(&server.root, dir.path(), &["--page-size", "1000"]));
        sync().ok();
        let before = read(dir.path(), &["events", "list", "--json"]).ok();
        assert_eq!(before.lines().count(), 1, "{name}");

        honest.store(false, Ordering::SeqCst);
        sync().failed(code, words);
        honest.store(true, Ordering::SeqCst);
        assert_eq!(read(dir.path(), &["events", "list", "--json"]).ok(), before, "{name}");

        sim.create("me", "One more", "2026-12-11T10");
        sync().ok();
        assert_eq!(read(dir.path(), &["events", "list"]).ok().lines().count(), 2, "{name}: the next sync goes on");
    }
    assert_eq!(bait.seen().len(), 0, "no link decides where a token goes");
}

#[test]
fn a_first_sync_that_fails_leaves_nothing_to_read() {
    let server = Server::start(|_, _| Reply::json(r#"{"value":[]}"#));
    let dir = tempfile::tempdir().unwrap();
    run(&mut sync(&server.root, dir.path(), &[])).failed(65, "neither");
    read(dir.path(), &["events", "list"]).failed(1, "run `caldelta sync` first");
    assert_eq!(replicas(dir.path()).len(), 1, "but the place is a store");
    let sim = Sim::start();
    run(&mut sim.sync(dir.path(), &[])).ok();
}

/// A server's words must not move the cursor, and must stay on the one line.
#[test]
fn what_a_server_says_is_printed_on_one_harmless_line() {
    let server = Server::start(|_, _| {
        let body = r#"{"error":{"code":"Bad\u001b[2J","message":"line one\nline two\u0007\u009b"}}"#;
        Reply::new("400 Bad Request", "Content-Type: application/json\r\n", body)
    });
    let dir = tempfile::tempdir().unwrap();
    let done = run(&mut sync(&server.root, dir.path(), &[]));
    assert!(!done.stderr.trim_end().contains(char::is_control), "{done:?}");
    done.failed(1, "the server answered 400");
}
