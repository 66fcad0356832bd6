//! A watch over a store: what it does by itself, what wakes it, how it ends, and what others see of it meanwhile.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::{Sim, WINDOW, command, drain, read, run, secrets, wait_for, wait_until};
use serde_json::{Value, json};

/// A watch in a process of its own, killed when dropped.
struct Watch {
    child: Child,
    events: Arc<Mutex<Vec<Value>>>,
    said: Option<JoinHandle<String>>,
}

fn watch(sim: &Sim, store: &Path, args: &[&str]) -> Command {
    let mut command = command(["watch", "--json", "--graph-root", &sim.graph_root, "--window", WINDOW, "--store"]);
    command.arg(store).args(args);
    command
}

impl Watch {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (events, lines) = (Arc::default(), BufReader::new(child.stdout.take().unwrap()).lines());
        let seen: Arc<Mutex<Vec<Value>>> = Arc::clone(&events);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                seen.lock().unwrap().push(serde_json::from_str(&secrets::clean(line)).unwrap());
            }
        });
        let said = Some(drain(child.stderr.take().unwrap()));
        Self { child, events, said }
    }

    /// The first event like this, once it is there.
    #[track_caller]
    fn wait(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait_until(what, || self.events.lock().unwrap().iter().find(|event| is(event)).cloned())
    }

    /// Waits for a sync of the target that has created so many events.
    #[track_caller]
    fn created(&self, target: &str, count: u64) -> Value {
        self.wait("events are created", |event| {
            event["event"] == "synced" && event["target"] == target && event["report"]["changes"]["created"] == count
        })
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    fn stop(&mut self, name: &str) -> Option<i32> {
        self.signal(name);
        wait_for(&mut self.child).code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let said = self.said.take().map(JoinHandle::join);
        assert!(thread::panicking() || !matches!(said, Some(Err(_))), "the watch has said a secret");
    }
}

/// Every member that an event has is in the page.
fn assert_documented(events: &[Value]) {
    let (_, section) = include_str!("../../../docs/cli.md").split_once("\n## watch\n").unwrap();
    let section = section.split_once("\n## ").unwrap().0;
    for event in events {
        assert_eq!(event["schema"], "watch/1");
        assert!(section.contains(&format!("\n| `{}` |", event["event"].as_str().unwrap())), "{event}");
        for member in event.as_object().unwrap().keys().filter(|member| *member != "schema") {
            assert!(section.contains(&format!("`{member}`")), "{member}");
        }
    }
}

#[test]
fn a_watch_syncs_again_and_again_until_it_is_stopped_between_pages() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson", "2026-12-10T19");
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut watch = Watch::start(&mut watch(&sim, dir.path(), &["--every", "1s"]));
        watch.wait("it syncs", |event| event["event"] == "synced" && event["next"].is_string());
        sim.create("me", "One more", "2026-12-11T19");
        watch.created("me", 1);

        let status = read(dir.path(), &["status", "--json", "--max-age", "1h"]).json().remove(0);
        assert_eq!((&status["state"], &status["stale_since"]), (&json!("ok"), &Value::Null), "{status}");
        assert!(status["next_run"].is_string() && status["lag_seconds"].is_number(), "{status}");
        let other = run(&mut super_watch(&sim, dir.path()));
        assert_eq!(other.code, Some(75), "{other:?}");

        assert_eq!(watch.stop(signal), Some(code));
        watch.wait("it says that it stops", |event| event["event"] == "stopping");
        assert_documented(&watch.events.lock().unwrap());
        let status = read(dir.path(), &["status", "--json"]).json().remove(0);
        assert_eq!((&status["state"], &status["next_run"]), (&json!("ok"), &Value::Null), "{status}");
    }
}

fn super_watch(sim: &Sim, store: &Path) -> Command {
    watch(sim, store, &[])
}

#[test]
fn sighup_wakes_and_a_hint_is_looked_at_soon() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let mut watch = Watch::start(&mut watch(&sim, dir.path(), &["--every", "1d", "--hints"]));
    watch.wait("it syncs", |event| event["event"] == "synced");
    sim.create("me", "Lesson", "2026-12-10T19");
    watch.signal("HUP");
    watch.wait("it wakes", |event| event["event"] == "woken");
    watch.created("me", 1);

    sim.create("me", "One more", "2026-12-11T19");
    sim.create("me", "And one more", "2026-12-12T19");
    watch.child.stdin.as_mut().unwrap().write_all(b"nonsense\nusers/nobody\nme\nme\n").unwrap();
    watch.wait("it hears", |event| event["event"] == "hinted" && event["target"] == "me");
    let synced = watch.created("me", 2);
    let next: String = synced["next"].as_str().unwrap().chars().take(13).collect();
    assert!(synced["at"].as_str().unwrap().starts_with(&next), "it is looked at again soon: {synced}");
    assert_eq!(watch.stop("TERM"), Some(143));
    assert_documented(&watch.events.lock().unwrap());
}

