//! Series: which of a series' members are there, by what the rounds told and by what the server was asked.
//!
//! A series that changes is told of whole, on one page (observed in microsoft-graph-docs#7352), and a member that is gone
//! is only missing there. So the last page that tells of a series says which members it has, if the page has the master
//! and at least one member; with anything less the server has to be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::EventType;

use super::{Fetched, Instances, Plan, ROWS, Round, Run};
use crate::Error;
use crate::batch::{Form, Source, Word};
use crate::model::{Meta, Reason, TileId, What};
use crate::store::View;

/// What the last page that tells of a series says of it.
#[derive(Default)]
pub(super) struct Told {
    page: u32,
    /// An earlier page told of it too.
    again: bool,
    /// Any page told of a member.
    had_members: bool,
    master: Master,
    members: BTreeSet<Arc<str>>,
}

/// What a page says of the master itself.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Master {
    #[default]
    Silent,
    There,
    Removed,
    /// The id is a single event's now, or that of something which does not say what it is.
    Single,
}

impl Told {
    /// Whether the page says all that there is to say of the series in the window.
    fn is_whole(&self) -> bool {
        self.master == Master::There && !self.members.is_empty()
    }
}

/// What only the server can tell of a series.
pub(super) struct Doubt {
    pub(super) tile: TileId,
    pub(super) series: Arc<str>,
    /// Which members it has.
    pub(super) members: bool,
    /// What its master is.
    pub(super) master: bool,
    /// The master was taken away.
    pub(super) removed: bool,
    /// The members that the last page did not tell of.
    pub(super) strays: Vec<Arc<str>>,
}

impl Round {
    /// Remembers what an item says of a series. Any id may turn out to be that of a series.
    pub(super) fn hear(&mut self, page: u32, word: &Word) {
        if !self.tells_of_series() {
            return;
        }
        match word {
            Word::Upsert { meta, .. } => self.hear_of(page, meta),
            Word::Remove { id } => self.told_of(id, page).master = Master::Removed,
            // What it was is heard when it is fetched.
            Word::Malformed { .. } => {}
        }
    }

    /// Remembers what an item of this page, which could not be understood, would have said of a series, unless a later
    /// page has told of it since.
    pub(super) fn hear_late(&mut self, page: u32, meta: &Meta) {
        let told = self.told.get(meta.series.as_ref().unwrap_or(&meta.id));
        if self.tells_of_series() && told.is_none_or(|told| told.page <= page) {
            self.hear_of(page, meta);
        }
    }

    fn tells_of_series(&self) -> bool {
        !self.staged.is_listing() && self.staged.tile.window.is_some()
    }

    fn hear_of(&mut self, page: u32, meta: &Meta) {
        match &meta.series {
            Some(series) => {
                let told = self.told_of(series, page);
                told.had_members = true;
                told.members.insert(meta.id.clone());
            }
            None if meta.kind == EventType::SeriesMaster => self.told_of(&meta.id, page).master = Master::There,
            None => self.told_of(&meta.id, page).master = Master::Single,
        }
    }

    fn told_of(&mut self, series: &Arc<str>, page: u32) -> &mut Told {
        let told = self.told.entry(series.clone()).or_insert_with(|| Told { page, ..Told::default() });
        if told.page != page {
            *told = Told { page, again: true, had_members: told.had_members, ..Told::default() };
        }
        told
    }
}

