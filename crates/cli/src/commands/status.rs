//! `caldelta status`: what the local copy is, and how old.

use std::time::Duration;

use delta_core::{Timestamp, Window};
use serde::Serialize;
use store::{Tile, View};
use sync::{Health, LastRun, TileHealth, Timer};

use crate::args;
use crate::exit::{Code, Failure};
use crate::output::{self, Tagged};
use crate::paths;
use crate::replicas::{self, Begun};
use crate::state::{Condition, State, Surroundings};
use crate::timer::SystemTimer;

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
    /// What the last runs met, and what the next one keeps to.
    health: Health,
    #[serde(flatten)]
    state: Option<State>,
}

#[derive(Serialize)]
struct TileStatus<'a> {
    window: Option<Window>,
    policy: Option<&'a str>,
    synced_at: Option<Timestamp>,
    full_at: Option<Timestamp>,
    #[serde(flatten)]
    health: TileHealth,
}

impl<'a> Status<'a> {
    fn of(replica: &'a Begun) -> Self {
        let view: &dyn View = replica.view.as_ref();
        let identity = view.identity();
        let mut health = Health::of(view);
        health.target = None;
        let mut known = std::mem::take(&mut health.tiles);
        let mut tiles: Vec<&Tile> = view.tiles().iter().collect();
        tiles.sort_by_key(|tile| tile.window.map(|window| window.start()));
        Self {
            target: &replica.target,
            graph_root: identity.map(|identity| identity.origin.as_str()),
            api_version: identity.map(|identity| identity.api_version.as_str()),
            revision: view.revision().0,
            rows: view.row_count(),
            last_seq: view.last_seq(),
            tiles: tiles
                .into_iter()
                .map(|tile| TileStatus::of(tile, known.remove(&tile.id).unwrap_or_default()))
                .collect(),
            unfinished_rounds: view.rounds().len(),
            health,
            state: None,
        }
    }
}

impl<'a> TileStatus<'a> {
    fn of(tile: &'a Tile, health: TileHealth) -> Self {
        let Tile { window, synced_at, full_at, .. } = *tile;
        Self { window, policy: tile.policy.as_deref(), synced_at, full_at, health }
    }
}

pub(crate) async fn run(args: args::Status) -> Result<(), Failure> {
    let now = SystemTimer.now();
    let mut outdated = None;
    let path = paths::store(&args.store)?;
    let surroundings = Surroundings::of(&path);
    let replicas = replicas::begun(&args.store, &args.targets, &surroundings.targets()).await?;
    for replica in &replicas {
        let mut status = Status::of(replica);
        let (at, target) = (status.synced_at(), status.target);
        status.state = Some(surroundings.state(target, at, &status.health, now, args.max_age));
        if args.json {
            output::report(output::json(&Tagged { schema: "status/1", value: &status })?)?;
        } else {
            print(&status, now)?;
        }
        if args.max_age.is_some_and(|max_age| status.is_older_than(max_age, now)) {
            outdated.get_or_insert(format!("{} was last synced {}", status.target, status.age(now)));
        }
    }
    if replicas.iter().all(|replica| replica.view.identity().is_none()) {
        return Err(replicas::missing(&path, "local copy"));
    }
    match outdated {
        Some(outdated) => Err(Failure::new(Code::Failure, format!("{outdated}, longer ago than --max-age allows"))),
        None => Ok(()),
    }
}

impl Status<'_> {
    /// When it was last up to date with all that it consists of.
    fn synced_at(&self) -> Option<Timestamp> {
        self.tiles.iter().map(|tile| tile.synced_at).min().flatten()
    }

    fn is_older_than(&self, max_age: Duration, now: Timestamp) -> bool {
        let ticks = i64::try_from(max_age.as_nanos() / 100).unwrap_or(i64::MAX);
        self.synced_at().is_none_or(|at| now.ticks().saturating_sub(at.ticks()) > ticks)
    }

    fn age(&self, now: Timestamp) -> String {
        self.synced_at().map_or_else(|| "never".to_owned(), |at| ago(at, now))
    }
}

