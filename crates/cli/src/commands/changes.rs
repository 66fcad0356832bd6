//! `caldelta changes`: read the journal.

use delta_core::Timestamp;
use serde::Serialize;
use store::{JournalEntry, Reason, What};

use crate::args;
use crate::exit::Failure;
use crate::output::{self, Tagged};
use crate::replicas;

/// How many entries to read at a time.
const BATCH: usize = 1024;

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
    etag_before: Option<&'a str>,
    etag_after: Option<&'a str>,
    /// Whether the server was asked about a disappearance.
    confirmed: bool,
}

pub(crate) async fn run(args: args::Changes) -> Result<(), Failure> {
    for replica in replicas::open(&args.store, &args.targets).await? {
        let mut since = args.since;
        loop {
            let entries = replica.view.journal(since, BATCH).await?;
            for entry in &entries {
                print(entry, &replica.target, args.json)?;
            }
            match entries.last() {
                Some(last) if entries.len() == BATCH => since = last.seq,
                _ => break,
            }
        }
    }
    Ok(())
}

fn print(entry: &JournalEntry, target: &str, json: bool) -> Result<(), Failure> {
    let note = &entry.note;
    let change = Change {
        seq: entry.seq,
        target,
        at: entry.at,
        what: note.what,
        reason: note.reason,
        id: &note.id,
        etag_before: note.etag_before.as_deref(),
        etag_after: note.etag_after.as_deref(),
        confirmed: note.confirmed,
    };
    if json {
        return output::json(&Tagged { schema: "change/1", value: change });
    }
    let what = match note.what {
        What::Created => "created",
        What::Updated => "updated",
        What::Deleted => "deleted",
        What::LeftWindow => "left window",
    };
    output::line(format!("{:>6}  {}  {what:11}  {}", entry.seq, entry.at, output::clean(&note.id)))
}
