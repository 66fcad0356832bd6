//! The agenda for people: a heading for each day, and a line for each event of it.

use std::io;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use delta_core::Event;
use export::filter::{is_cancelled, is_declined, is_private};
use export::when::When;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};

use super::{Clock, Entry, date};
use crate::exit::Failure;
use crate::output;

/// Prints the days from the first up to that after the last, those without events left out.
pub(super) fn print(
    entries: &[Entry],
    clock: &Clock,
    first: Date,
    after: Date,
    name_targets: bool,
) -> Result<(), Failure> {
    let paint = Paint::for_stdout();
    let mut lines: Vec<Line<'_>> = entries.iter().flat_map(|entry| days(entry, clock, first, after)).collect();
    lines.sort_by_key(|line| (line.day, line.order));
    if lines.is_empty() {
        let last = after.saturating_sub(1.days());
        let when = if last == first { format!("on {first}") } else { format!("from {first} to {last}") };
        return output::line(format_args!("nothing {when}"));
    }
    let mut day = None;
    for line in &lines {
        if day != Some(line.day) {
            if day.is_some() {
                output::line("")?;
            }
            output::line(paint.paint(Style::new().bold(), &line.day.strftime("%A, %Y-%m-%d").to_string()))?;
            day = Some(line.day);
        }
        output::line(line.text(&paint, name_targets))?;
    }
    Ok(())
}

/// A day of an event.
struct Line<'e> {
    day: Date,
    /// Its place within the day: all-day events first, then by when they begin on that day.
    order: Option<DateTime>,
    times: String,
    /// Which day of how many, of an all-day event.
    part: Option<(i32, i32)>,
    entry: &'e Entry,
}

/// An event on each of its days, as far as they are asked for.
fn days<'e>(entry: &'e Entry, clock: &Clock, first: Date, after: Date) -> Vec<Line<'e>> {
    match entry.when {
        When::Days { first: begin, after: end } => {
            let (begin, end) = (date(begin), date(end));
            let count = days_between(begin, end);
            let part = |day| (count > 1).then(|| (days_between(begin, day).saturating_add(1), count));
            let line = |day| Line { day, order: None, times: "all day".to_owned(), part: part(day), entry };
            each_day(begin.max(first), end.min(after)).map(line).collect()
        }
        When::Instants { start, end } => {
            let (start, end) = (clock.local(start), clock.local(end));
            // What ends at midnight is not on the next day.
            let last = if end.time() == jiff::civil::Time::midnight() && end.date() > start.date() {
                end.date()
            } else {
                end.date().saturating_add(1.days())
            };
            // The end may be shown before the start where clocks go back.
            let last = last.max(start.date().saturating_add(1.days()));
            let line = |day: Date| {
                let from = if day == start.date() { start } else { day.to_datetime(jiff::civil::Time::midnight()) };
                let to = if day == end.date() { end.strftime("%H:%M").to_string() } else { "24:00".to_owned() };
                let times = if start == end {
                    start.strftime("%H:%M").to_string()
                } else {
                    format!("{}-{to}", from.strftime("%H:%M"))
                };
                Line { day, order: Some(from), times, part: None, entry }
            };
            each_day(start.date().max(first), last.min(after)).map(line).collect()
        }
    }
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

fn each_day(from: Date, to: Date) -> impl Iterator<Item = Date> {
    from.series(1.days()).take_while(move |day| *day < to)
}

impl Line<'_> {
    fn text(&self, paint: &Paint, name_target: bool) -> String {
        let Ok(event) = Event::parse(&self.entry.row.json) else { return self.entry.row.row.meta.id.to_string() };
        let subject = event.subject().filter(|subject| !subject.trim().is_empty());
        let subject = subject.map_or_else(|| "(no subject)".to_owned(), |subject| output::clean(subject.trim()));
        let gone = is_cancelled(&event) || is_declined(&event);
        let subject = if gone { paint.paint(Style::new().strikethrough(), &subject) } else { subject };
        let times = paint.paint(AnsiColor::Cyan.on_default(), &format!("{:11}", self.times));
        let mut text = format!("  {times}  {subject}");
        if let Some((day, of)) = self.part {
            text += &format!(" (day {day} of {of})");
        }
        let place = event.location().and_then(|location| location.display_name).unwrap_or_default();
        if !place.trim().is_empty() {
            text += &format!(" @ {}", output::clean(place.trim()));
        }
        let mut marks = marks(&event);
        if name_target {
            marks.push(output::clean(&self.entry.target));
        }
        if !marks.is_empty() {
            text += &paint.paint(Style::new().dimmed(), &format!(" [{}]", marks.join(", ")));
        }
        text
    }
}

/// What one should know of an event at a glance.
fn marks(event: &Event<'_>) -> Vec<String> {
    let show_as = event.show_as();
    let marks = [
        (is_cancelled(event), "cancelled"),
        (is_declined(event), "declined"),
        (is_private(event), "private"),
        (show_as.as_deref() == Some("tentative"), "tentative"),
        (show_as.as_deref() == Some("free"), "free"),
    ];
    marks.into_iter().filter(|(holds, _)| *holds).map(|(_, mark)| mark.to_owned()).collect()
}

/// An event as one line with tabs.
pub(super) fn tabs(entry: &Entry, clock: &Clock) -> String {
    let event = Event::parse(&entry.row.json).ok();
    let (start, end) = match entry.when {
        When::Days { first, after } => (date(first).to_string(), date(after).to_string()),
        When::Instants { start, end } => {
            let show = |at| clock.local(at).strftime("%Y-%m-%d %H:%M").to_string();
            (show(start), show(end))
        }
    };
    let subject = event.as_ref().and_then(|event| event.subject()).unwrap_or_default();
    let location = event.as_ref().and_then(|event| event.location()).and_then(|location| location.display_name);
    let fields = [&start, &end, &*subject, &location.unwrap_or_default(), &entry.target, &entry.row.row.meta.id];
    fields.map(output::clean).join("\t")
}

/// Colours, where they are wanted.
struct Paint(bool);

impl Paint {
    /// On a terminal, unless `NO_COLOR` or the like says otherwise.
    fn for_stdout() -> Self {
        Self(AutoStream::choice(&io::stdout()) != ColorChoice::Never)
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
