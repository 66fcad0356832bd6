//! The rows: where each one is, and the ways to find it. What a row says is not here.
//!
//! By key a row is found for sure. By time and by series what is found is looked at: the tables hold the beginning of a
//! key only, so that an entry may be that of another row, or of one that is no longer so.

use std::cmp::Ordering;
use std::ops::Range;

use delta_core::{EventType, Timestamp};

use super::sorted::{Entries, Sorted};
use super::times::{Times, Unsorted, level};
use crate::key::{Key, Short};
use crate::model::{Meta, Row};

/// All rows of a replica. `E` is where one is.
#[derive(Debug, Clone)]
pub(crate) struct Rows<E> {
    by_key: Sorted<Entry<E>>,
    times: Times,
    /// Pairs of a series and a member.
    series: Sorted<(Short, Short)>,
    unsettled: Sorted<Key>,
    /// About how many bytes a log needs for them.
    bytes: u64,
}

/// Where a row is.
#[derive(Debug, Clone)]
pub(crate) struct Entry<E> {
    pub(crate) key: Key,
    pub(crate) home: E,
}

/// What the tables know of a row. There may be a million of them at once when a store is opened, so they are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) key: Key,
    /// About how many bytes a log needs for it.
    pub(crate) bytes: u32,
    start: Timestamp,
    series: Short,
    level: u8,
    flags: u8,
}

impl Facts {
    /// About what is written of a row beside its ids and payloads. Rather too much than too little: whoever frees space
    /// because of it must find some.
    pub(crate) const EACH: u64 = 240;

    const TIMED: u8 = 1;
    const MEMBER: u8 = 2;
    const UNSETTLED: u8 = 4;

    /// How many bytes they take as bytes.
    pub(crate) const LEN: usize = 34;

    /// What there is to know of a row whose payloads have so many bytes together.
    pub(crate) fn of<P>(row: &Row<P>, payloads: u64) -> Self {
        let Meta { id, etag, series, .. } = &row.meta;
        let names = [id.len(), etag.as_ref().map_or(0, String::len), series.as_ref().map_or(0, |series| series.len())];
        let names = names.into_iter().sum::<usize>() as u64;
        let bytes = payloads.saturating_add(names).saturating_add(Self::EACH);
        let time = when(&row.meta);
        let mut flags = 0;
        for (flag, is) in [
            (Self::TIMED, time.is_some()),
            (Self::MEMBER, series.is_some()),
            (Self::UNSETTLED, row.unsettled.is_some()),
        ] {
            flags |= if is { flag } else { 0 };
        }
        Self {
            key: Key::of(id),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            start: time.map_or(Timestamp::MIN, |(start, _)| start),
            series: series.as_ref().map_or(Short::MIN, |series| Key::of(series).short()),
            level: time.map_or(0, |(start, end)| level(start, end)),
            flags,
        }
    }

    /// What there is to know of a row that is not there.
    pub(crate) fn nothing(key: Key) -> Self {
        Self { key, bytes: 0, start: Timestamp::MIN, series: Short::MIN, level: 0, flags: 0 }
    }

    /// Where it stands in time, and for how long: see `times.rs`.
    fn time(&self) -> Option<(u8, Timestamp)> {
        (self.flags & Self::TIMED != 0).then_some((self.level, self.start))
    }

    fn series(&self) -> Option<Short> {
        (self.flags & Self::MEMBER != 0).then_some(self.series)
    }

    fn unsettled(&self) -> bool {
        self.flags & Self::UNSETTLED != 0
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let Self { key: Key(key), bytes, start, series: Short(series), level, flags } = self;
        let words = key.into_iter().chain(series).chain([bytes]).flat_map(u32::to_le_bytes);
        let all = words.chain(start.ticks().to_le_bytes()).chain([level, flags]);
        let mut packed = [0; Self::LEN];
        packed.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        packed
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (words, rest) = bytes.split_first_chunk::<24>()?;
        let (start, rest) = rest.split_first_chunk::<8>()?;
        let mut words = words.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        let mut word = || words.next();
        Some(Self {
            key: Key([word()?, word()?, word()?]),
            series: Short([word()?, word()?]),
            bytes: word()?,
            start: Timestamp::from_ticks(i64::from_le_bytes(*start)),
            level: *rest.first()?,
            flags: *rest.get(1)?,
        })
    }
}

