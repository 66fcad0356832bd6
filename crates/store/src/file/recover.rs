//! Reading a log from where one has got to, and telling a torn tail from damage.
//!
//! No frame is written while the one before is unsynced, so a crash can only leave one frame that is not whole, at the
//! very end. A bad frame with a good one after it was durable once: that is damage, and nothing is cut off.

use std::io;
use std::path::Path;

use crc32c::crc32c_append;

use super::codec;
use super::frame::{Chain, FRAME_MAGIC, FrameHeader, HEADER, SegmentHeader};
use super::segment::{self, Segments, Span};
use crate::Error;
use crate::batch::Batch;
use crate::disk::{Access, Disk, File, read_exact_at};

/// A place in a log: everything before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The segment; 0 before the first.
    pub(super) segment: u32,
    /// The end of the last whole frame in it.
    pub(super) offset: u64,
    /// Where that frame starts; 0, where the header is, if there is no frame in it.
    pub(super) last: u64,
    /// What the next frame has to go on from.
    pub(super) chain: Chain,
}

impl Place {
    pub(super) const START: Self = Self { segment: 0, offset: 0, last: 0, chain: Chain { seq: 1, crc: 0 } };
}

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a whole frame, or with a header.
    Whole,
    /// With something that is not a whole frame.
    TornFrame,
    /// With a segment whose header is not whole.
    TornSegment(u32),
}

/// What is done with each batch.
type Apply<'a> = &'a mut dyn FnMut(Batch<Span>) -> Result<(), Error>;

/// Gives each whole frame after a place to `apply`, and moves the place along. Changes nothing on the disk.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Newer`], what [`segment::list`] says, or what `apply` says.
pub(super) fn read(
    disk: &dyn Disk,
    access: Access,
    segments: &mut Segments,
    place: &mut Place,
    apply: Apply<'_>,
) -> Result<Ending, Error> {
    let numbers = segment::list(disk, segments.dir())?;
    let last = numbers.last().copied().unwrap_or(0);
    let from = place.segment;
    for number in numbers.into_iter().filter(|number| *number >= from) {
        let file = segments.open(disk, number, access)?;
        let path = segments.path(number);
        let mut reader = Reader::new(file.as_ref(), &path, number)?;
        if number > place.segment {
            match reader.header()? {
                SegmentHeader::Other(format) => return Err(Error::Newer { path, format }),
                SegmentHeader::Ours { number: named, chain } if named == number && chain == place.chain => {}
                SegmentHeader::Torn if number == last && !reader.good_frame_after(0)? => {
                    segments.remove(number);
                    return Ok(Ending::TornSegment(number));
                }
                _ => return Err(reader.damaged(0, "its header does not go on from the segment before")),
            }
            *place = Place { segment: number, offset: HEADER as u64, last: 0, ..*place };
        }
        if !reader.frames(place, apply)? {
            if number != last {
                return Err(reader.damaged(place.offset, "a frame of a sealed segment is not whole"));
            }
            return Ok(Ending::TornFrame);
        }
    }
    Ok(Ending::Whole)
}

