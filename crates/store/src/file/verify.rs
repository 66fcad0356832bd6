//! Looking at every byte of a log.

use std::path::Path;

use super::recover::{Ending, Purpose};
use super::scan::Place;
use super::{FileStore, State};
use crate::Error;
use crate::disk::{Disk, RealDisk};
use crate::heap::Heap;

/// What was found in a log in which nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many segments there are.
    pub segments: u64,
    /// The sequence number of the last frame: how many have ever been written.
    pub last_frame: u64,
    /// How many bytes the segments have.
    pub bytes: u64,
    /// How many rows there are; the payloads of each were read.
    pub rows: u64,
    /// How many notes the journal has; they were read.
    pub notes: u64,
    /// Whether the end is torn, as it is after a crash: the next writer cuts it off.
    pub torn: bool,
}

impl FileStore {
    /// Reads all of a replica and checks it, its hints and what is staged too. Takes no lock and changes nothing; while a writer is at
    /// work it looks at what there was when it began.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first place at which something is wrong, and those of
    /// [`read_only`](Self::read_only).
    pub fn verify(path: impl AsRef<Path>) -> Result<Verified, Error> {
        Self::verify_with(&RealDisk, path)
    }

    /// The same on a disk of one's own.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    pub fn verify_with(disk: &dyn Disk, path: impl AsRef<Path>) -> Result<Verified, Error> {
        let mut state = State::new(path.as_ref());
        let mut place = Place::START;
        let ending = state.read(disk, Purpose::Verify, &mut place)?;
        let segments = &state.segments;
        let published = state.index.published();
        for entry in published.rows.after(None) {
            segments.row(&entry.home)?.layers.try_map(|span| segments.text(&span).map(drop))?;
        }
        for page in state.index.stagings().flat_map(|(_, staging)| staging.pages()) {
            segments.page(&page.leaf)?.iter().try_for_each(|item| segments.text(&item.raw).map(drop))?;
        }
        let mut notes = 0;
        for block in published.journal.after(0) {
            let text = segments.text(&block.text)?;
            if !block.adds_up(&text) || block.first != published.journal.first().saturating_add(notes) {
                return Err(segments.damaged(block.text.segment, block.text.offset, "the journal has a gap"));
            }
            notes += u64::from(block.notes);
        }
        if published.journal.first().saturating_add(notes) != published.journal.last().saturating_add(1) {
            return Err(segments.damaged(place.segment, 0, "the journal ends too early"));
        }
        let torn = matches!(ending, Ending::TornFrame | Ending::TornSegment(_));
        let (count, rows) = (segments.numbers().count() as u64, published.rows.len() as u64);
        Ok(Verified {
            segments: count,
            last_frame: place.chain.seq.saturating_sub(1),
            bytes: segments.bytes()?,
            rows,
            notes,
            torn,
        })
    }
}
