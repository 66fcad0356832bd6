//! Gathering a body up to a cap.

use bytes::{Bytes, BytesMut};
use delta_core::{Failure, FailureKind};

/// Up to so many bytes a server is believed how long its body will be, so that nothing has to be moved while it comes.
/// The largest pages that were observed have less.
const BELIEVED: usize = 4 << 20;

/// A body that is being read, as it comes over the wire.
#[derive(Debug)]
pub struct CappedBody {
    bytes: BytesMut,
    max: usize,
}

impl CappedBody {
    /// An empty body of at most `max` bytes. `announced` is its length if the server told it.
    ///
    /// # Errors
    /// [`FailureKind::BodyTooLarge`] if what is announced is larger: nothing has to be read then.
    pub fn new(announced: Option<u64>, max: usize) -> Result<Self, Failure> {
        match usize::try_from(announced.unwrap_or(0)) {
            Ok(announced) if announced <= max => {
                Ok(Self { bytes: BytesMut::with_capacity(announced.min(BELIEVED)), max })
            }
            _ => Err(too_large(max)),
        }
    }

    /// Adds what has come.
    ///
    /// # Errors
    /// [`FailureKind::BodyTooLarge`] if that is too much.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if self.bytes.len().saturating_add(chunk.len()) > self.max {
            return Err(too_large(self.max));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The whole body.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.freeze()
    }
}

fn too_large(max: usize) -> Failure {
    Failure::new(FailureKind::BodyTooLarge, format!("{max} bytes are allowed"))
}