impl<E> Default for Rows<E> {
    fn default() -> Self {
        let (times, series, unsettled) = (Times::default(), Sorted::default(), Sorted::default());
        Self { by_key: Sorted::default(), times, series, unsettled, bytes: 0 }
    }
}

impl<E> Rows<E> {
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// About how many bytes a log needs for them.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn get(&self, key: Key) -> Option<&E> {
        self.by_key.get(by_key(key)).map(|entry| &entry.home)
    }

    /// All after a key.
    pub(crate) fn after(&self, key: Option<Key>) -> Entries<'_, Entry<E>> {
        self.by_key.from(|entry| key.is_some_and(|key| entry.key <= key))
    }

    /// Those whose key begins so: one, but for the rarest of chances.
    pub(crate) fn beginning(&self, short: Short) -> impl Iterator<Item = &Entry<E>> {
        self.by_key.from(move |entry| entry.key < short.first_key()).take_while(move |entry| entry.key.short() == short)
    }

    /// Those that may name a series, after a key.
    pub(crate) fn members(&self, series: Short, after: Option<Key>) -> impl Iterator<Item = &Entry<E>> {
        let from = (series, after.map_or(Short::MIN, Key::short));
        let members = self.series.from(|pair| *pair < from).take_while(move |(of, _)| *of == series);
        members
            .flat_map(|(_, member)| self.beginning(*member))
            .filter(move |entry| after.is_none_or(|after| entry.key > after))
    }

    /// Those that may overlap a range, by start and then by key, after this one.
    pub(crate) fn overlapping(
        &self,
        range: Range<Timestamp>,
        after: Option<(Timestamp, Key)>,
    ) -> impl Iterator<Item = (Timestamp, &Entry<E>)> {
        let times = self.times.overlapping(range, after.map(|(start, key)| (start, key.short())));
        let found = times.flat_map(|(start, row)| self.beginning(row).map(move |entry| (start, entry)));
        found.filter(move |(start, entry)| after.is_none_or(|after| (*start, entry.key) > after))
    }

    /// Those that are unsettled, after a key.
    pub(crate) fn unsettled(&self, after: Option<Key>) -> impl Iterator<Item = (Key, &E)> {
        let keys = self.unsettled.from(|known| after.is_some_and(|after| *known <= after));
        keys.filter_map(|key| Some((*key, self.get(*key)?)))
    }
}

impl<E: Clone> Rows<E> {
    /// All of these, which are in the order of their keys.
    pub(crate) fn from_sorted(rows: impl Iterator<Item = (Facts, E)>) -> Self {
        let (mut times, mut series, mut unsettled, mut bytes) = (Unsorted::default(), Vec::new(), Vec::new(), 0_u64);
        let by_key = Sorted::from_sorted(rows.map(|(facts, home)| {
            let short = facts.key.short();
            if let Some(time) = facts.time() {
                times.push(time, short);
            }
            series.extend(facts.series().map(|series| (series, short)));
            unsettled.extend(facts.unsettled().then_some(facts.key));
            bytes = bytes.saturating_add(facts.bytes.into());
            Entry { key: facts.key, home }
        }));
        series.sort_unstable();
        series.dedup();
        let (series, unsettled) = (Sorted::from_sorted(series), Sorted::from_sorted(unsettled));
        Self { by_key, times: times.sort(), series, unsettled, bytes }
    }

    /// Puts a row there, in the place of what it was.
    pub(super) fn put(&mut self, was: Option<&Facts>, now: &Facts, home: E) {
        if let Some(was) = was.filter(|was| *was != now) {
            self.forget(was);
        }
        if was != Some(now) {
            self.learn(now);
        }
        self.by_key.insert(Entry { key: now.key, home }, by_key(now.key));
    }

