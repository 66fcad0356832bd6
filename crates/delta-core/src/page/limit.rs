//! How much of a page is read. Real pages stay far below: what is beyond is refused by name, never cut off in silence.
//!
//! The body as a whole is limited by whoever receives it, and its depth by [`json::MAX_DEPTH`](crate::json::MAX_DEPTH).

use super::Malformation;
use crate::json::{NotJson, Walker};

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

/// What an item has too much of.
pub(super) fn exceeded(item: &str) -> Option<Malformation> {
    // A property has at least five bytes, `"":0,`: most items need not be counted.
    const COUNTED: usize = PROPERTIES * 5;
    if item.len() > ITEM {
        return Some(Malformation::TooLarge);
    }
    (item.len() > COUNTED && properties(item) > PROPERTIES).then_some(Malformation::TooManyProperties)
}

/// How many properties an item has, as far as it matters.
fn properties(item: &str) -> usize {
    let mut count = 0;
    let _ = Walker::new(item).object(|walker, _| {
        count += 1;
        if count > PROPERTIES {
            return Err(NotJson(0));
        }
        walker.skip().map(drop)
    });
    count
}
