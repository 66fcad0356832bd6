//! Loading what frames say. The rows of a store that is opened are gathered first, and then sorted once.

use std::collections::BTreeMap;
use std::ops::Range;

use delta_core::RoundId;

use super::codec::Known;
use super::scan::Frame;
use super::segment::{Home, Leaf, Segments};
use crate::Error;
use crate::batch::{Part, Word};
use crate::effects::Taken;
use crate::heap::{Heap, Item};
use crate::index::{Changes, Facts, Index, Rows, facts};
use crate::key::Key;
use crate::model::Row;

/// What is being read.
pub(super) struct Replay<'a> {
    index: &'a mut Index<Segments>,
    /// All rows and items that were met on the way. Those that make no row are nowhere.
    met: Vec<Known>,
    /// What becomes of rows, where there were none when reading began.
    gathered: Option<Gathered>,
    /// The items of pages, as places in what was met.
    pages: BTreeMap<Leaf, (RoundId, Range<usize>)>,
    /// Rows that were taken from pages that are lost, where that is no error.
    lost: Option<u64>,
}

/// Rows that are put, and rows that go, in the order of what is said of them: where each is in what was met.
#[derive(Default)]
struct Gathered {
    published: Vec<u32>,
    /// In the parts of a publish that has no last one yet.
    next: Vec<u32>,
}

const NOWHERE: Home = Home { segment: 0, offset: 0, oldest: 0 };

impl<'a> Replay<'a> {
    pub(super) fn new(index: &'a mut Index<Segments>) -> Self {
        let fresh = index.is_blank();
        let (met, pages) = Default::default();
        Self { index, met, gathered: fresh.then(Gathered::default), pages, lost: None }
    }

    /// For a log of which some frames are lost.
    pub(super) fn of_what_is_left(index: &'a mut Index<Segments>) -> Self {
        Self { lost: Some(0), ..Self::new(index) }
    }

