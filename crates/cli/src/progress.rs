//! How a sync goes, on stderr: for people a line for each target that is under way, if it is a terminal; for programs an
//! object for each thing that happens (`progress/1`).

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use delta_core::{Resource, RoundKind, Timestamp, Wait};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use sync::{Notice, Observer, Timer};

use crate::args::ProgressArg;
use crate::output::{self, Tagged};
use crate::timer::SystemTimer;

/// The progress of all targets.
pub(crate) struct Bars {
    lines: MultiProgress,
    how: ProgressArg,
}

impl Bars {
    pub(crate) fn new(how: ProgressArg) -> Self {
        Self { lines: MultiProgress::new(), how }
    }

    /// The progress of a target.
    pub(crate) fn progress(&self, target: &Resource) -> Progress {
        let shown = match self.how {
            ProgressArg::Json => Shown::Json,
            ProgressArg::Auto if std::io::stderr().is_terminal() => Shown::Line(self.line(target)),
            ProgressArg::Auto | ProgressArg::Off => Shown::Nothing,
        };
        Progress { target: target.to_string(), shown, tally: Mutex::new(Tally::new()) }
    }

    fn line(&self, target: &Resource) -> ProgressBar {
        let bar = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_prefix(target.to_string());
        bar
    }

    /// Prints something above the lines.
    pub(crate) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.lines.suspend(print)
    }
}

/// Tells how a run goes.
pub(crate) struct Progress {
    target: String,
    shown: Shown,
    tally: Mutex<Tally>,
}

enum Shown {
    Nothing,
    Line(ProgressBar),
    Json,
}

/// How far a run is: what it does, and what came since its round began.
struct Tally {
    doing: String,
    pages: u64,
    events: u64,
    begun: Instant,
}

/// What happened.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Happened {
    Round,
    Page,
    Wait,
    Resync,
    Degraded,
}

/// The body of `progress/1`.
#[derive(Serialize)]
struct Told<'a> {
    at: Timestamp,
    target: &'a str,
    event: Happened,
    doing: &'a str,
    pages: u64,
    events: u64,
    events_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_seconds: Option<f64>,
}

impl Tally {
    fn new() -> Self {
        Self { doing: String::new(), pages: 0, events: 0, begun: Instant::now() }
    }

    /// Takes a notice in, and says what happened, if it is of interest.
    fn take(&mut self, notice: &Notice<'_>) -> Option<Happened> {
        match notice {
            Notice::Round { kind, staged, .. } => {
                let what = reads(*kind);
                // A round of its own or a tile's: the count goes on.
                self.doing = if *staged == 0 { what.to_owned() } else { format!("{what}, on after page {staged}") };
                Some(Happened::Round)
            }
            Notice::Listing { .. } => {
                self.doing = "reading a plain listing".to_owned();
                Some(Happened::Round)
            }
            Notice::Page { page, .. } => {
                self.pages = self.pages.saturating_add(1);
                self.events = self.events.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
                Some(Happened::Page)
            }
            Notice::Wait(_) => Some(Happened::Wait),
            Notice::Restart(restart) => {
                *self = Self { doing: format!("resync: {}", why(&restart.reason)), ..Self::new() };
                Some(Happened::Resync)
            }
            Notice::Degraded(what) => {
                self.doing = (*what).to_owned();
                Some(Happened::Degraded)
            }
            _ => None,
        }
    }

    fn rate(&self) -> f64 {
        let seconds = self.begun.elapsed().as_secs_f64();
        // Over less than this nothing is said.
        if seconds < 0.001 { 0.0 } else { (self.events as f64 / seconds * 10.0).round() / 10.0 }
    }

    fn line(&self, wait: Option<&Wait>) -> String {
        let (pages, events) = (output::count(self.pages, "page"), output::count(self.events, "event"));
        let mut line = output::clean(&self.doing);
        if self.pages > 0 {
            line += &format!(": {pages}, {events}, {:.0} a second", self.rate());
        }
        if let Some(wait) = wait {
            line += &format!("; {}: waiting {:.0} s", output::clean(&wait.reason), wait.duration.as_secs_f64().ceil());
        }
        line
    }
}

fn reads(kind: RoundKind) -> &'static str {
    match kind {
        RoundKind::Full => "reading everything",
        RoundKind::Incremental => "reading what changed",
    }
}

/// Why a round begins anew: Graph's code where there is one, with what it means.
fn why(reason: &str) -> String {
    let forgotten = ["SyncStateNotFound", "SyncStateInvalid", "resyncRequired", "ErrorInvalidSyncStateData"];
    if forgotten.iter().any(|code| code.eq_ignore_ascii_case(reason)) {
        format!("the server forgot the token ({reason}), so everything is read again")
    } else {
        reason.to_owned()
    }
}

impl Progress {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Line(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn notice(&self, notice: &Notice<'_>) {
        let mut tally = self.tally();
        let Some(event) = tally.take(notice) else { return };
        let wait = if let Notice::Wait(wait) = notice { Some(*wait) } else { None };
        match &self.shown {
            Shown::Nothing => {}
            Shown::Line(bar) => {
                bar.set_message(tally.line(wait));
                bar.tick();
            }
            Shown::Json => {
                let doing = wait.map_or_else(|| tally.doing.clone(), |wait| format!("waiting: {}", wait.reason));
                let value = Told {
                    at: SystemTimer.now(),
                    target: &self.target,
                    event,
                    doing: &doing,
                    pages: tally.pages,
                    events: tally.events,
                    events_per_second: tally.rate(),
                    wait_seconds: wait.map(|wait| wait.duration.as_secs_f64()),
                };
                if let Ok(text) = output::json(&Tagged { schema: "progress/1", value }) {
                    output::say(text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use delta_core::{RequestIds, Restart};

    use super::*;

    #[test]
    fn a_resync_is_said_in_plain_words() {
        assert!(why("syncStateNotFound").starts_with("the server forgot the token (syncStateNotFound)"));
        assert_eq!(why("the server answered 410 Gone"), "the server answered 410 Gone");
    }

    #[test]
    fn a_wait_is_told_with_what_came_before() {
        let mut tally = Tally { doing: reads(RoundKind::Full).to_owned(), pages: 1, events: 20, ..Tally::new() };
        let wait = Wait {
            duration: Duration::from_millis(1500),
            reason: "the server answered 429".to_owned(),
            attempt: 1,
            of_mailbox: true,
            ids: RequestIds::default(),
        };
        assert!(matches!(tally.take(&Notice::Wait(&wait)), Some(Happened::Wait)));
        let line = tally.line(Some(&wait));
        assert!(line.starts_with("reading everything: 1 page, 20 events, "), "{line}");
        assert!(line.ends_with("; the server answered 429: waiting 2 s"), "{line}");
    }

    #[test]
    fn a_resync_counts_from_nothing() {
        let mut tally = Tally { pages: 3, events: 60, ..Tally::new() };
        let (void, ids) = (delta_core::RoundId::new(0), RequestIds::default());
        let restart = Restart { void, kind: RoundKind::Full, reason: "SyncStateNotFound".to_owned(), ids };
        assert!(matches!(tally.take(&Notice::Restart(&restart)), Some(Happened::Resync)));
        assert_eq!((tally.pages, tally.events), (0, 0));
        assert!(tally.line(None).starts_with("resync: the server forgot the token"));
    }
}
