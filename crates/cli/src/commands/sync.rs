//! `caldelta sync`: one run per target, then a report.

use std::collections::BTreeSet;

use delta_core::{Resource, RoundKind, ServiceRoot};
use store::Library;
use sync::{Replica, SyncReport};

use crate::args;
use crate::connect;
use crate::exit::{Code, Failure};
use crate::output::{self, Tagged};
use crate::paths;
use crate::progress::Progress;
use crate::signal;

pub(crate) async fn run(args: args::Sync) -> Result<(), Failure> {
    let root = connect::root(&args);
    let library = Library::open(paths::store(&args.store)?)?;
    let mut seen = BTreeSet::new();
    let targets: Vec<&Resource> = args.targets.iter().filter(|target| seen.insert(target.to_string())).collect();
    let mut failures = Vec::new();
    for target in &targets {
        if let Err(failure) = one(&args, &root, &library, target).await {
            if matches!(failure.code, Code::Interrupted | Code::Terminated) {
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
    for failure in &failures {
        eprintln!("caldelta: {failure}");
    }
    let partial = failures.len() + 1 < targets;
    Err(if partial { last.with_code(Code::Partial) } else { last })
}

async fn one(args: &args::Sync, root: &ServiceRoot, library: &Library, target: &Resource) -> Result<(), Failure> {
    let replica = Replica {
        version: args.api.map(Into::into),
        window: args.window,
        start: args.start,
        page_size: Some(args.page_size),
        ..Replica::new(root.clone(), target.clone())
    };
    // Before the store is made: a wrong command line leaves nothing behind.
    let synchronizer = connect::synchronizer(args, root, Progress::new(&target.to_string()))?;
    let store = library.writer(&target.to_string())?;
    let report = signal::or_stop(async { Ok(synchronizer.run(&replica, &store).await?) }).await?;
    if args.json {
        output::json(&Tagged { schema: "sync-report/1", value: report })
    } else {
        output::line(line(&report))
    }
}

fn line(report: &SyncReport) -> String {
    let kind = match report.round {
        RoundKind::Full => "full",
        RoundKind::Incremental => "incremental",
    };
    let changes = &report.changes;
    let mut line = format!(
        "{}: {kind} round, {} requests, {} items; {} created, {} updated, {} deleted, {} left the window",
        report.target,
        report.requests,
        report.items,
        changes.created,
        changes.updated,
        changes.deleted,
        changes.left_window
    );
    if changes.malformed > 0 {
        line.push_str(&format!("; {} items could not be understood", changes.malformed));
    }
    if !report.restarts.is_empty() {
        line.push_str(&format!("; read again because of {}", report.restarts.join(", ")));
    }
    line
}
