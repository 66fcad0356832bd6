//! From format 0 to format 1.
//!
//! Each frame of the old log is written once more, as one of the new format, into segments behind the old ones. The last
//! one says that the log begins with the first of the new segments; then the old ones go. Until that frame is durable, the
//! store is one of format 0 with some leftovers, and migrating begins again; from then on, the old segments are the leftovers.
//!
//! In format 0 the line comes before the payloads, items and rows are objects without a checksum, and each publish lists its
//! rows with all that the tables know of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use delta_core::{RoundId, RoundKind};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::codec;
use super::frame::{FrameHeader, HEADER, OLD_FORMAT, SegmentHeader};
use super::log::Log;
use super::scan::{Place, Scan};
use super::segment::{self, Leaf, Segments, Span};
use super::{FileOptions, FileStore, take_lock};
use crate::Error;
use crate::batch::StagedItem;
use crate::disk::{Access, Disk, RealDisk};
use crate::effects::{Effects, Notes, Page, Piece, Root};
use crate::model::{EngineState, Position, Row, Tile};

/// What became of a store that was to be migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// It is of the present format already.
    Already,
    /// It was of an earlier one.
    From {
        /// Which.
        format: u32,
        /// How many frames it had.
        frames: u64,
    },
}

impl FileStore {
    /// Turns a replica of an earlier format into one of the present format, in its place. If that is interrupted, it is to
    /// be done again, and nothing is lost.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::NotAStore`], [`Error::Newer`], [`Error::Damaged`] or [`Error::Io`].
    pub fn migrate(path: impl AsRef<Path>) -> Result<Migrated, Error> {
        Self::migrate_with(Arc::new(RealDisk), path, FileOptions::default())
    }

    /// The same on a disk of one's own.
    ///
    /// # Errors
    /// Those of [`migrate`](Self::migrate).
    pub fn migrate_with(disk: Arc<dyn Disk>, path: impl AsRef<Path>, options: FileOptions) -> Result<Migrated, Error> {
        let path = path.as_ref();
        segment::list(disk.as_ref(), path)?;
        let _lock = take_lock(disk.as_ref(), path)?;
        let mut old = Old::open(disk.as_ref(), path)?;
        let Some(last) = old.numbers.last().copied() else { return Ok(Migrated::Already) };
        let frames = match is_through(disk.as_ref(), path, &old.newer, last)? {
            true => 0,
            false => {
                for number in old.newer.iter().rev() {
                    remove(disk.as_ref(), &segment::path(path, *number))?;
                }
                old.rewrite(&disk, options.segment_bytes)?
            }
        };
        for number in old.leftovers.iter().chain(&old.numbers) {
            remove(disk.as_ref(), &segment::path(path, *number))?;
        }
        for number in segment::list(disk.as_ref(), path)?.hints.iter().filter(|number| **number <= last) {
            remove(disk.as_ref(), &segment::hint_path(path, *number))?;
        }
        Ok(Migrated::From { format: OLD_FORMAT, frames })
    }
}

fn remove(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    disk.remove(path).map_err(Error::io("remove", path))
}

/// Whether the new segments have it all: their last frame says that the log begins behind the old ones.
fn is_through(disk: &dyn Disk, dir: &Path, newer: &[u32], last: u32) -> Result<bool, Error> {
    let mut segments = Segments::new(dir);
    let mut place = Place::START;
    for number in newer {
        let file = segments.open(disk, *number, Access::Read)?;
        let path = segments.path(*number);
        let mut scan = Scan::new(file.as_ref(), &path, *number)?;
        match scan.header()? {
            SegmentHeader::Ours { first, chain, .. } => place = Place::begin(*number, first, chain),
            _ => return Ok(false),
        }
        while let Some(header) = scan.frame(place.offset)? {
            place = place.after(&header);
        }
    }
    Ok(place.first > last)
}

/// A log of format 0.
struct Old {
    segments: Segments,
    numbers: Vec<u32>,
    /// Segments that had been freed.
    leftovers: Vec<u32>,
    /// Segments behind it that are not of its format.
    newer: Vec<u32>,
    /// By where the payloads of a frame were, where they are now.
    moved: BTreeMap<(u32, u32), (u32, u32)>,
}

