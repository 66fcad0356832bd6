//! Series masters that nobody holds, because they were fetched or are outside of the window: they live while a row names
//! them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::row::Work;
use super::{Plan, ROWS};
use crate::Error;
use crate::model::Row;

impl Plan<'_> {
    /// Lets go of the rows without a hold that no row names after the run, and keeps the others.
    pub(super) async fn release_masters(&mut self) -> Result<(), Error> {
        let reading = self.reading;
        let mut named: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut candidates: BTreeSet<Arc<str>> = BTreeSet::new();
        for (id, work) in &self.works {
            let series_now = work.series().filter(|_| work.lives(reading));
            named.extend(series_now.cloned());
            candidates.extend((work.is_fetched() || work.is_lost()).then(|| id.clone()));
            candidates.extend(work.before.as_ref().and_then(|row| row.meta.series.clone()));
        }
        for id in &candidates {
            let named = named.contains(id) || self.is_named_elsewhere(id).await?;
            if self.works.get(id).is_some_and(Work::is_lost) {
                self.work(id).await?.named = named;
            } else if !named && self.is_fetched(id).await? {
                self.work(id).await?.released = true;
            }
        }
        Ok(())
    }

    async fn is_fetched(&self, id: &Arc<str>) -> Result<bool, Error> {
        match self.works.get(id) {
            Some(work) => Ok(work.is_fetched()),
            None => Ok(self.view.row(id).await?.is_some_and(|row| !row.is_member())),
        }
    }

    /// Whether a row that the run does not touch names this one.
    async fn is_named_elsewhere(&self, id: &str) -> Result<bool, Error> {
        let mut after: Option<Arc<str>> = None;
        loop {
            let members: Vec<Row> = self.view.members(id, after.as_deref(), ROWS).await?;
            if members.iter().any(|row| !self.works.contains_key(&row.meta.id)) {
                return Ok(true);
            }
            match members.last() {
                Some(last) if members.len() == ROWS => after = Some(last.meta.id.clone()),
                _ => return Ok(false),
            }
        }
    }
}
