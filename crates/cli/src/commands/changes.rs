//! `caldelta changes`: read the journal.

use std::time::Duration;

use delta_core::{Event, Timestamp};
use serde::Serialize;
use store::{JournalEntry, Reason, What, reader};

use crate::args;
use crate::exit::Failure;
use crate::output::{self, Tagged};
use crate::replicas::{self, Opened};
use crate::signal::Stop;

/// How many entries to read at a time.
const BATCH: usize = 1024;
/// How often to look for more.
const POLL: Duration = Duration::from_secs(1);

/// The body of `change/1`.
#[derive(Serialize)]
struct Change<'a> {
    /// Its number within the target, without gaps.
    seq: u64,
    target: &'a str,
    /// When the run was published.
    at: Timestamp,
    what: What,
    reason: Reason,
    id: &'a str,
    r#type: Option<&'static str>,
    etag_before: Option<&'a str>,
    etag_after: Option<&'a str>,
    /// Whether the server was asked about a disappearance.
    confirmed: bool,
}

pub(crate) async fn run(args: args::Changes) -> Result<(), Failure> {
    let mut feeds = Vec::new();
    let replicas = replicas::open(&args.store, &args.targets).await?;
    let headed = replicas.len() > 1 && !args.json;
    for replica in replicas {
        let since = args.since.unwrap_or_else(|| replica.view.first_seq().saturating_sub(1));
        feeds.push(Feed { replica, since, json: args.json, headed });
    }
    for feed in &mut feeds {
        feed.print().await?;
    }
    if args.follow { follow(feeds).await } else { Ok(()) }
}

/// Goes on until somebody stops it.
async fn follow(mut feeds: Vec<Feed>) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            code = stop.wait() => return Err(Failure::new(code, "stopped")),
        }
        for feed in &mut feeds {
            feed.replica.refresh().await?;
            feed.print().await?;
        }
    }
}

/// The journal of a replica, from some entry on.
struct Feed {
    replica: Opened,
    /// The last entry that is not of interest any more.
    since: u64,
    json: bool,
    /// Whether to say whose entries they are, because there are others.
    headed: bool,
}

impl Feed {
    /// Prints what there is.
    async fn print(&mut self) -> Result<(), Failure> {
        let mut headed = self.headed;
        loop {
            let entries = self.replica.view.journal(self.since, BATCH).await?;
            if std::mem::take(&mut headed) && !entries.is_empty() {
                output::heading(&self.replica.target)?;
            }
            for entry in &entries {
                if self.json {
                    let change = change(entry, &self.replica.target);
                    output::line(output::json(&Tagged { schema: "change/1", value: change })?)?;
                } else {
                    output::line(self.line(entry).await?)?;
                }
                self.since = entry.seq;
            }
            if entries.len() < BATCH {
                return Ok(());
            }
        }
    }

    async fn line(&self, entry: &JournalEntry) -> Result<String, Failure> {
        let what = match entry.note.what {
            What::Created => "created",
            What::Updated => "updated",
            What::Deleted => "deleted",
            What::LeftWindow => "left window",
        };
        let id = output::clean(&entry.note.id);
        let line = format!("{:>6}  {}  {what:11}  {id}", entry.seq, output::instant(entry.at));
        let event = reader::event(self.replica.view.as_ref(), &entry.note.id).await?;
        let event = event.as_ref().and_then(|row| Event::parse(&row.json).ok());
        Ok(match event.and_then(|event| event.subject().map(|subject| output::clean(&subject))) {
            Some(subject) => format!("{line}  {subject}"),
            None => line,
        })
    }
}

fn change<'a>(entry: &'a JournalEntry, target: &'a str) -> Change<'a> {
    let note = &entry.note;
    Change {
        seq: entry.seq,
        target,
        at: entry.at,
        what: note.what,
        reason: note.reason,
        id: &note.id,
        r#type: note.kind.as_graph(),
        etag_before: note.etag_before.as_deref(),
        etag_after: note.etag_after.as_deref(),
        confirmed: note.confirmed,
    }
}
