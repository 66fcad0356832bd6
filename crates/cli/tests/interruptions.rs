//! Signals, kills and closed pipes.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use common::server::{Reply, Server};
use common::{Sim, WINDOW_QUERY, by_id, command, finish, read, replicas, run, sync, wait_for, wait_until};

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the server has been asked so often: then whoever asks is in the middle of a run.
fn wait_for_requests(server: &Server, count: usize) {
    wait_until("the server is asked", || (server.seen().len() >= count).then_some(()));
}

#[test]
fn a_signal_ends_a_sync_with_its_own_code() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let (server, dir) = (Server::start(|_, _| Reply::Silence), tempfile::tempdir().unwrap());
        let child = spawn(&mut sync(&server.root, dir.path(), &[]));
        wait_for_requests(&server, 1);
        signal(name, child.id());
        finish(child).failed(code, "the next sync goes on from there");
    }
}

#[test]
fn a_signal_hides_no_failure_that_came_before_it() {
    let server = Server::start(|number, _| match number {
        0 => Reply::new("400 Bad Request", "", r#"{"error":{"code":"ErrorInvalidRequest"}}"#),
        _ => Reply::Silence,
    });
    let dir = tempfile::tempdir().unwrap();
    let child = spawn(&mut sync(&server.root, dir.path(), &["me/calendars/one", "me"]));
    wait_for_requests(&server, 2);
    signal("INT", child.id());
    let done = finish(child);
    let [failure, stopped] = done.stderr.lines().collect::<Vec<_>>().try_into().unwrap();
    // Both are asked at once: whose request came first is the one that failed.
    assert!(failure.starts_with("caldelta: me") && failure.contains("ErrorInvalidRequest"), "{done:?}");
    assert!(stopped.starts_with("caldelta: stopped"), "{done:?}");
    assert_eq!((done.code, done.stdout.as_str()), (Some(130), ""), "{done:?}");
}

#[test]
fn a_signal_ends_a_token_command_with_the_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (store, begun) = (dir.path().join("store"), dir.path().join("begun"));
    let token_command = format!("echo $$ > '{}' && exec sleep 600", begun.display());
    let child = spawn(&mut sync("http://127.0.0.1:9", &store, &["--token-command", &token_command]));
    let asked =
        wait_until("the token command runs", || std::fs::read_to_string(&begun).ok().filter(|pid| pid.ends_with('\n')));
    signal("INT", child.id());
    finish(child).failed(130, "stopped");
    let is_there = || Command::new("kill").args(["-0", asked.trim()]).stderr(Stdio::null()).status().unwrap().success();
    wait_until("the token command is gone", || (!is_there()).then_some(()));
}

#[test]
fn a_signal_ends_a_sync_whose_token_file_never_ends() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let dir = tempfile::tempdir().unwrap();
        let (store, fifo) = (dir.path().join("store"), dir.path().join("token"));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let child = spawn(&mut sync("http://127.0.0.1:9", &store, &["--token-file", fifo.to_str().unwrap()]));
        // A pipe opens to be written when somebody reads it; nothing ever comes.
        let writer = std::thread::spawn(move || std::fs::OpenOptions::new().write(true).open(fifo).unwrap());
        wait_until("the token file is read", || writer.is_finished().then_some(()));
        signal(name, child.id());
        finish(child).failed(code, "stopped");
        drop(writer.join().unwrap());
    }
}

#[test]
fn a_signal_ends_the_simulator_with_its_own_code() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let sim = Sim::with(&["--tls-self-signed"]);
        let ca_file = sim.announcement["ca_file"].as_str().unwrap().to_owned();
        assert!(std::fs::exists(&ca_file).unwrap());
        signal(name, sim.pid());
        assert_eq!(sim.end(), (Some(code), "caldelta: stopped\n".to_owned()));
        assert!(!std::fs::exists(&ca_file).unwrap(), "the certificate goes with it");
    }
}

/// However a run ends in the middle: the pages that came are kept, invisible, and the next run goes on after them.
#[test]
fn a_killed_sync_goes_on_where_it_was_and_ends_exact() {
    for name in ["KILL", "INT"] {
        let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
        for day in 10..18 {
            sim.create("me", &format!("Lesson {day}"), &format!("2026-12-{day}T19"));
        }
        // The third request of the first run stays without an answer.
        let server = Server::in_front_of(sim.authority(), |number| number != 2);
        let next_sync = || sync(&server.root, dir.path(), &["--page-size", "2", "--json"]);
        let child = spawn(&mut next_sync());
        wait_for_requests(&server, 3);
        let half = replicas(&replicas(dir.path())[0]);
        signal(name, child.id());
        let done = finish_killed(child);
        assert_eq!(done, if name == "KILL" { (None, Some(9)) } else { (Some(130), None) });
        assert!(!half.is_empty());
        read(dir.path(), &["events", "list"]).failed(1, "run `caldelta sync` first");

        let report = run(&mut next_sync()).json().remove(0);
        // Two pages more, and one to see what has changed since the first run.
        assert_eq!((report["resumed_pages"].as_u64(), report["pages"].as_u64()), (Some(2), Some(3)), "{report}");
        assert_eq!(report["changes"]["created"], 8, "{report}");
        let server = sim.get(&format!("/v1.0/me/calendarView?{WINDOW_QUERY}&$top=100"))["value"].clone();
        let copy = read(dir.path(), &["events", "list", "--json"]).json();
        assert_eq!(by_id(&copy), by_id(server.as_array().unwrap()));
    }
}

