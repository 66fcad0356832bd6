//! What can be saved of a log that is damaged.
//!
//! Each frame that is whole is taken, wherever it lies; what is lost in between may have put a row or taken one away. So
//! the cursors are left behind, if anything is lost: the next run is a full round, and settles it.

use std::path::Path;
use std::sync::Arc;

use super::compact::Carried;
use super::frame::SegmentHeader;
use super::replay::Replay;
use super::scan::Scan;
use super::segment::{self, Span};
use super::{AccessTo, FileOptions, FileStore, State, locked, take_lock};
use crate::Error;
use crate::disk::{Access, Disk, RealDisk};
use crate::effects::{Notes, Piece, Root};
use crate::model::TileId;

/// What was saved, and what was lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// How many frames were whole.
    pub frames: u64,
    /// How many stretches of bytes, or missing segments, could not be understood; a torn end is one.
    pub gaps: u64,
    /// How many rows were saved.
    pub rows: u64,
    /// How many rows were lost whose payloads are unreadable. Nobody knows how many more were in the gaps.
    pub lost_rows: u64,
    /// How many notes of the journal were saved: those after the last one that is lost.
    pub notes: u64,
}

impl Salvaged {
    /// Whether anything was lost.
    pub fn is_complete(&self) -> bool {
        (self.gaps, self.lost_rows) == (0, 0)
    }
}

impl FileStore {
    /// Copies what can be read of a damaged replica into a new one. The damaged one is not changed. If anything is lost,
    /// the copy has no cursors and no staged rounds, so that the next run reads everything.
    ///
    /// # Errors
    /// [`Error::NotAStore`] if there is something at the new path; [`Error::Newer`]; [`Error::Locked`]; [`Error::Io`].
    pub fn salvage(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Salvaged, Error> {
        Self::salvage_with(Arc::new(RealDisk), from, to, FileOptions::default())
    }

    /// The same on a disk of one's own.
    ///
    /// # Errors
    /// Those of [`salvage`](Self::salvage).
    pub fn salvage_with(
        disk: Arc<dyn Disk>,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        options: FileOptions,
    ) -> Result<Salvaged, Error> {
        let (from, to) = (from.as_ref(), to.as_ref());
        if disk.list(to).is_ok_and(|entries| !entries.is_empty()) {
            return Err(Error::NotAStore { path: to.to_owned(), why: "there is something already" });
        }
        let mut state = State::new(from);
        segment::list(disk.as_ref(), from)?;
        let _lock = take_lock(disk.as_ref(), from)?;
        let mut salvaged = gather(disk.as_ref(), &mut state)?;
        let target = Self::open_with(disk, to, options)?;
        let AccessTo::Write { log, .. } = &target.access else { return Err(Error::ReadOnly) };
        let mut log = locked(log);
        salvaged.write(&state, Carried::new(&target, &mut log))?;
        Ok(salvaged)
    }
}

/// Loads every frame that is whole.
fn gather(disk: &dyn Disk, state: &mut State) -> Result<Salvaged, Error> {
    let mut salvaged = Salvaged::default();
    let mut listing = segment::list(disk, state.segments.dir())?;
    listing.before.append(&mut listing.numbers);
    let lowest = listing.before.first().copied().unwrap_or(1);
    let mut begins_at = 1;
    let mut expected = None;
    for number in &listing.before {
        state.segments.open(disk, *number, Access::Read)?;
    }
    let mut replay = Replay::of_what_is_left(&mut state.index);
    for number in listing.before {
        let file = state.segments.open(disk, number, Access::Read)?;
        let path = state.segments.path(number);
        let mut scan = Scan::new(file.as_ref(), &path, number)?;
        match scan.header()? {
            SegmentHeader::Other(format) => return Err(Error::format(path, format)),
            SegmentHeader::Ours { number: named, chain, .. } if named == number => {
                salvaged.gaps += u64::from(expected.is_some_and(|expected| expected != chain));
                expected = Some(chain);
            }
            _ => salvaged.gaps += 1,
        }
        let mut from = 0;
        while let Some((offset, header)) = scan.next_frame(from)? {
            salvaged.gaps += u64::from(expected.is_some_and(|expected| expected != header.chain));
            match scan.decode(offset, header)? {
                Some(frame) => {
                    replay.visit(frame, &state.segments)?;
                    salvaged.frames += 1;
                }
                None => salvaged.gaps += 1,
            }
            expected = Some(header.chain.after(header.crc));
            begins_at = header.first;
            from = offset.saturating_add(header.frame_len());
        }
        salvaged.gaps += u64::from(from != scan.size);
    }
    salvaged.gaps += u64::from(lowest > begins_at);
    salvaged.lost_rows = replay.lost();
    replay.finish(&state.segments)?;
    Ok(salvaged)
}

impl Salvaged {
    /// Writes what was gathered, as far as it can be read.
    fn write(&mut self, from: &State, mut carried: Carried<'_>) -> Result<(), Error> {
        let engine_state = from.index.engine_state().cloned();
        let Some(mut root) = from.index.published().root() else {
            // Nothing was ever published, or nobody knows whose rows these are.
            self.lost_rows = self.lost_rows.saturating_add(from.index.published().rows.len() as u64);
            return carried.finish(None, engine_state, None);
        };
        self.rows(from, &root, &mut carried)?;
        root.first_seq = self.journal(from, root.last_seq, &mut carried)?;
        if self.is_complete() && from.index.is_whole() {
            staged(from, &mut carried)?;
        } else {
            root.tiles.iter_mut().for_each(|tile| tile.link = None);
        }
        carried.finish(Some(root), engine_state, None)
    }