/// How long ago an instant is, to the unit that says most.
fn ago(at: Timestamp, now: Timestamp) -> String {
    match now.seconds().saturating_sub(at.seconds()) {
        ..0 => "in the future".to_owned(),
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

fn print(status: &Status<'_>, now: Timestamp) -> Result<(), Failure> {
    let target = output::clean(status.target);
    output::report(match (status.graph_root, status.api_version) {
        (Some(root), Some(version)) => format!("{target} at {root} ({version})"),
        _ => format!("{target}: nothing is published yet"),
    })?;
    status.state.iter().try_for_each(print_state)?;
    for tile in &status.tiles {
        let window = tile.window.map_or_else(|| "all events".to_owned(), |window| window.to_string());
        let shown = |at: Option<Timestamp>| {
            at.map_or_else(|| "never".to_owned(), |at| format!("{} ({})", output::instant(at), ago(at, now)))
        };
        output::report(format!("  window        {window}"))?;
        output::report(format!("  synced        {}", shown(tile.synced_at)))?;
        output::report(format!("  read in full  {}", shown(tile.full_at)))?;
        print_tile_health(&tile.health)?;
    }
    output::report(format!(
        "  holds         {}; {} published, journal at {}",
        output::count(status.rows, "event"),
        output::count(status.revision, "run"),
        status.last_seq
    ))?;
    if status.unfinished_rounds > 0 {
        output::report("  unfinished    a round is stored in part: the next sync goes on with it")?;
    }
    print_health(&status.health, now)
}

fn print_state(state: &State) -> Result<(), Failure> {
    if let Some(name) = state.calendar.as_ref().and_then(|calendar| calendar.name.as_deref()) {
        output::report(format!("  calendar      {}", output::clean(name)))?;
    }
    let mut line = format!("  state         {}", state.state);
    if let Some(error) = state.error.as_deref().filter(|_| state.state != Condition::Gone) {
        line.push_str(&format!(": {}", output::clean(error)));
    }
    if let Some(since) = state.calendar.as_ref().and_then(|calendar| calendar.gone_since) {
        line.push_str(&format!(" since {}", output::instant(since)));
    }
    output::report(line)?;
    match state.next_run {
        Some(next) => output::report(format!("  next run      {}", output::instant(next))),
        None => Ok(()),
    }
}

fn print_health(health: &Health, now: Timestamp) -> Result<(), Failure> {
    if let Some(until) = health.not_before.filter(|until| *until > now) {
        output::report(format!("  paused        the server wants no request before {}", output::instant(until)))?;
    }
    if let Some(plan) = &health.plan {
        output::report(format!("  to come       {}", output::count(plan.windows.len() as u64, "tile")))?;
    }
    if let Some(collapsed) = &health.collapsed {
        let (since, asked) = (output::instant(collapsed.since), collapsed.instead_of);
        output::report(format!("  collapsed     to one tile instead of {asked} since {since}"))?;
    }
    match &health.last_run {
        Some(run) => output::report(format!("  last trouble  {}: {}", output::instant(run.finished), trouble(run))),
        None => Ok(()),
    }
}

fn print_tile_health(health: &TileHealth) -> Result<(), Failure> {
    if let Some(learnt) = &health.page_size {
        let asked = learnt.instead_of.map_or_else(|| "the server's own".to_owned(), |size| size.to_string());
        output::report(format!("  page size     {} instead of {asked}", learnt.size))?;
    }
    if let Some(mode) = &health.snapshot {
        let (since, retry_at) = (output::instant(mode.since), output::instant(mode.retry_at));
        let reason = output::clean(&mode.reason);
        output::report(format!("  listings      in place of delta queries since {since}, until {retry_at}: {reason}"))?;
    }
    Ok(())
}

/// What happened in a run, in a line.
fn trouble(run: &LastRun) -> String {
    let mut parts: Vec<String> = run.error.iter().map(|error| output::clean(error)).collect();
    parts.extend(run.restarts.iter().map(|restart| format!("read again: {}", output::clean(&restart.reason))));
    parts.extend(run.degradations.iter().map(|what| output::clean(what)));
    if run.waits > 0 {
        parts.push(format!("waited {:.0} s in {}", run.waited_seconds, output::count(run.waits, "pause")));
    }
    if parts.is_empty() {
        parts.push("none since".to_owned());
    }
    if let Some(id) = &run.request_id {
        parts.push(format!("request-id {id}"));
    }
    parts.join("; ")
}
