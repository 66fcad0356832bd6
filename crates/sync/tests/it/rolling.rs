//! Two years of a window that follows the calendar, a run a day: random changes before and during runs, lines that go
//! dead, power that goes, tokens that are forgotten, days without a run, other settings. After each completed run the replica
//! equals the server's listing of the window as it is now, and each entry of the journal is explained.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU8;
use std::sync::Arc;

use delta_core::{Timestamp, Window};
use graph_sim::{GenerationScope, Quirks};
use http::{Method, Response};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use store::disk::{Fault, SimDisk, Survival};
use store::reader::{self, TimeRange};
use store::{FileOptions, FileStore, MemoryStore, Note, Store, What};
use sync::{Error, SyncReport};

use crate::world::{World, comparable, event, from_env, replica, visible};

/// The days of two years.
const DAYS: usize = 730;
const POLICIES: [(i64, i64); 5] = [(-30, 365), (-7, 30), (-3, 10), (0, 1), (-40, -2)];

/// A day: what others do, what is set anew, and a run.
#[derive(Clone, Debug)]
struct Day {
    changes: Vec<Change>,
    /// From now on so many tiles.
    tiles: Option<u8>,
    /// From now on this policy.
    policy: Option<(i64, i64)>,
    run: Option<Run>,
    /// How many more days pass before the next.
    pause: i64,
}

/// When an event takes place: a share of the time around the window, in thousandths, and for how many minutes.
#[derive(Clone, Copy, Debug)]
struct When {
    share: i64,
    hour: i64,
    minutes: i64,
    all_day: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Create(When),
    Rename(Index),
    Move(Index, When),
    Delete(Index),
}

#[derive(Clone, Debug)]
enum Run {
    /// To its end, with one of these changes before one of its requests.
    Whole(Option<(Change, usize)>),
    /// The server has forgotten the tokens of these requests.
    Forgotten(Vec<bool>),
    /// The line goes dead after so many requests.
    Cut(usize),
    /// The power goes at this operation on the disk.
    PowerOff(u64, Survival),
}

fn when() -> impl Strategy<Value = When> {
    let minutes = prop_oneof![2 => Just(0_i64), 10 => 1..600_i64, 4 => 600..4_000_i64, 1 => 4_000..60_000_i64];
    (0..1_000_i64, prop_oneof![3 => Just(0_i64), 7 => 0..24_i64], minutes, prop::bool::weighted(0.2))
        .prop_map(|(share, hour, minutes, all_day)| When { share, hour, minutes, all_day })
}

fn change() -> impl Strategy<Value = Change> {
    let which = any::<Index>;
    prop_oneof![
        3 => when().prop_map(Change::Create),
        2 => which().prop_map(Change::Rename),
        4 => (which(), when()).prop_map(|(event, when)| Change::Move(event, when)),
        2 => which().prop_map(Change::Delete),
    ]
}

fn run() -> impl Strategy<Value = Run> {
    let survival = select(Survival::ALL.to_vec());
    let meanwhile = prop::option::weighted(0.3, (change(), 0..13_usize));
    prop_oneof![
        20 => meanwhile.prop_map(Run::Whole),
        1 => prop::collection::vec(prop::bool::weighted(0.3), 1..12).prop_map(Run::Forgotten),
        3 => (0..30_usize).prop_map(Run::Cut),
        3 => (0..40_u64, survival).prop_map(|(operation, survival)| Run::PowerOff(operation, survival)),
    ]
}

fn day() -> impl Strategy<Value = Day> {
    let changes = prop_oneof![3 => Just(0..=0_usize), 4 => Just(1..=3_usize), 1 => Just(1..=8)];
    (
        changes.prop_flat_map(|many| prop::collection::vec(change(), many)),
        prop::option::weighted(0.01, 1..=12_u8),
        prop::option::weighted(0.004, select(POLICIES.to_vec())),
        prop::option::weighted(0.95, run()),
        prop_oneof![60 => Just(0_i64), 1 => 1..60_i64],
    )
        .prop_map(|(changes, tiles, policy, run, pause)| Day { changes, tiles, policy, run, pause })
}

