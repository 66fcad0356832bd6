//! How much of a page is read. Real pages stay far below: what is beyond is refused by name, never cut off in silence.
//!
//! The body as a whole is limited by whoever receives it, and its depth by [`json::MAX_DEPTH`](crate::json::MAX_DEPTH).

use super::Malformation;

/// How many items a page may have. The largest that was observed has a few hundred; a body of 64 MiB could hold
/// millions, each of which costs much more in memory than its two bytes.
pub(super) const ITEMS: usize = 100_000;

/// How many bytes an item may have: 16 MiB. Exchange Online takes messages of at most 150 MB, but attachments are not
/// a part of an event's JSON.
pub(super) const ITEM: usize = 16 * 1024 * 1024;

/// How many properties an item may have. Graph documents about 50; readers compare them with each other.
pub(super) const PROPERTIES: usize = 1_024;

/// How many bytes an id or an etag may have: 4 KiB. Those that were observed stay below 300.
pub(super) const TEXT: usize = 4 * 1024;

/// What an item of so many bytes and properties has too much of.
pub(super) fn exceeded(bytes: usize, properties: usize) -> Option<Malformation> {
    if bytes > ITEM {
        return Some(Malformation::TooLarge);
    }
    (properties > PROPERTIES).then_some(Malformation::TooManyProperties)
}
