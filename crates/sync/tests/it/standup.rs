//! The life of a weekly stand-up, as `docs/series.md` tells it: the blocks of the page are what this prints.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use delta_core::{Change, Event};
use http::Method;
use serde_json::{Value, json};
use store::reader::{self, TimeRange};
use store::{MemoryStore, Store};
use sync::Notice;

use crate::world::{World, replica};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/series.md");
const WINDOW: &str = "2026-03-01..2026-04-01";

/// Short names for ids, in the order in which they turn up.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(&mut self, id: &str, is_master: bool) -> String {
        let number = self.0.len();
        let name = || if is_master { "M".to_owned() } else { format!("O{number}") };
        self.0.entry(id.to_owned()).or_insert_with(name).clone()
    }

    /// A text with names for all ids that have one.
    fn in_text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id.as_str(), name))
    }
}

fn minute(event: &Event<'_>) -> String {
    event.start().and_then(|start| start.read_as_utc()).unwrap().to_string()[5..16].replace('T', " ")
}

/// One item of a page, in a line.
fn item(names: &mut Names, change: Change<'_>) -> String {
    let Change::Upsert(item) = change else {
        return format!("  {:<3} @removed", names.of(change.id().unwrap(), false));
    };
    let event = item.event().unwrap();
    let name = names.of(item.id(), item.series_master_id().is_none());
    let kind = item.kind().as_graph().unwrap();
    let said = event.subject().map_or_else(|| "and no other property".to_owned(), |subject| format!("«{subject}», …"));
    format!("  {name:<3} {kind:<13} {}  {said}", minute(&event))
}

struct Story {
    world: World,
    store: Arc<dyn Store>,
    names: Arc<Mutex<Names>>,
    noted: u64,
}

impl Story {
    /// A run, and all that can be seen of it.
    fn sync(&mut self) -> String {
        let told = Arc::new(Mutex::new(String::new()));
        self.world.with(|state| (state.requests.clear(), state.parts.clear()));
        let (names, pages) = (self.names.clone(), told.clone());
        let watch = move |notice: &Notice<'_>| {
            let mut told = pages.lock().unwrap();
            match notice {
                Notice::Request(line) => writeln!(told, "{}", line.to_string().split('?').next().unwrap()).unwrap(),
                Notice::Page { page, .. } => {
                    for change in page.changes() {
                        writeln!(told, "{}", item(&mut names.lock().unwrap(), change)).unwrap();
                    }
                }
                _ => {}
            }
        };
        let synchronizer = self.world.synchronizer().with_observer(watch);
        pollster::block_on(synchronizer.run(&replica(WINDOW, 50), &self.store)).unwrap();
        let mut told = std::mem::take(&mut *told.lock().unwrap());
        for part in self.world.with(|state| state.parts.clone()) {
            writeln!(told, "  GET {}", self.names.lock().unwrap().in_text(part.split('?').next().unwrap())).unwrap();
        }
        writeln!(told, "\nthe replica shows\n{}", self.shown()).unwrap();
        write!(told, "the journal says\n{}", self.journal()).unwrap();
        told
    }

    fn shown(&self) -> String {
        let view = pollster::block_on(self.store.view()).unwrap();
        let all = TimeRange::utc(delta_core::Timestamp::MIN..delta_core::Timestamp::MAX);
        let (rows, _) = pollster::block_on(reader::events(view.as_ref(), &all, None, 100)).unwrap();
        let line = |row: &reader::EventRow| {
            let event = Event::parse(&row.json).unwrap();
            let name = self.names.lock().unwrap().of(&row.row.meta.id, false);
            let from = if row.inherited.is_empty() { "" } else { "  (from M)" };
            format!("  {name:<3} {}  «{}»{from}\n", minute(&event), event.subject().unwrap())
        };
        let shown: String = rows.iter().map(line).collect();
        if shown.is_empty() { "  nothing\n".to_owned() } else { shown }
    }

    fn journal(&mut self) -> String {
        let view = pollster::block_on(self.store.view()).unwrap();
        let entries = pollster::block_on(view.journal(self.noted, 100)).unwrap();
        self.noted = view.last_seq();
        let mut names = self.names.lock().unwrap();
        let mut lines: Vec<String> = Vec::new();
        for entry in entries {
            let (name, note) = (names.of(&entry.note.id, false), entry.note);
            let word = |value: Value| value.as_str().unwrap().to_owned();
            let (what, reason) = (word(json!(note.what)), word(json!(note.reason)));
            let asked = if note.confirmed { ", and the server was asked" } else { "" };
            lines.push(format!("  {name:<3} {what} ({reason}{asked})\n"));
        }
        lines.sort();
        lines.concat()
    }

    /// The id of the occurrence with this name.
    fn named(&self, name: &str) -> String {
        let names = self.names.lock().unwrap();
        let id = names.0.iter().find(|(_, found)| *found == name).unwrap().0;
        format!("/me/events/{id}")
    }

    fn later(&self) {
        self.world.with(|state| state.now = state.now.plus_days(1));
    }
}

fn life() -> Vec<String> {
    let world = World::new(7, "2026-03-01T00:00:00Z");
    let at = |time: &str| json!({"dateTime": time, "timeZone": "UTC"});
    let times = |start: &str, end: &str| json!({"start": at(start), "end": at(end)});
    let mut standup = times("2026-03-02T09:00:00", "2026-03-02T09:15:00");
    standup["subject"] = json!("Stand-up");
    standup["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
        "range": {"type": "noEnd", "startDate": "2026-03-02"},
    });
    world.call(Method::POST, "/me/events", Some(standup));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let mut story = Story { world, store, names: Arc::default(), noted: 0 };
    let mut told = vec![story.sync()];
    let changes: [(Method, &str, Option<Value>); 4] = [
        (Method::PATCH, "O2", Some(times("2026-03-10T14:00:00", "2026-03-10T14:15:00"))),
        (Method::DELETE, "O3", None),
        (Method::PATCH, "M", Some(json!({"subject": "Daily coffee"}))),
        (Method::DELETE, "M", None),
    ];
    for (method, name, body) in changes {
        story.later();
        let url = story.named(name);
        story.world.call(method, &url, body);
        told.push(story.sync());
    }
    told
}

/// `CALDELTA_WRITE_DOCS=1` writes them.
#[test]
fn the_page_about_series_tells_what_happens() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut written = String::new();
    let mut rest = page.as_str();
    for told in life() {
        let (before, after) = rest.split_once("```text\n").expect("a block for each step");
        let (_, after) = after.split_once("```").unwrap();
        write!(written, "{before}```text\n{told}```").unwrap();
        rest = after;
    }
    assert!(!rest.contains("```text"), "a block for each step");
    written.push_str(rest);
    if std::env::var_os("CALDELTA_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &written).unwrap();
    } else {
        assert_eq!(page, written, "write the page again with CALDELTA_WRITE_DOCS=1");
    }
}