impl Old {
    fn open(disk: &dyn Disk, path: &Path) -> Result<Self, Error> {
        let mut segments = Segments::new(path);
        let mut listing = segment::list(disk, path)?;
        listing.before.append(&mut listing.numbers);
        let (mut numbers, mut newer) = (Vec::new(), Vec::new());
        for number in listing.before {
            let file = segments.open(disk, number, Access::Read)?;
            let path = segments.path(number);
            let mut scan = Scan::new(file.as_ref(), &path, number)?;
            match scan.header()? {
                SegmentHeader::Other(OLD_FORMAT) => numbers.push(number),
                SegmentHeader::Other(format) => return Err(Error::format(path, format)),
                SegmentHeader::Torn if scan.good_frame_after(0)? => {
                    return Err(scan.damaged(0, "the header of a segment is not whole"));
                }
                // The end of the old log may be a segment without a whole header.
                SegmentHeader::Ours { .. } | SegmentHeader::Torn => newer.push(number),
            }
        }
        let last = numbers.last().copied();
        let is_of_the_log = |number: &u32| (*number..=last.unwrap_or(0)).all(|later| numbers.contains(&later));
        let leftovers = numbers.iter().position(is_of_the_log).unwrap_or(0);
        let leftovers: Vec<u32> = numbers.drain(..leftovers).collect();
        if let Some(between) = newer.iter().find(|number| numbers.last().is_some_and(|last| *number < last)) {
            return Err(damaged(&segments, *between, 0, "a segment does not belong where it is"));
        }
        Ok(Self { segments, numbers, leftovers, newer, moved: BTreeMap::new() })
    }

    /// Writes all frames into new segments; how many.
    fn rewrite(&mut self, disk: &Arc<dyn Disk>, segment_bytes: u64) -> Result<u64, Error> {
        let last = self.numbers.last().copied().unwrap_or(0);
        let begin = last.checked_add(1).ok_or(Error::Invalid("the log has no segment numbers left"))?;
        let segments = Segments::new(self.segments.dir());
        let oldest = self.numbers.first().copied().unwrap_or(1);
        let mut log = Log::create(disk.clone(), segments, begin, oldest, segment_bytes)?;
        let mut place = Place::START;
        let mut frames = 0;
        for number in self.numbers.clone() {
            let path = self.segments.path(number);
            let file = self.segments.open(disk.as_ref(), number, Access::Read)?;
            let mut scan = Scan::new(file.as_ref(), &path, number)?;
            match scan.header_of(OLD_FORMAT)? {
                SegmentHeader::Ours { number: named, first, chain }
                    if named == number && place.leads_to(number, chain) =>
                {
                    place = Place::begin(number, first, chain);
                }
                _ => return Err(damaged(&self.segments, number, 0, "its header does not go on from the one before")),
            }
            while place.offset < scan.size {
                match scan.next(&place)? {
                    Some(header) => self.frame(&mut log, &scan, &place, &header)?,
                    None if number == last => break,
                    None => return Err(damaged(&self.segments, number, place.offset, "a frame is not whole")),
                }
                let Some(header) = scan.next(&place)? else { break };
                place = place.after(&header);
                frames += 1;
            }
        }
        if place.first < oldest {
            return Err(damaged(&self.segments, oldest.saturating_sub(1), 0, "the segment is missing"));
        }
        // From here on nothing is needed that is old.
        log.append(&mut codec::encode(Effects::default())?, Some(begin))?;
        Ok(frames)
    }

    /// Writes one frame.
    fn frame(&mut self, log: &mut Log, scan: &Scan<'_>, place: &Place, header: &FrameHeader) -> Result<(), Error> {
        let strange =
            || damaged(&self.segments, place.segment, place.offset, "a frame's line is not one of its format");
        let begins = place.offset.saturating_add(HEADER as u64);
        let mut line = vec![0; header.line as usize];
        scan.read(&mut line, begins)?;
        let old: Line = serde_json::from_slice(&line).map_err(|_| strange())?;
        let mut payloads = vec![0; header.payloads as usize];
        scan.read(&mut payloads, begins.saturating_add(header.line.into()))?;
        let effects = self.effects(old, &payloads).ok_or_else(strange)?;
        let at = log.append(&mut codec::encode(effects)?, None)?;
        let from = u32::try_from(begins.saturating_add(header.line.into())).map_err(|_| strange())?;
        let to = u32::try_from(at.offset.saturating_add(HEADER as u64)).map_err(|_| strange())?;
        self.moved.insert((place.segment, from), (at.segment, to));
        Ok(())
    }

