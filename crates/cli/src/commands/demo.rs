//! `caldelta demo`: a calendar being synchronised, offline, so that one understands delta queries by watching.

use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use delta_core::{Change, Page, ServiceRoot, Timestamp};
use graph_sim::server::{Server, ServerOptions};
use graph_sim::{Simulator, SimulatorOptions, seeds};
use http::Request;
use store::Library;
use store::reader::{self, TimeRange};
use sync::{Notice, Replica, SyncReport, Synchronizer, Transport, WindowPolicy};

use crate::args::{self, TransportArg};
use crate::commands::events;
use crate::connect;
use crate::exit::{Code, Failure};
use crate::output;
use crate::timer::SystemTimer;
use crate::tokens::LoopbackToken;

/// Which of the five events is deleted: «Get food».
const DELETED: usize = 2;
const TARGET: &str = "me";

pub(crate) async fn run(args: args::Demo) -> Result<(), Failure> {
    let path = match args.store {
        Some(path) => path,
        None => tempfile::Builder::new().prefix("caldelta-demo-").tempdir().map_err(failed)?.keep(),
    };
    let demo = Demo::begin(&path).await?;
    demo.introduce()?;

    demo.round("Round one reads everything, two events a page.").await?;
    let before = demo.show_store().await?;

    demo.change_the_calendar().await?;
    let second = demo.round("Round two begins at the delta link and reads only what changed.").await?;
    let after = demo.show_store().await?;

    demo.read_in_a_second_process(&path).await?;
    output::line(format!(
        "\n{before} events after round one, {after} events after round two ({} removed, {} added).",
        second.changes.deleted, second.changes.created,
    ))?;
    demo.server.shutdown().await;
    Ok(())
}

struct Demo {
    server: Server,
    root: ServiceRoot,
    library: Library,
    replica: Replica,
}

impl Demo {
    async fn begin(path: &Path) -> Result<Self, Failure> {
        let library = Library::open(path)?;
        if !library.replicas()?.is_empty() {
            return Err(Failure::new(
                Code::Operator,
                format!("{} holds a local copy: give a new directory", path.display()),
            ));
        }
        let mut simulator = Simulator::new(SimulatorOptions::new());
        simulator.load(earlier(), &seeds::five_events()).map_err(failed)?;
        let server = Server::bind("127.0.0.1:0", simulator, ServerOptions::new()).await.map_err(failed)?;
        let root: ServiceRoot = server.graph_root().parse().map_err(failed)?;
        let window: WindowPolicy = format!("{}..{}", seeds::WINDOW_START, seeds::WINDOW_END).parse().map_err(failed)?;
        let replica = Replica {
            window,
            page_size: std::num::NonZeroU32::new(2),
            ..Replica::new(root.clone(), TARGET.parse().map_err(failed)?)
        };
        Ok(Self { server, root, library, replica })
    }

    fn introduce(&self) -> Result<(), Failure> {
        output::line(format!("A simulator of Microsoft Graph listens at {}.", self.root))?;
        output::line(format!("The calendar of {} has five events from {} on.", seeds::NAME, seeds::WINDOW_START))?;
        output::line("State tokens are secret and show as «…».")
    }

    /// One run, told as it goes.
    async fn round(&self, title: &str) -> Result<SyncReport, Failure> {
        output::line(format!("\n{title}"))?;
        let transport = connect::transport(TransportArg::default(), &self.root, None)?;
        let tokens = LoopbackToken;
        let synchronizer = Synchronizer::new(transport, tokens, SystemTimer, connect::seed()?).with_observer(tell);
        let store = self.library.writer(TARGET)?;
        let report = synchronizer.run(&self.replica, &store).await?;
        let changes = &report.changes;
        output::line(format!(
            "  published as revision {}: {} created, {} updated, {} deleted",
            report.revision, changes.created, changes.updated, changes.deleted
        ))?;
        Ok(report)
    }