/// What is known of an event on the server.
#[derive(Default)]
struct Known {
    /// Its versions, in order.
    etags: Vec<String>,
    gone: bool,
}

/// A mailbox, its copy, and what can be known of both.
struct Story {
    world: World,
    disk: Option<SimDisk>,
    store: Arc<dyn Store>,
    tiles: u8,
    policy: (i64, i64),
    page_size: u32,
    /// The events that there are.
    ids: Vec<String>,
    known: BTreeMap<String, Known>,
    /// What was changed since the last completed run.
    touched: BTreeSet<String>,
    /// What was shown without all of its properties, because it could not be asked for.
    partial: BTreeSet<String>,
    /// The window of the last completed run.
    window: Option<(Timestamp, Timestamp)>,
    noted: u64,
    /// What the journal says is there, and in which version.
    told: BTreeMap<String, Option<String>>,
    /// What happened, for whoever has to find out why something is wrong.
    log: Vec<String>,
    tally: Tally,
}

/// What stories amount to.
#[derive(Clone, Debug, Default)]
struct Tally {
    changes: u64,
    runs: u64,
    compared: u64,
    broken: u64,
    /// How often the window was another than after the completed run before.
    moved: u64,
    created: u64,
    updated: u64,
    deleted: u64,
    left: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.changes += other.changes;
        self.runs += other.runs;
        self.compared += other.compared;
        self.broken += other.broken;
        self.moved += other.moved;
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.left += other.left;
    }
}

fn open(disk: &SimDisk) -> Result<FileStore, store::Error> {
    FileStore::open_with(Arc::new(disk.clone()), "/replica", FileOptions::default())
}

impl Story {
    fn new(seed: u64, quirks: Quirks, file: bool, tiles: u8, policy: (i64, i64), page_size: u32) -> Self {
        let disk = file.then(|| SimDisk::new(seed));
        let store: Arc<dyn Store> = match &disk {
            Some(disk) => Arc::new(open(disk).unwrap()),
            None => Arc::new(MemoryStore::default()),
        };
        let mut story = Self {
            world: World::with_quirks(seed, "2026-01-01T05:00:00Z", quirks),
            disk,
            store,
            tiles,
            policy,
            page_size,
            ids: Vec::new(),
            known: BTreeMap::new(),
            touched: BTreeSet::new(),
            partial: BTreeSet::new(),
            window: None,
            noted: 0,
            told: BTreeMap::new(),
            log: Vec::new(),
            tally: Tally::default(),
        };
        story.look();
        story
    }

    fn today(&self) -> Timestamp {
        self.world.with(|state| state.now.midnight())
    }

    fn times(&self, when: When) -> Value {
        let (from, to) = self.policy;
        let day = from - 15 + (to - from + 75) * when.share / 1_000;
        let start = self.today().plus_days(day);
        if !when.all_day {
            return event("", start.plus_seconds(when.hour * 3_600), when.minutes);
        }
        let mut times = event("", start, (when.minutes / 1_440 + 1) * 1_440);
        times["isAllDay"] = json!(true);
        times
    }

    /// The request that a change is, if there is something to change.
    fn call(&mut self, change: &Change) -> Option<(Method, String, Option<Value>)> {
        self.tally.changes += 1;
        let subject = format!("change {}", self.tally.changes);
        let ids = &self.ids;
        let which = |index: &Index| (!ids.is_empty()).then(|| index.get::<String>(ids).clone());
        Some(match change {
            Change::Create(when) => {
                let mut event = self.times(*when);
                event["subject"] = json!(subject);
                (Method::POST, "/me/events".to_owned(), Some(event))
            }
            Change::Rename(index) => {
                (Method::PATCH, format!("/me/events/{}", which(index)?), Some(json!({ "subject": subject })))
            }
            Change::Move(index, when) => {
                let times = self.times(*when);
                let mut moved = json!({"start": times["start"], "end": times["end"]});
                moved["isAllDay"] = json!(when.all_day);
                (Method::PATCH, format!("/me/events/{}", which(index)?), Some(moved))
            }
            Change::Delete(index) => (Method::DELETE, format!("/me/events/{}", which(index)?), None),
        })
    }

