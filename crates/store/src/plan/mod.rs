//! From staged rounds to the batch that publishes them: what the rows, the tiles and the journal are to be.
//!
//! Pure but for reading: a plan sees one view and writes nothing. The rules:
//!
//! - Items count in the order in which they were staged, also across rounds: the last word on an id wins.
//! - A tile's rounds touch that tile's hold on a row only. A row lives while a tile holds it, and while some tile had no
//!   part in the run that would end it, or may have been read before the row moved to it.
//! - Nothing goes by silence but by the sweep of a complete full round, which takes the tile's hold off what the round did
//!   not mention. A round with an item that nobody can name sweeps nothing.
//! - In a plain listing absence is a question: what it does not mention goes only if the server was asked.
//! - The members of a series go if the last page that tells of it does not mention them: once the server was asked, or if
//!   that page is to be trusted.
//! - What is the same byte for byte is neither written nor noted.

mod masters;
mod plain;
mod publish;
mod questions;
mod row;
mod series;
mod summary;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::{DeltaLink, Event, RoundId, RoundKind, Timestamp};

use crate::Error;
use crate::batch::{Block, ItemRef, Publish, Source, Word};
use crate::model::{Identity, Meta, Note, Reason, StagedRound, Tile, TileId, What};
use crate::store::View;
use plain::Plain;
pub use publish::{publish, publish_in_parts};
pub use questions::{Questions, questions};
use row::Work;
use series::Told;
pub use series::member;
pub use summary::Summary;

/// How many rows to read at a time.
const ROWS: usize = 1024;

/// What a run has to publish.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it is published.
    pub at: Timestamp,
    /// Whose calendar it is.
    pub identity: Identity,
    /// The rounds to use up: complete ones, at most one per tile.
    pub rounds: Vec<RoundId>,
    /// Rounds that had nothing to tell, and so have no staged pages: all that is published of them is where they ended. A
    /// run that dies before that has lost nothing, for the next one asks again and is told the same.
    pub silent: Vec<StagedRound>,
    /// The tiles that go.
    pub retire: Vec<TileId>,
    /// Events that were fetched by themselves. They are complete, so they replace what there is of their rows. One that
    /// is not a row yet becomes one if a round held it in an item that could not be understood, or, without a hold, if
    /// another row names it as its series master.
    pub fetched: Vec<Fetched>,
    /// Events that were asked for and are not there.
    pub gone: Vec<Gone>,
    /// Events that go, and nobody could say yet whether they really do: their rows stay, unsettled, until a later run.
    pub kept: Vec<Arc<str>>,
    /// Series whose members were asked for.
    pub instances: Vec<Instances>,
    /// Take a page's word for which members a series has, where nobody asked.
    pub trust: bool,
    /// Something could not be learnt and nobody will ask again: a full round is due.
    pub incomplete: bool,
    /// How much its rounds tell together of what no tile holds.
    pub reading: Reading,
}

/// How the tiles of a replica were read: whether what lost its last hold in a run is gone, or may be with another tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// At one time, as one tile is: what no tile holds is gone.
    Whole,
    /// Side by side: an event may have moved to a tile that had been read by then, so what loses its last hold stays,
    /// unsettled, until the next run. What did so in an earlier run is gone, for all tiles were read since.
    SideBySide,
    /// Not all: a tile that is to be there had no part in the run, so nothing goes. A run is read so in any case if a
    /// tile stays and has no part in it.
    Partial,
}

impl Run {
    /// A run of rounds and nothing else.
    pub fn new(at: Timestamp, identity: Identity, rounds: Vec<RoundId>, retire: Vec<TileId>) -> Self {
        let (silent, fetched, gone, kept, instances) = Default::default();
        let (trust, incomplete, reading) = (false, false, Reading::Whole);
        Self { at, identity, rounds, silent, retire, fetched, gone, kept, instances, trust, incomplete, reading }
    }
}

/// The members that a series has in a tile's window, because the server was asked.
#[derive(Debug, Clone)]
pub struct Instances {
    /// The tile.
    pub tile: TileId,
    /// The id of the series master.
    pub series: Arc<str>,
    /// Its members: at least the id, type, start and end of each. None if there is no such series any more. A member that
    /// a series which is there does not show may be deleted, or somewhere else in time.
    pub members: Option<Vec<Fetched>>,
}

