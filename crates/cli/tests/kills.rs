//! The binary itself, killed or failed by its disk in the middle of a sync. What is simulated in `store` happens here to
//! a process: whenever it ends, the copy is at a published state no older than the last one that was acknowledged, and
//! the next sync completes it.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs
)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Sim, by_id, read, run, wait_for};
use serde_json::{Value, json};

type Events = Vec<(String, Value)>;

/// The windows that are synced in turn: each change of them is a full round, with a tile that goes.
const WINDOWS: [&str; 2] = ["2026-12-01..2027-01-01", "2026-12-05..2027-01-05"];

/// Numbers that look random: a linear congruential generator, whose high bits are good enough for this.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A calendar that changes, and a copy of it.
struct World {
    sim: Sim,
    dir: tempfile::TempDir,
    dice: Dice,
    ids: Vec<String>,
    window: usize,
    /// What was published last, as far as anybody was told.
    acknowledged: (u64, Events),
}

impl World {
    fn new(seed: u64) -> Self {
        let sim = Sim::start();
        let ids = (10..28).map(|day| sim.create("me", "Lesson", &format!("2026-12-{day}T19"))).collect();
        let dir = tempfile::tempdir().unwrap();
        Self { sim, dir, dice: Dice(seed), ids, window: 0, acknowledged: (0, Vec::new()) }
    }

    /// A sync of the window that is wanted now.
    fn sync(&self) -> Command {
        let mut command = common::command(["sync", "--graph-root", &self.sim.graph_root]);
        command.args(["--window", WINDOWS[self.window], "--page-size", "3", "--store"]).arg(self.dir.path());
        command
    }

    /// Some of the things that happen to calendars.
    fn change(&mut self) {
        for _ in 0..=self.dice.below(3) {
            let day = 10 + self.dice.below(18);
            match self.dice.below(5) {
                0 => self.ids.push(self.sim.create("me", "One more", &format!("2026-12-{day}T08"))),
                1 if self.ids.len() > 9 => {
                    let at = self.dice.below(self.ids.len() as u64) as usize;
                    self.sim.delete(&format!("/v1.0/me/events/{}", self.ids.swap_remove(at)));
                }
                2 => self.window = 1 - self.window,
                _ => {
                    let at = self.dice.below(self.ids.len() as u64) as usize;
                    let subject = json!({"subject": format!("Lesson {}", self.dice.below(1000))});
                    self.sim.patch(&format!("/v1.0/me/events/{}", self.ids[at]), &subject);
                }
            }
        }
    }

    /// What the server lists.
    fn listing(&self) -> Events {
        let (from, to) = WINDOWS[self.window].split_once("..").unwrap();
        let query = format!("startDateTime={from}T00:00:00Z&endDateTime={to}T00:00:00Z&$top=999");
        let page = self.sim.get(&format!("/v1.0/me/calendarView?{query}"));
        by_id(page["value"].as_array().unwrap())
    }

    /// The revision of the copy, and what it shows; neither before the first run was published.
    fn copy(&self) -> (u64, Events) {
        let status = read(self.dir.path(), &["status", "--json"]);
        if status.code == Some(1) {
            assert!(status.stderr.contains("run `caldelta sync` first"), "{status:?}");
            return (0, Vec::new());
        }
        let revision = status.json()[0]["revision"].as_u64().unwrap();
        (revision, by_id(&read(self.dir.path(), &["events", "list", "--json"]).json()))
    }

    /// That the copy is what was acknowledged, or newer and what the server has.
    #[track_caller]
    fn assert_published(&self) {
        let (revision, shown) = self.copy();
        let (acknowledged, before) = &self.acknowledged;
        assert!(revision >= *acknowledged, "the copy went back from {acknowledged} to {revision}");
        if revision == *acknowledged {
            assert_eq!(&shown, before, "another state under the same revision");
        } else {
            assert_eq!(shown, self.listing(), "a state that the server never had");
        }
    }

