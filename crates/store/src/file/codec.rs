//! Effects as the line and the payloads of a frame.

use std::fmt;

use crc32c::crc32c;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::segment::Span;
use crate::Error;
use crate::effects::{Effects, Piece};

/// A payload as a line names it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stored {
    /// Among the payloads of this frame, after those that the line names before: `[length, checksum]`.
    Here { len: u32, crc: u32 },
    /// In an earlier frame: `[length, checksum, segment, offset]`.
    There(Span),
}

impl Serialize for Stored {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Here { len, crc } => [len, crc].serialize(serializer),
            Self::There(Span { len, crc, segment, offset }) => [len, crc, segment, offset].serialize(serializer),
        }
    }
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
        let missing = |at| A::Error::invalid_length(at, &self);
        let len = numbers.next_element()?.ok_or_else(|| missing(0))?;
        let crc = numbers.next_element()?.ok_or_else(|| missing(1))?;
        let Some(segment) = numbers.next_element()? else { return Ok(Stored::Here { len, crc }) };
        let offset = numbers.next_element()?.ok_or_else(|| missing(3))?;
        Ok(Stored::There(Span { segment, offset, len, crc }))
    }
}

/// Effects as a frame holds them: the line, and the payloads one after the other.
pub(super) struct Encoded {
    pub(super) effects: Effects<Stored>,
    pub(super) line: Vec<u8>,
    pub(super) payloads: Vec<u8>,
}

/// Splits effects into a line and payloads.
pub(super) fn encode(effects: Effects<Piece<Span, String>>) -> Result<Encoded, Error> {
    let mut payloads = Vec::new();
    let mut fits = true;
    let effects = effects.map(&mut |piece| match piece {
        Piece::Known(span) => Stored::There(span),
        Piece::New(payload) => {
            payloads.extend_from_slice(payload.as_bytes());
            let len = u32::try_from(payload.len());
            fits &= len.is_ok();
            Stored::Here { len: len.unwrap_or(0), crc: crc32c(payload.as_bytes()) }
        }
    });
    if !fits {
        return Err(Error::Invalid("a payload is longer than 4 GiB"));
    }
    let mut line = serde_json::to_vec(&effects).map_err(|error| Error::Backend(error.into()))?;
    line.push(b'\n');
    Ok(Encoded { effects, line, payloads })
}

/// Reads a line; none if it is none of ours.
pub(super) fn decode(line: &[u8]) -> Option<Effects<Stored>> {
    serde_json::from_slice(line).ok()
}

/// Finds the payloads of a frame whose own begin at an offset and are `len` bytes together; none if they are not.
pub(super) fn locate(effects: Effects<Stored>, segment: u32, offset: u64, len: u64) -> Option<Effects<Span>> {
    let mut at = offset;
    let mut fits = true;
    let effects = effects.map(&mut |stored| match stored {
        Stored::There(span) => span,
        Stored::Here { len, crc } => {
            let offset = u32::try_from(at);
            fits &= offset.is_ok();
            at = at.saturating_add(len.into());
            Span { segment, offset: offset.unwrap_or(0), len, crc }
        }
    });
    (fits && at == offset.checked_add(len)?).then_some(effects)
}
