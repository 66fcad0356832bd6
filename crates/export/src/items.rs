//! The visible events of a replica by what belongs together: single events, and the members of each series.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::EventType;
use store::reader::{self, EventRow};
use store::{Row, View};

use crate::events::parse;
use crate::{Error, Filter};

/// How many rows to read at a time.
const BATCH: usize = 256;

/// A single event, or all members of a series that a replica shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The id of the single event, or of the series.
    pub id: Arc<str>,
    /// Whether the events are members of a series.
    pub series: bool,
    /// The events; at least one. Of a series they are by time.
    pub events: Vec<EventRow>,
}

/// Calls something with each item of which the filter shows an event, in an order that is the same whenever the replica
/// is. Events whose start can't be read have no place in a calendar and are in no item.
///
/// # Errors
/// The replica's, and those of what is called.
pub async fn each<E: From<Error>>(
    view: &dyn View,
    filter: &Filter,
    mut call: impl FnMut(Item) -> Result<(), E>,
) -> Result<(), E> {
    let mut seen = BTreeSet::new();
    let mut after: Option<Arc<str>> = None;
    loop {
        let rows = view.rows(after.as_deref(), BATCH).await.map_err(Error::from)?;
        for row in rows.iter().filter(|row| is_visible(row)) {
            let item = match &row.meta.series {
                None => single(view, filter, row).await?,
                Some(series) if seen.insert(series.clone()) => members(view, filter, series).await?,
                Some(_) => continue,
            };
            if !item.events.is_empty() {
                call(item)?;
            }
        }
        match rows.last() {
            Some(last) if rows.len() == BATCH => after = Some(last.meta.id.clone()),
            _ => return Ok(()),
        }
    }
}

async fn single(view: &dyn View, filter: &Filter, row: &Row) -> Result<Item, Error> {
    let mut item = Item { id: row.meta.id.clone(), series: false, events: Vec::new() };
    item.add(view, filter, row).await?;
    Ok(item)
}

async fn members(view: &dyn View, filter: &Filter, series: &Arc<str>) -> Result<Item, Error> {
    let mut item = Item { id: series.clone(), series: true, events: Vec::new() };
    let mut after: Option<Arc<str>> = None;
    loop {
        let rows = view.members(series, after.as_deref(), BATCH).await?;
        for row in rows.iter().filter(|row| is_visible(row)) {
            item.add(view, filter, row).await?;
        }
        match rows.last() {
            Some(last) if rows.len() == BATCH => after = Some(last.meta.id.clone()),
            _ => break,
        }
    }
    item.events.sort_by(|a, b| (a.row.meta.start, &a.row.meta.id).cmp(&(b.row.meta.start, &b.row.meta.id)));
    Ok(item)
}

impl Item {
    async fn add(&mut self, view: &dyn View, filter: &Filter, row: &Row) -> Result<(), Error> {
        if let Some(event) = reader::event(view, &row.meta.id).await?
            && filter.shows(&parse(&event)?)
        {
            self.events.push(event);
        }
        Ok(())
    }
}

/// Whether a row is an event that people see: what [`reader::events`] lists.
pub(crate) fn is_visible(row: &Row) -> bool {
    row.is_member() && row.meta.kind != EventType::SeriesMaster && row.meta.start.is_some()
}
