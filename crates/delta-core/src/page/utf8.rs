//! Checking UTF-8, which a page goes through twice: when it is parsed, and when its items are read.

use super::PageError;

/// The bytes as text.
pub(super) fn check(bytes: &[u8]) -> Result<&str, PageError> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| {
        // Faster for not saying where.
        let error = std::str::from_utf8(bytes).err();
        PageError::NotUtf8(error.map_or(0, |error| error.valid_up_to()))
    })
}