impl Plan<'_> {
    /// Takes what the server said about the members of a series: it is asked after the rounds, so it is right.
    pub(super) async fn answer(&mut self, asked: Instances) -> Result<(), Error> {
        let Instances { tile, series, members } = asked;
        let gone = members.is_none();
        let members = members.unwrap_or_default();
        let mut there: BTreeSet<Arc<str>> = members.iter().map(|member| member.meta.id.clone()).collect();
        if gone {
            // Some series have members and never a master, such as those of meeting polls.
            let told =
                self.rounds.iter().filter(|round| round.tile() == tile).filter_map(|round| round.told.get(&series));
            there.extend(told.flat_map(|told| told.members.iter().cloned()));
        }
        let named = self.members_by_series();
        for id in self.held_members(tile, &series, &named).await? {
            if !there.contains(&id) {
                self.unsee(tile, &id);
                let work = self.work(&id).await?;
                if gone {
                    work.lose(tile, What::Deleted, Reason::Series, false);
                } else {
                    work.drop_hold(tile, Reason::Series);
                }
            }
        }
        for Fetched { meta, raw, .. } in members {
            self.member(tile, meta, raw).await?;
        }
        self.answered.insert((tile, series));
        Ok(())
    }

    /// A member that is there. What is known of it stays if it is the same; an occurrence else is its times over its
    /// master; of an exception there is more to know than its times.
    async fn member(&mut self, tile: TileId, meta: Meta, raw: String) -> Result<(), Error> {
        let reason = self.rounds.iter().find(|round| round.tile() == tile).map_or(Reason::Change, |round| round.reason);
        let view = self.view;
        let work = self.work(&meta.id).await?;
        let known = work.holds.contains(&tile) && work.is_version(&meta);
        work.hold(tile, reason);
        if !known {
            let form = if meta.kind == EventType::Occurrence { Form::Stub } else { Form::Sparse };
            work.upsert(view, meta.clone(), form, Source::Inline(raw)).await?;
        }
        for round in self.rounds.iter_mut().filter(|round| round.tile() == tile) {
            round.seen.insert(meta.id.clone());
        }
        Ok(())
    }

    /// Takes the rounds at their word where nobody was asked.
    pub(super) async fn trust(&mut self) -> Result<(), Error> {
        for doubt in self.doubts().await? {
            for id in doubt.strays {
                self.unsee(doubt.tile, &id);
                self.work(&id).await?.drop_hold(doubt.tile, Reason::Series);
            }
        }
        Ok(())
    }

    /// What only the server can tell, of the series that were told of and not asked for.
    pub(super) async fn doubts(&self) -> Result<Vec<Doubt>, Error> {
        let mut doubts = Vec::new();
        let named = self.members_by_series();
        for round in &self.rounds {
            let tile = round.tile();
            for (series, told) in &round.told {
                if self.answered.contains(&(tile, series.clone())) {
                    continue;
                }
                let mut strays = self.held_members(tile, series, &named).await?;
                let held = !strays.is_empty();
                // What a full round did not see at all is swept.
                strays.retain(|id| !told.members.contains(id) && (!round.is_full() || round.seen.contains(id)));
                let is_series = told.master == Master::There || told.had_members || held;
                let unsure = !told.is_whole() || !strays.is_empty();
                // A full round that tells of a series once tells of all of it, but a master that came alone may be one that
                // was created meanwhile.
                let lone = told.master == Master::There && told.members.is_empty();
                let members = is_series && unsure && (told.again || lone || !round.is_full());
                let master = match told.master {
                    Master::Silent => true,
                    Master::Removed => !told.members.is_empty() || (members && held),
                    Master::There | Master::Single => false,
                };
                if members || master {
                    // A master alone says nothing of its members.
                    if told.members.is_empty() && told.master == Master::There {
                        strays.clear();
                    }
                    let removed = told.master == Master::Removed;
                    doubts.push(Doubt { tile, series: series.clone(), members, master, removed, strays });
                }
            }
        }
        Ok(doubts)
    }

    /// A member that a tile holds of a series, as things stand, with dates.
    async fn member_with_dates(&self, tile: TileId, series: &Arc<str>) -> Result<Option<Meta>, Error> {
        for id in self.held_members(tile, series, &self.members_by_series()).await? {
            let meta = match self.works.get(&id) {
                Some(work) => work.meta().cloned(),
                None => self.view.row(&id).await?.map(|row| row.meta),
            };
            if meta.as_ref().is_some_and(|meta| meta.start.is_some() && meta.end.is_some()) {
                return Ok(meta);
            }
        }
        Ok(None)
    }

    /// The members that a tile holds of a series, as things stand.
    async fn held_members(
        &self,
        tile: TileId,
        series: &Arc<str>,
        named: &BTreeMap<Arc<str>, Vec<Arc<str>>>,
    ) -> Result<Vec<Arc<str>>, Error> {
        let mut held: Vec<Arc<str>> = named.get(series).into_iter().flatten().cloned().collect();
        held.retain(|id| self.works.get(id).is_some_and(|work| work.holds.contains(&tile)));
        let mut after: Option<Arc<str>> = None;
        loop {
            let rows = self.view.members(series, after.as_deref(), ROWS).await?;
            let untouched = rows.iter().filter(|row| !self.works.contains_key(&row.meta.id));
            held.extend(untouched.filter(|row| row.holds.contains(&tile)).map(|row| row.meta.id.clone()));
            match rows.last() {
                Some(last) if rows.len() == ROWS => after = Some(last.meta.id.clone()),
                _ => return Ok(held),
            }
        }
    }

    /// The members that the run touches, by their series.
    fn members_by_series(&self) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
        let mut named: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
        for (id, work) in &self.works {
            if let Some(series) = work.series() {
                named.entry(series.clone()).or_default().push(id.clone());
            }
        }
        named
    }

    fn unsee(&mut self, tile: TileId, id: &Arc<str>) {
        for round in self.rounds.iter_mut().filter(|round| round.tile() == tile) {
            round.seen.remove(id);
        }
    }
}

/// A member that a tile would hold of a series after a run, with its dates: whether a series is there can be seen by it.
///
/// # Errors
/// Those of [`plan`](super::plan()).
pub async fn member(view: &dyn View, run: &Run, tile: TileId, series: &Arc<str>) -> Result<Option<Meta>, Error> {
    Plan::of(view, run, super::publish::MOST).await?.member_with_dates(tile, series).await
}