    /// Deletes one event over HTTP, as anybody would, and adds the sixth.
    async fn change_the_calendar(&self) -> Result<(), Failure> {
        output::line("\nMeanwhile «Get food» is deleted and «Attend service» is added.")?;
        let id = seeds::FIVE_IDS.get(DELETED).copied().unwrap_or_default();
        let request = Request::delete(format!("{}/v1.0/me/events/{id}", self.root))
            .header("authorization", "Bearer anybody")
            .body(Vec::new())
            .map_err(failed)?;
        let answer =
            connect::transport(TransportArg::default(), &self.root, None)?.send(request).await.map_err(failed)?;
        if answer.status() != 204 {
            return Err(failed(format!("the simulator answered {} to a DELETE", answer.status())));
        }
        let mut simulator = self.server.simulator().lock().unwrap_or_else(PoisonError::into_inner);
        simulator.load(SystemTime::now(), &seeds::sixth_event()).map_err(failed)
    }

    /// Shows what the store holds, and counts it.
    async fn show_store(&self) -> Result<usize, Failure> {
        output::line("\nThe store now holds")?;
        let rows = self.rows().await?;
        for row in &rows {
            output::line(format!("  {}", events::line(row)))?;
        }
        Ok(rows.len())
    }

    async fn rows(&self) -> Result<Vec<reader::EventRow>, Failure> {
        let Some(store) = self.library.reader(TARGET)? else { return Ok(Vec::new()) };
        let view = store::Store::view(&store).await?;
        let all = TimeRange::utc(Timestamp::MIN..Timestamp::MAX);
        Ok(reader::events(view.as_ref(), &all, None, 100).await?.0)
    }

    async fn read_in_a_second_process(&self, path: &Path) -> Result<(), Failure> {
        output::line(format!("\nA second process reads it:\n$ caldelta events list --store {}", path.display()))?;
        let this = std::env::current_exe().map_err(failed)?;
        let read = tokio::process::Command::new(this).args(["events", "list", "--store"]).arg(path).output();
        let read = read.await.map_err(failed)?;
        if !read.status.success() {
            return Err(failed(String::from_utf8_lossy(&read.stderr)));
        }
        output::line(String::from_utf8_lossy(&read.stdout).trim_end())
    }
}

/// The time at which the five events were made: before anybody asks.
fn earlier() -> SystemTime {
    SystemTime::now().checked_sub(Duration::from_secs(3600)).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Failure, error)
}

/// Prints what a run does.
fn tell(notice: &Notice<'_>) {
    let told = match notice {
        Notice::Request(line) => output::line(format!("\n  {line}")),
        Notice::Response { status, bytes } => output::line(format!("  {status}, {bytes} bytes")),
        Notice::Page { page, last, .. } => page_lines(page, *last),
        Notice::Wait(wait) => output::line(format!("  waits {:?}: {}", wait.duration, wait.reason)),
        Notice::Restart(restart) => output::line(format!("  begins anew: {}", restart.reason)),
        _ => Ok(()),
    };
    if let Err(failure) = told {
        output::say(format_args!("caldelta: {failure}"));
    }
}

fn page_lines(page: &Page<impl AsRef<[u8]>>, last: bool) -> Result<(), Failure> {
    for change in page.changes() {
        output::line(match change {
            Change::Upsert(item) => {
                let subject = item.event().and_then(|event| event.subject().map(|subject| output::clean(&subject)));
                format!("    event     {:28} {}", subject.unwrap_or_default(), item.id())
            }
            Change::Remove { id, reason, .. } => {
                format!("    @removed  {:28} {id}", format!("({reason:?})").to_lowercase())
            }
            Change::Malformed { why, .. } => format!("    malformed: {why}"),
        })?;
    }
    output::line(if last {
        "    @odata.deltaLink: the round is complete, the link is saved"
    } else {
        "    @odata.nextLink: there is more"
    })
}