/// A tile's hold that goes because the server was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The tile.
    pub tile: TileId,
    /// The event's id.
    pub id: Arc<str>,
    /// [`What::Deleted`] or [`What::LeftWindow`].
    pub what: What,
    /// It is in no other tile either: no later run has to look.
    pub nowhere: bool,
}

/// An event that was fetched by itself.
#[derive(Debug, Clone)]
pub struct Fetched {
    meta: Meta,
    raw: String,
    tile: Option<TileId>,
}

impl Fetched {
    /// Takes the JSON of an event as a GET gave it; none if it is not an object with an id.
    pub fn new(raw: String) -> Option<Self> {
        let event = Event::parse(&raw).ok()?;
        let id = event.id().filter(|id| !id.is_empty())?;
        let meta = Meta::of(&id, &event);
        Some(Self { meta, raw, tile: None })
    }

    /// The same event, seen in a tile's window although the round took it away: the tile holds it.
    #[must_use]
    pub fn held_by(self, tile: TileId) -> Self {
        Self { tile: Some(tile), ..self }
    }

    /// The event's id.
    pub fn id(&self) -> &Arc<str> {
        &self.meta.id
    }
}

/// Works out a run's effects, and counts them.
///
/// # Errors
/// [`Error::Invalid`] if a round is not staged to its end, if two are for one tile, or one for a tile that goes; what the
/// view says.
pub async fn plan(view: &dyn View, run: Run) -> Result<(Publish, Summary), Error> {
    let plan = Plan::of(view, &run, usize::MAX).await?;
    plan.finish(run).await
}

struct Plan<'v> {
    view: &'v dyn View,
    rounds: Vec<Round>,
    /// The tiles that stay and have no part in the run.
    idle: Vec<Tile>,
    reading: Reading,
    works: BTreeMap<Arc<str>, Work>,
    /// The items that need no work, if that was looked at.
    plain: Option<Plain>,
    /// The series whose members were asked for.
    answered: BTreeSet<(TileId, Arc<str>)>,
    summary: Summary,
}

/// A round that the run uses up.
struct Round {
    staged: StagedRound,
    /// A plain listing has none.
    link: Option<DeltaLink>,
    reason: Reason,
    /// The ids that a full round mentioned, but for those that it removed later.
    seen: BTreeSet<Arc<str>>,
    /// The ids of items that could not be understood, and the last page of each, but for those that were fetched, or told
    /// again.
    unread: BTreeMap<Arc<str>, u32>,
    /// It held an item without a readable id.
    blind: bool,
    /// What its pages tell of series; also of events that are none, as far as anybody knows.
    told: BTreeMap<Arc<str>, Told>,
}

impl Round {
    fn tile(&self) -> TileId {
        self.staged.tile.id
    }

    fn is_full(&self) -> bool {
        self.staged.kind == RoundKind::Full
    }
}

impl<'v> Plan<'v> {
    fn new(view: &'v dyn View, run: &Run) -> Result<Self, Error> {
        let known = view.rounds();
        let found = run.rounds.iter().map(|id| known.iter().find(|staged| staged.round == *id));
        if run.silent.iter().any(|round| round.pages > 0 || round.kind == RoundKind::Full) {
            return Err(Error::Invalid("a round that reads everything, or has pages, is not staged"));
        }
        let mut rounds = Vec::new();
        for staged in found.chain(run.silent.iter().map(Some)) {
            let complete = staged.filter(|staged| staged.is_complete()).cloned();
            let staged = complete.ok_or(Error::Invalid("a round to publish is not staged to its end"))?;
            let (link, reason) = (staged.link().cloned(), reason(view, &staged));
            let (seen, unread, told) = Default::default();
            rounds.push(Round { staged, link, reason, seen, unread, blind: false, told });
        }
        let read: BTreeSet<TileId> = rounds.iter().map(Round::tile).collect();
        if read.len() != rounds.len() || run.retire.iter().any(|tile| read.contains(tile)) {
            return Err(Error::Invalid("two rounds are for one tile, or one is for a tile that goes"));
        }
        let idle = view.tiles().iter().filter(|tile| !run.retire.contains(&tile.id) && !read.contains(&tile.id));
        let idle: Vec<Tile> = idle.cloned().collect();
        let reading = if idle.is_empty() { run.reading } else { Reading::Partial };
        let (works, answered) = Default::default();
        Ok(Self { view, idle, reading, rounds, works, plain: None, answered, summary: Summary::default() })
    }

