//! The configuration file: flags go before variables, and those before the file.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Done, Sim, caldelta, command, run};
use serde_json::Value;

struct Home(tempfile::TempDir);

impl Home {
    fn new(text: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::write(home.file(), text).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("config.toml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(["--config"]);
        command.arg(self.file()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        run(&mut self.command(args))
    }
}

/// A configuration with which a simulator is synchronised.
fn of(sim: &Sim, store: &Path, more: &str) -> String {
    let store = store.to_str().unwrap().replace('\\', "/");
    let window = common::WINDOW;
    format!("store = \"{store}\"\ngraph-root = \"{}\"\nwindow = \"{window}\"\n{more}", sim.graph_root)
}

#[test]
fn what_the_file_says_need_not_be_typed() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson", "2026-12-10T10");
    let home =
        Home::new(&of(&sim, dir.path(), "targets = [\"me\", \"users/samanthab@contoso.com\"]\n[sync]\njson = true\n"));
    let reports = home.run(&["sync"]).json();
    let mut targets: Vec<&str> = reports.iter().map(|report| report["target"].as_str().unwrap()).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["me", "users/samanthab@contoso.com"]);
    assert_eq!(home.run(&["events", "list", "me"]).ok().lines().count(), 1, "the store is the same for all commands");
    assert_eq!(home.run(&["sync", "me"]).json().len(), 1, "what is named goes before");
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let [file, variable, flag] = ["file", "variable", "flag"].map(|name| dir.path().join(name));
    let home = Home::new(&of(&sim, &file, ""));
    let count = || [&file, &variable, &flag].map(|path| path.exists());
    run(home.command(&["sync"]).env("CALDELTA_STORE", &variable).arg("--store").arg(&flag)).ok();
    assert_eq!(count(), [false, false, true]);
    run(home.command(&["sync"]).env("CALDELTA_STORE", &variable)).ok();
    assert_eq!(count(), [false, true, true]);
    home.run(&["sync"]).ok();
    assert_eq!(count(), [true, true, true]);
}

#[test]
fn an_option_goes_before_the_ones_that_it_excludes() {
    let home = Home::new("graph-root = \"http://127.0.0.1:9\"\naccount = \"work\"\n");
    let token = home.0.path().join("token");
    fs::write(&token, "two words").unwrap();
    let store = home.0.path().join("store");
    let mut sync = home.command(&["sync", "--cloud", "china", "--token-file", token.to_str().unwrap(), "--store"]);
    run(sync.arg(store)).failed(77, "white space");
}

#[test]
fn keys_that_exclude_each_other_are_refused() {
    for (text, words) in [
        ("token-file = \"a\"\ntoken-command = \"b\"", ":2: token-command and token-file (line 1) exclude each other"),
        ("[sync]\ncloud = \"china\"\ngraph-root = \"http://127.0.0.1:9\"", ":3: graph-root and cloud (line 2)"),
        ("[agenda]\njson = true\ntsv = true", "exclude each other: keep one of them"),
    ] {
        Home::new(text).run(&["config", "validate"]).failed(78, words);
        Home::new(text).run(&["status"]).failed(78, words);
    }
    Home::new("[agenda]\njson = true\ntsv = false").run(&["config", "validate"]).ok();
}

#[test]
fn a_key_of_the_command_goes_before_what_it_excludes_above_all_tables() {
    let home = Home::new("");
    let (token, store) = (home.0.path().join("token"), home.0.path().join("store"));
    fs::write(&token, "two words").unwrap();
    let text = format!("account = \"work\"\n[sync]\nstore = {store:?}\ntoken-file = {token:?}\n");
    fs::write(home.file(), text).unwrap();
    home.run(&["sync"]).failed(77, "white space");
}

#[test]
fn every_option_has_a_variable() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let json = |value: &str| run(sim.sync(dir.path(), &[]).env("CALDELTA_SYNC_JSON", value)).ok().starts_with('{');
    assert_eq!([json("1"), json("true"), json("0"), json("no"), json("")], [true, true, false, false, false]);
}