    /// What a frame says, with its payloads. What names a payload that has gone was written once more before it went.
    fn effects(&self, old: Line, payloads: &[u8]) -> Option<Effects<Piece<Span, String>, Leaf>> {
        let Line { root, engine_state, ended, pages, gone, rows, journal } = old;
        let mut rest = payloads;
        let mut piece = |stored: Stored| match stored {
            Stored::Here { len } => {
                let (payload, after) = rest.split_at_checked(len as usize).ok_or(Lost::Payload)?;
                rest = after;
                String::from_utf8(payload.to_vec()).map(Piece::New).map_err(|_| Lost::Payload)
            }
            Stored::There(span) => self.moved(span).map(Piece::Known).ok_or(Lost::Segment),
        };
        let mut effects = Effects { root, engine_state, ended, gone, ..Effects::default() };
        for OldPage { round, kind, tile, page, order, position, items } in pages {
            let items: Result<Vec<_>, Lost> =
                items.into_iter().map(|StagedItem { word, raw }| Ok(StagedItem { word, raw: piece(raw)? })).collect();
            effects.pages.extend(or_gone(items)?.map(|items| Page { round, kind, tile, page, order, position, items }));
        }
        for Row { meta, holds, layers, unsettled } in rows {
            let layers = or_gone(layers.try_map(&mut piece))?;
            effects.rows.extend(layers.map(|layers| Row { meta, holds, layers, unsettled }));
        }
        for notes in journal {
            let text = or_gone(piece(notes.text))?;
            effects.journal.extend(text.map(|text| notes.map(|_| text)));
        }
        Some(effects)
    }

    /// Where a payload of an earlier frame is now.
    fn moved(&self, span: Span) -> Option<Span> {
        let (from, to) = self.moved.range(..=(span.segment, span.offset)).next_back()?;
        let inside = (from.0 == span.segment).then(|| span.offset.checked_sub(from.1))??;
        Some(Span { segment: to.0, offset: to.1.checked_add(inside)?, ..span })
    }
}

/// Why a payload is not there.
enum Lost {
    /// The frame is not what it says.
    Payload,
    /// It was in a segment that has gone.
    Segment,
}

/// None for what has gone.
fn or_gone<T>(found: Result<T, Lost>) -> Option<Option<T>> {
    match found {
        Ok(found) => Some(Some(found)),
        Err(Lost::Segment) => Some(None),
        Err(Lost::Payload) => None,
    }
}

fn damaged(segments: &Segments, number: u32, offset: u64, what: &'static str) -> Error {
    Error::Damaged { path: segments.path(number), offset, what }
}

/// A line of format 0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    root: Option<Root>,
    engine_state: Option<EngineState>,
    #[serde(default)]
    ended: Vec<RoundId>,
    #[serde(default)]
    pages: Vec<OldPage>,
    #[serde(default)]
    gone: Vec<Arc<str>>,
    #[serde(default)]
    rows: Vec<Row<Stored>>,
    #[serde(default)]
    journal: Vec<Notes<Stored>>,
}

#[derive(Deserialize)]
struct OldPage {
    round: RoundId,
    kind: RoundKind,
    tile: Tile,
    page: u32,
    order: u64,
    position: Position,
    items: Vec<StagedItem<Stored>>,
}

/// A payload as a line of format 0 names it.
#[derive(Clone, Copy)]
enum Stored {
    /// Among the payloads of this frame, after those that the line names before: `[length, checksum]`.
    Here { len: u32 },
    /// In an earlier frame: `[length, checksum, segment, offset]`.
    There(Span),
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Numbers)
    }
}

/// Reads a payload's two or four numbers.
struct Numbers;

impl<'de> Visitor<'de> for Numbers {
    type Value = Stored;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two or four numbers that name a payload")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Stored, A::Error> {
        let missing = |at| de::Error::invalid_length(at, &self);
        let len = numbers.next_element()?.ok_or_else(|| missing(0))?;
        let crc = numbers.next_element()?.ok_or_else(|| missing(1))?;
        let Some(segment) = numbers.next_element()? else { return Ok(Stored::Here { len }) };
        let offset = numbers.next_element()?.ok_or_else(|| missing(3))?;
        Ok(Stored::There(Span { segment, offset, len, crc }))
    }
}
