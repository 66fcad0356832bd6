//! Reading the frames of one segment, and telling a torn end from damage.
//!
//! No frame is written while the one before is unsynced, so a crash can only leave one frame that is not whole, at the
//! very end. A bad frame with a good one after it was durable once: that is damage, and nothing is cut off.

use std::io;
use std::path::Path;

use crc32c::crc32c_append;

use super::codec::{self, At, Decoded};
use super::frame::{Chain, FORMAT, FRAME_MAGIC, FrameHeader, HEADER, SEGMENT_HEADER, SegmentHeader};
use crate::Error;
use crate::disk::{File, read_exact_at};

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
    /// The first segment that is still needed.
    pub(super) first: u32,
}

impl Place {
    pub(super) const START: Self = Self { segment: 0, offset: 0, last: 0, chain: Chain::START, first: 1 };

    /// At the start of a segment.
    pub(super) fn begin(segment: u32, first: u32, chain: Chain) -> Self {
        Self { segment, offset: SEGMENT_HEADER as u64, last: 0, chain, first }
    }

    /// Whether a segment that goes on from this chain may come next. The log may have lost its beginning, but not twice.
    pub(super) fn leads_to(&self, segment: u32, chain: Chain) -> bool {
        chain == self.chain || (self.segment == 0 && segment > 1)
    }

    /// After a frame here.
    pub(super) fn after(self, header: &FrameHeader) -> Self {
        Self {
            offset: self.offset.saturating_add(header.frame_len()),
            last: self.offset,
            chain: self.chain.after(header.crc),
            first: header.first,
            ..self
        }
    }
}

/// A whole frame without its payloads.
pub(super) struct Frame {
    pub(super) header: FrameHeader,
    /// The header's bytes.
    pub(super) head: [u8; HEADER],
    pub(super) at: At,
    /// What it says, and what its items are.
    pub(super) decoded: Decoded,
}

/// What is done with each frame.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Frame) -> Result<(), Error>;

/// One segment, as long as it was when reading began.
pub(super) struct Scan<'a> {
    file: &'a dyn File,
    path: &'a Path,
    number: u32,
    pub(super) size: u64,
    buffer: Vec<u8>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(file: &'a dyn File, path: &'a Path, number: u32) -> Result<Self, Error> {
        let size = file.size().map_err(Error::io("measure", path))?;
        Ok(Self { file, path, number, size, buffer: vec![0; 64 * 1024] })
    }

    pub(super) fn header(&self) -> Result<SegmentHeader, Error> {
        self.header_of(FORMAT)
    }

    /// The header, for somebody who knows this format.
    pub(super) fn header_of(&self, format: u32) -> Result<SegmentHeader, Error> {
        let mut bytes = [0; SEGMENT_HEADER];
        let whole = self.read(&mut bytes, 0)?;
        Ok(if whole { SegmentHeader::read(&bytes, format) } else { SegmentHeader::Torn })
    }

    /// Reads frames up to the end of the segment; false if there is something that is not a whole frame.
    ///
    /// # Errors
    /// [`Error::Damaged`], or [`Error::Io`].
    pub(super) fn frames(&mut self, place: &mut Place, visit: Visit<'_>) -> Result<bool, Error> {
        while place.offset < self.size {
            let Some(header) = self.next(place)? else { return Ok(false) };
            let frame = self.decode(place.offset, header)?;
            let strange = "a frame is whole, but its line is not one of this format";
            visit(frame.ok_or_else(|| self.damaged(place.offset, strange))?)?;
            *place = place.after(&header);
        }
        Ok(true)
    }

    /// The header of the frame at a place; none if what is there is not whole.
    ///
    /// # Errors
    /// [`Error::Damaged`], or [`Error::Io`].
    pub(super) fn next(&mut self, place: &Place) -> Result<Option<FrameHeader>, Error> {
        let mut found = self.frame(place.offset)?;
        if found.is_none() && self.good_frame_after(place.offset)? {
            // A reader without the lock may have looked while the frame was being written: look again.
            found = self.frame(place.offset)?;
            if found.is_none() {
                return Err(self.damaged(place.offset, "a bad frame is followed by a good one"));
            }
        }
        if found.is_some_and(|header| header.chain != place.chain) {
            return Err(self.damaged(place.offset, "a frame does not go on from the one before"));
        }
        Ok(found)
    }

    /// Reads a frame that is known to be whole; none if its line can't be understood.
    pub(super) fn decode(&self, offset: u64, header: FrameHeader) -> Result<Option<Frame>, Error> {
        let mut head = [0; HEADER];
        let mut line = vec![0; header.line as usize];
        let at = At { segment: self.number, offset, payloads: header.payloads };
        if !(self.read(&mut head, offset)? && self.read(&mut line, at.line())?) {
            return Ok(None);
        }
        Ok(codec::decode(&line, at, true).map(|decoded| Frame { header, head, at, decoded }))
    }

    /// The header of the frame at an offset, if it is whole.
    pub(super) fn frame(&mut self, offset: u64) -> Result<Option<FrameHeader>, Error> {
        let mut bytes = [0; HEADER];
        if !self.read(&mut bytes, offset)? {
            return Ok(None);
        }
        let Some(header) = FrameHeader::read(&bytes) else { return Ok(None) };
        let end = offset.saturating_add(header.frame_len());
        if end > self.size {
            return Ok(None);
        }
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
        Ok((crc == header.crc).then_some(header))
    }

    /// Whether a whole frame starts anywhere after an offset.
    pub(super) fn good_frame_after(&mut self, offset: u64) -> Result<bool, Error> {
        Ok(self.next_frame(offset.saturating_add(1))?.is_some())
    }

    /// The next whole frame from an offset on. Payloads and lines are text and hold no magic.
    pub(super) fn next_frame(&mut self, mut from: u64) -> Result<Option<(u64, FrameHeader)>, Error> {
        while let Some(candidate) = self.magic_from(from)? {
            if let Some(header) = self.frame(candidate)? {
                return Ok(Some((candidate, header)));
            }
            from = candidate.saturating_add(1);
        }
        Ok(None)
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
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<bool, Error> {
        match read_exact_at(self.file, buffer, offset) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Error::io("read", self.path)(error)),
        }
    }

    pub(super) fn damaged(&self, offset: u64, what: &'static str) -> Error {
        Error::Damaged { path: self.path.to_owned(), offset, what }
    }
}