    /// All that a run makes of the rows, but for those of a first full round of more than `most` items that need no work.
    async fn of(view: &'v dyn View, run: &Run, most: usize) -> Result<Self, Error> {
        let mut plan = Self::new(view, run)?;
        if most < usize::MAX {
            plan.plain = Plain::of(view, &plan.rounds, run, most).await?;
        }
        plan.read_pages().await?;
        for asked in &run.instances {
            plan.answer(asked.clone()).await?;
        }
        if run.trust {
            plan.trust().await?;
        }
        for fetched in &run.fetched {
            plan.fetch(fetched.clone()).await?;
        }
        for gone in &run.gone {
            plan.lose(gone).await?;
        }
        plan.sweep(&run.retire).await?;
        plan.settle().await?;
        for id in &run.kept {
            plan.work(id).await?.keep();
        }
        plan.release_masters().await?;
        Ok(plan)
    }

    /// Whether tiles may tell of the same event in different versions.
    fn has_siblings(&self) -> bool {
        self.rounds.len() > 1 || !self.idle.is_empty()
    }

    /// What is being made of a row.
    async fn work(&mut self, id: &Arc<str>) -> Result<&mut Work, Error> {
        if !self.works.contains_key(id) {
            let before = self.view.row(id).await?;
            self.works.insert(id.clone(), Work::new(before));
        }
        self.works.get_mut(id).ok_or(Error::Invalid("a row was lost while it was planned"))
    }

    /// Goes through all staged pages, the oldest first.
    async fn read_pages(&mut self) -> Result<(), Error> {
        if let [round] = self.rounds.as_slice() {
            for number in 0..round.staged.pages {
                self.read_page(0, number).await?;
            }
            return Ok(());
        }
        let mut pages = Vec::new();
        for (at, round) in self.rounds.iter().enumerate() {
            for number in 0..round.staged.pages {
                let page = self.view.staged_page(round.staged.round, number).await?;
                pages.push((page.ok_or(NOT_STAGED)?.order, at, number));
            }
        }
        pages.sort_unstable();
        for (_, at, number) in pages {
            self.read_page(at, number).await?;
        }
        Ok(())
    }

    async fn read_page(&mut self, at: usize, number: u32) -> Result<(), Error> {
        let Some(round) = self.rounds.get(at) else { return Ok(()) };
        let (id, tile, reason) = (round.staged.round, round.tile(), round.reason);
        let page = self.view.staged_page(id, number).await?.ok_or(NOT_STAGED)?;
        for (item, staged) in (0..).zip(page.items) {
            let word = staged.word;
            if self.is_plain(&word) {
                continue;
            }
            self.mention(at, number, &word);
            match word {
                Word::Upsert { meta, form } => {
                    let view = self.view;
                    let item = ItemRef { round: id, page: number, item };
                    let siblings = self.has_siblings();
                    let work = self.work(&meta.id).await?;
                    work.hold(tile, reason);
                    if siblings {
                        work.tell(tile, &meta);
                    }
                    work.upsert(view, meta, form, Source::Staged(item)).await?;
                }
                Word::Remove { id } => {
                    let known = self.work(&id).await?.drop_hold(tile, reason);
                    self.summary.unknown_removals += u64::from(!known);
                }
                Word::Malformed { .. } => self.summary.malformed += 1,
            }
        }
        Ok(())
    }

