//! The visible events of a replica, by time.

use delta_core::{Event, Timestamp};
use store::View;
use store::reader::{self, EventRow, TimeRange};

use crate::{Error, Filter};

/// How many events to read at a time.
const BATCH: usize = 256;

/// All time that there is.
pub fn always() -> TimeRange {
    TimeRange::utc(Timestamp::MIN..Timestamp::MAX)
}

/// Calls something with each visible event of a range that the filter shows, by time.
///
/// # Errors
/// The replica's, and those of what is called.
pub async fn each<E: From<Error>>(
    view: &dyn View,
    range: &TimeRange,
    filter: &Filter,
    mut call: impl FnMut(&EventRow, &Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = None;
    loop {
        let (rows, next) = reader::events(view, range, after.as_ref(), BATCH).await.map_err(Error::from)?;
        for row in &rows {
            let event = parse(row)?;
            if filter.shows(&event) {
                call(row, &event)?;
            }
        }
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// The event of a row.
pub(crate) fn parse(row: &EventRow) -> Result<Event<'_>, Error> {
    Event::parse(&row.json).map_err(|_| Error::NotAnEvent { id: row.row.meta.id.to_string() })
}
