//! Freeing space: what lives in the oldest segment is written once more at the end of the log, and the segment goes.
//!
//! - The log only ever loses its beginning. What a frame says needs nothing from before it, so what is left, with what was
//!   carried over, says the same as the whole did: also in part, twice, or with a segment that should be gone.
//! - What is carried over is durable, and a frame says where the log now begins, before a segment's name goes. A crash
//!   in between costs nothing but work.
//! - Nobody's payloads go away: a view has the files open that it reads from.
//! - Taking the oldest instead of the one with the most garbage copies what is left more often, once for each time that
//!   the log has doubled, and needs no order among frames but their own.

use delta_core::RoundId;

use super::log::Log;
use super::segment::{Leaf, Span};
use super::{FileStore, State};
use crate::Error;
use crate::batch::StagedItem;
use crate::effects::{Effects, Notes, Page, Piece, Root};
use crate::heap::{Heap, Item};
use crate::key::Key;
use crate::model::{EngineState, Row};

/// How many bytes of payloads to carry over in one frame.
const CHUNK: u64 = 4 * 1024 * 1024;

/// About what the line has for each payload.
const LINE: u64 = 256;

/// What lives in a segment, by name.
struct Living {
    rows: Vec<Key>,
    pages: Vec<(RoundId, u32)>,
    notes: Vec<u64>,
}

impl FileStore {
    /// Frees the oldest segments while less than half of the log is needed. Looks only if a segment was sealed since the
    /// last time, for counting takes as long as there are rows.
    pub(super) fn tend(&self, log: &mut Log) -> Result<(), Error> {
        let last = log.tail();
        if !log.has_grown() {
            return Ok(());
        }
        let needed = self.look(|state| state.index.bytes(&state.segments));
        let enough = needed.saturating_mul(2);
        loop {
            let oldest = log.segments().numbers().next();
            match oldest.filter(|oldest| *oldest < last) {
                Some(oldest) if log.segments().bytes()? > enough => self.free(log, oldest)?,
                _ => return Ok(()),
            }
        }
    }

    /// Carries over what lives in the oldest segment, and removes it.
    fn free(&self, log: &mut Log, oldest: u32) -> Result<(), Error> {
        let lives = |span: &Span| span.segment == oldest;
        let Living { rows, pages, notes } = self.look(|state| living(state, oldest));
        let mut carried = Carried::new(self, log);
        for key in rows {
            if let Some((row, bytes)) = self.look(|state| state.row(key, lives))? {
                carried.push(bytes, |effects| effects.rows.push(row))?;
            }
        }
        for (round, number) in pages {
            if let Some((page, bytes)) = self.look(|state| state.page(round, number, lives))? {
                carried.push(bytes, |effects| effects.pages.push(page))?;
            }
        }
        for first in notes {
            if let Some((notes, bytes)) = self.look(|state| state.notes(first, lives))? {
                carried.push(bytes, |effects| effects.journal.push(notes))?;
            }
        }
        let one_of = |state: &State| (state.index.published().root(), state.index.engine_state().cloned());
        let (root, engine_state) = self.look(one_of);
        carried.finish(root, engine_state, Some(oldest.saturating_add(1)))?;
        log.remove_leftovers()?;
        self.change_state(|state| state.segments = log.segments().clone());
        Ok(())
    }
}

/// What is to be written next.
pub(super) struct Carried<'s> {
    store: &'s FileStore,
    log: &'s mut Log,
    effects: Effects<Piece<Span, String>, Leaf>,
    bytes: u64,
}

impl<'s> Carried<'s> {
    pub(super) fn new(store: &'s FileStore, log: &'s mut Log) -> Self {
        Self { store, log, effects: Effects::default(), bytes: 0 }
    }

    /// Adds something, and how many bytes its payloads have. Writes what there is, if that is enough for a frame.
    pub(super) fn push(
        &mut self,
        bytes: u64,
        push: impl FnOnce(&mut Effects<Piece<Span, String>, Leaf>),
    ) -> Result<(), Error> {
        push(&mut self.effects);
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(LINE);
        if self.bytes > CHUNK { self.write(None) } else { Ok(()) }
    }

    fn write(&mut self, first: Option<u32>) -> Result<(), Error> {
        self.bytes = 0;
        self.store.append(self.log, (std::mem::take(&mut self.effects), Vec::new()), first)
    }

    /// Writes the rest, with what there is one of, and that the log begins at a segment.
    pub(super) fn finish(
        mut self,
        root: Option<Root>,
        engine_state: Option<EngineState>,
        first: Option<u32>,
    ) -> Result<(), Error> {
        (self.effects.root, self.effects.engine_state) = (root, engine_state);
        self.write(first)
    }
}

/// What is to be carried over: its record or one of its payloads is in a segment.
fn living(state: &State, segment: u32) -> Living {
    let published = state.index.published();
    let rows = published.rows.after(None).filter(|entry| entry.home.oldest == segment);
    let pages = state.index.stagings().flat_map(|(round, staging)| {
        let pages = staging.pages().filter(|page| page.leaf.segment == segment);
        pages.map(move |page| (round, page.number))
    });
    let notes = published.journal.after(0).filter(|notes| notes.text.segment == segment);
    Living {
        rows: rows.map(|entry| entry.key).collect(),
        pages: pages.collect(),
        notes: notes.map(|notes| notes.first).collect(),
    }
}

impl State {
    /// A payload that is carried over if it lives in the segment, and named where it is if not.
    fn piece(&self, span: Span, lives: impl Fn(&Span) -> bool) -> Result<Piece<Span, String>, Error> {
        Ok(if lives(&span) { Piece::New(self.segments.text(&span)?) } else { Piece::Known(span) })
    }

    pub(super) fn row(&self, key: Key, lives: impl Fn(&Span) -> bool) -> Found<Row<Piece<Span, String>>> {
        let Some(home) = self.index.published().rows.get(key) else { return Ok(None) };
        let Row { meta, holds, layers, unsettled } = self.segments.row(home)?;
        let mut bytes = 0_u64;
        let layers = layers.try_map(|span| {
            bytes = bytes.saturating_add(span.len.into());
            self.piece(span, &lives)
        })?;
        Ok(Some((Row { meta, holds, layers, unsettled }, bytes)))
    }

    pub(super) fn page(
        &self,
        round: RoundId,
        number: u32,
        lives: impl Fn(&Span) -> bool,
    ) -> Found<Page<Piece<Span, String>>> {
        let Some(staging) = self.index.staging(round) else { return Ok(None) };
        let Some(page) = staging.page(number) else { return Ok(None) };
        let (tile, position) = (staging.tile.clone(), staging.position.clone());
        let (mut items, mut bytes) = (Vec::new(), 0_u64);
        for Item { word, raw, .. } in self.segments.page(&page.leaf)?.iter().cloned() {
            bytes = bytes.saturating_add(raw.len.into());
            items.push(StagedItem { word, raw: self.piece(raw, &lives)? });
        }
        let page = Page { round, kind: staging.kind, tile, page: number, order: page.order, position, items };
        Ok(Some((page, bytes)))
    }

    pub(super) fn notes(&self, first: u64, lives: impl Fn(&Span) -> bool) -> Found<Notes<Piece<Span, String>>> {
        let Some(found) = self.index.published().journal.after(first.saturating_sub(1)).next() else { return Ok(None) };
        let span = found.text;
        let piece = self.piece(span, lives)?;
        Ok(Some((found.clone().map(|_| piece), span.len.into())))
    }
}

/// Something that is still there, and how many bytes its payloads have.
pub(super) type Found<T> = Result<Option<(T, u64)>, Error>;