    /// Remembers what a full round has mentioned and not removed since: also a malformed item shows that the event is
    /// there. Of any round, remembers what could not be understood.
    fn mention(&mut self, round: usize, page: u32, word: &Word) {
        let Some(round) = self.rounds.get_mut(round) else { return };
        round.hear(page, word);
        match word {
            Word::Upsert { meta, .. } => {
                round.unread.remove(&meta.id);
                round.seen.insert(meta.id.clone());
            }
            Word::Malformed { id: Some(id) } => {
                round.unread.insert(id.clone(), page);
                round.seen.insert(id.clone());
            }
            Word::Malformed { id: None } => round.blind = true,
            Word::Remove { id } => {
                round.unread.remove(id);
                round.seen.remove(id);
            }
        }
    }

    /// Takes an event that was fetched. Where a round had told of it in a way that could not be understood, it is held
    /// by that round's tile.
    async fn fetch(&mut self, fetched: Fetched) -> Result<(), Error> {
        let id = fetched.meta.id.clone();
        let mut told = Vec::new();
        for round in &mut self.rounds {
            let page = round.unread.remove(&id);
            if let Some(page) = page {
                round.hear_late(page, &fetched.meta);
            }
            told.push((round.tile(), round.reason, page.is_some()));
        }
        let work = self.work(&id).await?;
        for (tile, reason, unread) in told {
            if unread || work.holds.contains(&tile) || fetched.tile == Some(tile) {
                work.hold(tile, reason);
            }
        }
        work.fetch(fetched);
        Ok(())
    }

    /// Takes a hold away because the server was asked.
    async fn lose(&mut self, gone: &Gone) -> Result<(), Error> {
        let round = self.rounds.iter_mut().find(|round| round.tile() == gone.tile);
        let reason = round.map_or(Reason::Window, |round| {
            round.unread.remove(&gone.id);
            round.seen.remove(&gone.id);
            round.reason
        });
        self.work(&gone.id).await?.lose(gone.tile, gone.what, reason, gone.nowhere);
        Ok(())
    }

    async fn finish(mut self, run: Run) -> Result<(Publish, Summary), Error> {
        let frame = self.frame(run);
        let reading = self.reading;
        let mut rows = Vec::new();
        let mut notes: Vec<Note> = Vec::new();
        for (id, work) in std::mem::take(&mut self.works) {
            let outcome = work.finish(self.view, &id, reading).await?;
            self.summary.count(&outcome);
            rows.extend(outcome.change);
            notes.extend(outcome.note);
        }
        let journal = Block::pack(&notes);
        Ok((Publish { rows, journal, ..frame }, self.summary))
    }

    /// What is published, without rows and journal.
    fn frame(&self, run: Run) -> Publish {
        let Run { at, identity, rounds, incomplete, .. } = run;
        let mut tiles = self.idle.clone();
        tiles.extend(self.rounds.iter().map(|round| round.to_tile(at, incomplete)));
        tiles.sort_unstable_by_key(|tile| tile.id);
        let (base, rows, journal) = (self.view.revision(), Vec::new(), Vec::new());
        Publish { base, at, identity, tiles, rounds, rows, journal, skipped: 0, part: None }
    }
}

impl Round {
    /// The tile as it is after the round.
    fn to_tile(&self, at: Timestamp, incomplete: bool) -> Tile {
        let (full, malformed) = (self.is_full(), incomplete || self.blind || !self.unread.is_empty());
        let tile = self.staged.tile.clone();
        Tile {
            link: self.link.clone(),
            synced_at: Some(at),
            full_at: if full { Some(at) } else { tile.full_at },
            unswept: malformed || (!full && tile.unswept),
            ..tile
        }
    }
}

const NOT_STAGED: Error = Error::Invalid("a page of a round to publish is not staged");

/// Why a round was made.
fn reason(view: &dyn View, staged: &StagedRound) -> Reason {
    let known = view.tiles().iter().any(|tile| tile.id == staged.tile.id);
    match staged.kind {
        RoundKind::Incremental if !staged.is_listing() => Reason::Change,
        RoundKind::Incremental if view.tiles().is_empty() => Reason::Change,
        RoundKind::Incremental => Reason::Resync,
        RoundKind::Full if known => Reason::Resync,
        RoundKind::Full if view.tiles().is_empty() => Reason::Change,
        RoundKind::Full => Reason::Window,
    }
}