    fn change(&mut self, change: &Change) {
        self.world.with(|state| state.now = state.now.plus_seconds(1));
        if let Some((method, url, body)) = self.call(change) {
            self.log(format!("  {method} {url} {}", body.as_ref().map_or("".to_owned(), Value::to_string)));
            let answer = self.world.call(method, &url, body);
            self.log(format!("    {}", answer["id"]));
        }
        self.look();
    }

    /// Looks at what there is on the server.
    fn look(&mut self) {
        let mut there = BTreeSet::new();
        let mut url = "/me/events?$top=1000".to_owned();
        loop {
            let page = self.world.call(Method::GET, &url, None);
            for event in page["value"].as_array().unwrap() {
                let (id, etag) = (event["id"].as_str().unwrap(), event["@odata.etag"].as_str().unwrap());
                let known = self.known.entry(id.to_owned()).or_default();
                if known.etags.last().is_none_or(|last| last != etag) {
                    known.etags.push(etag.to_owned());
                    self.touched.insert(id.to_owned());
                }
                there.insert(id.to_owned());
            }
            match page["@odata.nextLink"].as_str() {
                Some(next) => url = next.to_owned(),
                None => break,
            }
        }
        for (id, known) in self.known.iter_mut().filter(|(id, known)| !known.gone && !there.contains(*id)) {
            known.gone = true;
            self.touched.insert(id.clone());
        }
        self.ids = there.into_iter().collect();
    }

    fn play(mut self, days: &[Day]) -> Result<Tally, String> {
        for (number, day) in days.iter().enumerate() {
            self.log(format!("day {number}, {}", self.today()));
            for change in &day.changes {
                self.change(change);
            }
            self.tiles = day.tiles.unwrap_or(self.tiles);
            self.policy = day.policy.unwrap_or(self.policy);
            if let Some(run) = &day.run {
                self.run(run).map_err(|wrong| self.tell_of(&wrong))?;
            }
            self.world.with(|state| state.now = state.now.midnight().plus_days(1 + day.pause).plus_seconds(5 * 3_600));
        }
        self.log("the last run".to_owned());
        self.run(&Run::Whole(None)).map_err(|wrong| self.tell_of(&wrong))?;
        Ok(self.tally)
    }

    fn log(&mut self, what: String) {
        self.log.push(what);
    }

    /// What is wrong, and what led to it.
    fn tell_of(&self, wrong: &str) -> String {
        let lately = self.log.len().saturating_sub(25);
        let ids: Vec<&String> = self.known.keys().filter(|id| wrong.contains(id.as_str())).collect();
        let about = |line: &&String| ids.iter().any(|id| line.contains(id.as_str()));
        let before = self.log[..lately].iter().filter(about).rev().take(20).collect::<Vec<_>>();
        let lines: Vec<&str> = before.into_iter().rev().chain(&self.log[lately..]).map(String::as_str).collect();
        format!("{wrong}\n{}", lines.join("\n"))
    }

