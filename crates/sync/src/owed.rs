//! What was asked for in vain: kept until there is an answer, and asked for ever more seldom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::Timestamp;
use serde::{Deserialize, Serialize};
use store::View;

use crate::error::Error;

/// What was asked for in vain and is asked for again until there is an answer: a delta does not tell it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Owed {
    /// Events whose properties are missing or out of date, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<Arc<str>, Retry>,
    /// Series whose members are in doubt, by the ids of their masters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub series: BTreeMap<Arc<str>, Retry>,
}

/// Ids of events and of series masters.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) events: BTreeSet<Arc<str>>,
    pub(crate) series: BTreeSet<Arc<str>>,
}

/// How often something was asked for in vain, and when it is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often.
    pub tries: u32,
    /// When it is asked for again, by the first run from then on.
    pub at: Timestamp,
}

/// How long the first answer is waited for, in seconds. Each further one is waited for four times as long, up to a day.
const FIRST_SECONDS: i64 = 60;
const LONGEST_SECONDS: i64 = 24 * 60 * 60;

/// How often a GET must say that there is no such event, over two days and a half, before it is believed of an event
/// that Graph has told of: a deletion has an `@removed` of its own, and a 404 that passes was observed.
const BELIEVED: u32 = 8;

/// The most bytes that may be remembered: five eighths of what a store keeps for the engine.
const MOST_BYTES: usize = 40 * 1024;
/// The bytes that an entry has beside its id.
const ENTRY_BYTES: usize = 64;

impl Retry {
    /// After it was asked for in vain, at this moment, for the first time or once more.
    fn after(before: Option<Self>, now: Timestamp) -> Self {
        let tries = before.map_or(0, |before| before.tries);
        let factor = 4_i64.checked_pow(tries).unwrap_or(i64::MAX);
        let seconds = FIRST_SECONDS.saturating_mul(factor).min(LONGEST_SECONDS);
        Self { tries: tries.saturating_add(1), at: now.plus_seconds(seconds) }
    }
}

impl Owed {
    /// How many questions are open.
    pub fn len(&self) -> usize {
        self.events.len().saturating_add(self.series.len())
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an event was so often not found that there is none.
    pub(crate) fn is_believed(&self, id: &str) -> bool {
        self.events.get(id).is_some_and(|retry| retry.tries.saturating_add(1) >= BELIEVED)
    }

    /// What lies further ahead than it can was written by a clock that was wrong, and is due.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let latest = now.plus_seconds(LONGEST_SECONDS);
        for retry in self.events.values_mut().chain(self.series.values_mut()) {
            retry.at = if retry.at > latest { now } else { retry.at };
        }
    }

    /// What may be asked for again by now.
    pub(crate) fn due(&self, now: Timestamp) -> Self {
        let due = |entries: &BTreeMap<Arc<str>, Retry>| {
            entries.iter().filter(|(_, retry)| retry.at <= now).map(|(id, retry)| (id.clone(), *retry)).collect()
        };
        Self { events: due(&self.events), series: due(&self.series) }
    }

    /// Forgets questions that nobody has any more: nothing is left of the event, or of the series. What was told of since
    /// is asked for once more nevertheless: that a master was told of says nothing of what it was asked for.
    pub(crate) async fn forget_gone(&mut self, view: &dyn View) -> Result<(), Error> {
        for owed in [&mut self.events, &mut self.series] {
            for id in owed.keys().cloned().collect::<Vec<_>>() {
                if view.row(&id).await?.is_none() && view.members(&id, None, 1).await?.is_empty() {
                    owed.remove(&id);
                }
            }
        }
        Ok(())
    }

    /// What was asked for is no longer owed, unless it was asked for in vain.
    pub(crate) fn settle(&mut self, asked: &Asked, vain: &Asked, now: Timestamp) {
        settle(&mut self.events, &asked.events, &vain.events, now);
        settle(&mut self.series, &asked.series, &vain.series, now);
    }

    /// Adds what is owed besides, and counts the tries that were made.
    pub(crate) fn take_up(&mut self, other: &Self) {
        self.events.extend(other.events.iter().map(|(id, retry)| (id.clone(), *retry)));
        self.series.extend(other.series.iter().map(|(id, retry)| (id.clone(), *retry)));
    }

    /// Forgets everything if it is too much, and says so: reading all events again is then less.
    pub(crate) fn limit(&mut self) -> bool {
        let ids = self.events.keys().chain(self.series.keys());
        let bytes: usize = ids.map(|id| id.len().saturating_add(ENTRY_BYTES)).sum();
        let too_much = bytes > MOST_BYTES;
        if too_much {
            *self = Self::default();
        }
        too_much
    }
}

fn settle(owed: &mut BTreeMap<Arc<str>, Retry>, asked: &BTreeSet<Arc<str>>, vain: &BTreeSet<Arc<str>>, now: Timestamp) {
    let again: Vec<_> = vain.iter().map(|id| (id.clone(), Retry::after(owed.get(id).copied(), now))).collect();
    owed.retain(|id, _| !asked.contains(id));
    owed.extend(again);
}
