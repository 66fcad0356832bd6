//! Targets at work: what `sync` does once and `watch` again and again, mailbox by mailbox and side by side.

use std::sync::Arc;
use std::time::Duration;

use delta_core::{Calendar, Mailbox, Refusal, Resource, ServiceRoot, ViewKind};
use store::Library;
use sync::{Discovery, Fleet, Limits, Pace, SyncReport, Synchronizer, Timer, Verdict, lane};

use crate::args::{CopyArgs, FleetArgs, ProgressArg};
use crate::catalogue::Catalogue;
use crate::connect;
use crate::exit::Failure;
use crate::planned::Plan;
use crate::progress::Bars;
use crate::timer::SystemTimer;

/// How often the calendars of a mailbox are listed while it is watched, at most.
const LIST_EVERY: Duration = Duration::from_secs(60 * 60);

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    /// See which calendars a mailbox has.
    List(Resource),
    /// Bring a target up to date.
    Copy(Resource),
}

/// What came of it.
pub(crate) enum Outcome {
    /// The calendars of a mailbox were listed.
    Listed(Discovery),
    /// A target is up to date.
    Copied(Box<SyncReport>),
    /// Some tiles of a target are up to date, and others failed.
    CopiedInPart(Box<SyncReport>, Failure),
    /// A calendar is not there any more: its copy stays as it is. What its mailbox lists says so.
    Gone(Discovery),
}

/// Everything that a command works with.
pub(crate) struct Crew {
    root: ServiceRoot,
    copy: CopyArgs,
    engine: Synchronizer,
    library: Library,
    pub(crate) catalogue: Catalogue,
    pub(crate) fleet: Fleet<Job>,
    pub(crate) bars: Bars,
    /// Print planned changes as JSON.
    json: bool,
    /// How often each target is looked at; once, if there is no interval.
    every: Option<Duration>,
}

impl Crew {
    /// A crew for these targets.
    pub(crate) fn new(
        (root, engine): (ServiceRoot, Synchronizer),
        copy: CopyArgs,
        library: Library,
        (targets, fleet): (&[Resource], &FleetArgs),
        (json, progress, every): (bool, ProgressArg, Option<Duration>),
    ) -> Result<Self, Failure> {
        let limits = Limits::default();
        let pace = Pace { lanes: fleet.parallel.into(), per_lane: limits.in_flight, patience: limits.max_wait };
        let mut lanes: Vec<String> = targets.iter().map(lane).collect();
        lanes.sort();
        lanes.dedup();
        // Alone, there is nobody to give way to.
        let engine = if lanes.len() > 1 || every.is_some() { engine.giving_way() } else { engine };
        let catalogue = Catalogue::open(library.path());
        let fleet_of = Fleet::new(pace, connect::seed()?);
        let bars = Bars::new(progress);
        let crew = Self { root, copy, engine, library, catalogue, fleet: fleet_of, bars, json, every };
        for target in targets {
            crew.take_on(target, fleet.all_calendars);
        }
        Ok(crew)
    }

    /// The same, which writes down nothing of the calendars that it finds.
    pub(crate) fn without_notes(self) -> Self {
        Self { catalogue: self.catalogue.unwritten(), ..self }
    }

    /// Adds a target, or all calendars of its mailbox. A group has one calendar only.
    fn take_on(&self, target: &Resource, all_calendars: bool) {
        let now = SystemTimer.now();
        let lists = all_calendars && !matches!(target.mailbox(), Mailbox::Group(_));
        let (job, every) = if lists {
            (Job::List(target.clone()), self.every.map(|every| every.max(LIST_EVERY)))
        } else {
            (Job::Copy(target.clone()), self.every)
        };
        self.fleet.add(job, &lane(target), every, now);
    }

    /// Does what is due when it is due, and tells of each job when it is done. Ends when nothing is left to do, which is
    /// never while targets are watched.
    pub(crate) async fn work(&self, told: impl FnMut(&Job, Result<Outcome, Failure>, Option<delta_core::Timestamp>)) {
        let work = async |job: &Job| match job {
            Job::List(mailbox) => self.list(mailbox).await,
            Job::Copy(target) => self.copy(target).await,
        };
        self.fleet.drive(&SystemTimer, work, told).await;
    }

