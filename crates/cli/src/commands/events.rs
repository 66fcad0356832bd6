//! `caldelta events`: read the local copy.

use delta_core::{Event, Timestamp};
use store::reader::{self, EventRow, TimeRange};

use crate::args;

use crate::exit::{Code, Failure};
use crate::output;
use crate::replicas;

/// How many events to read at a time.
const BATCH: usize = 256;

pub(crate) async fn run(command: args::Events) -> Result<(), Failure> {
    match command {
        args::Events::List(args) => list(args).await,
        args::Events::Show(args) => show(args).await,
    }
}

async fn list(args: args::EventsList) -> Result<(), Failure> {
    let (from, to) = (args.from.unwrap_or(Timestamp::MIN), args.to.unwrap_or(Timestamp::MAX));
    if to <= from {
        return Err(Failure::usage(format!("--to {to} is not after --from {from}")));
    }
    let replicas = replicas::open(&args.store, &args.targets).await?;
    let range = TimeRange::utc(from..to);
    for replica in &replicas {
        if replicas.len() > 1 && !args.json {
            output::heading(&replica.target)?;
        }
        let mut after = None;
        loop {
            let (rows, next) = reader::events(replica.view.as_ref(), &range, after.as_ref(), BATCH).await?;
            for row in &rows {
                output::line(if args.json { export::json::event(&replica.target, row)? } else { line(row) })?;
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

async fn show(args: args::EventsShow) -> Result<(), Failure> {
    for replica in replicas::open(&args.store, &[]).await? {
        if let Some(row) = reader::event(replica.view.as_ref(), &args.id).await? {
            return if args.json { output::line(export::json::event(&replica.target, &row)?) } else { card(&row) };
        }
    }
    Err(Failure::new(Code::Failure, format!("there is no event with the id {:?} in the local copy", args.id)))
}

/// One line: when, in UTC, and what.
pub(crate) fn line(row: &EventRow) -> String {
    let Ok(event) = Event::parse(&row.json) else { return row.row.meta.id.to_string() };
    let (start, end) = times(&event);
    let subject = event.subject().map_or_else(|| "(no subject)".to_owned(), |subject| output::clean(&subject));
    format!("{start:16}  {end:16}  {subject}")
}

/// Start and end as they are read: dates for all-day events, minutes of UTC for others.
fn times(event: &Event<'_>) -> (String, String) {
    let all_day = event.is_all_day() == Some(true);
    let show = |at: Option<Timestamp>| {
        let text = at.map(|at| at.to_string()).unwrap_or_default();
        let shown: String = text.chars().take(if all_day { 10 } else { 16 }).collect();
        shown.replace('T', " ")
    };
    let read = |time: Option<delta_core::DateTimeTimeZone<'_>>| show(time.and_then(|time| time.read_as_utc()));
    (read(event.start()), read(event.end()))
}

fn card(row: &EventRow) -> Result<(), Failure> {
    let event = Event::parse(&row.json).map_err(|error| Failure::new(Code::Data, error))?;
    let (start, end) = times(&event);
    let name = |address: Option<delta_core::EmailAddress<'_>>| {
        address.and_then(|address| address.name.or(address.address)).map(|name| name.into_owned())
    };
    let attendees: Vec<String> =
        event.attendees().into_iter().filter_map(|attendee| name(attendee.email_address)).collect();
    let fields = [
        ("subject", event.subject().map(|subject| subject.into_owned())),
        ("start", Some(start)),
        ("end", Some(end)),
        ("where", event.location().and_then(|location| location.display_name).map(|place| place.into_owned())),
        ("organizer", event.organizer().and_then(|organizer| name(organizer.email_address))),
        ("attendees", Some(attendees.join(", "))),
        ("show as", event.show_as().map(|show_as| show_as.into_owned())),
        ("series", row.row.meta.series.as_ref().map(|series| series.to_string())),
        ("id", Some(row.row.meta.id.to_string())),
        ("preview", event.body_preview().map(|preview| preview.into_owned())),
    ];
    for (label, value) in fields {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            output::line(format!("{label:10} {}", output::clean(&value)))?;
        }
    }
    Ok(())
}