/// The exit code, or the signal that ended it.
fn finish_killed(mut child: Child) -> (Option<i32>, Option<i32>) {
    let status = wait_for(&mut child);
    (status.code(), status.signal())
}

#[test]
fn an_unfinished_round_shows_in_the_status() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson", "2026-12-10T19");
    let server = Server::in_front_of(sim.authority(), |number| number != 2);
    let next_sync = || sync(&server.root, dir.path(), &["--page-size", "1"]);
    run(&mut next_sync()).ok();
    for day in 11..14 {
        sim.create("me", &format!("Lesson {day}"), &format!("2026-12-{day}T19"));
    }
    let mut child = spawn(&mut next_sync());
    wait_for_requests(&server, 3);
    child.kill().unwrap();
    wait_for(&mut child);
    let status = read(dir.path(), &["status", "--json"]).json().remove(0);
    assert_eq!((&status["unfinished_rounds"], &status["revision"]), (&1.into(), &1.into()), "{status}");
    assert!(read(dir.path(), &["status"]).ok().contains("unfinished"));
    assert_eq!(read(dir.path(), &["events", "list"]).ok().lines().count(), 1, "half a run is not seen");
    run(&mut next_sync()).ok();
    assert_eq!(read(dir.path(), &["status", "--json"]).json()[0]["unfinished_rounds"], 0);
    assert_eq!(read(dir.path(), &["events", "list"]).ok().lines().count(), 4);
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    // More than a pipe holds, so that the command is still writing when its reader goes.
    let body = serde_json::json!({"contentType": "text", "content": "x".repeat(20_000)});
    for day in 10..18 {
        let mut event = common::event("Lesson", &format!("2026-12-{day}T19"));
        event["body"] = body.clone();
        sim.post("/v1.0/me/events", &event);
    }
    run(&mut sim.sync(dir.path(), &[])).ok();
    let mut child = spawn(command(["events", "list", "--json", "--store"]).arg(dir.path()));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with(r#"{"schema":"event/1""#));
    child.stdout = Some(empty_stdout());
    finish(child).ok();
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

#[test]
fn a_sync_without_a_reader_goes_on_and_keeps_its_exit_code() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson", "2026-12-10T19");
    for args in [&[][..], &["--json"]] {
        let store = dir.path().join(format!("store{}", args.len()));
        let targets = ["me", "me/calendars/none", "me/events"];
        let mut command = sim.sync(&store, &[args, &targets].concat());
        let child = command.stdout(unread()).stderr(Stdio::piped()).spawn().unwrap();
        let done = child.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(3), "{done:?}");
        assert_eq!(read(&store, &["status", "--json", "me/events"]).json()[0]["revision"], 1, "the last one too");
    }
}

#[test]
fn a_status_without_a_reader_keeps_its_exit_code() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    run(&mut sim.sync(dir.path(), &[])).ok();
    for (max_age, code) in [("0s", 1), ("1d", 0)] {
        for args in [&["status", "--max-age", max_age][..], &["status", "--max-age", max_age, "--json"]] {
            let mut command = command(args);
            let status =
                command.arg("--store").arg(dir.path()).stdout(unread()).stderr(Stdio::null()).status().unwrap();
            assert_eq!(status.code(), Some(code), "{args:?}");
        }
    }
}

#[test]
fn a_failure_that_nobody_hears_keeps_its_exit_code() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let code = |command: &mut Command| command.stdout(Stdio::null()).stderr(unread()).status().unwrap().code();
    assert_eq!(code(command(["events", "list", "--store"]).arg(dir.path())), Some(1));
    assert_eq!(code(&mut command(["sync", "--window", "nonsense"])), Some(2));
    let targets = ["me/calendars/one", "me/calendars/two", "me"];
    assert_eq!(code(&mut sim.sync(dir.path(), &targets)), Some(3));
}

#[test]
fn a_simulator_whose_log_nobody_reads_keeps_serving() {
    let mut child = command(["sim"]).stdout(Stdio::piped()).stderr(unread()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let announcement: serde_json::Value = serde_json::from_str(&line).unwrap();
    let authority = announcement["graph_root"].as_str().unwrap().split_once("://").unwrap().1;
    for _ in 0..3 {
        let answer = common::http::send(authority, "GET", "/v1.0/me/events", &[], None);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    signal("INT", child.id());
    assert_eq!(wait_for(&mut child).code(), Some(130));
}

/// An end of a pipe in which nothing is, in the place of the one that was closed.
fn empty_stdout() -> std::process::ChildStdout {
    Command::new("true").stdout(Stdio::piped()).spawn().unwrap().stdout.take().unwrap()
}

#[test]
fn changes_can_be_followed_until_a_signal() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let first = sim.create("me", "Lesson", "2026-12-10T19");
    run(&mut sim.sync(dir.path(), &[])).ok();
    let mut child = spawn(command(["changes", "--follow", "--json", "--store"]).arg(dir.path()));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<serde_json::Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["id"], first.as_str());
    let second = sim.create("me", "One more", "2026-12-11T19");
    run(&mut sim.sync(dir.path(), &[])).ok();
    let change = next();
    assert_eq!((&change["seq"], &change["id"]), (&2.into(), &second.as_str().into()));
    signal("INT", child.id());
    child.stdout = Some(empty_stdout());
    finish(child).failed(130, "stopped");
}
