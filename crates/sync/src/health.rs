//! What the engine remembers about a replica from one run to the next, beside what is published.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use delta_core::{RequestIds, RoundKind, Timestamp};
use serde::{Deserialize, Serialize};
use store::{EngineState, TileId, View};

use crate::layout::Plan;
use crate::line::LONGEST_FENCE;
use crate::owed::Owed;
use crate::run::later;
use crate::trouble::Trouble;

/// How a replica is doing: what the last run met, and what the next one has to keep to. Stored beside the replica, also
/// by runs that publish nothing. It holds no link and no token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Health {
    /// What this is a copy of, from before the first publish: from then on the identity says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Nothing may be sent to the mailbox before: the server has asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// What is to be known of single tiles, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tiles: BTreeMap<TileId, TileHealth>,
    /// The windows that the replica is to have, until all of them are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// When the server had forgotten a tile's state right after the rounds of its siblings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clashes: Vec<Timestamp>,
    /// There is one tile, instead of those that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collapsed: Option<Collapsed>,
    /// When full rounds were begun, within the last day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub full_rounds: Vec<Timestamp>,
    /// What has to be asked for, and was asked for in vain.
    #[serde(skip_serializing_if = "Owed::is_empty")]
    pub owed: Owed,
    /// The last run in which something happened that is worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
}

/// How a tile is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TileHealth {
    /// The page size to begin with, if the one that is asked for did not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<LearntPageSize>,
    /// Delta queries don't get through; plain listings stand in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotMode>,
}

/// Why there is one tile instead of several: the server forgot the states of tiles when others were read, so that they
/// were read in full again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collapsed {
    /// Since when.
    pub since: Timestamp,
    /// How many were asked for. Another number is tried.
    pub instead_of: u8,
}

/// A page size that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearntPageSize {
    /// The size.
    pub size: NonZeroU32,
    /// The one that did not work.
    pub instead_of: Option<NonZeroU32>,
    /// When that was learnt.
    pub at: Timestamp,
}

/// Why plain listings stand in for delta queries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMode {
    /// Since when.
    pub since: Timestamp,
    /// When delta queries are tried again, with a full round.
    pub retry_at: Timestamp,
    /// What went wrong with them, in words.
    pub reason: String,
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LastRun {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Requests sent.
    pub requests: u32,
    /// How often the server or the network made it wait.
    pub waits: u32,
    /// For how long in all, in seconds.
    pub waited_seconds: f64,
    /// Why its rounds began anew.
    pub restarts: Vec<Restarted>,
    /// What it did in another way than it was asked to, in words.
    pub degradations: Vec<String>,
    /// The ids of its last response, to be given to Microsoft's support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The same, as given by us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// Why it published nothing, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What kind of trouble that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// A round that began anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarted {
    /// What it was from then on. A full one read everything again.
    pub round: RoundKind,
    /// Why, in words: Graph's code where there is one, such as `SyncStateNotFound`.
    pub reason: String,
    /// The `request-id` of the response that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// How many texts of a kind are stored, and how many bytes of each.
const MOST_TEXTS: usize = 10;
const MOST_BYTES: usize = 500;

/// Cuts a text to a length that can be stored.
pub(crate) fn cut(text: &mut String) {
    let fits = (0..=MOST_BYTES).rev().find(|end| text.is_char_boundary(*end));
    if let (true, Some(end)) = (text.len() > MOST_BYTES, fits) {
        text.truncate(end);
        text.push('…');
    }
}

/// For how long clashes of tiles are remembered, in days, and how many of them are too many.
const CLASH_DAYS: i64 = 3;
const MOST_CLASHES: usize = 2;

/// For how long a page size is remembered, in days: what was too much once need not be for ever.
const LEARNT_DAYS: i64 = 7;

impl Health {
    /// What is stored beside a replica. What can't be read counts as nothing.
    pub fn of(view: &dyn View) -> Self {
        let stored = view.engine_state().and_then(|state| serde_json::from_str(state.text()).ok());
        stored.unwrap_or_default()
    }

    pub(crate) fn to_state(&self) -> EngineState {
        EngineState::new(serde_json::to_string(self).unwrap_or_default())
    }

    /// Forgets what is over. What lies further ahead than it can was written by a clock that was wrong, and is over as well.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.not_before = self.not_before.filter(|until| *until > now && *until <= later(now, LONGEST_FENCE));
        for tile in self.tiles.values_mut() {
            tile.page_size = tile.page_size.filter(|learnt| learnt.at <= now && now < learnt.at.plus_days(LEARNT_DAYS));
            if let Some(mode) = &mut tile.snapshot {
                mode.retry_at = if mode.retry_at > now.plus_days(1) { now } else { mode.retry_at };
            }
        }
        self.tiles.retain(|_, tile| *tile != TileHealth::default());
        self.full_rounds.retain(|begun| *begun <= now && now < begun.plus_days(1));
        self.clashes.retain(|at| *at <= now && now < at.plus_days(CLASH_DAYS));
        self.owed.expire(now);
    }

    /// What is known of a tile.
    pub(crate) fn of_tile(&self, tile: TileId) -> TileHealth {
        self.tiles.get(&tile).cloned().unwrap_or_default()
    }

    /// Takes over what holds for a tile that was begun anew: the page size that was learnt last, and, where plain listings
    /// stand in for all tiles, that they do.
    pub(crate) fn begin(&mut self, tile: TileId, others: &[TileId]) {
        self.tiles.remove(&tile);
        let others: Vec<TileHealth> = others.iter().map(|other| self.of_tile(*other)).collect();
        let page_size = others.iter().filter_map(|other| other.page_size).max_by_key(|learnt| learnt.at);
        let listed = others.iter().all(|other| other.snapshot.is_some());
        let snapshot = others.into_iter().find_map(|other| other.snapshot).filter(|_| listed);
        self.put(tile, TileHealth { page_size, snapshot });
    }

    /// Forgets all tiles but these.
    pub(crate) fn keep(&mut self, tiles: &BTreeSet<TileId>) {
        self.tiles.retain(|tile, _| tiles.contains(tile));
    }

    fn put(&mut self, tile: TileId, health: TileHealth) {
        if health == TileHealth::default() {
            self.tiles.remove(&tile);
        } else {
            self.tiles.insert(tile, health);
        }
    }

    /// Notes that plain listings stand in for a tile's rounds, or no longer do.
    pub(crate) fn stand_in(&mut self, tile: TileId, snapshot: Option<SnapshotMode>) {
        self.put(tile, TileHealth { snapshot, ..self.of_tile(tile) });
    }

    /// How many tiles there are to be where so many are asked for.
    pub(crate) fn tile_count(&self, asked: u8) -> u8 {
        self.collapsed.filter(|collapsed| collapsed.instead_of == asked).map_or(asked, |_| 1)
    }

    /// Notes that a tile's state was forgotten right after the rounds of its siblings. Says whether that is once too often.
    pub(crate) fn clash(&mut self, asked: u8, now: Timestamp) -> bool {
        self.clashes.push(now);
        let too_often = self.clashes.len() >= MOST_CLASHES;
        if too_often {
            self.clashes.clear();
            self.collapsed = Some(Collapsed { since: now, instead_of: asked });
        }
        too_often
    }

    /// Remembers the page size that a tile's round ended with.
    pub(crate) fn learn(
        &mut self,
        tile: TileId,
        asked: Option<NonZeroU32>,
        worked: Option<NonZeroU32>,
        now: Timestamp,
    ) {
        let known = self.of_tile(tile);
        if worked != known.page_size(asked) {
            let page_size = worked.map(|size| LearntPageSize { size, instead_of: asked, at: now });
            self.put(tile, TileHealth { page_size, ..known });
        }
    }

    /// How many full rounds may still be begun.
    pub(crate) fn full_rounds_left(&self, allowed: usize) -> usize {
        allowed.saturating_sub(self.full_rounds.len())
    }
}

