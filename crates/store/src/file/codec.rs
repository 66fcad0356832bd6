//! Batches as the line and the payloads of a frame.

use super::segment::Span;
use crate::Error;
use crate::batch::Batch;

/// A batch as a frame holds it: the line, with a length for each payload, and the payloads one after the other.
pub(super) struct Encoded {
    pub(super) batch: Batch<u32>,
    pub(super) line: Vec<u8>,
    pub(super) payloads: Vec<u8>,
}

/// Splits a batch into a line and payloads.
pub(super) fn encode(batch: Batch) -> Result<Encoded, Error> {
    let mut payloads = Vec::new();
    let mut fits = true;
    let batch = batch.map(&mut |payload: String| {
        payloads.extend_from_slice(payload.as_bytes());
        u32::try_from(payload.len()).unwrap_or_else(|_| {
            fits = false;
            0
        })
    });
    if !fits {
        return Err(Error::Invalid("a payload is longer than 4 GiB"));
    }
    let mut line = serde_json::to_vec(&batch).map_err(|error| Error::Backend(error.into()))?;
    line.push(b'\n');
    Ok(Encoded { batch, line, payloads })
}

/// Reads a line; none if it is not a batch.
pub(super) fn decode(line: &[u8]) -> Option<Batch<u32>> {
    serde_json::from_slice(line).ok()
}

/// Puts spans in the place of lengths, for payloads that start at `offset` and are `len` bytes together; none if they
/// are not.
pub(super) fn locate(batch: Batch<u32>, segment: u32, offset: u64, len: u64) -> Option<Batch<Span>> {
    let mut at = offset;
    let batch = batch.map(&mut |len| {
        let span = Span { segment, len, offset: at };
        at = at.saturating_add(len.into());
        span
    });
    (at == offset.checked_add(len)?).then_some(batch)
}