#[test]
fn a_mistake_is_named_with_its_place_and_what_may_have_been_meant() {
    for (text, words) in [
        ("stor = 1", ":1:1: there is no key \"stor\": did you mean store?"),
        ("store = \"x\"\nwindw = \"x\"", ":2:1: there is no key \"windw\": did you mean window?"),
        ("[snyc]\njson = true", ":1:2: there is no table \"snyc\": did you mean sync?"),
        ("[sync]\n  jsn = true", ":2:3: there is no key \"sync.jsn\": did you mean json?"),
        ("[accounts.work]\ntennant = \"x\"", ":2:1: there is no key \"accounts.work.tennant\": did you mean tenant?"),
        ("[accounts.\"../x\"]\ntenant = \"x\"", "there is no table"),
        ("page-size = 0", ":1:13: invalid value '0' for 'page-size': a page has 1 to 1000 items"),
        ("window = \"soon\"", ":1:10: invalid value 'soon' for 'window'"),
        ("cloud = \"moon\"", "usgov"),
        ("[sync]\njson = \"perhaps\"", "json is true or false"),
        ("store = [\"a\", \"b\"]", "store takes one value"),
        ("store = \"a\"\nstore = \"b\"", ":2:1: "),
        ("store = ", ":1:"),
        ("xyzzy = 1", "there is no key \"xyzzy\""),
    ] {
        let home = Home::new(text);
        for args in [&["config", "validate"][..], &["status"]] {
            let done = home.run(args);
            assert!(done.stderr.contains(words), "{text:?}: {words:?} in {done:?}");
            done.failed(78, "the configuration ");
        }
    }
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let missing = ["--config", "/nonexistent/config.toml", "status"];
    caldelta(missing).failed(78, "the configuration /nonexistent/config.toml");
    let home = tempfile::tempdir().unwrap();
    let at_home = |args: &[&str]| run(command(args).env("HOME", home.path()).env("APPDATA", home.path()));
    at_home(&["config", "validate"]).failed(78, "there is no configuration file");
    let path = PathBuf::from(at_home(&["config", "path"]).ok().trim_end());
    assert!(path.ends_with("caldelta/config.toml"), "{path:?}");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "stor = 1").unwrap();
    at_home(&["status"]).failed(78, "did you mean store?");
    // What is wrong with it can still be looked for.
    at_home(&["config", "path"]).ok();
}

#[test]
fn what_is_shown_has_no_secrets() {
    let home = Home::new("token-command = \"print SECRET\"\n[sync]\nparallel = 2\n");
    let shown = run(home.command(&["config", "show"]).env("CALDELTA_PARALLEL", "3")).ok();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.contains(&"token-command = \"…\"  # line 1"), "{shown}");
    assert!(lines.contains(&"sync.parallel = \"2\"  # line 3; CALDELTA_PARALLEL goes before it"), "{shown}");
    assert!(!shown.contains("SECRET"));
}

#[test]
fn the_schema_knows_every_key_and_no_other() {
    let schema: Value = serde_json::from_str(&caldelta(["config", "schema"]).ok()).unwrap();
    let keys = &schema["properties"];
    for pointer in ["/store", "/window", "/targets", "/account", "/sync/properties/json", "/export/properties/vdir"] {
        assert!(keys.pointer(pointer).is_some(), "{pointer}");
    }
    assert_eq!(keys["sync"]["properties"]["json"]["type"], "boolean");
    assert_eq!(keys["cloud"]["enum"][0], "global");
    assert_eq!(schema["additionalProperties"], false);
    assert!(keys["accounts"]["additionalProperties"]["properties"]["client-id"].is_object());
}

#[test]
fn an_accounts_section_is_what_its_login_takes() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let (secret, accounts) = (dir.path().join("secret"), dir.path().join("accounts"));
    fs::write(&secret, "application-secret").unwrap();
    let home = Home::new(&format!(
        "graph-root = \"{}\"\naccount = \"rooms\"\n[accounts.rooms]\nclient-id = \"app\"\ntenant = \"contoso.com\"\n\
         client-credentials = true\nclient-secret-file = '{}'\n",
        sim.graph_root,
        secret.display()
    ));
    let said = run(home.command(&["login", "--accounts"]).arg(&accounts)).ok();
    assert!(said.starts_with("logged in: the account rooms is the application app"), "{said}");
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(caldelta(["completions", shell]).ok().contains("doctor"), "{shell}");
    }
    assert!(caldelta(["man"]).ok().contains("caldelta"));
    let dir = tempfile::tempdir().unwrap();
    run(command(["man", "--to"]).arg(dir.path())).ok();
    assert!(dir.path().join("caldelta-sync.1").exists());
}