    /// Rows that can be read, and are held by a tile that is known.
    fn rows(&mut self, from: &State, root: &Root, carried: &mut Carried<'_>) -> Result<(), Error> {
        let is_known = |tile: &TileId| root.tiles.iter().any(|known| known.id == *tile);
        for entry in from.index.published().rows.after(None) {
            match from.row(entry.key, |_| true) {
                Ok(Some((mut row, bytes))) if row.holds.is_empty() || row.holds.iter().any(is_known) => {
                    row.holds.retain(is_known);
                    self.rows += 1;
                    carried.push(bytes, |effects| effects.rows.push(row))?;
                }
                _ => self.lost_rows += 1,
            }
        }
        Ok(())
    }

    /// The notes at the journal's end that have no gap, and the number of the first of them.
    fn journal(&mut self, from: &State, last_seq: u64, carried: &mut Carried<'_>) -> Result<u64, Error> {
        let blocks: Vec<_> = from.index.published().journal.after(0).map(|notes| (notes.first, notes.last())).collect();
        let mut first_seq = last_seq.saturating_add(1);
        for (first, last) in blocks.into_iter().rev().filter(|(_, last)| *last <= last_seq) {
            match from.notes(first, |_| true) {
                Ok(Some((notes, bytes))) if last.saturating_add(1) == first_seq && is_whole(&notes, first) => {
                    self.notes += u64::from(notes.notes);
                    first_seq = first;
                    carried.push(bytes, |effects| effects.journal.push(notes))?;
                }
                _ => {
                    self.gaps += 1;
                    break;
                }
            }
        }
        Ok(first_seq)
    }
}

/// Whether a block of notes is the one that begins with this note, and has as many as it says.
fn is_whole(notes: &Notes<Piece<Span, String>>, first: u64) -> bool {
    notes.first == first && matches!(&notes.text, Piece::New(text) if notes.adds_up(text))
}

/// All staged rounds.
fn staged(from: &State, carried: &mut Carried<'_>) -> Result<(), Error> {
    for (round, staging) in from.index.stagings() {
        for page in staging.pages() {
            if let Some((page, bytes)) = from.page(round, page.number, |_| true)? {
                carried.push(bytes, |effects| effects.pages.push(page))?;
            }
        }
    }
    Ok(())
}
