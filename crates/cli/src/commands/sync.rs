//! `caldelta sync`: one run per target, then a report.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::{Resource, RoundKind, ServiceRoot};
use store::Library;
use sync::{Guard, SyncReport, Synchronizer};

use crate::args;
use crate::connect;
use crate::exit::{Code, Failure};
use crate::output::{self, Tagged};
use crate::paths;
use crate::planned::Plan;
use crate::progress::Progress;
use crate::signal::Stop;

pub(crate) async fn run(args: args::Sync) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let root = connect::root(&args.connect);
    // Before the store is made: a wrong command line leaves nothing behind. One for all targets, which share mailboxes.
    let guard = Guard { dry_run: args.dry_run, max_deletes: args.max_deletes };
    let synchronizer = connect::synchronizer(&args.connect, &root)?.with_guard(guard);
    let library = Library::open(paths::store(&args.store)?)?;
    let mut seen = BTreeSet::new();
    let targets: Vec<&Resource> = args.targets.iter().filter(|target| seen.insert(target.to_string())).collect();
    let mut failures = Vec::new();
    for target in &targets {
        if let Err(failure) = one(&args, &root, &synchronizer, &library, target, &mut stop).await {
            if matches!(failure.code, Code::Interrupted | Code::Terminated) {
                say(&failures);
                return Err(failure);
            }
            failures.push(if targets.len() > 1 { failure.about(target) } else { failure });
        }
    }
    summary(targets.len(), failures)
}

/// One failure of one target ends with that target's code; some failures of many end with a code of their own.
fn summary(targets: usize, mut failures: Vec<Failure>) -> Result<(), Failure> {
    let Some(last) = failures.pop() else { return Ok(()) };
    say(&failures);
    let partial = failures.len() + 1 < targets;
    Err(if partial { last.with_code(Code::Partial) } else { last })
}

fn say(failures: &[Failure]) {
    for failure in failures {
        output::say(format_args!("caldelta: {failure}"));
    }
}

async fn one(
    args: &args::Sync,
    root: &ServiceRoot,
    synchronizer: &Synchronizer,
    library: &Library,
    target: &Resource,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let replica = args.copy.replica(root.clone(), target.clone());
    let plan = Arc::new(Plan::new(target.to_string(), args.json, Progress::new(&target.to_string())));
    let synchronizer = synchronizer.clone().with_observer(plan.clone());
    let store = library.writer(&target.to_string())?;
    let report = stop.or(async { Ok(synchronizer.run(&replica, &store).await?) }).await?;
    plan.printed()?;
    if args.json {
        output::report(output::json(&Tagged { schema: "sync-report/1", value: report })?)
    } else {
        output::report(line(&report))
    }
}

fn line(report: &SyncReport) -> String {
    let kind = match report.round {
        RoundKind::Full => "full",
        RoundKind::Incremental => "incremental",
    };
    let (requests, items) = (output::count(report.run.requests, "request"), output::count(report.items, "item"));
    let kind = if report.listing { "a plain listing".to_owned() } else { format!("{kind} round") };
    let mut line = format!("{}: {kind}, {requests}, {items}", report.target);
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
