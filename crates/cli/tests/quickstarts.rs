//! The quickstarts under `docs/` are true: their files are written, their commands run as they stand, and their code is that
//! of an example.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;

use common::page::{Page, is_there, put, shell};
use common::{Sim, finish};

/// Runs a page beside a simulator.
fn holds(name: &str, args: &[&str], skipped: &str) {
    let (page, home) = (Page::read(name), tempfile::tempdir().unwrap());
    put(home.path(), "file.json", page.block("json"));
    let file = home.path().join("file.json");
    let sim = Sim::with(&[args, &[file.to_str().unwrap()]].concat());
    page.holds(|command| {
        if !skipped.is_empty() && command.starts_with(skipped) && !is_there(skipped) {
            return None;
        }
        let line = command.replace("http://127.0.0.1:8080", &sim.graph_root);
        Some(shell(home.path(), &line).replace(home.path().to_str().unwrap(), "/home/samantha"))
    });
}

#[test]
fn events_in_duckdb() {
    holds("duckdb.md", &["--load"], "duckdb");
}

#[test]
fn rooms_with_an_application() {
    holds("rooms.md", &["--require-login", "--load"], "");
}

#[test]
fn a_client_is_tested_offline() {
    if is_there("curl") {
        let (page, home, sim) = (Page::read("offline-tests.md"), tempfile::tempdir().unwrap(), Sim::start());
        page.holds(|command| Some(shell(home.path(), &command.replace("http://127.0.0.1:8080", &sim.graph_root))));
    }
    // The faults of the page strike.
    let (page, home) = (Page::read("offline-tests.md"), tempfile::tempdir().unwrap());
    put(home.path(), "faults.json", page.block("json"));
    let sim = Sim::with(&["--faults", home.path().join("faults.json").to_str().unwrap()]);
    let store = home.path().join("store");
    let mut sync = sim.sync(&store, &["--progress", "json"]);
    let child = sync.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let told = finish(child).stderr;
    assert!(told.contains(r#""event":"wait","doing":"waiting: the server answered 429"#), "{told}");
}

#[test]
fn the_code_of_the_axum_page_is_that_of_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let example = std::fs::read_to_string(root.join("examples/axum_service.rs")).unwrap();
    let page = Page::read("axum.md");
    let blocks = page.text().split("```rust,ignore\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    assert_eq!(blocks.inspect(|block| assert!(example.contains(block), "{block}")).count(), 3);
}
