//! Everything that is persisted, in the form in which it is: a change of a name or a shape shows up as a difference to
//! be read, and what is there to be read back is read back.
//!
//! The log's bytes as a whole are kept in `fixtures/store`; here are the parts of it that are JSON, laid out, with the names in the order of the alphabet.

use delta_core::{Checkpoint, Cloud, Round, RoundOptions, ServiceRoot, Step, Target, Window};
use http::Response;
use insta::assert_snapshot;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Batch, Note, Position, Publish};

use crate::history::{History, segment};

/// The length of a frame's header.
const HEADER: usize = 32;
/// The length of a segment's header.
const SEGMENT_HEADER: usize = 40;

/// The JSON of something persisted, laid out; it has to be the same again after it was read back.
fn json<T: Serialize + DeserializeOwned>(thing: &T) -> String {
    let text = serde_json::to_string_pretty(thing).unwrap();
    let read: T = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string_pretty(&read).unwrap(), text);
    text
}

/// A round of one page and its end.
fn round() -> (Round, Vec<Step<String>>) {
    let window = Window::parse("2026-03-01", "2026-04-01").unwrap();
    let target = Target::calendar_view(ServiceRoot::cloud(Cloud::Global), "me".parse().unwrap(), window).unwrap();
    let mut round = Round::full(target).with_options(RoundOptions { seed: 1, ..RoundOptions::default() });
    let link = |token: &str| format!("https://graph.microsoft.com/v1.0/me/calendarView/delta?{token}");
    let page = format!(r#"{{"value":[],"@odata.nextLink":"{}"}}"#, link("$skiptoken=R0usmcNext"));
    let last = format!(r#"{{"value":[],"@odata.deltaLink":"{}"}}"#, link("$deltatoken=R0usmcDelta"));
    let steps = [page, last].map(|body| round.receive(Response::new(body)).unwrap());
    (round, steps.into())
}

fn checkpoint() -> (Round, Checkpoint) {
    let (round, mut steps) = round();
    let Step::Page { checkpoint, .. } = steps.remove(0) else { panic!() };
    (round, checkpoint)
}

#[test]
fn a_checkpoint() {
    let (round, checkpoint) = checkpoint();
    assert!(Round::resume(round.target().clone(), &checkpoint).is_ok());
    assert_snapshot!("checkpoint", json(&checkpoint));
    assert_snapshot!("position-paging", json(&Position::Paging(checkpoint)));
}

#[test]
fn a_delta_link() {
    let (_, mut steps) = round();
    let Step::Complete { link, .. } = steps.remove(1) else { panic!() };
    assert_snapshot!("delta-link", json(&link));
    assert_snapshot!("position-complete", json(&Position::Complete(link)));
}

/// The lines of a log's frames, one after the other.
fn lines(log: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = &log[SEGMENT_HEADER..];
    while !rest.is_empty() {
        let line = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        let payloads = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let begins = HEADER + payloads;
        lines.push(String::from_utf8(rest[begins..begins + line].to_vec()).unwrap());
        rest = &rest[HEADER + line + payloads..];
    }
    lines
}

#[test]
fn the_lines_of_a_log() {
    let history = History::new();
    let (disk, _) = history.on_disk();
    let lines = lines(&disk.contents(&segment(1)).unwrap());
    assert_eq!(lines.len(), history.batches.len(), "a batch is a frame");
    // By then there was one of every kind.
    for ((number, line), batch) in (1..=10).zip(lines).zip(&history.batches) {
        let name = match batch {
            Batch::Stage(_) => "stage",
            Batch::Publish(_) => "publish",
            Batch::Discard(_) => "discard",
            Batch::EngineState(_) => "engine-state",
        };
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_snapshot!(format!("log-{number:02}-{name}"), json(&line));
    }
}

#[test]
fn the_lines_of_a_journal() {
    let journal = |publish: &Publish| {
        let blocks = serde_json::to_value(&publish.journal).unwrap();
        let texts = blocks.as_array().unwrap().iter().map(|block| block["text"].as_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    let mut blocks = Vec::new();
    for batch in History::new().batches {
        if let Batch::Publish(publish) = batch {
            blocks.extend(journal(&publish));
        }
    }
    let text = blocks.join("\n");
    for line in text.lines() {
        let note: Note = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&note).unwrap(), line);
    }
    assert_snapshot!("journal", text);
}
