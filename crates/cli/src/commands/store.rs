//! `caldelta store`: look after the files of the local copy.

use serde::Serialize;
use store::{FileStore, Library, Migrated, Shelf};

use crate::args;
use crate::exit::{Code, Failure};
use crate::output::{self, Tagged};
use crate::{paths, replicas};

pub(crate) async fn run(command: args::Store) -> Result<(), Failure> {
    match command {
        args::Store::Dump(args) => dump(args).await,
        args::Store::Verify(args) => verify(&args),
        args::Store::Salvage(args) => salvage(&args),
        args::Store::Migrate(args) => migrate(&args),
    }
}

/// Everything that the replicas hold, each line with its target.
async fn dump(args: args::StoreDump) -> Result<(), Failure> {
    for replica in replicas::open(&args.store, &args.targets).await? {
        let target = output::json(&replica.target)?;
        store::dump(replica.view.as_ref(), |line| {
            // Parsing each line once more would take most of the time.
            let members = line.strip_prefix('{').unwrap_or_default();
            output::line(format_args!(r#"{{"schema":"store-dump/1","target":{target},{members}"#))
        })
        .await?;
    }
    Ok(())
}

/// The replicas of a store, also those that can't be opened.
fn shelves(args: &args::StoreArgs) -> Result<Vec<Shelf>, Failure> {
    let path = paths::store(args)?;
    let shelves = Library::open(&path)?.replicas()?;
    if shelves.is_empty() {
        let why = format!("there is no local copy in {}: run `caldelta sync` first", path.display());
        return Err(Failure::new(Code::Failure, why));
    }
    Ok(shelves)
}

/// The body of `store-verify/1`.
#[derive(Serialize)]
struct Verified<'a> {
    directory: &'a str,
    segments: u64,
    last_frame: u64,
    bytes: u64,
    rows: u64,
    notes: u64,
    torn: bool,
}

/// Checks all replicas, also when one of them is damaged; the last of those decides how the command ends.
fn verify(args: &args::StoreVerify) -> Result<(), Failure> {
    let mut failed: Result<(), Failure> = Ok(());
    for shelf in shelves(&args.store)? {
        let directory = shelf.name.as_str();
        let store::Verified { segments, last_frame, bytes, rows, notes, torn } = match FileStore::verify(&shelf.path) {
            Ok(verified) => verified,
            Err(error) => {
                if let Err(failure) = std::mem::replace(&mut failed, Err(error.into())) {
                    output::say(format_args!("caldelta: {failure}"));
                }
                continue;
            }
        };
        if args.json {
            let value = Verified { directory, segments, last_frame, bytes, rows, notes, torn };
            output::report(output::json(&Tagged { schema: "store-verify/1", value })?)?;
        } else {
            let (events, bytes) = (output::count(rows, "event"), output::count(bytes, "byte"));
            let end = if torn { "; its end is torn, which the next sync repairs" } else { "" };
            output::report(format_args!("{directory}: whole, {events}, {bytes}{end}"))?;
        }
    }
    failed
}

/// The body of `store-salvage/1`.
#[derive(Serialize)]
struct Salvaged<'a> {
    directory: &'a str,
    complete: bool,
    frames: u64,
    gaps: u64,
    rows: u64,
    lost_rows: u64,
    notes: u64,
}

/// Copies what can be read of each replica.
fn salvage(args: &args::StoreSalvage) -> Result<(), Failure> {
    for shelf in shelves(&args.store)? {
        let directory = shelf.name.as_str();
        let salvaged = FileStore::salvage(&shelf.path, args.to.join(directory))?;
        let store::Salvaged { frames, gaps, rows, lost_rows, notes } = salvaged;
        let complete = salvaged.is_complete();
        if args.json {
            let value = Salvaged { directory, complete, frames, gaps, rows, lost_rows, notes };
            output::report(output::json(&Tagged { schema: "store-salvage/1", value })?)?;
        } else {
            let (saved, lost) = (output::count(rows, "event"), output::count(lost_rows, "event"));
            let gaps = output::count(gaps, "gap");
            let what =
                if complete { "nothing is lost".to_owned() } else { format!("{lost} lost, and what was in {gaps}") };
            output::report(format_args!("{directory}: {saved} saved, {what}"))?;
        }
    }
    Ok(())
}

/// The body of `store-migrate/1`.
#[derive(Serialize)]
struct MigratedBody<'a> {
    directory: &'a str,
    /// The format that it had; none if it had the present one already.
    from: Option<u32>,
    frames: u64,
}

/// Brings each replica up to the present format.
fn migrate(args: &args::StoreMigrate) -> Result<(), Failure> {
    for shelf in shelves(&args.store)? {
        let directory = shelf.name.as_str();
        let (from, frames) = match FileStore::migrate(&shelf.path)? {
            Migrated::Already => (None, 0),
            Migrated::From { format, frames } => (Some(format), frames),
        };
        if args.json {
            let value = MigratedBody { directory, from, frames };
            output::report(output::json(&Tagged { schema: "store-migrate/1", value })?)?;
        } else if let Some(format) = from {
            output::report(format_args!("{directory}: migrated from format {format}"))?;
        } else {
            output::report(format_args!("{directory}: nothing to do"))?;
        }
    }
    Ok(())
}
