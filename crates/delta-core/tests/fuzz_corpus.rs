//! The fuzz targets, on the fixtures and on what fuzzing has found: without a nightly toolchain, in every run of CI.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;
#[path = "links/hostile.rs"]
mod hostile;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use delta_core::{Cloud, Round, Target, Window};

type Inputs = BTreeSet<Vec<u8>>;
type Fuzz = fn(&[u8]);

const TARGETS: [(&str, Fuzz); 8] = [
    ("page", fuzz::page),
    ("round", fuzz::round),
    ("snapshot", fuzz::snapshot),
    ("instances", fuzz::instances),
    ("hydration", fuzz::hydration),
    ("checkpoint", fuzz::checkpoint),
    ("retry_after", fuzz::retry_after),
    ("link", fuzz::link),
];

/// The corpus of each target, from the fixtures.
fn corpora() -> BTreeMap<&'static str, Inputs> {
    let rounds = rounds(&folder("../../fixtures"));
    let bodies: Inputs = rounds.iter().flatten().filter_map(|response| split(response, b"\n\n")).collect();
    let links: BTreeSet<String> = bodies.iter().flat_map(|body| links(body)).collect();
    let hostile = [
        hostile::NOT_A_LINK,
        hostile::OTHER_ORIGIN,
        hostile::BAD_CHARACTERS,
        hostile::DOT_SEGMENTS,
        hostile::OTHER_VERSION,
    ];
    let text = |text: &str| text.as_bytes().to_vec();
    let checkpoints = links.iter().take(20).map(|link| serde_json::json!({ "next": link }).to_string().into_bytes());
    BTreeMap::from([
        ("round", rounds.iter().flat_map(|round| scripts(round)).collect()),
        // A delta link is nothing to a listing, which ends where there is no next link.
        ("snapshot", rounds.iter().flat_map(|round| scripts(round)).collect()),
        ("instances", rounds.iter().flat_map(|round| scripts(round)).collect()),
        ("hydration", batches(&bodies)),
        ("checkpoint", checkpoints.chain([checkpoint(), text("{}"), text(r#"{"kind":"incremental"}"#)]).collect()),
        ("retry_after", RETRY_AFTER.iter().map(|lines| text(lines)).collect()),
        ("link", links.iter().map(|link| text(link)).chain(hostile.concat().into_iter().map(text)).collect()),
        ("page", bodies),
    ])
}

/// A whole checkpoint as it is stored by this version, of the target that is fuzzed.
fn checkpoint() -> Vec<u8> {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    let target = Target::calendar_view(Cloud::Global.into(), "me".parse().unwrap(), window).unwrap();
    let page = r#"{"value":[],"@odata.nextLink":"/v1.0/me/calendarView/delta?$skiptoken=x"}"#;
    let mut round = Round::full(target.clone());
    let _ = round.receive(http::Response::new(page)).unwrap();
    let checkpoint = round.checkpoint().unwrap();
    assert!(Round::resume(target, &checkpoint).is_ok());
    serde_json::to_vec(&checkpoint).unwrap()
}

/// Forms that were observed, and some that were not.
const RETRY_AFTER: [&str; 14] = [
    "",
    "0",
    "120",
    " 2.128 ",
    "0,120",
    "30, 120",
    "0\n120",
    "1e3",
    "-1",
    "NaN",
    "99999999999999999999999",
    "Thu, 01 Dec 2016 00:02:00 GMT\nDate: Thu, 01 Dec 2016 00:00:00 GMT",
    "Thursday, 01-Dec-16 00:02:00 GMT",
    "Thu Dec  1 00:02:00 2016\nDate: nonsense",
];

/// Batches of which each part is answered alike: by the fixtures' pages and items, and in other ways that were observed.
fn batches(bodies: &Inputs) -> Inputs {
    let page = |body: &Vec<u8>| {
        String::from_utf8(body.clone()).ok().filter(|body| body.starts_with('{') && body.len() < 2_000)
    };
    let found = bodies.iter().filter_map(page).map(|body| format!(r#""status":200,"body":{body}"#));
    let gone = r#""status":404,"body":{"error":{"code":"ErrorItemNotFound"}}"#;
    let no_calendar = r#""status":404,"body":{"error":{"code":"ErrorFolderNotFound"}}"#;
    let wait = r#""status":429,"headers":{"retry-after":"10"},"body":{"error":{"code":"TooManyRequests"}}"#;
    let next = r#""status":200,"body":{"value":[],"@odata.nextLink":"/v1.0/me/events/m1/instances?$skip=1"}"#;
    let odd =
        [r#""status":"200""#, r#""headers":7,"status":200"#, r#""status":404,"body":{"error":"ErrorItemNotFound"}"#];
    let others = [gone, no_calendar, wait, next, r#""status":503"#, r#""status":200"#, r#""status":403,"body":null"#];
    let batch = |answer: String| {
        let parts: Vec<String> = (0..20).map(|id| format!(r#"{{"id":"{id}",{answer}}}"#)).collect();
        format!("HTTP/1.1 200 OK\n\n{{\"responses\":[{}]}}", parts.join(",")).into_bytes()
    };
    let batches: Vec<Vec<u8>> = found.chain(others.into_iter().chain(odd).map(str::to_owned)).map(batch).collect();
    let rotated = batches.iter().cycle().skip(1);
    batches.iter().zip(rotated).map(|(one, other)| [&one[..], other, one, other].join(fuzz::NEXT)).collect()
}

/// A round as a full one and as an incremental one, and with a request in front that got no response.
fn scripts(round: &[Vec<u8>]) -> [Vec<u8>; 3] {
    let script = round.join(fuzz::NEXT);
    [script.clone(), [b"+", &script[..]].concat(), [b"!t", fuzz::NEXT, &script].concat()]
}

/// The responses of each folder that has some, in their order.
fn rounds(folder: &Path) -> Vec<Vec<Vec<u8>>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let of_a_response = |path: &&PathBuf| path.to_str().unwrap().ends_with(".response.http");
    let here: Vec<Vec<u8>> = paths.iter().filter(of_a_response).map(|path| fs::read(path).unwrap()).collect();
    let below = paths.iter().filter(|path| path.is_dir()).flat_map(|path| rounds(path));
    below.chain((!here.is_empty()).then_some(here.clone())).collect()
}

/// What follows a separator.
fn split(bytes: &[u8], separator: &[u8]) -> Option<Vec<u8>> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    bytes.get(at + separator.len()..).map(<[u8]>::to_vec)
}

fn links(body: &[u8]) -> Vec<String> {
    let Ok(page) = serde_json::from_slice::<serde_json::Value>(body) else { return Vec::new() };
    let link = |key| page.get(key)?.as_str().map(str::to_owned);
    ["@odata.nextLink", "@odata.deltaLink"].into_iter().filter_map(link).collect()
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The inputs in a folder, if there is one.
fn files(folder: &Path) -> Inputs {
    let Ok(entries) = fs::read_dir(folder) else { return Inputs::new() };
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn the_corpora_break_no_guarantee() {
    let corpora = corpora();
    for (name, target) in TARGETS {
        let inputs = &corpora[name];
        assert!(inputs.len() > 10, "{name} has {} inputs", inputs.len());
        inputs.iter().for_each(|input| target(input));
        let found = ["regressions", "corpus"].map(|kind| files(&folder("fuzz").join(kind).join(name)));
        found.iter().flatten().for_each(|input| target(input));
    }
}

/// Writes the corpora to where `cargo fuzz` looks for them.
#[test]
#[ignore = "writes files, for those who want to fuzz"]
fn write_the_corpora() {
    for (name, inputs) in corpora() {
        let folder = folder("fuzz/corpus").join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("fixture-{number:04}")), input).unwrap();
        }
    }
}