    fn run(&mut self, run: &Run) -> Result<(), String> {
        let (from, to) = self.policy;
        let mut replica = replica(&format!("{from:+}d..{to:+}d"), self.page_size);
        replica.tiles = NonZeroU8::new(self.tiles).unwrap();
        let mut at_rest = true;
        let mut survival = None;
        match run {
            Run::Whole(None) => {}
            Run::Whole(Some((change, before))) => {
                let call = self.call(change);
                self.log(format!("  meanwhile {call:?}"));
                // The last of these is made first.
                let nothing = (Method::GET, "/me/calendars".to_owned(), None);
                let calls = call.into_iter().chain(std::iter::repeat_n(nothing, *before)).collect();
                self.world.with(|state| state.meanwhile = calls);
                at_rest = false;
            }
            Run::Forgotten(which) => {
                let script = which.iter().map(|forgotten| if *forgotten { forgotten_token() } else { None }).collect();
                self.world.with(|state| state.script = script);
            }
            Run::Cut(patience) => self.world.with(|state| state.patience = Some(*patience)),
            Run::PowerOff(operation, left) => {
                survival = Some(*left);
                if let Some(disk) = &self.disk {
                    disk.fail_at(disk.operations() + operation, Fault::PowerOff);
                }
            }
        }
        let outcome = match &self.disk {
            // Each run is another process.
            Some(disk) => {
                self.store = Arc::new(MemoryStore::default());
                let outcome = open(disk).map_err(Error::from).and_then(|store| {
                    let store: Arc<dyn Store> = Arc::new(store);
                    self.world.sync(&replica, &store)
                });
                if let (Err(_), Some(survival)) = (&outcome, survival) {
                    disk.crash(survival);
                }
                disk.fail_at(u64::MAX, Fault::PowerOff);
                self.store = Arc::new(open(disk).unwrap());
                outcome
            }
            None => self.world.sync(&replica, &self.store),
        };
        self.world.with(|state| {
            (state.patience, state.script) = (None, Vec::new());
            state.meanwhile.clear();
        });
        self.look();
        let windows = self.windows();
        let said = match &outcome {
            Ok(report) => format!("published {:?} {:?}", report.changes, report.run),
            Err(error) => format!("{error}"),
        };
        self.log(format!("  run {run:?} with {} tiles {:?}: {said}\n    {windows:?}", self.tiles, self.policy));
        self.tally.runs += 1;
        self.tally.broken += u64::from(outcome.is_err());
        let in_vain = |report: &SyncReport| report.run.degradations.iter().any(|what| what.contains("could not be"));
        let asked = outcome.as_ref().is_ok_and(|report| !in_vain(report));
        let done = match outcome {
            Ok(report) => report.unanswered == 0,
            // A server that has also forgotten the rounds which follow is given up for now.
            Err(_) if !matches!(run, Run::Whole(_)) => false,
            Err(error) => return Err(format!("{run:?}: {error}")),
        };
        self.explain(asked).map_err(|wrong| format!("{run:?}: {wrong}"))?;
        self.partial = self.partial();
        if done && at_rest {
            self.compare().map_err(|wrong| format!("{run:?}: {wrong}"))?;
        }
        Ok(())
    }

    fn windows(&self) -> Vec<Window> {
        let view = pollster::block_on(self.store.view()).unwrap();
        let mut windows: Vec<Window> = view.tiles().iter().filter_map(|tile| tile.window).collect();
        windows.sort_unstable_by_key(Window::start);
        windows
    }

    fn partial(&self) -> BTreeSet<String> {
        let view = pollster::block_on(self.store.view()).unwrap();
        let all = TimeRange::utc(Timestamp::MIN..Timestamp::MAX);
        let (rows, _) = pollster::block_on(reader::events(view.as_ref(), &all, None, 10_000)).unwrap();
        rows.iter().filter(|row| row.is_stale()).map(|row| row.row.meta.id.to_string()).collect()
    }

    /// What the server lists of these windows.
    fn listed(&self, windows: &[Window]) -> BTreeMap<String, Value> {
        let list = |start: Timestamp, end: Timestamp| self.world.listing(&start.to_string(), &end.to_string());
        comparable(match span(windows) {
            Some((start, end)) => list(start, end),
            None => windows.iter().flat_map(|window| list(window.start(), window.end())).collect(),
        })
    }

