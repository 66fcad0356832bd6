//! `caldelta agenda`: what is on, in the time of whoever asks.

mod json;
mod text;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use delta_core::Timestamp;
use export::when::When;
use export::{Filter, events};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use store::reader::{EventRow, TimeRange};
use sync::Timer;

use crate::args;
use crate::exit::Failure;
use crate::output;
use crate::replicas::{self, Opened};
use crate::timer::SystemTimer;

/// An event of the agenda.
struct Entry {
    target: Arc<str>,
    row: EventRow,
    when: When,
}

/// The clock of whoever asks.
struct Clock {
    zone: TimeZone,
}

pub(crate) async fn run(args: args::Agenda) -> Result<(), Failure> {
    let clock = Clock { zone: args.zone.unwrap_or_else(machine) };
    let (first, after) = args.range.from(clock.local(SystemTimer.now()).date());
    let range = clock.range(first, after);
    let filter = Filter::from(args.filter);
    let replicas = replicas::open(&args.store, &args.calendar).await?;
    let entries = collect(&replicas, &range, &filter).await?;
    for replica in &replicas {
        tell_where_it_ends(replica, &range.instants);
    }
    if args.json {
        return entries.iter().try_for_each(|entry| output::line(json::object(entry, &clock)?));
    }
    if args.tsv {
        return entries.iter().try_for_each(|entry| output::line(text::tabs(entry, &clock)));
    }
    text::print(&entries, &clock, first, after, replicas.len() > 1)
}

/// The zone that `TZ` or the machine names. Where there is none, UTC is a guess that has to be said.
fn machine() -> TimeZone {
    TimeZone::try_system().unwrap_or_else(|_| {
        output::say("caldelta: this machine names no time zone: times are in UTC; say which with --zone or TZ");
        TimeZone::UTC
    })
}

/// The events of a range, by time and all-day ones first; one that is in several targets comes once.
async fn collect(replicas: &[Opened], range: &TimeRange, filter: &Filter) -> Result<Vec<Entry>, Failure> {
    let (mut entries, mut seen) = (Vec::new(), BTreeSet::new());
    for replica in replicas {
        let target: Arc<str> = Arc::from(replica.target.as_str());
        events::each::<Failure>(replica.view.as_ref(), range, filter, |row, event| {
            if let Some(when) = When::of(event)
                && seen.insert(row.row.meta.id.clone())
            {
                entries.push(Entry { target: target.clone(), row: row.clone(), when });
            }
            Ok(())
        })
        .await?;
    }
    entries.sort_by_key(|entry| {
        let (at, timed) = match entry.when {
            When::Days { first, .. } => (first, false),
            When::Instants { start, .. } => (start, true),
        };
        (at, timed, entry.row.row.meta.id.clone())
    });
    Ok(entries)
}

/// Says so if the range goes beyond what is copied: nothing there does not mean that nothing is on.
fn tell_where_it_ends(replica: &Opened, range: &Range<Timestamp>) {
    let windows = || replica.view.tiles().iter().filter_map(|tile| tile.window);
    let (Some(start), Some(end)) = (windows().map(|w| w.start()).min(), windows().map(|w| w.end()).max()) else {
        return;
    };
    if range.start < start || range.end > end {
        let (target, start, end) = (output::clean(&replica.target), output::instant(start), output::instant(end));
        output::say(format_args!("caldelta: the local copy of {target} reaches from {start} to {end} (UTC) only"));
    }
}

impl Clock {
    /// What it shows at an instant; at the ends of time, UTC.
    fn local(&self, at: Timestamp) -> DateTime {
        match jiff::Timestamp::from_second(at.seconds()) {
            Ok(instant) => self.zone.to_datetime(instant),
            Err(_) => DateTime::MAX,
        }
    }

    /// When a day begins: at midnight, or where there is none, right after.
    fn begin(&self, day: Date) -> Timestamp {
        let begin = day.to_zoned(self.zone.clone()).map(|begin| begin.timestamp().as_second());
        begin.map_or(Timestamp::MAX, Timestamp::from_seconds)
    }

    /// From the beginning of a day to that of another.
    fn range(&self, first: Date, after: Date) -> TimeRange {
        TimeRange { instants: self.begin(first)..self.begin(after), local: midnight(first)..midnight(after) }
    }
}

/// A day's midnight, read as UTC: how all-day events are written.
fn midnight(day: Date) -> Timestamp {
    Timestamp::parse(&day.to_string()).unwrap_or(Timestamp::MAX)
}

/// The day of a midnight that is read as UTC.
fn date(at: Timestamp) -> Date {
    jiff::Timestamp::from_second(at.seconds()).map_or(Date::MAX, |instant| TimeZone::UTC.to_datetime(instant).date())
}
