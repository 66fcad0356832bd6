//! `caldelta watch`: what `sync` does, again and again, until it is stopped.

use std::cell::RefCell;

use delta_core::{Resource, Timestamp};
use serde::Serialize;
use store::Library;
use sync::{Guard, SyncReport, Timer, Trouble};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::args;
use crate::connect;
use crate::crew::{self, Crew, Job, Outcome};
use crate::exit::Failure;
use crate::output::{self, Tagged};
use crate::paths;
use crate::service;
use crate::signal::{Stop, Wake};
use crate::tell::{self, Calendars};
use crate::timer::SystemTimer;
use crate::watch_note::{Watched, Watching};

pub(crate) async fn run(args: args::Watch) -> Result<(), Failure> {
    let (mut stop, mut wake) = (Stop::listen()?, Wake::listen()?);
    let root = connect::root(&args.connect)?;
    let targets = crew::targets(&args.targets, &args.fleet)?;
    let guard = Guard { dry_run: false, max_deletes: args.max_deletes };
    let synchronizer =
        connect::synchronizer(&args.connect, &root)?.with_guard(guard).with_settling(args.settling.settling());
    let library = Library::open(paths::store(&args.store)?)?;
    let every_seconds = args.every.as_secs();
    let log = Log { json: args.json, watching: RefCell::new(Watching::begin(library.path(), every_seconds)?) };
    let every = (args.json, args.progress.progress, Some(args.every));
    let crew = Crew::new((root, synchronizer), args.copy, library, (&targets, &args.fleet), every)?;
    log.say(&Event::Started { targets: targets.iter().map(ToString::to_string).collect(), every_seconds });
    service::ready(format_args!("watching {}", output::count(targets.len() as u64, "target")));
    let watched = stop.or(async {
        tokio::select! {
            () = crew.work(|job, outcome, due| crew.bars.above(|| log.tell(job, outcome, due))) => {}
            () = woken(&mut wake, &crew, &log) => {}
            () = hinted(&crew, &log), if args.hints => {}
            () = service::watchdog() => {}
        }
        Ok(())
    });
    let watched = watched.await;
    service::stopping();
    log.say(&Event::Stopping {});
    watched
}

/// Looks at everything at once when somebody says so.
async fn woken(wake: &mut Wake, crew: &Crew, log: &Log) {
    loop {
        wake.next().await;
        log.say(&Event::Woken {});
        crew.fleet.hurry(SystemTimer.now());
    }
}

/// Takes hints from stdin. Whoever gives them may go away.
async fn hinted(crew: &Crew, log: &Log) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(target) = line.trim().parse::<Resource>() else {
            output::say(format_args!("caldelta: {:?} is not a target", output::clean(&line)));
            continue;
        };
        if crew.fleet.hint(&Job::Copy(target.clone()), SystemTimer.now()) {
            log.say(&Event::Hinted { target: target.to_string() });
        } else {
            output::say(format_args!("caldelta: {target} is not watched"));
        }
    }
    std::future::pending().await
}

/// The body of `watch/1`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Started { targets: Vec<String>, every_seconds: u64 },
    Synced { target: String, next: Option<Timestamp>, report: &'a SyncReport },
    Failed { target: String, next: Option<Timestamp>, state: Trouble, code: u8, error: String },
    Listed { next: Option<Timestamp>, list: Calendars<'a> },
    Gone { target: String },
    Woken {},
    Hinted { target: String },
    Stopping {},
}

/// What is told of a watch: on stdout, to the service manager, and to `status`.
struct Log {
    json: bool,
    watching: RefCell<Watching>,
}

impl Log {
    fn tell(&self, job: &Job, outcome: Result<Outcome, Failure>, next: Option<Timestamp>) {
        let (Job::List(target) | Job::Copy(target)) = job;
        let subject = target.to_string();
        match &outcome {
            Ok(Outcome::Copied(report)) => self.say(&Event::Synced { target: subject, next, report }),
            Ok(Outcome::CopiedInPart(report, failure)) => {
                self.say(&Event::Synced { target: subject, next, report });
                self.failed(job, failure, next);
            }
            Ok(Outcome::Listed(discovery)) => self.say(&Event::Listed { next, list: Calendars::new(job, discovery) }),
            Ok(Outcome::Gone(_)) => self.say(&Event::Gone { target: subject }),
            Err(failure) => self.failed(job, failure, next),
        }
        if !self.json {
            self.line(job, &outcome, next);
        }
        if let Job::Copy(target) = job {
            self.note(target, &outcome, next);
        }
    }

    fn failed(&self, job: &Job, failure: &Failure, next: Option<Timestamp>) {
        let (state, code, error) = (failure.trouble(), failure.code as u8, failure.to_string());
        self.say(&Event::Failed { target: tell::subject(job), next, state, code, error });
    }

    /// One line per round.
    fn line(&self, job: &Job, outcome: &Result<Outcome, Failure>, next: Option<Timestamp>) {
        let next = next.map(|next| format!("; next at {}", output::instant(next))).unwrap_or_default();
        let told = match outcome {
            Ok(Outcome::Copied(report)) => tell::line(report),
            Ok(Outcome::CopiedInPart(report, failure)) => format!("{}; {failure}", tell::line(report)),
            Ok(Outcome::Listed(discovery)) => tell::listed(job, discovery),
            Ok(Outcome::Gone(_)) => format!("{}: not there any more; its copy stays", tell::subject(job)),
            Err(failure) => return output::say(format_args!("caldelta: {}: {failure}{next}", tell::subject(job))),
        };
        self.print(format!("{} {told}{next}", output::instant(SystemTimer.now())));
    }

    fn note(&self, target: &Resource, outcome: &Result<Outcome, Failure>, next: Option<Timestamp>) {
        let watched = match outcome {
            Ok(Outcome::Gone(_)) => None,
            Err(failure) | Ok(Outcome::CopiedInPart(_, failure)) => {
                Some(Watched { next, trouble: Some(failure.trouble()), error: Some(failure.to_string()) })
            }
            Ok(_) => Some(Watched { next, ..Watched::default() }),
        };
        let mut watching = self.watching.borrow_mut();
        if let Err(failure) = watching.set(target, watched) {
            output::say(format_args!("caldelta: {failure}"));
        }
        let (all, troubled) = watching.count();
        service::status(format_args!("watching {}, {troubled} in trouble", output::count(all as u64, "target")));
    }

    /// Says something as JSON, if that is what is wanted.
    fn say(&self, event: &Event<'_>) {
        #[derive(Serialize)]
        struct At<'a> {
            at: Timestamp,
            #[serde(flatten)]
            event: &'a Event<'a>,
        }
        if self.json {
            match output::json(&Tagged { schema: "watch/1", value: At { at: SystemTimer.now(), event } }) {
                Ok(text) => self.print(text),
                Err(failure) => output::say(format_args!("caldelta: {failure}")),
            }
        }
    }

    /// Whether anybody reads it or not, the watch goes on.
    fn print(&self, text: String) {
        if let Err(failure) = output::report(text) {
            output::say(format_args!("caldelta: {failure}"));
        }
    }
}
