//! Writing what a run makes of a replica: in one batch, or in parts if it is large.

use std::sync::Arc;

use super::plain::words;
use super::{Plan, Run};
use crate::Error;
use crate::batch::{Batch, Block, ItemRef, Part, Publish, RowChange, Source, Word};
use crate::model::{Note, Reason, Revision, Row, TileId, What};
use crate::plan::Summary;
use crate::store::{Store, View};

/// How many rows and notes go into one batch: some megabytes of memory.
pub(super) const MOST: usize = 4096;

/// Works out a run's effects and publishes them. What they are is never in memory as a whole, if they are the first full
/// round's.
///
/// # Errors
/// Those of [`plan`](super::plan()), and those of [`Store::write`]. Nothing is published then.
pub async fn publish(store: &dyn Store, view: &dyn View, run: Run) -> Result<(Revision, Summary), Error> {
    publish_in_parts(store, view, run, MOST).await
}

/// The same, with at most so many rows in each batch.
///
/// # Errors
/// Those of [`publish`].
pub async fn publish_in_parts(
    store: &dyn Store,
    view: &dyn View,
    run: Run,
    most: usize,
) -> Result<(Revision, Summary), Error> {
    let plan = Plan::of(view, &run, most).await?;
    plan.write(store, run, most).await
}

/// A publish in the making.
struct Parts<'s> {
    store: &'s dyn Store,
    most: usize,
    /// What all parts say.
    frame: Publish,
    rows: Vec<RowChange>,
    notes: Vec<Note>,
    /// How many notes were left out since the last one that was written.
    skipped: u64,
    written: u32,
}

impl Plan<'_> {
    async fn write(mut self, store: &dyn Store, run: Run, most: usize) -> Result<(Revision, Summary), Error> {
        let frame = self.frame(run);
        let mut parts = Parts { store, most, frame, rows: Vec::new(), notes: Vec::new(), skipped: 0, written: 0 };
        self.write_plain(&mut parts).await?;
        let reading = self.reading;
        for (id, work) in std::mem::take(&mut self.works) {
            let outcome = work.finish(self.view, &id, reading).await?;
            self.summary.count(&outcome);
            parts.rows.extend(outcome.change);
            parts.notes.extend(outcome.note);
            parts.write_if_full().await?;
        }
        Ok((parts.finish().await?, self.summary))
    }

    /// The items that are rows as they are.
    async fn write_plain(&mut self, parts: &mut Parts<'_>) -> Result<(), Error> {
        let (Some(plain), Some(round)) = (&self.plain, self.rounds.first()) else { return Ok(()) };
        let kept = parts.store.retention().entries;
        let mut to_come = plain.count;
        for page in 0..round.staged.pages {
            for (item, word) in (0..).zip(words(self.view, round, page).await?) {
                if !plain.has(&word) {
                    continue;
                }
                let Word::Upsert { meta, form } = word else { continue };
                to_come = to_come.saturating_sub(1);
                // A note that would go as soon as the last one comes is not written.
                if to_come >= kept {
                    parts.skipped = parts.skipped.saturating_add(1);
                } else {
                    parts.notes.push(created(&meta, round.reason));
                }
                let layers = form.layers(Source::Staged(ItemRef { round: round.staged.round, page, item }));
                let holds: Vec<TileId> = vec![round.tile()];
                parts.rows.push(RowChange::Put(Row { meta, holds, layers, unsettled: None }));
                self.summary.created = self.summary.created.saturating_add(1);
                parts.write_if_full().await?;
            }
        }
        Ok(())
    }
}

fn created(meta: &crate::model::Meta, reason: Reason) -> Note {
    Note {
        id: Arc::clone(&meta.id),
        what: What::Created,
        kind: meta.kind,
        etag_before: None,
        etag_after: meta.etag.clone(),
        reason,
        confirmed: false,
    }
}

impl Parts<'_> {
    async fn write_if_full(&mut self) -> Result<(), Error> {
        if self.rows.len().max(self.notes.len()) < self.most {
            return Ok(());
        }
        let part = Part::Of(self.written);
        self.written = self.written.saturating_add(1);
        self.write(Some(part)).await.map(drop)
    }

    async fn finish(mut self) -> Result<Revision, Error> {
        let part = (self.written > 0).then_some(Part::Last(self.written));
        self.write(part).await
    }

    async fn write(&mut self, part: Option<Part>) -> Result<Revision, Error> {
        let (rows, notes) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.notes));
        let skipped = if notes.is_empty() { 0 } else { std::mem::take(&mut self.skipped) };
        let journal = Block::pack(&notes);
        let publish = Publish { rows, journal, part, skipped, ..self.frame.clone() };
        self.store.write(Batch::Publish(publish)).await
    }
}
