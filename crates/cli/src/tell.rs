//! What came of jobs: in words, and as JSON.

use delta_core::{Calendar, Resource, RoundKind, Timestamp, ViewKind};
use serde::Serialize;
use sync::{CalendarNews, Discovery, SyncReport};

use crate::catalogue::News;
use crate::crew::{Job, Outcome};
use crate::exit::Failure;
use crate::output::{self, Tagged};

/// What a job is about.
pub(crate) fn subject(job: &Job) -> String {
    match job {
        Job::List(mailbox) => format!("the calendars of {mailbox}"),
        Job::Copy(target) => target.to_string(),
    }
}

/// Prints what a job has brought about.
pub(crate) fn print(job: &Job, outcome: &Outcome, json: bool) -> Result<(), Failure> {
    match (outcome, json) {
        (Outcome::Copied(report) | Outcome::CopiedInPart(report, _), true) => {
            output::report(output::json(&Tagged { schema: "sync-report/1", value: report })?)
        }
        (Outcome::Copied(report) | Outcome::CopiedInPart(report, _), false) => output::report(line(report)),
        (Outcome::Listed(discovery) | Outcome::Gone(discovery), true) => {
            output::report(output::json(&Tagged { schema: "calendars/1", value: Calendars::new(job, discovery) })?)
        }
        (Outcome::Listed(discovery), false) => output::report(listed(job, discovery)),
        (Outcome::Gone(_), false) => output::report(format!("{}: not there any more; its copy stays", subject(job))),
    }
}

/// The body of `calendars/1`.
#[derive(Serialize)]
pub(crate) struct Calendars<'a> {
    mailbox: String,
    calendars: Vec<Listed<'a>>,
    news: Vec<News<'a>>,
}

/// A calendar of it.
#[derive(Serialize)]
struct Listed<'a> {
    target: String,
    id: &'a str,
    name: Option<&'a str>,
    is_default: bool,
    owner: Option<&'a str>,
    gone_since: Option<Timestamp>,
}

impl<'a> Calendars<'a> {
    pub(crate) fn new(job: &Job, discovery: &'a Discovery) -> Self {
        let (Job::List(of) | Job::Copy(of)) = job;
        let listed = discovery.calendars.iter().map(|known| Listed {
            target: known.target.to_string(),
            id: &known.calendar.id,
            name: known.calendar.name.as_deref(),
            is_default: known.calendar.is_default,
            owner: known.calendar.owner.as_ref().and_then(|owner| owner.address.as_deref()),
            gone_since: known.gone_since,
        });
        let mailbox = Resource::new(of.mailbox().clone(), Calendar::Default, ViewKind::CalendarView);
        Self {
            mailbox: mailbox.map(|mailbox| mailbox.to_string()).unwrap_or_default(),
            calendars: listed.collect(),
            news: discovery.news.iter().map(News::from).collect(),
        }
    }
}

/// What a mailbox's list says, in a line.
pub(crate) fn listed(job: &Job, discovery: &Discovery) -> String {
    let mut line = format!("{}: {}", subject(job), output::count(discovery.targets().count() as u64, "calendar"));
    let name = |target: &Resource| {
        let known = discovery.calendars.iter().find(|known| known.target == *target);
        known.and_then(|known| known.calendar.name.as_deref()).map(output::clean).unwrap_or_default()
    };
    for news in &discovery.news {
        line.push_str(&match news {
            CalendarNews::New { target, replaces: None } => format!("; new: {}", name(target)),
            CalendarNews::New { target, replaces: Some(_) } => format!("; made again: {}", name(target)),
            CalendarNews::Renamed { target, from } => {
                format!("; {} is now {}", output::clean(from.as_deref().unwrap_or_default()), name(target))
            }
            CalendarNews::Gone { target } => format!("; gone: {}, its copy stays", name(target)),
            CalendarNews::Back { target } => format!("; back: {}", name(target)),
        });
    }
    line
}

/// What a run did, in a line.
pub(crate) fn line(report: &SyncReport) -> String {
    let kind = match report.round {
        RoundKind::Full => "full",
        RoundKind::Incremental => "incremental",
    };
    let (requests, items) = (output::count(report.run.requests, "request"), output::count(report.items, "item"));
    let kind = if report.listing { "a plain listing".to_owned() } else { format!("{kind} round") };
    let mut line = format!("{}: {kind}", report.target);
    if report.tiles.len() > 1 {
        line.push_str(&format!(" of {} tiles", report.tiles.len()));
    }
    line.push_str(&format!(", {requests}, {items}"));
    if report.resumed_pages > 0 {
        let pages = output::count(report.resumed_pages, "page");
        line.push_str(&format!(", after {pages} of an earlier run"));
    }
    let changes = &report.changes;
    line.push_str(if report.published { "; " } else { "; nothing published, there would be " });
    line.push_str(&format!("{} created, {} updated, {} deleted", changes.created, changes.updated, changes.deleted));
    if changes.left_window > 0 {
        line.push_str(&format!(", {} left the window", changes.left_window));
    }
    if changes.malformed > 0 {
        line.push_str(&format!("; {} could not be understood", output::count(changes.malformed, "item")));
    }
    if !report.run.restarts.is_empty() {
        let reasons: Vec<&str> = report.run.restarts.iter().map(|restart| restart.reason.as_str()).collect();
        line.push_str(&format!("; read again because of {}", reasons.join(", ")));
    }
    for degradation in &report.run.degradations {
        line.push_str(&format!("; {degradation}"));
    }
    line
}