    async fn list(&self, mailbox: &Resource) -> (Verdict, Result<Outcome, Failure>) {
        match self.discover(mailbox).await {
            Ok(discovery) => (Verdict::Done { news: false }, Ok(Outcome::Listed(discovery))),
            Err((verdict, failure)) => (verdict, Err(failure)),
        }
    }

    /// Lists a mailbox's calendars, takes on those that are new, and lets go of those that are gone.
    async fn discover(&self, mailbox: &Resource) -> Result<Discovery, (Verdict, Failure)> {
        let listed = self.engine.calendars(&self.root, mailbox.mailbox()).await;
        let list = listed.map_err(|error| (Verdict::of_error(&error, false), error.into()))?;
        let now = SystemTimer.now();
        let discovery = self.catalogue.update(mailbox, &list, now).map_err(|failure| (Verdict::Failed, failure))?;
        for calendar in &discovery.calendars {
            let job = Job::Copy(calendar.target.clone());
            match calendar.gone_since {
                None => self.fleet.add(job, &lane(mailbox), self.every, now),
                Some(_) => self.fleet.remove(&job),
            }
        }
        Ok(discovery)
    }

    async fn copy(&self, target: &Resource) -> (Verdict, Result<Outcome, Failure>) {
        let known = self.catalogue.calendar(target);
        let mut replica = self.copy.replica(self.root.clone(), target.clone());
        replica.calendar = known.as_ref().map(|known| known.calendar.id.clone());
        let plan = Arc::new(Plan::new(target.to_string(), self.json, self.bars.progress(target)));
        let engine = self.engine.clone().with_observer(plan.clone());
        let store = match self.library.writer(&target.to_string()) {
            Ok(store) => store,
            Err(error) => {
                let error = sync::Error::Store(error);
                return (Verdict::of_error(&error, false), Err(error.into()));
            }
        };
        let (verdict, result) = engine.turn(&replica, &store).await;
        let outcome = match result {
            Ok(report) => Ok(Outcome::Copied(Box::new(report))),
            Err(error @ sync::Error::Partial { .. }) => copied_in_part(error),
            Err(error) if known.is_some() && is_not_found(&error) => return self.missing(target, error).await,
            Err(error) => return (verdict, Err(error.into())),
        };
        match plan.printed() {
            Ok(()) => (verdict, outcome),
            Err(failure) => (Verdict::Failed, Err(failure)),
        }
    }

    /// A calendar that was listed is not found: its mailbox is asked again.
    async fn missing(&self, target: &Resource, error: sync::Error) -> (Verdict, Result<Outcome, Failure>) {
        let mailbox = Resource::new(target.mailbox().clone(), Calendar::Default, ViewKind::CalendarView);
        let Ok(mailbox) = mailbox else { return (Verdict::Failed, Err(error.into())) };
        match self.discover(&mailbox).await {
            Ok(discovery) if discovery.targets().all(|calendar| calendar.target != *target) => {
                (Verdict::Gone, Ok(Outcome::Gone(discovery)))
            }
            _ => (Verdict::Failed, Err(error.into())),
        }
    }
}

/// What was published although some tiles failed, and how that ends.
fn copied_in_part(error: sync::Error) -> Result<Outcome, Failure> {
    match &error {
        sync::Error::Partial { report, .. } => Ok(Outcome::CopiedInPart(report.clone(), error.into())),
        _ => Err(error.into()),
    }
}

fn is_not_found(error: &sync::Error) -> bool {
    matches!(error, sync::Error::Round(delta_core::Error::Refused { refusal: Refusal::NotFound, .. }))
}

/// The targets of a command line, each once; with `--all-calendars` they are mailboxes.
pub(crate) fn targets(named: &[Resource], fleet: &FleetArgs) -> Result<Vec<Resource>, Failure> {
    let mut targets: Vec<Resource> = Vec::new();
    for target in named {
        let is_mailbox = (target.calendar(), target.view()) == (&Calendar::Default, ViewKind::CalendarView);
        if fleet.all_calendars && !is_mailbox {
            return Err(Failure::usage(format!(
                "{target} is one calendar: with --all-calendars name mailboxes, such as me or users/UPN"
            )));
        }
        if !targets.contains(target) {
            targets.push(target.clone());
        }
    }
    Ok(targets)
}
