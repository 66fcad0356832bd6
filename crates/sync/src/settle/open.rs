//! What is open while a run settles: what is asked and why, and what was found of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::{Event, EventType, Found, Window};
use store::{Fetched, Gone, Instances, TileId, What};

use super::place::{self, FLOATING, Place};
use crate::owed::Asked;
use crate::part::Part;

/// Why an event is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It would be shown with less than all of its properties, or its occurrences would.
    Incomplete,
    /// A round told of it without being understood.
    Unread(TileId),
    /// A round took it away.
    Removed(TileId),
    /// A plain listing did not show it.
    Absent(TileId),
}

/// What is asked, and not answered yet.
pub(super) struct Open<'p> {
    /// The tiles that were read.
    pub(super) read: &'p [Part<'p>],
    /// All tiles that the replica is to have were read.
    pub(super) all: bool,
    pub(super) events: BTreeMap<Arc<str>, BTreeSet<Why>>,
    pub(super) series: BTreeSet<(TileId, Arc<str>)>,
    /// What was asked once is not asked again for the same reason.
    pub(super) asked: Asked,
    pub(super) asked_events: BTreeSet<(Arc<str>, Why)>,
    pub(super) asked_series: BTreeSet<(TileId, Arc<str>)>,
    /// What a GET did not find.
    pub(super) gone: BTreeSet<Arc<str>>,
    /// What a round took away and was asked for.
    pub(super) removed: BTreeSet<Arc<str>>,
    /// The series whose instances were not found.
    pub(super) gone_series: BTreeSet<(TileId, Arc<str>)>,
}

impl Why {
    /// The tile whose hold is in question.
    pub(super) fn tile(self) -> Option<TileId> {
        match self {
            Self::Unread(tile) | Self::Removed(tile) | Self::Absent(tile) => Some(tile),
            Self::Incomplete => None,
        }
    }

    /// The event is not in that tile.
    pub(super) fn gone(self, id: &Arc<str>, what: What, nowhere: bool) -> Option<Gone> {
        Some(Gone { tile: self.tile()?, id: id.clone(), what, nowhere })
    }
}

impl<'p> Open<'p> {
    pub(super) fn new(read: &'p [Part<'p>], all: bool) -> Self {
        Self {
            read,
            all,
            events: BTreeMap::new(),
            series: BTreeSet::new(),
            asked: Asked::default(),
            asked_events: BTreeSet::new(),
            asked_series: BTreeSet::new(),
            gone: BTreeSet::new(),
            removed: BTreeSet::new(),
            gone_series: BTreeSet::new(),
        }
    }

    /// The windows that were read.
    pub(super) fn windows(&self) -> BTreeMap<TileId, Window> {
        self.read.iter().filter_map(|part| Some((part.tile.id, part.tile.window?))).collect()
    }

    /// Takes what was found of a series' members in a tile's window.
    pub(super) fn learn(&mut self, series: &str, window: Window, found: Found, run: &mut store::Run) {
        let Some(part) = self.read.iter().find(|part| part.tile.window == Some(window)) else { return };
        let Some(asked) = self.series.get(&(part.tile.id, Arc::from(series))).cloned() else { return };
        match found {
            Found::Instances(instances) => {
                if let Some(members) = instances.into_iter().map(Fetched::new).collect() {
                    self.series.remove(&asked);
                    let (tile, series) = asked;
                    run.instances.push(Instances { tile, series, members: Some(members) });
                }
            }
            Found::Gone => drop(self.gone_series.insert(asked)),
            Found::Event(_) | Found::Unknown(_) => {}
        }
    }

    /// An event is not asked for any more to be shown as it is.
    pub(super) fn is_complete(&mut self, id: &str) {
        if let Some((id, mut whys)) = self.events.remove_entry(id) {
            whys.remove(&Why::Incomplete);
            if !whys.is_empty() {
                self.events.insert(id, whys);
            }
        }
    }

    /// Where an event is, as far as its own dates tell; none if they can't be read. What was taken away, or was held by a
    /// tile that goes, is looked for in all tiles that were read.
    pub(super) fn place(&self, raw: &str, why: Why) -> Option<Place> {
        let event = Event::parse(raw).ok()?;
        let windows = self.windows();
        if windows.is_empty() {
            return Some(Place::Anywhere);
        }
        if event.kind() == EventType::SeriesMaster {
            return Some(Place::Series);
        }
        let (start, end) = (event.start()?.read_as_utc()?, event.end()?.read_as_utc()?);
        let floating = if event.is_all_day() == Some(true) { FLOATING } else { 0 };
        let touches = |window: &&Window| {
            start < window.end().plus_seconds(floating) && end >= window.start().plus_seconds(-floating)
        };
        let mine = windows.get_key_value(&why.tile()?);
        let anywhere = mine.is_none() || matches!(why, Why::Removed(_));
        let mut windows_of_it = mine.into_iter().chain(windows.iter().filter(|_| anywhere));
        let Some((tile, window)) = windows_of_it.find(|(_, window)| touches(window)) else {
            return Some(Place::Outside { nowhere: self.all && !windows.values().any(|window| touches(&window)) });
        };
        let within = window.start() <= start && start < window.end();
        Some(Place::At { tile: *tile, dates: place::dates(*window, start, end, floating)?, within })
    }

    /// What a later run has to ask. A round tells of nothing twice.
    pub(super) fn owed(&self) -> Asked {
        let again = |why: &Why| matches!(why, Why::Incomplete | Why::Removed(_));
        let asked = |id: &Arc<str>| self.asked.events.contains(id);
        let events = self.events.iter().filter(|(id, whys)| asked(id) && whys.iter().any(again));
        let series = self.series.iter().map(|(_, id)| id.clone());
        Asked { events: events.map(|(id, _)| id.clone()).collect(), series: series.collect() }
    }

    /// How many questions ask themselves again: what could not be understood by a full round, a listing by the next one.
    pub(super) fn asks_itself_again(&self) -> usize {
        let by_itself = |why: &Why| matches!(why, Why::Unread(_) | Why::Absent(_));
        self.events.values().filter(|whys| whys.iter().any(by_itself)).count()
    }

    /// What goes, and nobody could say whether it does.
    pub(super) fn in_doubt(&self) -> impl Iterator<Item = &Arc<str>> {
        let removed = |whys: &BTreeSet<Why>| whys.iter().any(|why| matches!(why, Why::Removed(_)));
        self.events.iter().filter(move |(_, whys)| removed(whys)).map(|(id, _)| id)
    }
}