#[test]
fn a_target_in_trouble_is_told_of_and_stops_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, faults) = (dir.path().join("store"), dir.path().join("faults.json"));
    let rules = r#"{"schema": "faults/1", "rules": [
        {"on": {"kind": "deltaLink"}, "when": {"skip": 1}, "fault": {"status": {"status": 403, "code": "ErrorAccessDenied"}}}
    ]}"#;
    std::fs::write(&faults, rules).unwrap();
    let sim = Sim::with(&["--faults", faults.to_str().unwrap()]);
    let targets = ["users/samanthab@contoso.com", "users/nobody@contoso.com"];
    let mut watch = Watch::start(&mut watch(&sim, &store, &[&["--every", "1s"], &targets[..]].concat()));
    let nobody = watch.wait("nobody fails", |event| event["event"] == "failed" && event["target"] == targets[1]);
    assert_eq!((&nobody["state"], &nobody["code"]), (&json!("suspended"), &json!(1)), "{nobody}");
    let denied = watch.wait("it is denied", |event| event["event"] == "failed" && event["target"] == targets[0]);
    assert_eq!((&denied["state"], &denied["code"]), (&json!("needs_login"), &json!(77)), "{denied}");
    assert!(denied["next"].is_string(), "it is tried again: {denied}");
    let status_of = |target: &str| {
        let all = read(&store, &["status", "--json"]).json();
        all.into_iter().find(|status| status["target"] == target).unwrap()
    };
    assert_eq!(status_of(targets[1])["state"], "suspended", "also of what was never published");
    let status = status_of(targets[0]);
    assert_eq!(status["state"], "needs_login", "{status}");
    assert!(status["stale_since"].is_string() && status["error"].as_str().unwrap().contains("403"), "{status}");
    assert_eq!(watch.stop("TERM"), Some(143));
    assert_eq!(status_of(targets[0])["state"], "needs_login", "it is known without a watch too");
}

#[test]
fn a_calendar_that_is_not_found_is_looked_for_in_its_mailboxs_list() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let travel = sim.get("/v1.0/me/calendars")["value"][1]["id"].as_str().unwrap().to_owned();
    let target = format!("me/calendars/{travel}");
    let mut watch = Watch::start(&mut watch(&sim, dir.path(), &["--every", "1s", "--all-calendars"]));
    watch.wait("it syncs", |event| event["event"] == "synced" && event["target"] == target.as_str());
    sim.delete(&format!("/v1.0/{target}"));
    sim.post("/v1.0/me/calendars", &json!({"name": "Travel"}));
    watch.wait("it is gone", |event| event["event"] == "gone" && event["target"] == target.as_str());
    let again = sim.get("/v1.0/me/calendars")["value"][1]["id"].as_str().unwrap().to_owned();
    let again = format!("me/calendars/{again}");
    watch.wait("the new one is copied", |event| event["event"] == "synced" && event["target"] == again.as_str());
    let status = read(dir.path(), &["status", "--json", &target]).json().remove(0);
    assert_eq!((&status["state"], &status["calendar"]["name"]), (&json!("gone"), &json!("Travel")), "{status}");
    assert_eq!(watch.stop("TERM"), Some(143));
    assert_documented(&watch.events.lock().unwrap());
}

#[test]
fn the_service_manager_is_told() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let store = dir.path().join("store");
    let mut command = watch(&sim, &store, &[]);
    let mut watch = Watch::start(command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000"));
    let told = |words: &str| {
        let mut buffer = [0; 4096];
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let length = socket.recv(&mut buffer).unwrap();
            if String::from_utf8_lossy(&buffer[..length]).contains(words) {
                return;
            }
        }
        panic!("nobody said {words}");
    };
    told("READY=1");
    told("STATUS=watching 1 target, 0 in trouble");
    told("WATCHDOG=1");
    told("WATCHDOG=1");
    watch.signal("TERM");
    told("STOPPING=1");
    assert_eq!(wait_for(&mut watch.child).code(), Some(143));
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    for (args, words) in [
        (&["--every", "0s"][..], "at least 1s"),
        (&["--every", "soon"], "such as 15m"),
        (&["--all-calendars", "me/events"], "name mailboxes"),
        (&["--parallel", "many"], "--parallel"),
        (&["--max-deletes", "some"], "--max-deletes"),
        (&["--dry-run"], "--dry-run"),
        (&["you"], "is not a target"),
    ] {
        let mut command = command(["watch", "--store", "/nonexistent", "--graph-root", "http://127.0.0.1:9"]);
        let done = run(command.args(args));
        assert_eq!(done.code, Some(2), "{args:?}: {done:?}");
        assert!(done.stderr.contains(words), "{args:?}: {done:?}");
    }
}
