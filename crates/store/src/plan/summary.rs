//! What a run amounts to, in numbers.

use serde::{Deserialize, Serialize};

use super::row::Outcome;
use crate::model::What;

/// Counts of what a run does to a replica. Series masters count as rows like others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows that appear.
    pub created: u64,
    /// Rows that show something else.
    pub updated: u64,
    /// Rows that go.
    pub deleted: u64,
    /// Rows that go because the window moved on.
    pub left_window: u64,
    /// Rows that the run touched and that show the same.
    pub unchanged: u64,
    /// Rows that were mentioned and have to be fetched to be shown as they are.
    pub stale: u64,
    /// Rows without a hold that stay until a run in which all tiles take part, for another tile may hold them.
    pub unsettled: u64,
    /// Removals of ids that the tile did not hold, as Graph sends them for events outside the window.
    pub unknown_removals: u64,
    /// Items that could not be understood.
    pub malformed: u64,
}

impl Summary {
    /// What this run and a later one amount to.
    #[must_use]
    pub fn plus(&self, later: &Self) -> Self {
        Self {
            created: self.created.saturating_add(later.created),
            updated: self.updated.saturating_add(later.updated),
            deleted: self.deleted.saturating_add(later.deleted),
            left_window: self.left_window.saturating_add(later.left_window),
            unchanged: self.unchanged.saturating_add(later.unchanged),
            stale: self.stale.saturating_add(later.stale),
            unsettled: later.unsettled,
            unknown_removals: self.unknown_removals.saturating_add(later.unknown_removals),
            malformed: self.malformed.saturating_add(later.malformed),
        }
    }

    pub(super) fn count(&mut self, outcome: &Outcome) {
        let counter = match outcome.note.as_ref().map(|note| note.what) {
            Some(What::Created) => &mut self.created,
            Some(What::Updated) => &mut self.updated,
            Some(What::Deleted) => &mut self.deleted,
            Some(What::LeftWindow) => &mut self.left_window,
            None => &mut self.unchanged,
        };
        *counter = counter.saturating_add(u64::from(outcome.note.is_some() || outcome.lives));
        self.stale = self.stale.saturating_add(outcome.stale.into());
        self.unsettled = self.unsettled.saturating_add(outcome.unsettled.into());
    }
}