    /// After a completed run the replica is as the server has it, in the window that the policy asks for.
    fn compare(&mut self) -> Result<(), String> {
        let windows = self.windows();
        let window = span(&windows).ok_or("there are gaps between the tiles, or none are there")?;
        let (from, to) = self.policy;
        let (first, last) = (self.today().plus_days(from), self.today().plus_days(to + 1));
        if window.0 > first || window.1 < last {
            return Err(format!("{window:?} does not reach from {first} to {last}"));
        }
        let (shown, listed) = (comparable(visible(&self.store)), self.listed(&windows));
        if let Some(id) = shown.keys().chain(listed.keys()).find(|id| shown.get(*id) != listed.get(*id)) {
            return Err(format!("{id} is shown as {:?} and listed as {:?}", shown.get(id), listed.get(id)));
        }
        for (id, etag) in &self.told {
            if etag.as_ref() != self.known[id].etags.last() {
                return Err(format!("the journal's last word on {id} is not the last version"));
            }
        }
        if !self.told.keys().eq(listed.keys()) {
            return Err(format!("the journal tells of {:?}, and there are {:?}", self.told.keys(), listed.keys()));
        }
        self.tally.compared += 1;
        self.tally.moved += u64::from(self.window.is_some_and(|before| before != window));
        self.window = Some(window);
        self.touched.clear();
        Ok(())
    }

    /// Each entry of the journal is explained by a change, or by the window's move. `asked` says that whatever was to be
    /// asked could be.
    fn explain(&mut self, asked: bool) -> Result<(), String> {
        let view = pollster::block_on(self.store.view()).unwrap();
        let entries = pollster::block_on(view.journal(self.noted, 100_000)).unwrap();
        if let Some(first) = entries.first()
            && first.seq != self.noted + 1
        {
            return Err(format!("the journal goes on with {} after {}", first.seq, self.noted));
        }
        self.noted = view.last_seq();
        let listed = self.listed(&self.windows());
        let before: BTreeSet<String> = self.told.keys().cloned().collect();
        for entry in &entries {
            self.log(format!("    noted {:?}", entry.note));
            self.explain_one(&entry.note, asked).map_err(|wrong| format!("{wrong}: {:?}", entry.note))?;
        }
        // What the window's move explains was outside of the window, or is outside now. A run may publish more than once, and
        // move the window back and forth: what counts is where that ends.
        let left = entries.iter().map(|entry| &entry.note).filter(|note| note.what == What::LeftWindow);
        let mut left = left.map(|note| note.id.as_ref()).filter(|id| !self.told.contains_key(*id));
        if let Some(id) = left.find(|id| listed.contains_key(*id)) {
            return Err(format!("{id} left, and is in the window"));
        }
        let came = |id: &&Arc<str>| !before.contains(id.as_ref()) && self.told.contains_key(id.as_ref());
        let unexplained = |id: &&Arc<str>| !self.touched.contains(id.as_ref()) && !listed.contains_key(id.as_ref());
        let found = entries.iter().map(|entry| &entry.note.id).filter(came).find(unexplained);
        found.map_or(Ok(()), |id| Err(format!("{id} came, was not changed, and is not in the window")))
    }

