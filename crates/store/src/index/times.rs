//! Which rows may overlap a range of time.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Range;

use delta_core::Timestamp;

use super::sorted::Sorted;
use crate::key::Short;

/// Rows by their start, in levels by how long they last: what overlaps a range cannot start earlier than the level's longest
/// duration before it, so one event of many years does not make every query read the years before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times {
    levels: BTreeMap<u8, Sorted<(Timestamp, Short)>>,
}

/// Times in no order. Each is one number, which sorts in half the time: the start, and behind it the row's key.
#[derive(Default)]
pub(super) struct Unsorted {
    levels: BTreeMap<u8, Vec<u128>>,
}

impl Unsorted {
    pub(super) fn push(&mut self, (level, start): (u8, Timestamp), Short([first, second]): Short) {
        let start = (start.ticks() as u64) ^ SIGN;
        let low = (u64::from(first) << u32::BITS) | u64::from(second);
        self.levels.entry(level).or_default().push((u128::from(start) << u64::BITS) | u128::from(low));
    }

    pub(super) fn sort(self) -> Times {
        let time = |number: u128| {
            let (start, low) = ((number >> u64::BITS) as u64, number as u64);
            (Timestamp::from_ticks((start ^ SIGN) as i64), Short([(low >> u32::BITS) as u32, low as u32]))
        };
        let levels = self.levels.into_iter().map(|(level, mut times)| {
            times.sort_unstable();
            times.dedup();
            (level, Sorted::from_sorted(times.into_iter().map(time)))
        });
        Times { levels: levels.collect() }
    }
}

/// What is negative sorts before what is not, once this bit is turned around.
const SIGN: u64 = 1 << 63;

impl Times {
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.levels.values().map(Sorted::bytes).sum()
    }

    pub(super) fn insert(&mut self, (level, start): (u8, Timestamp), row: Short) {
        self.levels.entry(level).or_default().insert((start, row), |known| known.cmp(&(start, row)));
    }

    pub(super) fn remove(&mut self, (level, start): (u8, Timestamp), row: Short) {
        if let Some(times) = self.levels.get_mut(&level) {
            times.remove(|known| known.cmp(&(start, row)));
            if times.is_empty() {
                self.levels.remove(&level);
            }
        }
    }

    /// The rows that may overlap a range, by their start, from this one on; in an empty range there is nothing.
    pub(crate) fn overlapping(
        &self,
        range: Range<Timestamp>,
        from: Option<(Timestamp, Short)>,
    ) -> impl Iterator<Item = (Timestamp, Short)> {
        let levels = self.levels.iter().filter(|_| !range.is_empty());
        let mut levels: Vec<_> =
            levels.map(|(level, times)| in_level(*level, times, range.clone(), from).peekable()).collect();
        std::iter::from_fn(move || {
            let earliest = levels.iter_mut().filter_map(with_head).min_by_key(|(time, _)| *time);
            earliest.and_then(|(_, level)| level.next())
        })
    }
}

/// A level beside what it gives next.
fn with_head<I: Iterator<Item = (Timestamp, Short)>>(
    level: &mut Peekable<I>,
) -> Option<((Timestamp, Short), &mut Peekable<I>)> {
    let time = *level.peek()?;
    Some((time, level))
}

fn in_level(
    level: u8,
    times: &Sorted<(Timestamp, Short)>,
    range: Range<Timestamp>,
    from: Option<(Timestamp, Short)>,
) -> impl Iterator<Item = (Timestamp, Short)> {
    let longest = 1_i64.checked_shl(level.into()).filter(|ticks| *ticks > 0).unwrap_or(i64::MAX);
    let lower = (Timestamp::from_ticks(range.start.ticks().saturating_sub(longest)), Short::MIN);
    let lower = from.map_or(lower, |from| from.max(lower));
    times.from(|time| *time < lower).take_while(move |(start, _)| *start < range.end).copied()
}

/// The number of bits in a duration: it is shorter than two to that power.
pub(super) fn level(start: Timestamp, end: Timestamp) -> u8 {
    let ticks = end.ticks().saturating_sub(start.ticks());
    u64::BITS.saturating_sub(ticks.unsigned_abs().leading_zeros()) as u8
}
