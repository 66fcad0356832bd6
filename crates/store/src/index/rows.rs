//! The rows, and the ways to find them.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use delta_core::{EventType, Timestamp};

use super::sorted::Sorted;
use super::times::Times;
use crate::model::{Meta, Row};
use crate::store::TimeKey;

/// All rows of a replica by id, by time and by series.
#[derive(Debug, Clone)]
pub(crate) struct Rows<P> {
    by_id: Sorted<Arc<Row<P>>>,
    times: Times,
    /// Pairs of a series and a member.
    series: Sorted<(Arc<str>, Arc<str>)>,
    unsettled: Sorted<Arc<str>>,
}

impl<P> Default for Rows<P> {
    fn default() -> Self {
        let (times, series, unsettled) = (Times::default(), Sorted::default(), Sorted::default());
        Self { by_id: Sorted::default(), times, series, unsettled }
    }
}

impl<P> Rows<P> {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Row<P>> {
        self.by_id.get(by_id(id)).map(Arc::as_ref)
    }

    pub(crate) fn after(&self, id: Option<&str>) -> impl Iterator<Item = &Row<P>> {
        self.by_id.from(|row| id.is_some_and(|id| *row.meta.id <= *id)).map(Arc::as_ref)
    }

    pub(crate) fn overlapping(
        &self,
        range: Range<Timestamp>,
        after: Option<&TimeKey>,
    ) -> impl Iterator<Item = (&TimeKey, &Row<P>)> {
        self.times.overlapping(range, after).filter_map(|key| Some((key, self.get(&key.id)?)))
    }

    pub(crate) fn members(&self, series: &str, after: Option<&str>) -> impl Iterator<Item = &Row<P>> {
        // No id is empty.
        let from = (series, after.unwrap_or_default());
        let members = self.series.from(|(of, id)| (of.as_ref(), id.as_ref()) <= from);
        members.take_while(move |(of, _)| **of == *series).filter_map(|(_, id)| self.get(id))
    }

    pub(crate) fn unsettled(&self, after: Option<&str>) -> impl Iterator<Item = &Row<P>> {
        self.unsettled.from(|id| after.is_some_and(|after| **id <= *after)).filter_map(|id| self.get(id))
    }

    pub(super) fn put(&mut self, row: Row<P>) {
        self.remove(&row.meta.id);
        if let Some(key) = time_key(&row.meta) {
            self.times.insert(key);
        }
        if let Some(series) = &row.meta.series {
            let pair = (series.clone(), row.meta.id.clone());
            self.series.insert(pair.clone(), |known| known.cmp(&pair));
        }
        let id = row.meta.id.clone();
        if row.unsettled.is_some() {
            self.unsettled.insert(id.clone(), |known| known.cmp(&id));
        }
        self.by_id.insert(Arc::new(row), by_id(&id));
    }

    pub(super) fn remove(&mut self, id: &str) {
        let Some(row) = self.by_id.remove(by_id(id)) else { return };
        if let Some(key) = time_key(&row.meta) {
            self.times.remove(&key);
        }
        if let Some(series) = &row.meta.series {
            self.series.remove(|(of, member)| (of.as_ref(), member.as_ref()).cmp(&(series, id)));
        }
        self.unsettled.remove(|known| known.as_ref().cmp(id));
    }
}

/// The order of rows by id, against one of them.
fn by_id<P>(id: &str) -> impl Fn(&Arc<Row<P>>) -> Ordering {
    move |row| row.meta.id.as_ref().cmp(id)
}

/// Where a row stands in time: nowhere if it is a master, whose own times are no appointment, or has no start.
fn time_key(meta: &Meta) -> Option<TimeKey> {
    let start = meta.start.filter(|_| meta.kind != EventType::SeriesMaster)?;
    // Ends before their starts do occur.
    let end = meta.end.map_or(start, |end| end.max(start));
    Some(TimeKey { start, end, id: meta.id.clone() })
}
