//! Hints: a sealed segment without its payloads, so that opening a store does not read what it only needs later.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic |
//! | 8 | the length of the segment |
//! | 40 | the segment's header |
//! | | of each frame, its header and its line |
//! | 4 | CRC-32C of all of the above |
//!
//! A hint is a cache: it is never synced, and one that is missing, torn or of another segment is made anew by whoever
//! opens the store for writing. Payloads that nobody looked at are checked when they are read.

use std::io;

use crc32c::crc32c;

use super::frame::{FrameHeader, HEADER, SEGMENT_HEADER, SegmentHeader};
use super::scan::{Frame, Place, Scan, Visit};
use super::segment::{Segments, hint_path};
use crate::disk::{Access, Disk, File, read_exact_at};

const MAGIC: [u8; 8] = *b"\xffcdhints";

/// A hint in the making.
pub(super) struct Hint(Vec<u8>);

/// The most bytes of a hint. The first run of a large calendar is one frame, nearly all of it a line: a hint of it would be
/// as long as the segment, and take its time when the segment is sealed.
const MOST: u64 = 64 * 1024 * 1024;

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
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        self.0.extend(frame.head);
        self.0.extend(frame.line);
    }

    /// Writes it in the place of one that there may be.
    pub(super) fn write(mut self, disk: &dyn Disk, segments: &Segments, number: u32) -> io::Result<()> {
        if self.0.len() as u64 > MOST {
            return Ok(());
        }
        self.0.extend(crc32c(&self.0).to_le_bytes());
        let path = hint_path(segments.dir(), number);
        match disk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        disk.open(&path, Access::Create)?.write_at(&self.0, 0)
    }
}

/// Makes the hint of a segment that was just sealed. Without one, opening the store takes longer, and that is all.
pub(super) fn make(disk: &dyn Disk, segments: &Segments, file: &dyn File, number: u32) {
    let path = segments.path(number);
    let Ok(mut scan) = Scan::new(file, &path, number) else { return };
    let Ok(SegmentHeader::Ours { first, chain, .. }) = scan.header() else { return };
    let mut place = Place::begin(number, first, chain);
    if !scan.lines(place.offset).is_ok_and(|lines| lines <= MOST) {
        return;
    }
    let Ok(mut hint) = Hint::new(file, scan.size) else { return };
    let whole = scan.frames(&mut place, &mut |frame| {
        hint.push(frame);
        true
    });
    if matches!(whole, Ok(true)) {
        // A hint that can't be written is one that is missing.
        let _ = hint.write(disk, segments, number);
    }
}

/// Gives the frames of a segment to `visit`, from its hint, and moves the place to the segment's end. False if there is
/// no hint that fits, and then the segment itself has to be read: what was visited before is visited again.
pub(super) fn read(
    disk: &dyn Disk,
    segments: &Segments,
    segment: &dyn File,
    size: u64,
    place: &mut Place,
    visit: Visit<'_>,
) -> bool {
    let bytes = content(disk, segments, place.segment);
    bytes.and_then(|bytes| frames(&bytes, segment, size, *place, visit)).is_some_and(|end| {
        *place = end;
        true
    })
}

fn content(disk: &dyn Disk, segments: &Segments, number: u32) -> Option<Vec<u8>> {
    let file = disk.open(&hint_path(segments.dir(), number), Access::Read).ok()?;
    let mut bytes = vec![0; usize::try_from(file.size().ok()?).ok()?];
    read_exact_at(file.as_ref(), &mut bytes, 0).ok()?;
    Some(bytes)
}

/// Where the segment ends, if the bytes are its hint.
fn frames(bytes: &[u8], segment: &dyn File, size: u64, mut place: Place, visit: Visit<'_>) -> Option<Place> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    let expected = Hint::new(segment, size).ok()?;
    let mut rest = content.strip_prefix(expected.0.as_slice())?;
    if crc32c(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    while !rest.is_empty() {
        let (head, after) = rest.split_first_chunk::<HEADER>()?;
        let header = FrameHeader::read(head).filter(|header| header.chain == place.chain)?;
        let (line, after) = after.split_at_checked(header.line as usize)?;
        let frame = Frame { header, head, line, segment: place.segment, offset: place.offset };
        if !visit(&frame) {
            return None;
        }
        place = place.after(&header);
        rest = after;
    }
    (place.offset == size).then_some(place)
}
