//! A simulator in this process, whose login server a test can change; and a browser that does as it is told.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use graph_sim::server::{Server, ServerOptions};
use graph_sim::{LoginPolicy, Simulator, SimulatorOptions};

use super::http::{self, Answer};
use super::{Done, drain, wait_for};

/// A simulator that wants logins.
pub(crate) struct Authority {
    pub(crate) root: String,
    server: Server,
    ahead: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Authority {
    /// One with what `change` makes of the policy; devices may ask every second.
    pub(crate) fn start(change: impl FnOnce(&mut LoginPolicy)) -> Self {
        let mut policy = LoginPolicy::default();
        policy.required = true;
        policy.device_interval = Duration::from_secs(1);
        change(&mut policy);
        let simulator = Simulator::new(SimulatorOptions::new().login(policy));
        let ahead = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&ahead);
        let options =
            ServerOptions::new().clock(move || SystemTime::now() + Duration::from_secs(clock.load(Ordering::Relaxed)));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind("127.0.0.1:0", simulator, options)).unwrap();
        Self { root: server.graph_root(), server, ahead, _runtime: runtime }
    }

    /// Lets the server's clock run ahead of this machine's.
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::Relaxed);
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut graph_sim::Authority) -> T) -> T {
        work(self.server.simulator().lock().unwrap_or_else(PoisonError::into_inner).authority())
    }
}

/// What a process says on standard error, line by line.
pub(crate) struct Talk {
    stderr: BufReader<ChildStderr>,
    stdout: JoinHandle<String>,
    said: String,
}

impl Talk {
    pub(crate) fn of(child: &mut Child) -> Self {
        let stdout = drain(child.stdout.take().unwrap());
        Self { stderr: BufReader::new(child.stderr.take().unwrap()), stdout, said: String::new() }
    }

    /// The next line that begins like this.
    pub(crate) fn line(&mut self, begin: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "it ended: {}", self.said);
            self.said.push_str(&line);
            if line.starts_with(begin) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// Waits for the process to end.
    pub(crate) fn done(self, mut child: Child) -> Done {
        let rest = drain(self.stderr);
        let status = wait_for(&mut child);
        let stderr = super::secrets::clean(self.said + &rest.join().unwrap());
        Done { code: status.code(), stdout: self.stdout.join().unwrap(), stderr }
    }
}

/// Opens a page, as a browser does, with its redirects: the text of the last one.
pub(crate) fn browse(url: &str) -> String {
    let first = fetch(url);
    let location = first.lines().find_map(|line| line.strip_prefix("location: ")).expect("it leads back").to_owned();
    open_page(&location.replace("localhost", "127.0.0.1")).body
}

/// Opens a page that leads nowhere else.
pub(crate) fn open_page(url: &str) -> Answer {
    http::parse(fetch(url).as_bytes())
}

fn fetch(url: &str) -> String {
    let (authority, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let request = format!("GET /{target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    String::from_utf8(http::exchange(authority, request.as_bytes())).unwrap()
}

/// A parameter of a URL, unescaped as far as an address of this machine needs it.
pub(crate) fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let value = query.split('&').find_map(|part| part.strip_prefix(&format!("{name}="))).unwrap();
    value.replace("%3A", ":").replace("%2F", "/")
}
