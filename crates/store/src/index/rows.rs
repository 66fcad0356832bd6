//! The rows, and the ways to find them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};
use std::sync::Arc;

use delta_core::{EventType, Timestamp};

use super::times::Times;
use crate::model::{Meta, Row};
use crate::store::TimeKey;

/// All rows of a replica by id, by time and by series.
#[derive(Debug, Clone)]
pub(crate) struct Rows<P> {
    by_id: BTreeMap<Arc<str>, Arc<Row<P>>>,
    times: Times,
    /// Pairs of a series and a member.
    series: BTreeSet<(Arc<str>, Arc<str>)>,
    unsettled: BTreeSet<Arc<str>>,
}

impl<P> Default for Rows<P> {
    fn default() -> Self {
        Self { by_id: BTreeMap::new(), times: Times::default(), series: BTreeSet::new(), unsettled: BTreeSet::new() }
    }
}

impl<P> Rows<P> {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Row<P>> {
        self.by_id.get(id).map(Arc::as_ref)
    }

    pub(crate) fn after(&self, id: Option<&str>) -> impl Iterator<Item = &Row<P>> {
        let lower = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_id.range::<str, _>((lower, Bound::Unbounded)).map(|(_, row)| row.as_ref())
    }

    pub(crate) fn overlapping(
        &self,
        range: Range<Timestamp>,
        after: Option<&TimeKey>,
    ) -> impl Iterator<Item = (&TimeKey, &Row<P>)> {
        self.times.overlapping(range, after).filter_map(|key| Some((key, self.get(&key.id)?)))
    }

    pub(crate) fn members(&self, series: &str, after: Option<&str>) -> impl Iterator<Item = &Row<P>> {
        let series: Arc<str> = series.into();
        // No id is empty, so the first possible pair of a series is one with an empty member.
        let from = (series.clone(), Arc::from(after.unwrap_or_default()));
        self.series
            .range((Bound::Excluded(from), Bound::Unbounded))
            .take_while(move |(of, _)| *of == series)
            .filter_map(|(_, id)| self.get(id))
    }

    pub(crate) fn unsettled(&self, after: Option<&str>) -> impl Iterator<Item = &Row<P>> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.unsettled.range::<str, _>((lower, Bound::Unbounded)).filter_map(|id| self.get(id))
    }

    pub(super) fn put(&mut self, row: Row<P>) {
        self.remove(&row.meta.id);
        if let Some(key) = time_key(&row.meta) {
            self.times.insert(key);
        }
        if let Some(series) = &row.meta.series {
            self.series.insert((series.clone(), row.meta.id.clone()));
        }
        if row.unsettled.is_some() {
            self.unsettled.insert(row.meta.id.clone());
        }
        self.by_id.insert(row.meta.id.clone(), Arc::new(row));
    }

    pub(super) fn remove(&mut self, id: &str) {
        let Some((id, row)) = self.by_id.remove_entry(id) else { return };
        if let Some(key) = time_key(&row.meta) {
            self.times.remove(&key);
        }
        if let Some(series) = &row.meta.series {
            self.series.remove(&(series.clone(), id.clone()));
        }
        self.unsettled.remove(&id);
    }
}

/// Where a row stands in time: nowhere if it is a master, whose own times are no appointment, or has no start.
fn time_key(meta: &Meta) -> Option<TimeKey> {
    let start = meta.start.filter(|_| meta.kind != EventType::SeriesMaster)?;
    // Ends before their starts do occur.
    let end = meta.end.map_or(start, |end| end.max(start));
    Some(TimeKey { start, end, id: meta.id.clone() })
}
