//! What a sync would change, as lines on stdout (`planned-change/1`).

use std::sync::Mutex;

use serde::Serialize;
use store::{Reason, What};
use sync::{Notice, Observer, Planned};

use crate::exit::Failure;
use crate::output::{self, Tagged};

/// The body of `planned-change/1`.
#[derive(Serialize)]
struct Change<'a> {
    target: &'a str,
    what: What,
    reason: Reason,
    id: &'a str,
    r#type: Option<&'static str>,
    etag_before: Option<&'a str>,
    etag_after: Option<&'a str>,
    /// Whether the server was asked about a disappearance.
    confirmed: bool,
    subject: Option<&'a str>,
}

/// Prints the changes that a run would make, and passes everything else on.
pub(crate) struct Plan<O> {
    target: String,
    json: bool,
    others: O,
    /// What went wrong with printing.
    failed: Mutex<Option<Failure>>,
}

impl<O: Observer> Plan<O> {
    pub(crate) fn new(target: String, json: bool, others: O) -> Self {
        Self { target, json, others, failed: Mutex::new(None) }
    }

    /// Whether all could be printed.
    pub(crate) fn printed(&self) -> Result<(), Failure> {
        let failed = self.failed.lock().ok().and_then(|mut failed| failed.take());
        failed.map_or(Ok(()), Err)
    }

    fn print(&self, planned: &Planned) -> Result<(), Failure> {
        let Planned { note, subject } = planned;
        if !self.json {
            let what = match note.what {
                What::Created => "would be created",
                What::Updated => "would be updated",
                What::Deleted => "would be deleted",
                What::LeftWindow => "would leave the window",
            };
            let subject = output::clean(subject.as_deref().unwrap_or_default());
            let line = format!("{}: {what:22}  {}  {subject}", output::clean(&self.target), output::clean(&note.id));
            return output::report(line.trim_end());
        }
        let value = Change {
            target: &self.target,
            what: note.what,
            reason: note.reason,
            id: &note.id,
            r#type: note.kind.as_graph(),
            etag_before: note.etag_before.as_deref(),
            etag_after: note.etag_after.as_deref(),
            confirmed: note.confirmed,
            subject: subject.as_deref(),
        };
        output::report(output::json(&Tagged { schema: "planned-change/1", value })?)
    }
}

impl<O: Observer> Observer for Plan<O> {
    fn notice(&self, notice: &Notice<'_>) {
        let Notice::Planned(planned) = notice else { return self.others.notice(notice) };
        let Ok(mut failed) = self.failed.lock() else { return };
        if failed.is_none() {
            *failed = self.print(planned).err();
        }
    }
}
