//! What every command says when an argument is wrong, when there is no local copy, no login, no network: each transcript in
//! `transcripts` is run as it stands. `CALDELTA_WRITE_DOCS=1` writes them again, to be read as a stranger would.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use common::page::{Page, is_there, put, shell_in};
use common::{Sim, caldelta, command, finish, run};

fn transcript(name: &str) -> Page {
    Page::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name))
}

/// Runs a transcript in an empty home, beside a simulator that wants logins and one that nobody trusts.
fn holds(name: &str, args: &[&str]) {
    let (home, sim, untrusted) = (tempfile::tempdir().unwrap(), Sim::with(args), Sim::with(&["--tls-self-signed"]));
    put(home.path(), "bin/something", "else\n");
    let authority = std::fs::read_to_string(untrusted.announcement["ca_file"].as_str().unwrap()).unwrap();
    put(home.path(), "ca.pem", &authority);
    let roots = [("http://127.0.0.1:8080", &sim.graph_root), ("https://127.0.0.1:8443", &untrusted.graph_root)];
    transcript(name).holds(|line| {
        let here = roots.iter().fold(line.to_owned(), |line, (told, root)| line.replace(told, root));
        let child =
            shell_in(home.path(), &format!("{{ {here}; }} 2>&1")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let done = finish(child.unwrap());
        let said = roots.iter().fold(done.stdout, |text, (told, root)| text.replace(root.as_str(), told));
        let said = without_ids(&said.replace(home.path().to_str().unwrap(), "/home/samantha"));
        let end = if said.is_empty() || said.ends_with('\n') { "" } else { "\n" };
        Some(format!("{said}{end}[exit code {}]\n", done.code.unwrap()))
    });
}

/// The text without what is another one each time: ids of requests and of processes.
fn without_ids(text: &str) -> String {
    let mut text = text.to_owned();
    for (before, after) in [("(request-id ", ')'), ("in use by process ", ' ')] {
        let mut parts = text.split(before);
        let first = parts.next().unwrap().to_owned();
        text = parts.fold(first, |text, part| text + before + "…" + &part[part.find(after).unwrap()..]);
    }
    text
}

/// The commands that do something themselves, which have this option.
fn commands(option: &str) -> BTreeSet<String> {
    let pages = tempfile::tempdir().unwrap();
    run(command(["man", "--to"]).arg(pages.path())).ok();
    let names: BTreeSet<String> = std::fs::read_dir(pages.path())
        .unwrap()
        .filter_map(|page| Some(page.unwrap().file_name().to_str()?.strip_suffix(".1")?.replace('-', " ")))
        .collect();
    let is_leaf = |name: &&String| !names.iter().any(|other| other.starts_with(&format!("{name} ")));
    let mut found: BTreeSet<String> = names.iter().filter(is_leaf).cloned().collect();
    found.retain(|name| !name.contains(" help"));
    found.retain(|name| caldelta(name.split(' ').skip(1).chain(["--help"])).ok().contains(option));
    found
}

/// That each of these commands stands in a transcript.
#[track_caller]
fn assert_has(name: &str, commands: &BTreeSet<String>, but: &[&str]) {
    let transcript = transcript(name);
    let lines = transcript.commands();
    for command in commands.iter().filter(|command| !but.contains(&command.as_str())) {
        assert!(lines.iter().any(|line| line.starts_with(command.as_str())), "{command} is not in {name}");
    }
    assert!(commands.len() > but.len(), "{commands:?}");
}

#[test]
fn a_wrong_argument() {
    holds("wrong-argument.md", &[]);
    assert_has("wrong-argument.md", &commands("--help"), &[]);
}

#[test]
fn no_local_copy() {
    holds("no-store.md", &[]);
    let makes_one = ["caldelta demo", "caldelta sync", "caldelta watch", "caldelta doctor"];
    assert_has("no-store.md", &commands("--store"), &makes_one);
}

#[test]
fn no_login() {
    holds("no-login.md", &["--require-login"]);
    assert_has("no-login.md", &commands("--graph-root"), &[]);
}

#[test]
fn no_network() {
    holds("no-network.md", &[]);
    // It tries on and on, whatever it was: see below.
    assert_has("no-network.md", &commands("--graph-root"), &["caldelta watch"]);
}

#[test]
fn while_nobody_answers_it_is_said_what_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    for name in ["sync", "watch"] {
        let line = format!("exec caldelta {name} --graph-root http://127.0.0.1:9 --progress json");
        let mut shell = shell_in(home.path(), &line);
        let mut child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut talk = common::authority::Talk::of(&mut child);
        let mut next = || -> serde_json::Value { serde_json::from_str(&talk.line("{")).unwrap() };
        assert_eq!(next()["doing"], "reading everything");
        let waiting = next();
        assert_eq!((&waiting["schema"], &waiting["event"]), (&"progress/1".into(), &"wait".into()), "{waiting}");
        assert!(waiting["doing"].as_str().unwrap().contains("can't be reached"), "{waiting}");
        assert!(waiting["wait_seconds"].as_f64().unwrap() > 0.0, "{waiting}");
        assert!(run(std::process::Command::new("kill").arg(child.id().to_string())).ok().is_empty());
        let done = talk.done(child);
        assert!(done.code == Some(143) && done.stderr.contains("caldelta: stopped"), "{done:?}");
    }
}

#[test]
fn every_exit_code() {
    if !is_there("flock") {
        return;
    }
    holds("exit-codes.md", &[]);
    let text = transcript("exit-codes.md");
    for code in [0, 1, 2, 3, 65, 69, 75, 77, 78, 130, 143] {
        assert!(text.text().contains(&format!("[exit code {code}]\n")), "{code}");
    }
}
