//! How a target is doing, from all that is known of it: its copy, the watch over it, and its mailbox's list of calendars.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use delta_core::{Resource, Timestamp};
use serde::Serialize;
use sync::{Health, KnownCalendar, Trouble};

use crate::catalogue::Catalogue;
use crate::watch_note::{self, WatchNote};

/// What is said of a target, a part of `status/1`.
#[derive(Serialize)]
pub(crate) struct State {
    pub(crate) state: Condition,
    /// How old the copy is.
    lag_seconds: Option<i64>,
    /// Of when the copy is, if it is not kept up to date.
    pub(crate) stale_since: Option<Timestamp>,
    /// What is wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// When a watch looks at it next.
    pub(crate) next_run: Option<Timestamp>,
    pub(crate) calendar: Option<Found>,
}

/// In a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    Ok,
    /// Older than it should be, for no reason that is known.
    Stale,
    /// Its calendar is not there any more.
    Gone,
    #[serde(untagged)]
    Trouble(Trouble),
}

/// The calendar, as its mailbox last listed it.
#[derive(Serialize)]
pub(crate) struct Found {
    id: String,
    pub(crate) name: Option<String>,
    owner: Option<String>,
    pub(crate) gone_since: Option<Timestamp>,
}

/// What lies beside the copies of a store.
pub(crate) struct Surroundings {
    catalogue: Catalogue,
    watch: Option<WatchNote>,
}

impl Surroundings {
    pub(crate) fn of(store: &Path) -> Self {
        Self { catalogue: Catalogue::open(store), watch: watch_note::current(store) }
    }

    /// The targets that were found, or are watched.
    pub(crate) fn targets(&self) -> BTreeSet<Resource> {
        let watched = self.watch.iter().flat_map(|watch| watch.targets.keys().cloned());
        self.catalogue.targets().into_iter().chain(watched).collect()
    }

    /// How a target is doing whose copy is of such a time. It is stale if it is older than it may be, or if a watch should have
    /// looked at it long ago.
    pub(crate) fn state(
        &self,
        target: &str,
        synced_at: Option<Timestamp>,
        health: &Health,
        now: Timestamp,
        max_age: Option<Duration>,
    ) -> State {
        let target: Option<Resource> = target.parse().ok();
        let calendar = target.as_ref().and_then(|target| self.catalogue.calendar(target)).map(Found::from);
        let watched = target.as_ref().and_then(|target| self.watch.as_ref()?.targets.get(target));
        let lag_seconds = synced_at.map(|at| now.seconds().saturating_sub(at.seconds()).max(0));
        let (trouble, error) = match watched {
            // A watch knows better than what was written down before it.
            Some(watched) => (watched.trouble, watched.error.clone()),
            None => failed_since(health, synced_at),
        };
        let every = self.watch.as_ref().map_or(0, |watch| i64::try_from(watch.every_seconds).unwrap_or(i64::MAX));
        let next_run = watched.and_then(|watched| watched.next);
        let overdue = next_run.is_some_and(|next| now.seconds().saturating_sub(next.seconds()) > every);
        let too_old = max_age.is_some_and(|max_age| {
            lag_seconds.is_none_or(|lag| u64::try_from(lag).unwrap_or_default() > max_age.as_secs())
        });
        let closed = health.not_before.is_some_and(|until| until > now);
        let state = match trouble {
            _ if calendar.as_ref().is_some_and(|calendar| calendar.gone_since.is_some()) => Condition::Gone,
            Some(trouble) => Condition::Trouble(trouble),
            None if closed => Condition::Trouble(Trouble::Throttled),
            None if overdue || too_old || synced_at.is_none() => Condition::Stale,
            None => Condition::Ok,
        };
        let stale_since = synced_at.filter(|_| state != Condition::Ok);
        State { state, lag_seconds, stale_since, error, next_run, calendar }
    }
}

impl From<KnownCalendar> for Found {
    fn from(known: KnownCalendar) -> Self {
        let owner = known.calendar.owner.and_then(|owner| owner.address);
        Self { id: known.calendar.id, name: known.calendar.name, owner, gone_since: known.gone_since }
    }
}

/// What was wrong with the last run, if none has succeeded since.
fn failed_since(health: &Health, synced_at: Option<Timestamp>) -> (Option<Trouble>, Option<String>) {
    let failed = health.last_run.as_ref().filter(|run| synced_at.is_none_or(|at| run.finished >= at));
    match failed.and_then(|run| run.error.clone().map(|error| (run.trouble, error))) {
        Some((trouble, error)) => (Some(trouble.unwrap_or(Trouble::Failing)), Some(error)),
        None => (None, None),
    }
}

impl std::fmt::Display for Condition {
    /// As it stands in JSON.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = serde_json::to_string(self).unwrap_or_default();
        f.write_str(text.trim_matches('"'))
    }
}