    fn explain_one(&mut self, note: &Note, asked: bool) -> Result<(), &'static str> {
        let id = note.id.as_ref();
        let known = self.known.get(id).ok_or("there was never such an event")?;
        let version = |etag: &Option<String>| known.etags.iter().position(|known| Some(known) == etag.as_ref());
        let was = self.told.get(id).cloned();
        if was.is_some() == (note.what == What::Created) {
            return Err("it is told of what is there, or was not there");
        }
        if was.is_some_and(|was| was != note.etag_before) {
            return Err("it was another version before");
        }
        match note.what {
            What::Created => {
                version(&note.etag_after).ok_or("there was never such a version")?;
            }
            What::Updated => {
                let (before, after) = (version(&note.etag_before), version(&note.etag_after));
                if before > after || (before == after && !self.partial.contains(id)) {
                    return Err("it is no later version");
                }
            }
            // Where nobody could be asked, it says so.
            What::Deleted if !known.gone && (note.confirmed || asked) => return Err("it still exists"),
            What::Deleted => {}
            What::LeftWindow => {}
        }
        let counted = match note.what {
            What::Created => &mut self.tally.created,
            What::Updated => &mut self.tally.updated,
            What::Deleted => &mut self.tally.deleted,
            What::LeftWindow => &mut self.tally.left,
        };
        *counted += 1;
        match note.what {
            What::Created | What::Updated => drop(self.told.insert(id.to_owned(), note.etag_after.clone())),
            What::Deleted | What::LeftWindow => drop(self.told.remove(id)),
        }
        Ok(())
    }
}

/// From the start of the first of some windows to the end of the last, if they follow each other without gaps: until all
/// tiles of another policy are read, those of the one before are there as well.
fn span(windows: &[Window]) -> Option<(Timestamp, Timestamp)> {
    let whole = windows.windows(2).all(|two| two[0].end() == two[1].start());
    Some((windows.first()?.start(), windows.last().filter(|_| whole)?.end()))
}

/// What Graph answers to a token that it has forgotten.
fn forgotten_token() -> Option<crate::world::Answer> {
    let body = r#"{"error":{"code":"SyncStateNotFound","message":"The sync state generation is not found"}}"#;
    Some(Ok(Response::builder().status(410).body(body.into()).unwrap()))
}

/// Mostly without tokens that are forgotten by themselves, which are few with many tiles.
fn quirks() -> impl Strategy<Value = Quirks> {
    let random = |seed| Quirks { kept_generations: 3, ..Quirks::random(seed) };
    prop_oneof![
        1 => Just(Quirks::default()),
        3 => any::<u64>().prop_map(move |seed| Quirks { generation_scope: GenerationScope::Stream, ..random(seed) }),
        1 => any::<u64>().prop_map(random),
    ]
}

/// Tells the story with a number.
fn tell(number: u64) -> Result<Tally, String> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let days = prop::collection::vec(day(), DAYS);
    let settings = (quirks(), any::<bool>(), 1..=12_u8, select(POLICIES.to_vec()), 1..30_u32);
    let (days, settings) = (days, settings).new_tree(&mut runner).unwrap().current();
    let (quirks, file, tiles, policy, page_size) = settings;
    Story::new(number, quirks, file, tiles, policy, page_size)
        .play(&days)
        .map_err(|wrong| format!("story {number}: {wrong}"))
}

/// `CALDELTA_ROLLING_STORIES` says how many, and `CALDELTA_ROLLING_FROM` which is the first.
#[test]
fn two_years_of_rolling_windows_are_what_the_server_lists_and_each_entry_is_explained() {
    let first = from_env("CALDELTA_ROLLING_FROM", 0);
    let stories = from_env("CALDELTA_ROLLING_STORIES", 2);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let tellers: Vec<_> = (0..threads)
        .map(|thread| {
            let numbers = (first..first + stories).filter(move |number| number % threads == thread);
            std::thread::spawn(move || numbers.map(tell).collect::<Vec<_>>())
        })
        .collect();
    let told: Vec<_> = tellers.into_iter().flat_map(|teller| teller.join().unwrap()).collect();
    let wrong: Vec<String> = told.iter().filter_map(|told| told.as_ref().err().cloned()).collect();
    let mut all = Tally::default();
    told.into_iter().flatten().for_each(|tally| all.add(&tally));
    println!("{stories} stories of two years: {all:?}");
    assert!(wrong.is_empty(), "{} stories went wrong\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(all.compared > 100 * stories && all.moved > 0 && all.left > 0, "the stories do nothing");
}
