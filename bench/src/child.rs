//! Processes of their own: a server that is not measured, and clients whose CPU time and memory are.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use graph_sim::Load;
use graph_sim::server::LoadServer;
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// What starts the server.
pub const SERVE: &str = "--serve";

/// What this process has used, as Linux tells it.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Seconds of CPU time, of all threads.
    pub cpu: f64,
    /// Bytes of memory, now and at most.
    pub resident: u64,
    pub peak: u64,
}

impl Usage {
    pub fn now() -> Outcome<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1_024
        };
        Ok(Self { cpu: cpu_seconds(), resident: kib("VmRSS:"), peak: kib("VmHWM:") })
    }
}

/// The CPU time that this process has used: on a machine that others use too, it says more than a clock on the wall.
pub fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// What a client's process says of its work.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Work {
    pub events: u64,
    pub requests: u64,
    pub seconds: f64,
    pub cpu: f64,
    pub peak: u64,
}

/// A server of a load in a process of its own, which ends with this.
pub struct Server {
    child: Child,
    pub root: String,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(load: Load, gzip: bool) -> Outcome<Self> {
        let Load { events, page_size, rounds, changed } = load;
        let numbers = [events, page_size, rounds, changed, usize::from(gzip)].map(|number| number.to_string());
        let mut child =
            Command::new(std::env::current_exe()?).arg(SERVE).args(numbers).stdout(Stdio::piped()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("the server has no stdout")?);
        let mut root = String::new();
        stdout.read_line(&mut root)?;
        Ok(Self { child, root: root.trim().to_owned(), _stdout: stdout })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves for ever.
pub fn serve(arguments: &[String]) -> Outcome<()> {
    let numbers: Vec<usize> = arguments.iter().map(|number| number.parse()).collect::<Result<_, _>>()?;
    let &[events, page_size, rounds, changed, gzip] = numbers.as_slice() else { return Err("five numbers".into()) };
    runtime()?.block_on(async {
        let server = LoadServer::bind(Load { events, page_size, rounds, changed }, gzip == 1).await?;
        println!("{}", server.graph_root());
        std::future::pending::<()>().await;
        Ok(())
    })
}

/// One thread does everything, so that what is measured is work and not waking.
pub fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Runs this program once more, with these arguments, and reads what it prints.
pub fn ask<T: for<'de> Deserialize<'de>>(arguments: &[&str]) -> Outcome<T> {
    let output = Command::new(std::env::current_exe()?).args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{arguments:?} ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