    /// That a sync completes it.
    #[track_caller]
    fn complete(&mut self) {
        run(&mut self.sync()).ok();
        let copy = self.copy();
        assert_eq!(copy.1, self.listing());
        self.acknowledged = copy;
    }
}

/// 20 kills, or as many as `CALDELTA_KILLS` says.
#[test]
fn a_sync_that_is_killed_at_any_moment_loses_nothing() {
    let kills: u64 = std::env::var("CALDELTA_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let mut world = World::new(6);
    let (mut hit, mut killed) = (0, 0);
    let mut longest = Duration::from_millis(60);
    while killed < kills {
        world.change();
        // Sometimes it is killed again before it could go on.
        for _ in 0..=world.dice.below(3) {
            let begun = Instant::now();
            let mut command = world.sync();
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let moment = longest.mul_f64(world.dice.below(1000) as f64 / 1000.0);
            std::thread::sleep(moment);
            child.kill().unwrap();
            let status = wait_for(&mut child);
            killed += 1;
            // Some were faster; the moments follow what a sync takes here.
            hit += u64::from(status.code().is_none());
            longest = if status.code().is_some() { begun.elapsed().min(longest) } else { longest.mul_f64(1.02) };
            world.assert_published();
        }
        world.complete();
    }
    eprintln!("{killed} kills, {hit} of them in the middle of a sync, {} runs published", world.acknowledged.0);
    assert!(hit * 4 >= killed, "only {hit} of {killed} kills hit a sync");
}

/// Whether processes can be traced here.
fn strace() -> Option<&'static str> {
    let works = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if works.is_ok_and(|status| status.success()) {
        return Some("strace");
    }
    eprintln!("skipped: strace is not there, or may not trace");
    None
}

/// A full round that something is injected into: the calendar has changed, and the window is another one.
fn injected(world: &mut World, strace: &str, inject: &str) -> common::Done {
    let window = world.window;
    world.change();
    world.window = 1 - window;
    let inner = world.sync();
    let call = inject.split_once(':').unwrap().0;
    let mut command = Command::new(strace);
    command.args(["-f", "-q", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &format!("inject={inject}")]);
    command.arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
    run(&mut command)
}

/// Where the copy is, as an error names it.
fn names(done: &common::Done, dir: &Path) -> bool {
    done.stderr.contains(&dir.display().to_string())
}

/// The calls that the store writes with: nothing else in the process uses them.
const CALLS: [&str; 4] = ["pwrite64", "fdatasync", "fsync", "unlink"];

#[test]
fn a_sync_that_is_killed_at_any_call_of_its_disk_loses_nothing() {
    let Some(strace) = strace() else { return };
    let mut world = World::new(7);
    let mut kills = 0;
    for call in CALLS {
        for n in 1.. {
            let done = injected(&mut world, strace, &format!("{call}:signal=KILL:when={n}"));
            world.assert_published();
            world.complete();
            if done.code == Some(0) {
                break;
            }
            kills += 1;
            assert!(n < 100, "it never ends");
        }
    }
    eprintln!("{kills} kills, each at another call");
    assert!(kills > 10, "only {kills}");
}

#[test]
fn a_disk_that_fails_or_is_full_is_said_plainly_and_loses_nothing() {
    let Some(strace) = strace() else { return };
    let mut world = World::new(8);
    let mut failures = 0;
    for (error, words) in [("ENOSPC", "No space left on device"), ("EIO", "Input/output error")] {
        for call in CALLS {
            for n in 1.. {
                let done = injected(&mut world, strace, &format!("{call}:error={error}:when={n}"));
                world.assert_published();
                world.complete();
                if done.code == Some(0) {
                    break;
                }
                failures += 1;
                assert_eq!(done.code, Some(1), "{done:?}");
                assert!(done.stderr.contains(words) && names(&done, world.dir.path()), "{done:?}");
                assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
                assert!(error != "ENOSPC" || done.stderr.contains("make room"), "{done:?}");
                assert!(n < 100, "it never ends");
            }
        }
    }
    eprintln!("{failures} failures of the disk, each at another call");
    assert!(failures > 20, "only {failures}");
}
