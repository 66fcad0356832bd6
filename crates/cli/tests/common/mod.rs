//! What the tests of the command line share: the binary, its simulator, a small HTTP client and servers that misbehave.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

pub(crate) mod authority;
pub(crate) mod http;
pub(crate) mod page;
pub(crate) mod secrets;
pub(crate) mod server;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than anything here takes; a test that reaches it has failed.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often to look whether something has happened.
const POLL: Duration = Duration::from_millis(2);

/// A command of the binary, in an environment without wishes of the machine's own.
pub(crate) fn command<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caldelta"));
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // Whatever logs, logs everything: see `secrets`.
    command.env("RUST_LOG", "trace");
    // Windows finds neither sockets nor temporary directories without these.
    for name in ["SystemRoot", "TEMP", "TMP", "TMPDIR"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// What it printed, if it was done without complaint.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "stdout: {}", self.stdout);
        self.stdout
    }

    /// The objects that it printed, if it was done without complaint.
    #[track_caller]
    pub(crate) fn json(self) -> Vec<Value> {
        self.ok().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The one object that it printed, however it ended.
    #[track_caller]
    pub(crate) fn partial(self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// That it ended with this code, nothing on stdout, and one line on stderr that has these words.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert!(self.stderr.starts_with("caldelta: ") && self.stderr.contains(words), "{words:?} in {self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Done {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    finish(child)
}

/// Runs the binary to its end.
#[track_caller]
pub(crate) fn caldelta<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Done {
    run(&mut command(args))
}

/// Waits for a process to end, and reads what it prints meanwhile. It is killed when the deadline has passed.
#[track_caller]
pub(crate) fn finish(mut child: Child) -> Done {
    let (stdout, stderr) = (drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap()));
    let status = wait_for(&mut child);
    Done { code: status.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Waits for a process to end, and kills it when the deadline has passed.
#[track_caller]
pub(crate) fn wait_for(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        thread::sleep(POLL);
    }
    child.kill().unwrap();
    panic!("the process did not end");
}

/// Reads a stream to its end, and looks for secrets in it.
pub(crate) fn drain(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What a killed process leaves is enough.
        let _ = stream.read_to_end(&mut bytes);
        secrets::clean(String::from_utf8(bytes).unwrap())
    })
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "waited too long until {what}");
        thread::sleep(POLL);
    }
}

/// `caldelta sim` in a process of its own, killed when dropped.
pub(crate) struct Sim {
    child: Child,
    pub(crate) graph_root: String,
    /// What its first line said.
    pub(crate) announcement: Value,
    log: Option<JoinHandle<String>>,
}

impl Sim {
    /// A simulator with one empty mailbox.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(args: &[&str]) -> Self {
        let mut command = command(["sim"]);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announcement: Value = serde_json::from_str(&secrets::clean(line)).unwrap();
        let graph_root = announcement["graph_root"].as_str().unwrap().to_owned();
        let log = Some(drain(child.stderr.take().unwrap()));
        Self { child, graph_root, announcement, log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its part of the URL behind `http://`.
    pub(crate) fn authority(&self) -> &str {
        self.graph_root.split_once("://").unwrap().1
    }

    /// Waits for it to end by itself: its exit code and what it logged.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let status = wait_for(&mut self.child);
        (status.code(), self.log.take().unwrap().join().unwrap())
    }

    /// Kills it: what it logged.
    pub(crate) fn stop(mut self) -> String {
        self.child.kill().unwrap();
        self.log.take().unwrap().join().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = http::send(self.authority(), "GET", path, &[], None);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let answer = http::send(self.authority(), "POST", path, &[], Some(body));
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
        answer.json()
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) {
        let answer = http::send(self.authority(), "PATCH", path, &[], Some(body));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }

    pub(crate) fn delete(&self, path: &str) {
        let answer = http::send(self.authority(), "DELETE", path, &[], None);
        assert_eq!(answer.status, 204, "{path}: {}", answer.body);
    }

    /// Creates an event of an hour's length in a calendar, and returns its id.
    pub(crate) fn create(&self, calendar: &str, subject: &str, start: &str) -> String {
        let event = self.post(&format!("/v1.0/{calendar}/events"), &event(subject, start));
        event["id"].as_str().unwrap().to_owned()
    }

    /// A comparison of the copy with what this simulator lists.
    pub(crate) fn compare(&self, store: &Path, args: &[&str]) -> Command {
        let mut command = command(["verify", "--graph-root", &self.graph_root, "--store"]);
        command.arg(store).args(args);
        command
    }

    /// `--graph-root` and `--store`, with which every sync begins.
    pub(crate) fn sync<'a>(&'a self, store: &'a Path, args: &[&'a str]) -> Command {
        sync(&self.graph_root, store, args)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log.take().map(JoinHandle::join);
        assert!(thread::panicking() || !matches!(log, Some(Err(_))), "the simulator's log holds a secret");
    }
}

/// The window that the tests sync, fixed so that nothing depends on today.
pub(crate) const WINDOW: &str = "2026-12-01..2027-01-01";

/// The same window, as the parameters of a request.
pub(crate) const WINDOW_QUERY: &str = "startDateTime=2026-12-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z";

/// A sync of the tests' window.
pub(crate) fn sync(graph_root: &str, store: &Path, args: &[&str]) -> Command {
    let mut command = command(["sync", "--graph-root", graph_root, "--window", WINDOW, "--store"]);
    command.arg(store).args(args);
    command
}

/// A command that reads the store.
pub(crate) fn read(store: &Path, args: &[&str]) -> Done {
    run(command(args).arg("--store").arg(store))
}

/// An event of an hour's length, in UTC: `start` is a date and an hour such as `2026-12-10T19`.
pub(crate) fn event(subject: &str, start: &str) -> Value {
    let time = |minute: &str| json!({"dateTime": format!("{start}:{minute}:00"), "timeZone": "UTC"});
    json!({"subject": subject, "start": time("00"), "end": time("59")})
}

/// The directories of the replicas in a store.
pub(crate) fn replicas(store: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The log of the only replica in a store.
pub(crate) fn log_of(store: &Path) -> std::path::PathBuf {
    let [replica] = replicas(store).try_into().unwrap();
    replica.join("000001.log")
}

/// An event as `event/1` shows it, and as Graph does: without what is ours, and without annotations.
pub(crate) fn plain(event: &Value) -> Value {
    let ours = ["schema", "target", "series", "inherited", "raw"];
    let keep = |name: &str| !name.starts_with("@odata.") && !ours.contains(&name);
    event.as_object().unwrap().iter().filter(|(name, _)| keep(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// Events by id.
pub(crate) fn by_id(events: &[Value]) -> Vec<(String, Value)> {
    let mut events: Vec<_> =
        events.iter().map(|event| (event["id"].as_str().unwrap().to_owned(), plain(event))).collect();
    events.sort_by(|a, b| a.0.cmp(&b.0));
    events
}
