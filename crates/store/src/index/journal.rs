//! Where the journal's notes are, and how long they are kept.

use std::time::Duration;

use delta_core::Timestamp;

use super::sorted::Sorted;
use crate::effects::Notes;

/// How long notes are kept: none is kept beyond one of the two limits but for what shares a block with one that is, which
/// are 127 at most. A reader who fell behind is told: see [`View::journal`](crate::View::journal).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many notes to keep. 100,000 by default.
    pub entries: u64,
    /// How long to keep them, counted from the time of the run that is being published. 90 days by default.
    pub age: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { entries: 100_000, age: Duration::from_secs(90 * 24 * 60 * 60) }
    }
}

/// The journal's blocks by the number of their first note. Only where they are: the text stays with the payloads.
#[derive(Debug, Clone)]
pub(crate) struct Journal<P> {
    blocks: Sorted<Notes<P>>,
    first: u64,
    last: u64,
}

impl<P> Default for Journal<P> {
    fn default() -> Self {
        Self { blocks: Sorted::default(), first: 1, last: 0 }
    }
}

impl<P> Journal<P> {
    /// The number of the oldest note that is kept; one more than the last if there is none.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the last note that there ever was; 0 if there was none.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The number of the oldest note to keep when a run adds notes up to `last`.
    pub(super) fn oldest_to_keep(&self, retention: Retention, at: Timestamp, added: &[Notes<impl Sized>]) -> u64 {
        let last = added.last().map_or(self.last, Notes::last);
        let enough = last.saturating_sub(retention.entries);
        let seconds = i64::try_from(retention.age.as_secs()).unwrap_or(i64::MAX);
        let oldest = at.plus_seconds(seconds.saturating_neg());
        let expired = |last: u64, at: Timestamp| last <= enough || at < oldest;
        let kept = self.after(0).find(|notes| !expired(notes.last(), notes.at)).map(|notes| notes.first);
        let added = || added.iter().find(|notes| !expired(notes.last(), notes.at)).map(|notes| notes.first);
        kept.or_else(added).unwrap_or(last.saturating_add(1))
    }

    /// The blocks that hold notes after this number.
    pub(crate) fn after(&self, seq: u64) -> impl Iterator<Item = &Notes<P>> {
        self.blocks.from(move |notes| notes.last() <= seq)
    }
}

impl<P: Clone> Journal<P> {
    /// Adds a block. That of a run that is published in parts is not to be seen before the last of them.
    pub(super) fn put(&mut self, notes: Notes<P>) {
        let first = notes.first;
        self.last = self.last.max(notes.last());
        self.blocks.insert(notes, |known| known.first.cmp(&first));
    }

    /// Forgets what is older than this note.
    pub(super) fn keep(&mut self, first: u64, last: u64) {
        (self.first, self.last) = (first, last);
        loop {
            let oldest = self.after(0).next().map(|notes| notes.first);
            let Some(oldest) = oldest.filter(|oldest| *oldest < first) else { break };
            self.blocks.remove(|known| known.first.cmp(&oldest));
        }
    }
}
