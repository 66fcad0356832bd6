//! Hints: what the tables need to know of a sealed segment, so that opening a store does not read what it only needs later.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic |
//! | 8 | the length of the segment |
//! | 40 | the segment's header |
//! | | of each frame, its header; the length of its line without rows and items, and that line; how many rows it has, and what the tables know of each; and the same for the items of each of its pages |
//! | 4 | CRC-32C of all of the above |
//!
//! A hint is a cache: it is never synced, and one that is missing, torn, of another segment or of another build is made anew
//! by whoever opens the store for writing. Records and payloads that nobody looked at are checked when they are read.

use std::io;

use crc32c::crc32c;

use super::codec::{At, Brief, Decoded, Known};
use super::frame::{FrameHeader, HEADER, SEGMENT_HEADER, SegmentHeader, take_u32};
use super::scan::{Frame, Place, Scan, Visit};
use super::segment::{Home, Segments, hint_path};
use crate::Error;
use crate::disk::{Access, Disk, File, read_exact_at};
use crate::index::Facts;

/// The last digit is the number of this layout.
const MAGIC: [u8; 8] = *b"\xffcdhint1";

/// How many bytes a row takes: where it is, and what the tables know of it.
const ROW: usize = 8 + Facts::LEN;

/// A hint in the making.
pub(super) struct Hint(Vec<u8>);

impl Hint {
    /// For a segment of this length.
    pub(super) fn new(segment: &dyn File, size: u64) -> io::Result<Self> {
        let mut header = [0; SEGMENT_HEADER];
        read_exact_at(segment, &mut header, 0)?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(size.to_le_bytes());
        bytes.extend(header);
        Ok(Self(bytes))
    }

    /// Goes on with the next frame.
    pub(super) fn push(&mut self, frame: &Frame) {
        let Decoded { brief, rows, items } = &frame.decoded;
        self.0.extend(frame.head);
        let line = serde_json::to_vec(brief).unwrap_or_default();
        self.number(line.len());
        self.0.extend(line);
        self.number(rows.len());
        rows.iter().for_each(|row| self.row(Some(row)));
        for page in items {
            self.number(page.len());
            page.iter().for_each(|item| self.row(item.as_ref()));
        }
    }