impl TileHealth {
    /// The page size to begin with where this one is asked for.
    pub(crate) fn page_size(&self, asked: Option<NonZeroU32>) -> Option<NonZeroU32> {
        self.page_size.filter(|learnt| learnt.instead_of == asked).map_or(asked, |learnt| Some(learnt.size))
    }
}

impl Default for LastRun {
    fn default() -> Self {
        Self::new(Timestamp::from_seconds(0))
    }
}

impl LastRun {
    /// The same with its texts cut to a length that can be stored.
    pub(crate) fn cut(mut self) -> Self {
        self.degradations.truncate(MOST_TEXTS);
        self.restarts.truncate(MOST_TEXTS);
        let reasons = self.restarts.iter_mut().map(|restart| &mut restart.reason);
        self.degradations.iter_mut().chain(reasons).chain(&mut self.error).for_each(cut);
        self
    }

    pub(crate) fn new(started: Timestamp) -> Self {
        Self {
            started,
            finished: started,
            requests: 0,
            waits: 0,
            waited_seconds: 0.0,
            restarts: Vec::new(),
            degradations: Vec::new(),
            request_id: None,
            client_request_id: None,
            error: None,
            trouble: None,
        }
    }

    /// Two runs, one right after the other.
    pub(crate) fn followed_by(mut self, next: Self) -> Self {
        self.restarts.extend(next.restarts);
        self.degradations.extend(next.degradations);
        Self {
            started: self.started,
            requests: self.requests.saturating_add(next.requests),
            waits: self.waits.saturating_add(next.waits),
            waited_seconds: self.waited_seconds + next.waited_seconds,
            restarts: self.restarts,
            degradations: self.degradations,
            ..next
        }
    }

    pub(crate) fn ids(&mut self, ids: &RequestIds) {
        self.request_id.clone_from(&ids.request_id);
        self.client_request_id.clone_from(&ids.client_request_id);
    }

    /// Whether nothing happened that is worth knowing later.
    pub(crate) fn is_uneventful(&self) -> bool {
        self.waits == 0 && self.restarts.is_empty() && self.degradations.is_empty() && self.error.is_none()
    }
}
