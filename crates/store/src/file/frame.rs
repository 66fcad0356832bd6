//! Frames: how a batch lies on the disk, and how a file says which it is. `docs/store-format.md` has it all in one place.
//!
//! A frame is a binary header, payloads, verbatim, and one line of JSON that says what they are:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | magic, with a byte that no UTF-8 text contains: a payload can't be taken for a frame |
//! | 4 | length of the line, its line feed included |
//! | 4 | length of the payloads |
//! | 4 | the first segment that is still needed: the log begins there |
//! | 8 | sequence number, dense over all segments |
//! | 4 | checksum of the frame before |
//! | 4 | CRC-32C of all of the above and all that follows |
//!
//! A segment starts with a header of its own:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic |
//! | 4 | format |
//! | 4 | features, of which this format has none: a reader refuses what it does not know |
//! | 4 | its number |
//! | 4 | the first segment that is still needed |
//! | 8 | the sequence number of its first frame |
//! | 4 | the checksum of the frame before that |
//! | 4 | CRC-32C of all of the above |
//!
//! Numbers are little-endian.

use crc32c::{crc32c, crc32c_append};

/// The format that this build reads and writes.
pub(crate) const FORMAT: u32 = 1;

/// The one before, which it can turn into its own: see `migrate.rs`.
pub(super) const OLD_FORMAT: u32 = 0;

/// The length of a frame's header.
pub(super) const HEADER: usize = 32;

/// The length of a segment's header.
pub(super) const SEGMENT_HEADER: usize = 40;

/// What each frame starts with.
pub(super) const FRAME_MAGIC: [u8; 4] = *b"\xffcdf";

const SEGMENT_MAGIC: [u8; 8] = *b"\xffcdstore";

/// Where a log has got to: what the next frame has to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    /// The sequence number of the next frame.
    pub(super) seq: u64,
    /// The checksum of the last frame.
    pub(super) crc: u32,
}

impl Chain {
    /// Before the first frame.
    pub(super) const START: Self = Self { seq: 1, crc: 0 };

    /// After a frame with this checksum.
    pub(super) fn after(self, crc: u32) -> Self {
        Self { seq: self.seq.saturating_add(1), crc }
    }
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) line: u32,
    pub(super) payloads: u32,
    pub(super) first: u32,
    pub(super) chain: Chain,
    pub(super) crc: u32,
    /// The checksum of the header's own fields, to be continued over what follows.
    pub(super) seed: u32,
}

impl FrameHeader {
    /// Reads a header; none if there is no magic.
    pub(super) fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let (fields, crc) = bytes.split_last_chunk::<4>()?;
        let mut fields_left = fields.strip_prefix(&FRAME_MAGIC)?;
        let rest = &mut fields_left;
        Some(Self {
            line: take_u32(rest)?,
            payloads: take_u32(rest)?,
            first: take_u32(rest)?,
            chain: Chain { seq: take_u64(rest)?, crc: take_u32(rest)? },
            crc: u32::from_le_bytes(*crc),
            seed: crc32c(fields),
        })
    }

    /// How long the whole frame says it is.
    pub(super) fn frame_len(&self) -> u64 {
        (HEADER as u64).saturating_add(self.line.into()).saturating_add(self.payloads.into())
    }
}

/// Fills in the header of a frame that is complete but for it, and gives the frame's checksum; none if it is longer than
/// frames can be, which is 4 GiB.
pub(super) fn finish(frame: &mut [u8], chain: Chain, first: u32, line: usize) -> Option<u32> {
    u32::try_from(frame.len()).ok()?;
    let payloads = u32::try_from(frame.len().checked_sub(HEADER)?.checked_sub(line)?).ok()?;
    let mut fields = Vec::with_capacity(HEADER);
    fields.extend(FRAME_MAGIC);
    fields.extend(u32::try_from(line).ok()?.to_le_bytes());
    fields.extend(payloads.to_le_bytes());
    fields.extend(first.to_le_bytes());
    fields.extend(chain.seq.to_le_bytes());
    fields.extend(chain.crc.to_le_bytes());
    let (header, content) = frame.split_at_mut_checked(HEADER)?;
    let crc = crc32c_append(crc32c(&fields), content);
    fields.extend(crc.to_le_bytes());
    header.copy_from_slice(&fields);
    Some(crc)
}

/// What the first bytes of a segment say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SegmentHeader {
    /// A segment of the format that was asked for.
    Ours { number: u32, first: u32, chain: Chain },
    /// A segment of another format, or of this one with features that came later.
    Other(u32),
    /// Not a whole header.
    Torn,
}

impl SegmentHeader {
    /// What they say to somebody who knows this format.
    pub(super) fn read(bytes: &[u8; SEGMENT_HEADER], known: u32) -> Self {
        Self::parse(bytes, known).unwrap_or(Self::Torn)
    }

    fn parse(bytes: &[u8; SEGMENT_HEADER], known: u32) -> Option<Self> {
        let (fields, crc) = bytes.split_last_chunk::<4>()?;
        let mut fields_left = fields.strip_prefix(&SEGMENT_MAGIC)?;
        let rest = &mut fields_left;
        let format = take_u32(rest)?;
        if format != known {
            return Some(Self::Other(format));
        }
        let features = take_u32(rest)?;
        if features != 0 && crc32c(fields) == u32::from_le_bytes(*crc) {
            return Some(Self::Other(format));
        }
        let (number, first) = (take_u32(rest)?, take_u32(rest)?);
        let chain = Chain { seq: take_u64(rest)?, crc: take_u32(rest)? };
        (crc32c(fields) == u32::from_le_bytes(*crc)).then_some(Self::Ours { number, first, chain })
    }
}

/// The first bytes of a segment.
pub(super) fn segment_header(number: u32, first: u32, chain: Chain) -> Vec<u8> {
    let mut header = Vec::with_capacity(SEGMENT_HEADER);
    header.extend(SEGMENT_MAGIC);
    header.extend(FORMAT.to_le_bytes());
    header.extend(0_u32.to_le_bytes());
    header.extend(number.to_le_bytes());
    header.extend(first.to_le_bytes());
    header.extend(chain.seq.to_le_bytes());
    header.extend(chain.crc.to_le_bytes());
    header.extend(crc32c(&header).to_le_bytes());
    header
}

pub(super) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

pub(super) fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}