    /// How many rows were taken from pages that are lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost.unwrap_or(0)
    }

    /// Takes the next frame.
    pub(super) fn visit(&mut self, frame: Frame, segments: &Segments) -> Result<(), Error> {
        let Frame { header, at, mut decoded, .. } = frame;
        for (number, items) in (0..).zip(std::mem::take(&mut decoded.items)) {
            if let Some(head) = decoded.brief.pages.get(number as usize) {
                let items = self.meet(items);
                self.pages.insert(at.leaf(number), (head.round(), items));
            }
        }
        let taken = std::mem::take(&mut decoded.brief.taken);
        let changes = decoded.changes(at, header.line);
        let damaged = "a frame is whole, but its payloads do not add up";
        let mut changes = changes.ok_or_else(|| segments.damaged_at(at, damaged))?;
        let mut put = Vec::new();
        for taken in taken {
            self.take(&taken, segments, &mut put)?;
        }
        let ended = changes.ended.clone();
        if self.gathered.is_some() {
            self.gather(&mut changes, put);
        } else {
            let put = put.into_iter().filter_map(|items| self.met.get(items));
            changes.rows.extend(put.flatten().filter(|(_, home)| *home != NOWHERE));
        }
        self.index.load(changes, segments)?;
        if !ended.is_empty() {
            self.pages.retain(|_, (round, _)| !ended.contains(round));
        }
        Ok(())
    }

    /// Takes rows or items down, and says where.
    fn meet(&mut self, items: impl IntoIterator<Item = Option<Known>>) -> Range<usize> {
        let from = self.met.len();
        let nothing = (Facts::nothing(Key::NONE), NOWHERE);
        self.met.extend(items.into_iter().map(|known| known.unwrap_or(nothing)));
        from..self.met.len()
    }

    /// The rows that a frame takes from a page. What was in a segment that has gone was carried over before it went.
    fn take(&mut self, taken: &Taken<Leaf>, segments: &Segments, put: &mut Vec<Range<usize>>) -> Result<(), Error> {
        if segments.file(taken.page.segment).is_none() {
            return Ok(());
        }
        if let (Some(lost), false) = (&mut self.lost, self.pages.contains_key(&taken.page)) {
            let rows = taken.items.iter().map(|(from, to)| u64::from(to.saturating_sub(*from)));
            *lost = lost.saturating_add(rows.sum());
            return Ok(());
        }
        let all = match self.pages.get(&taken.page) {
            Some((_, items)) => items.clone(),
            None => {
                let items = self.meet(known(segments, &taken.page)?);
                self.pages.insert(taken.page, (RoundId::new(0), items.clone()));
                items
            }
        };
        for (from, to) in &taken.items {
            let place = |number: u32| all.start.saturating_add(number as usize);
            // What is more than the page has is passed over, all of it.
            put.extend(Some(place(*from)..place(*to)).filter(|items| items.end <= all.end));
        }
        Ok(())
    }

    /// Takes the rows out of what a frame changes, beside those that it takes from pages.
    fn gather(&mut self, changes: &mut Changes<Segments>, put: Vec<Range<usize>>) {
        let gone = changes.gone.drain(..).map(|key| Some((Facts::nothing(key), NOWHERE)));
        let gone = self.meet(gone);
        let rows = self.meet(changes.rows.drain(..).map(Some));
        let taken = put.into_iter().flatten().filter(|at| self.met.get(*at).is_some_and(|(_, home)| *home != NOWHERE));
        let fates = gone.chain(rows).chain(taken).map(|at| u32::try_from(at).unwrap_or(u32::MAX));
        let Some(Gathered { published, next }) = &mut self.gathered else { return };
        let Changes { root, part, .. } = changes;
        if *part == Some(Part::Of(0)) || (part.is_none() && root.is_some()) {
            next.clear();
        }
        match part {
            Some(Part::Of(_)) => next.extend(fates),
            Some(Part::Last(_)) => {
                published.append(next);
                published.extend(fates);
            }
            None => published.extend(fates),
        }
    }

    /// Sorts what was gathered: of what is said of a row, the last word holds.
    pub(super) fn finish(self, segments: &Segments) -> Result<(), Error> {
        let Some(Gathered { published, next }) = self.gathered else { return Ok(()) };
        self.index.set_rows(Rows::from_sorted(last_words(&self.met, &published)));
        if next.is_empty() {
            return Ok(());
        }
        let next = next.iter().filter_map(|at| self.met.get(*at as usize)).copied();
        let (gone, rows): (Vec<Known>, Vec<Known>) = next.partition(|(_, home)| *home == NOWHERE);
        self.index.set_next_rows(gone.into_iter().map(|(facts, _)| facts.key).collect(), rows, segments)
    }
}

/// The items of a page that was met before.
fn known(segments: &Segments, leaf: &Leaf) -> Result<Vec<Option<Known>>, Error> {
    let known = |item: Item<Segments>| {
        let (Word::Upsert { meta, form }, Some(home)) = (item.word, item.home) else { return None };
        let row = Row { meta, holds: Vec::new(), layers: form.layers(item.raw), unsettled: None };
        Some((facts(&row, segments), home))
    };
    Ok(segments.page(leaf)?.iter().cloned().map(known).collect())
}

/// The rows that there are in the end, in the order of their keys. What is sorted is a number for each: its key, and behind
/// that its place in the order of what was said.
fn last_words(met: &[Known], fates: &[u32]) -> impl Iterator<Item = Known> {
    let known = |fate: u32| met.get(fate as usize);
    let words = (0_u32..).zip(fates).filter_map(|(order, fate)| Some(known(*fate)?.0.key.before(order)));
    let mut words: Vec<u128> = words.collect();
    words.sort_unstable();
    let is_last = |at: usize, word: u128| words.get(at + 1).is_none_or(|next| next >> u32::BITS != word >> u32::BITS);
    let last: Vec<u32> =
        words.iter().enumerate().filter(|(at, word)| is_last(*at, **word)).map(|(_, word)| *word as u32).collect();
    let fate = move |order: u32| met.get(*fates.get(order as usize)? as usize).copied();
    last.into_iter().filter_map(fate).filter(|(_, home)| *home != NOWHERE)
}