/// One segment, as long as it was when reading began.
struct Reader<'a> {
    file: &'a dyn File,
    path: &'a Path,
    number: u32,
    size: u64,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a dyn File, path: &'a Path, number: u32) -> Result<Self, Error> {
        let size = file.size().map_err(Error::io("measure", path))?;
        Ok(Self { file, path, number, size, buffer: vec![0; 64 * 1024] })
    }

    fn header(&self) -> Result<SegmentHeader, Error> {
        let mut bytes = [0; HEADER];
        let whole = self.read(&mut bytes, 0)?;
        Ok(if whole { SegmentHeader::read(&bytes) } else { SegmentHeader::Torn })
    }

    /// Reads frames up to the end of the segment; false if there is something that is not a whole frame.
    fn frames(&mut self, place: &mut Place, apply: Apply<'_>) -> Result<bool, Error> {
        while place.offset < self.size {
            let mut found = self.frame(place.offset)?;
            if found.is_none() && self.good_frame_after(place.offset)? {
                // A reader without the lock may have looked while the frame was being written: look again.
                found = self.frame(place.offset)?;
                if found.is_none() {
                    return Err(self.damaged(place.offset, "a bad frame is followed by a good one"));
                }
            }
            let Some((header, end)) = found else { return Ok(false) };
            if header.chain != place.chain {
                return Err(self.damaged(place.offset, "a frame does not go on from the one before"));
            }
            let batch = self.batch(place.offset, &header)?;
            apply(batch)
                .map_err(|_| self.damaged(place.offset, "a frame does not fit what the frames before it say"))?;
            *place = Place { offset: end, last: place.offset, chain: place.chain.after(header.crc), ..*place };
        }
        Ok(true)
    }

    /// The header of the frame at an offset and where the frame ends, if it is whole.
    fn frame(&mut self, offset: u64) -> Result<Option<(FrameHeader, u64)>, Error> {
        let mut bytes = [0; HEADER];
        if !self.read(&mut bytes, offset)? {
            return Ok(None);
        }
        let Some(header) = FrameHeader::read(&bytes) else { return Ok(None) };
        let end = header.frame_len().and_then(|len| offset.checked_add(len)).filter(|end| *end <= self.size);
        let Some(end) = end else { return Ok(None) };
        let mut crc = header.seed;
        let mut at = offset.saturating_add(HEADER as u64);
        while at < end {
            let chunk = self.chunk(at, end)?;
            if chunk.is_empty() {
                return Ok(None);
            }
            crc = crc32c_append(crc, chunk);
            at = at.saturating_add(chunk.len() as u64);
        }
        Ok((crc == header.crc).then_some((header, end)))
    }

    /// The batch of a frame that is known to be whole.
    fn batch(&self, offset: u64, header: &FrameHeader) -> Result<Batch<Span>, Error> {
        let line_at = offset.saturating_add(HEADER as u64);
        let payloads_at = line_at.saturating_add(header.line.into());
        let mut line = vec![0; header.line as usize];
        let whole = self.read(&mut line, line_at)?;
        codec::decode(&line)
            .filter(|_| whole)
            .and_then(|batch| codec::locate(batch, self.number, payloads_at, header.payloads))
            .ok_or_else(|| self.damaged(offset, "a frame is whole, but its line is not one of this build's"))
    }

    /// Whether a whole frame starts anywhere after an offset. Payloads and lines are text and hold no magic.
    fn good_frame_after(&mut self, offset: u64) -> Result<bool, Error> {
        let mut from = offset.saturating_add(1);
        while let Some(candidate) = self.magic_from(from)? {
            if self.frame(candidate)?.is_some() {
                return Ok(true);
            }
            from = candidate.saturating_add(1);
        }
        Ok(false)
    }

    /// Where the next magic is, from an offset on.
    fn magic_from(&mut self, mut offset: u64) -> Result<Option<u64>, Error> {
        loop {
            let chunk = self.chunk(offset, self.size)?;
            if let Some(at) = chunk.windows(FRAME_MAGIC.len()).position(|bytes| bytes == FRAME_MAGIC) {
                return Ok(Some(offset.saturating_add(at as u64)));
            }
            // The next chunk starts with this one's end: a magic may lie across the two.
            let step = (chunk.len().saturating_add(1)).saturating_sub(FRAME_MAGIC.len());
            if step == 0 {
                return Ok(None);
            }
            offset = offset.saturating_add(step as u64);
        }
    }

    /// Some of the bytes from `at` to `end`; none at the end of the file.
    fn chunk(&mut self, at: u64, end: u64) -> Result<&[u8], Error> {
        let want = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(self.buffer.len());
        let mut buffer = std::mem::take(&mut self.buffer);
        let whole = self.read(buffer.get_mut(..want).unwrap_or_default(), at);
        self.buffer = buffer;
        let len = if whole? { want } else { 0 };
        Ok(self.buffer.get(..len).unwrap_or_default())
    }

    /// Fills a buffer; false if the file ends before it is full.
    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<bool, Error> {
        match read_exact_at(self.file, buffer, offset) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Error::io("read", self.path)(error)),
        }
    }

    fn damaged(&self, offset: u64, what: &'static str) -> Error {
        Error::Damaged { path: self.path.to_owned(), offset, what }
    }
}