    fn number(&mut self, number: usize) {
        self.0.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    /// A row; where it is can't be 0, so that means that there is none.
    fn row(&mut self, row: Option<&Known>) {
        match row {
            Some((facts, home)) => {
                self.0.extend(home.offset.to_le_bytes());
                self.0.extend(home.oldest.to_le_bytes());
                self.0.extend(facts.to_bytes());
            }
            None => self.0.extend([0; ROW]),
        }
    }

    /// Writes it in the place of one that there may be.
    pub(super) fn write(mut self, disk: &dyn Disk, segments: &Segments, number: u32) -> io::Result<()> {
        self.0.extend(crc32c(&self.0).to_le_bytes());
        let path = hint_path(segments.dir(), number);
        match disk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        disk.open(&path, Access::Create)?.write_at(&self.0, 0)
    }

    /// Compares it with the one that there is, if anybody would believe that one.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it says something else.
    pub(super) fn compare(
        mut self,
        disk: &dyn Disk,
        segments: &Segments,
        segment: &dyn File,
        begin: Place,
    ) -> Result<(), Error> {
        let Some(found) = content(disk, segments, begin.segment) else { return Ok(()) };
        self.0.extend(crc32c(&self.0).to_le_bytes());
        let size = segment.size().map_err(Error::io("measure", &segments.path(begin.segment)))?;
        if found == self.0 || frames(&found, segment, size, begin).is_none() {
            return Ok(());
        }
        let path = hint_path(segments.dir(), begin.segment);
        Err(Error::Damaged { path, offset: 0, what: "the hint says something else than its segment does; remove it" })
    }
}

/// Makes the hint of a segment that was just sealed. Without one, opening the store takes longer, and that is all.
pub(super) fn make(disk: &dyn Disk, segments: &Segments, file: &dyn File, number: u32) {
    let path = segments.path(number);
    let Ok(mut scan) = Scan::new(file, &path, number) else { return };
    let Ok(SegmentHeader::Ours { first, chain, .. }) = scan.header() else { return };
    let mut place = Place::begin(number, first, chain);
    let Ok(mut hint) = Hint::new(file, scan.size) else { return };
    let whole = scan.frames(&mut place, &mut |frame| {
        hint.push(&frame);
        Ok(())
    });
    if matches!(whole, Ok(true)) {
        // A hint that can't be written is one that is missing.
        let _ = hint.write(disk, segments, number);
    }
}

/// Gives the frames of a segment to `visit`, from its hint, and moves the place to the segment's end. False if there is
/// no hint that fits: then nothing was visited, and the segment itself has to be read.
pub(super) fn read(
    disk: &dyn Disk,
    segments: &Segments,
    segment: &dyn File,
    size: u64,
    place: &mut Place,
    visit: Visit<'_>,
) -> Result<bool, Error> {
    let bytes = content(disk, segments, place.segment);
    let Some((frames, end)) = bytes.and_then(|bytes| frames(&bytes, segment, size, *place)) else { return Ok(false) };
    frames.into_iter().try_for_each(visit)?;
    *place = end;
    Ok(true)
}

fn content(disk: &dyn Disk, segments: &Segments, number: u32) -> Option<Vec<u8>> {
    let file = disk.open(&hint_path(segments.dir(), number), Access::Read).ok()?;
    let mut bytes = vec![0; usize::try_from(file.size().ok()?).ok()?];
    read_exact_at(file.as_ref(), &mut bytes, 0).ok()?;
    Some(bytes)
}

/// The frames, and where the segment ends, if the bytes are its hint.
fn frames(bytes: &[u8], segment: &dyn File, size: u64, mut place: Place) -> Option<(Vec<Frame>, Place)> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    let expected = Hint::new(segment, size).ok()?;
    let mut rest = content.strip_prefix(expected.0.as_slice())?;
    if crc32c(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let head = *take::<HEADER>(&mut rest)?;
        let header = FrameHeader::read(&head).filter(|header| header.chain == place.chain)?;
        let at = At { segment: place.segment, offset: place.offset, payloads: header.payloads };
        let decoded = decoded(&mut rest, place.segment)?;
        frames.push(Frame { header, head, at, decoded });
        place = place.after(&header);
    }
    (place.offset == size).then_some((frames, place))
}

fn decoded(rest: &mut &[u8], segment: u32) -> Option<Decoded> {
    let len = take_u32(rest)? as usize;
    let (line, after) = rest.split_at_checked(len)?;
    *rest = after;
    let brief: Brief = serde_json::from_slice(line).ok()?;
    let rows = rows(rest, segment)?.into_iter().collect::<Option<_>>()?;
    let items = brief.pages.iter().map(|_| self::rows(rest, segment)).collect::<Option<_>>()?;
    Some(Decoded { brief, rows, items })
}

fn rows(rest: &mut &[u8], segment: u32) -> Option<Vec<Option<Known>>> {
    let count = take_u32(rest)? as usize;
    let (bytes, after) = rest.split_at_checked(count.checked_mul(ROW)?)?;
    *rest = after;
    bytes.as_chunks::<ROW>().0.iter().map(|bytes| row(bytes, segment)).collect()
}

/// A row, if there is one.
fn row(bytes: &[u8; ROW], segment: u32) -> Option<Option<Known>> {
    let mut rest = bytes.as_slice();
    let (offset, oldest) = (take_u32(&mut rest)?, take_u32(&mut rest)?);
    if offset == 0 {
        return Some(None);
    }
    Some(Some((Facts::from_bytes(rest.first_chunk()?)?, Home { segment, offset, oldest })))
}

fn take<'a, const LEN: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; LEN]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}
