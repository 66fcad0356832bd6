//! Loading what frames say. The rows of a store that is opened are gathered first, and then sorted once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use delta_core::RoundId;

use super::codec::Known;
use super::scan::Frame;
use super::segment::{Home, Leaf, Segments};
use crate::Error;
use crate::batch::{Part, Word};
use crate::effects::Taken;
use crate::heap::{Heap, Item};
use crate::index::{Changes, Facts, Index, Rows, facts};
use crate::model::Row;

/// What is being read.
pub(super) struct Replay<'a> {
    index: &'a mut Index<Segments>,
    /// What becomes of rows, where there were none when reading began.
    gathered: Option<Gathered>,
    /// The items of pages that were met on the way.
    items: BTreeMap<Leaf, (RoundId, Vec<Option<Known>>)>,
    /// Rows that were taken from pages that are lost, where that is no error.
    lost: Option<u64>,
}

/// Rows that are put, and rows that go: they are nowhere.
#[derive(Default)]
struct Gathered {
    published: Vec<Known>,
    /// In the parts of a publish that has no last one yet.
    next: Vec<Known>,
}

const NOWHERE: Home = Home { segment: 0, offset: 0, oldest: 0 };

impl<'a> Replay<'a> {
    pub(super) fn new(index: &'a mut Index<Segments>) -> Self {
        let fresh = index.is_blank();
        Self { index, gathered: fresh.then(Gathered::default), items: BTreeMap::new(), lost: None }
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
                self.items.insert(at.leaf(number), (head.round(), items));
            }
        }
        let taken = std::mem::take(&mut decoded.brief.taken);
        let changes = decoded.changes(at, header.line);
        let damaged = "a frame is whole, but its payloads do not add up";
        let mut changes = changes.ok_or_else(|| segments.damaged_at(at, damaged))?;
        for taken in taken {
            self.take(&taken, segments, &mut changes.rows)?;
        }
        let ended = changes.ended.clone();
        if let Some(gathered) = &mut self.gathered {
            gathered.take(&mut changes);
        }
        self.index.load(changes, segments)?;
        if !ended.is_empty() {
            self.items.retain(|_, (round, _)| !ended.contains(round));
        }
        Ok(())
    }

    /// The rows that a frame takes from a page. What was in a segment that has gone was carried over before it went.
    fn take(&mut self, taken: &Taken<Leaf>, segments: &Segments, rows: &mut Vec<Known>) -> Result<(), Error> {
        if segments.file(taken.page.segment).is_none() {
            return Ok(());
        }
        if let (Some(lost), false) = (&mut self.lost, self.items.contains_key(&taken.page)) {
            let rows = taken.items.iter().map(|(from, to)| u64::from(to.saturating_sub(*from)));
            *lost = lost.saturating_add(rows.sum());
            return Ok(());
        }
        let items = match self.items.entry(taken.page) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert((RoundId::new(0), known(segments, &taken.page)?)),
        };
        for (from, to) in &taken.items {
            rows.extend(items.1.get(*from as usize..*to as usize).unwrap_or_default().iter().flatten());
        }
        Ok(())
    }

    /// Sorts what was gathered: of what is said of a row, the last word holds.
    pub(super) fn finish(self, segments: &Segments) -> Result<(), Error> {
        let Some(Gathered { published, next }) = self.gathered else { return Ok(()) };
        self.index.set_rows(Rows::from_sorted(last_words(published)));
        if next.is_empty() {
            return Ok(());
        }
        let (gone, rows): (Vec<Known>, Vec<Known>) = next.into_iter().partition(|(_, home)| *home == NOWHERE);
        self.index.set_next_rows(gone.into_iter().map(|(facts, _)| facts.key).collect(), rows, segments)
    }
}

impl Gathered {
    /// Takes the rows out of what a frame changes.
    fn take(&mut self, changes: &mut Changes<Segments>) {
        let Changes { root, gone, rows, part, .. } = changes;
        if *part == Some(Part::Of(0)) || (part.is_none() && root.is_some()) {
            self.next.clear();
        }
        let gone = gone.drain(..).map(|key| (Facts::nothing(key), NOWHERE));
        let fates = gone.chain(rows.drain(..));
        match part {
            Some(Part::Of(_)) => self.next.extend(fates),
            Some(Part::Last(_)) => {
                self.published.append(&mut self.next);
                self.published.extend(fates);
            }
            None => self.published.extend(fates),
        }
    }
}

/// The items of a page that was met before.
fn known(segments: &Segments, leaf: &Leaf) -> Result<Vec<Option<Known>>, Error> {
    let known = |item: Item<Segments>| {
        let (Word::Upsert { meta, form }, Some(home)) = (item.word, item.home) else { return None };
        let row = Row { meta, holds: Vec::new(), layers: form.layers(item.raw), unsettled: None };
        Some((facts(&row, segments), home))
    };
    Ok(segments.page(leaf)?.into_iter().map(known).collect())
}

/// The rows that there are in the end, in the order of their keys.
fn last_words(mut fates: Vec<Known>) -> Vec<Known> {
    fates.sort_by_key(|(facts, _)| facts.key);
    let mut kept = 0;
    for at in 0..fates.len() {
        let key = |at: usize| fates.get(at).map(|(facts, _)| facts.key);
        let Some(fate) = fates.get(at).copied() else { break };
        if key(at) != key(at + 1) && fate.1 != NOWHERE {
            fates.swap(kept, at);
            kept += 1;
        }
    }
    fates.truncate(kept);
    fates.shrink_to_fit();
    fates
}
