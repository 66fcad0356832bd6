//! The examples as programs: built beside this test, run without a network, and compared.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::Command;

const FIVE_EVENTS: &str = "\
2016-12-09T20:30:00Z  Plan shopping list
2016-12-10T01:00:00Z  Pick up car
2016-12-10T19:30:00Z  Get food
2016-12-10T22:00:00Z  Prepare food
2016-12-12T02:00:00Z  Rest!
";

/// Cargo builds the examples of a package before its tests run, next to them.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap().join("examples");
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn prints_the_five_events(name: &str) {
    // A proxy for all traffic, as companies have it, must not be in the way: nothing here leaves the machine.
    let proxies = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, "http://127.0.0.1:9"));
    let output = Command::new(program(name))
        .envs(proxies)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap_or_else(|error| panic!("{name} did not start ({error}): run `cargo test -p examples` for all of them"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((String::from_utf8_lossy(&output.stdout).as_ref(), errors.as_ref()), (FIVE_EVENTS, ""), "{name}");
    assert!(output.status.success(), "{name}: {}", output.status);
}

#[test]
fn by_hand_prints_the_five_events() {
    prints_the_five_events("by_hand");
}

#[test]
fn blocking_ureq_prints_the_five_events() {
    prints_the_five_events("blocking_ureq");
}

#[test]
fn smol_without_tokio_prints_the_five_events() {
    prints_the_five_events("smol_without_tokio");
}

#[test]
fn axum_service_prints_the_five_events() {
    prints_the_five_events("axum_service");
}
