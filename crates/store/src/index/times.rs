//! Which rows overlap a range of time.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;

use delta_core::Timestamp;

use super::sorted::Sorted;
use crate::store::TimeKey;

/// Rows by time, in levels by how long they last: what overlaps a range cannot start earlier than the level's longest
/// duration before it, so one event of many years does not make every query read the years before.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    levels: BTreeMap<u32, Sorted<TimeKey>>,
}

impl Times {
    pub(super) fn insert(&mut self, key: TimeKey) {
        let order = key.clone();
        self.levels.entry(level(&key)).or_default().insert(key, |known| known.cmp(&order));
    }

    pub(super) fn remove(&mut self, key: &TimeKey) {
        let level = level(key);
        if let Some(keys) = self.levels.get_mut(&level) {
            keys.remove(|known| known.cmp(key));
            if keys.is_empty() {
                self.levels.remove(&level);
            }
        }
    }

    /// The keys that overlap a range, in their order, after this one. What has no duration overlaps what it lies in; an
    /// empty range overlaps nothing.
    pub(super) fn overlapping(
        &self,
        range: Range<Timestamp>,
        after: Option<&TimeKey>,
    ) -> impl Iterator<Item = &TimeKey> {
        let mut levels: Vec<_> = self
            .levels
            .iter()
            .filter(|_| !range.is_empty())
            .map(|(level, keys)| in_level(*level, keys, range.clone(), after).peekable())
            .collect();
        std::iter::from_fn(move || {
            let earliest = levels.iter_mut().filter_map(with_head).min_by_key(|(key, _)| *key);
            earliest.and_then(|(_, level)| level.next())
        })
    }
}

/// A level beside the key that it gives next.
fn with_head<'k, 'l, I: Iterator<Item = &'k TimeKey>>(
    level: &'l mut Peekable<I>,
) -> Option<(&'k TimeKey, &'l mut Peekable<I>)> {
    let key = *level.peek()?;
    Some((key, level))
}

fn in_level<'k>(
    level: u32,
    keys: &'k Sorted<TimeKey>,
    range: Range<Timestamp>,
    after: Option<&TimeKey>,
) -> impl Iterator<Item = &'k TimeKey> {
    let longest = 1_i64.checked_shl(level).filter(|ticks| *ticks > 0).unwrap_or(i64::MAX);
    let lower = at(Timestamp::from_ticks(range.start.ticks().saturating_sub(longest)));
    let upper = at(range.end);
    let found = keys.from(|key| *key < lower || after.is_some_and(|after| key <= after));
    found.take_while(move |key| **key < upper).filter(move |key| key.end > range.start || key.start >= range.start)
}

/// The first key that could be at an instant.
fn at(start: Timestamp) -> TimeKey {
    TimeKey { start, end: Timestamp::MIN, id: Arc::from("") }
}

/// The number of bits in a duration: it is shorter than two to that power.
fn level(key: &TimeKey) -> u32 {
    let ticks = key.end.ticks().saturating_sub(key.start.ticks());
    u64::BITS.saturating_sub(ticks.unsigned_abs().leading_zeros())
}