    pub(super) fn remove(&mut self, was: &Facts) {
        self.forget(was);
        self.by_key.remove(by_key(was.key));
    }

    fn learn(&mut self, now: &Facts) {
        let short = now.key.short();
        self.bytes = self.bytes.saturating_add(now.bytes.into());
        if let Some(time) = now.time() {
            self.times.insert(time, short);
        }
        if let Some(series) = now.series() {
            self.series.insert((series, short), |known| known.cmp(&(series, short)));
        }
        if now.unsettled() {
            self.unsettled.insert(now.key, |known| known.cmp(&now.key));
        }
    }

    fn forget(&mut self, was: &Facts) {
        let short = was.key.short();
        self.bytes = self.bytes.saturating_sub(was.bytes.into());
        if was.unsettled() {
            self.unsettled.remove(|known| known.cmp(&was.key));
        }
        if self.beginning(short).nth(1).is_some() {
            // It may be the other one's entry as well.
            return;
        }
        if let Some(time) = was.time() {
            self.times.remove(time, short);
        }
        if let Some(series) = was.series() {
            self.series.remove(|known| known.cmp(&(series, short)));
        }
    }
}

/// The order of rows by key, against one of them.
fn by_key<E>(key: Key) -> impl Fn(&Entry<E>) -> Ordering {
    move |entry| entry.key.cmp(&key)
}

/// When a row is: nowhere in time if it is a master, whose own times are no appointment, or has no start.
pub(crate) fn when(meta: &Meta) -> Option<(Timestamp, Timestamp)> {
    let start = meta.start.filter(|_| meta.kind != EventType::SeriesMaster)?;
    // Ends before their starts do occur.
    Some((start, meta.end.map_or(start, |end| end.max(start))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Layers, TileId};

    /// As large as the place of a row in a log.
    type Home = [u32; 3];

    const ROWS: u32 = 20_000;

    /// A row in its version: an occurrence, since what is of a series takes most.
    fn known(number: u32, version: i64) -> Facts {
        let start = Timestamp::from_seconds(1_767_225_600).plus_seconds(i64::from(number % 7_919) * 900 + version);
        let meta = Meta {
            id: Arc::from(format!("id {number}")),
            etag: None,
            kind: EventType::Occurrence,
            series: Some(Arc::from(format!("series {}", number / 50))),
            start: Some(start),
            end: Some(start.plus_seconds(i64::from(number % 5 + 1) * 1_800)),
        };
        Facts::of(&Row { meta, holds: vec![TileId(0)], layers: Layers::Stub { stub: () }, unsettled: None }, 400)
    }

    fn bytes_each(rows: &Rows<Home>) -> f64 {
        let bytes = rows.by_key.bytes() + rows.times.bytes() + rows.series.bytes() + rows.unsettled.bytes();
        bytes as f64 / f64::from(ROWS)
    }

    /// 24 bytes for where it is, 16 for its start and 16 for its series are the most that a row needs; with what is reserved
    /// beside they are fewer than 64, however the rows have come.
    #[test]
    fn a_row_takes_fewer_than_64_bytes() {
        let mut all: Vec<(Facts, Home)> = (0..ROWS).map(|number| (known(number, 0), [number; 3])).collect();
        let mut one_by_one = Rows::default();
        for (now, home) in &all {
            one_by_one.put(None, now, *home);
        }
        for version in 1..4 {
            for number in (0..ROWS).filter(|number| number % 10 == version as u32) {
                one_by_one.put(Some(&known(number, 0)), &known(number, version), [number; 3]);
            }
        }
        all.sort_by_key(|(facts, _)| facts.key);
        let at_once = Rows::from_sorted(all.into_iter());
        assert_eq!((one_by_one.len(), at_once.len()), (ROWS as usize, ROWS as usize));
        let (one_by_one, at_once) = (bytes_each(&one_by_one), bytes_each(&at_once));
        assert!(one_by_one < 64.0, "{one_by_one} bytes");
        assert!(at_once < 57.0, "{at_once} bytes");
    }
}
