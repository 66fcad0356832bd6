//! `caldelta status`: what the local copy is, and how old.

use delta_core::{Timestamp, Window};
use serde::Serialize;
use store::{Tile, View};

use crate::args;
use crate::exit::Failure;
use crate::output::{self, Tagged};
use crate::replicas::{self, Opened};

/// The body of `status/1`.
#[derive(Serialize)]
struct Status<'a> {
    target: &'a str,
    graph_root: Option<&'a str>,
    api_version: Option<&'a str>,
    /// How many runs were published.
    revision: u64,
    /// How many events are stored, series masters included.
    rows: u64,
    /// The number of the journal's last entry.
    last_seq: u64,
    tiles: Vec<TileStatus<'a>>,
    /// Rounds that were begun and not published: the next sync goes on with them.
    unfinished_rounds: usize,
}

#[derive(Serialize)]
struct TileStatus<'a> {
    window: Option<Window>,
    policy: Option<&'a str>,
    synced_at: Option<Timestamp>,
    full_at: Option<Timestamp>,
}

impl<'a> Status<'a> {
    fn of(replica: &'a Opened) -> Self {
        let view: &dyn View = replica.view.as_ref();
        let identity = view.identity();
        Self {
            target: &replica.target,
            graph_root: identity.map(|identity| identity.origin.as_str()),
            api_version: identity.map(|identity| identity.api_version.as_str()),
            revision: view.revision().0,
            rows: view.row_count(),
            last_seq: view.last_seq(),
            tiles: view.tiles().iter().map(TileStatus::of).collect(),
            unfinished_rounds: view.rounds().len(),
        }
    }
}

impl<'a> TileStatus<'a> {
    fn of(tile: &'a Tile) -> Self {
        Self { window: tile.window, policy: tile.policy.as_deref(), synced_at: tile.synced_at, full_at: tile.full_at }
    }
}

pub(crate) async fn run(args: args::Status) -> Result<(), Failure> {
    for replica in replicas::open(&args.store, &args.targets).await? {
        let status = Status::of(&replica);
        if args.json {
            output::json(&Tagged { schema: "status/1", value: status })?;
        } else {
            print(&status)?;
        }
    }
    Ok(())
}

fn print(status: &Status<'_>) -> Result<(), Failure> {
    let root = status.graph_root.unwrap_or_default();
    let version = status.api_version.unwrap_or_default();
    output::line(format!("{} at {root} ({version})", status.target))?;
    output::line(format!(
        "  {} events, {} runs published, journal at {}",
        status.rows, status.revision, status.last_seq
    ))?;
    for tile in &status.tiles {
        let window = tile.window.map_or_else(|| "all events".to_owned(), |window| window.to_string());
        let synced = tile.synced_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let full = tile.full_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        output::line(format!("  {window}, synced {synced}, read in full {full}"))?;
    }
    if status.unfinished_rounds > 0 {
        output::line("  an unfinished round is stored: the next sync goes on with it")?;
    }
    Ok(())
}
