//! Wrong command lines: refused with the right code, one line, and nothing left behind.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::Path;

use common::{Sim, caldelta, run, sync};

/// Where nothing listens: whoever asks there fails differently.
const NOWHERE: &str = "http://127.0.0.1:9";

/// What the library for command lines refuses: usage, with its own hints on further lines.
#[track_caller]
fn usage(args: &[&str], words: &str) {
    let done = caldelta(args);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{args:?}: {done:?}");
    assert!(done.stderr.starts_with("error: ") && done.stderr.contains(words), "{args:?}: {words:?} in {done:?}");
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let sync = |args: &[&'static str]| [&["sync", "--store", "/nonexistent"], args].concat();
    usage(&["synchronise"], "unrecognized subcommand");
    usage(&sync(&["you"]), "me, ");
    usage(&sync(&["groups/sales/events"]), "group");
    usage(&sync(&["me/calendars/../events"]), "'me/calendars/../events'");
    usage(&sync(&["--window", "2026-12-31..2026-12-01"]), "is not after its start");
    usage(&sync(&["--window", "+30d..-30d"]), "the window ends before it starts");
    usage(&sync(&["--window=-30d"]), "FROM..TO");
    usage(&sync(&["--window", "2020-01-01..2026-01-01"]), "1825");
    usage(&sync(&["--page-size", "0"]), "a page has 1 to 1000 items");
    usage(&sync(&["--page-size", "1001"]), "a page has 1 to 1000 items");
    usage(&sync(&["--graph-root", "http://graph.example.com"]), "use https");
    usage(&sync(&["--graph-root", "https://graph.microsoft.com/v1.0"]), "the API version is given by itself");
    usage(&sync(&["--graph-root", "graph.microsoft.com"]), "must look like https://");
    usage(&sync(&["--graph-root", NOWHERE, "--cloud", "china"]), "cannot be used with");
    usage(&sync(&["--token-file", "a", "--token-command", "b"]), "cannot be used with");
    usage(&sync(&["--cloud", "moon"]), "usgov");
    usage(&sync(&["--start", "soon", "me/events"]), "soon");
    usage(&["events", "list", "--from", "yesterday"], "yesterday");
    usage(&["changes", "--since", "new"], "--since");
    usage(&["status", "--max-age", "15"], "such as 15m");
    usage(&["sim", "--listen", "here"], "here");
}

#[test]
fn a_range_that_ends_before_it_starts_is_a_usage_error_too() {
    caldelta(["events", "list", "--from", "2026-12-02", "--to", "2026-12-01"]).failed(2, "is not after");
}

#[test]
fn without_a_token_nobody_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (store, file) = (dir.path().join("store"), dir.path().join("token"));
    let file_name = file.to_str().unwrap().to_owned();
    let with = |args: &[&str]| run(&mut sync(NOWHERE, &store, args));

    run(&mut sync("https://graph.example.com", &store, &[]))
        .failed(77, "give --token-file FILE or --token-command CMD");
    with(&["--token-file", &file_name]).failed(77, "can't be read");
    for content in ["", " \n", "two words"] {
        fs::write(&file, content).unwrap();
        with(&["--token-file", &file_name]).failed(77, "access token");
    }
    fs::write(&file, [0xff, 0xfe]).unwrap();
    with(&["--token-file", &file_name]).failed(77, "token");
    if cfg!(unix) {
        for (command, words) in [
            ("exit 3", "the token command failed (exit status: 3)"),
            ("true", "the access token is empty"),
            ("echo two words", "white space"),
            ("printf '\\377'", "not text"),
        ] {
            with(&["--token-command", command]).failed(77, words);
        }
    }
    assert!(nothing_published(&store), "nothing is left behind that would be read");
}

#[test]
fn wishes_may_come_from_the_environment() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson", "2026-12-10T10");
    let mut command = common::command(["sync"]);
    command.env("CALDELTA_GRAPH_ROOT", &sim.graph_root).env("CALDELTA_STORE", dir.path());
    command.env("CALDELTA_WINDOW", common::WINDOW).env("CALDELTA_PAGE_SIZE", "1");
    run(&mut command).ok();
    let listed = run(common::command(["events", "list"]).env("CALDELTA_STORE", dir.path())).ok();
    assert_eq!(listed.lines().count(), 1);
}

#[test]
fn the_store_is_in_the_state_directory_unless_said() {
    let (sim, home) = (Sim::start(), tempfile::tempdir().unwrap());
    let at_home = |mut command: std::process::Command| {
        command.env("HOME", home.path()).env("APPDATA", home.path()).env("LOCALAPPDATA", home.path());
        run(&mut command)
    };
    at_home(common::command(["events", "list"])).failed(1, "run `caldelta sync` first");
    at_home(common::command(["sync", "--graph-root", &sim.graph_root])).ok();
    at_home(common::command(["status"])).ok();
    if cfg!(target_os = "linux") {
        let store = home.path().join(".local/state/caldelta");
        assert_eq!(common::replicas(&store).len(), 1);
        assert_only_the_owner_can_read(&store);
    }
}

#[cfg(unix)]
fn assert_only_the_owner_can_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).unwrap();
    let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
    if metadata.is_dir() {
        common::replicas(path).iter().for_each(|path| assert_only_the_owner_can_read(path));
    }
}

#[cfg(not(unix))]
fn assert_only_the_owner_can_read(_: &Path) {}

#[test]
fn one_failed_target_of_many_is_a_code_of_its_own() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson", "2026-12-10T10");
    let done = run(&mut sim.sync(dir.path(), &["me", "me/calendars/nobodys"]));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stdout.starts_with("me: "), "{done:?}");
    assert!(done.stderr.starts_with("caldelta: me/calendars/nobodys: the server answered 404"), "{done:?}");
    assert_eq!(common::read(dir.path(), &["events", "list"]).ok().lines().count(), 1, "the rest is published");
    run(&mut sim.sync(dir.path(), &["me/calendars/nobodys"])).failed(1, "check the target");
}

/// Whether a reader would find nothing.
fn nothing_published(store: &Path) -> bool {
    !store.exists() || common::read(store, &["status"]).code == Some(1)
}
