//! `caldelta sync`: one run per target, then a report.

use store::Library;
use sync::Guard;

use crate::args;
use crate::connect;
use crate::crew::{self, Crew, Outcome};
use crate::exit::{Code, Failure};
use crate::output;
use crate::paths;
use crate::signal::Stop;
use crate::tell::{print, subject};

pub(crate) async fn run(args: args::Sync) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let root = connect::root(&args.connect)?;
    let targets = crew::targets(&args.targets, &args.fleet)?;
    // Before the store is made: a wrong command line leaves nothing behind. One for all targets, which share mailboxes.
    let guard = Guard { dry_run: args.dry_run, max_deletes: args.max_deletes };
    let settling = args.settling.settling();
    let synchronizer = connect::synchronizer(&args.connect, &root)?.with_guard(guard).with_settling(settling);
    let library = Library::open(paths::store(&args.store)?)?;
    let crew = Crew::new(
        (root, synchronizer),
        args.copy,
        library,
        (&targets, &args.fleet),
        (args.json, args.progress.progress, None),
    )?;
    let crew = if args.dry_run { crew.without_notes() } else { crew };
    let many = targets.len() > 1 || args.fleet.all_calendars;
    let mut done = 0;
    let mut failures = Vec::new();
    let work = crew.work(|job, outcome, due| {
        let printed = match outcome {
            // It has another turn.
            Err(_) if due.is_some() => return,
            Err(failure) => Err(if many { failure.about(subject(job)) } else { failure }),
            Ok(outcome) => {
                done += u32::from(matches!(outcome, Outcome::Copied(_) | Outcome::CopiedInPart(..)));
                let printed = crew.bars.above(|| print(job, &outcome, args.json));
                match outcome {
                    Outcome::CopiedInPart(_, failure) if due.is_none() => printed.and(Err(failure)),
                    _ => printed,
                }
            }
        };
        failures.extend(printed.err());
    });
    let stopped = stop
        .or(async {
            work.await;
            Ok(())
        })
        .await;
    match stopped {
        Ok(()) => summary(done, failures),
        Err(failure) => {
            say(&failures);
            Err(failure)
        }
    }
}

/// One failure of one target ends with that target's code; some failures of many end with a code of their own.
fn summary(done: u32, mut failures: Vec<Failure>) -> Result<(), Failure> {
    let Some(last) = failures.pop() else { return Ok(()) };
    say(&failures);
    Err(if done > 0 { last.with_code(Code::Partial) } else { last })
}

fn say(failures: &[Failure]) {
    for failure in failures {
        output::say(format_args!("caldelta: {failure}"));
    }
}
