//! The responses of Graph's documentation, replayed through a round into a store, as they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use delta_core::{ApiVersion, Cloud, DeltaLink, Round, RoundOptions, ServiceRoot, Step, Target, Timestamp, Window};
use http::Response;
use store::conformance::block_on;
use store::disk::SimDisk;
use store::reader::{self, EventRow, TimeRange};
use store::{Batch, FileOptions, FileStore, Identity, MemoryStore, Position, Run, Stage, Store, Tile, TileId, plan};

fn fixture(case: &str, number: usize) -> Response<Vec<u8>> {
    let path = format!("{}/../../fixtures/seeds/{case}/{number:02}.response.http", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let (_, body) = text.split_once("\n\n").unwrap();
    Response::new(body.as_bytes().to_vec())
}

fn view(window: (&str, &str)) -> Target {
    let window = Window::parse(window.0, window.1).unwrap();
    Target::calendar_view(ServiceRoot::cloud(Cloud::Global), "me".parse().unwrap(), window).unwrap()
}

fn stores() -> Vec<Arc<dyn Store>> {
    let disk = Arc::new(SimDisk::new(1));
    let file = FileStore::open_with(disk, "/replica", FileOptions::default()).unwrap();
    vec![Arc::new(MemoryStore::default()), Arc::new(file)]
}

/// Stages the numbered responses of a case, and gives the delta link if the round has ended.
fn stage(
    store: &dyn Store,
    round: &mut Round,
    case: &str,
    numbers: std::ops::RangeInclusive<usize>,
) -> Option<DeltaLink> {
    let mut end = None;
    for number in numbers {
        let (page, position) = match round.receive(fixture(case, number)).unwrap() {
            Step::Page { page, checkpoint } => (page, Position::Paging(checkpoint)),
            Step::Complete { page, link } => {
                end = Some(link.clone());
                (page, Position::Complete(link))
            }
            step => panic!("{step:?}"),
        };
        let tile = Tile::new(TileId(0), None, None);
        let stage = Stage::page(round.id(), round.kind(), tile, round.page() - 1, &page, position);
        block_on(store.write(Batch::Stage(stage))).unwrap();
    }
    end
}

fn publish(store: &dyn Store, round: &Round) {
    let identity = Identity {
        origin: "https://graph.microsoft.com".into(),
        api_version: "v1.0".into(),
        resource: "me".into(),
        calendar: None,
        id_type: "rest".into(),
        body_type: "html".into(),
    };
    let at = Timestamp::parse("2016-12-31").unwrap();
    let run = Run::new(at, identity, vec![round.id()], Vec::new());
    let view = block_on(store.view()).unwrap();
    let (publish, _) = block_on(plan(view.as_ref(), run)).unwrap();
    block_on(store.write(Batch::Publish(publish))).unwrap();
}

/// Everything that a reader sees, by id.
fn rows(store: &dyn Store) -> BTreeMap<String, EventRow> {
    let view = block_on(store.view()).unwrap();
    let all = TimeRange::utc(Timestamp::MIN..Timestamp::MAX);
    let (rows, _) = block_on(reader::events(view.as_ref(), &all, None, 100)).unwrap();
    rows.into_iter().map(|row| (row.row.meta.id.to_string(), row)).collect()
}

fn options(seed: u64) -> RoundOptions {
    RoundOptions { seed, ..RoundOptions::default() }
}

#[test]
fn both_walk_throughs_end_with_six_rows() {
    for store in stores() {
        for case in ["calendar-view", "calendar-view-2017-beta"] {
            let store = if case == "calendar-view" { store.clone() } else { Arc::new(MemoryStore::default()) };
            let target = view(("2016-12-01", "2016-12-30"));
            let target = if case.ends_with("beta") { target.with_version(ApiVersion::Beta).unwrap() } else { target };
            let mut round = Round::full(target.clone()).with_options(options(1));
            let link = stage(store.as_ref(), &mut round, case, 1..=3).unwrap();
            assert!(rows(store.as_ref()).is_empty(), "staged pages are invisible");
            publish(store.as_ref(), &round);
            assert_eq!(rows(store.as_ref()).len(), 5);

            let mut round = Round::incremental(target, &link).unwrap().with_options(options(2));
            let newer = stage(store.as_ref(), &mut round, case, 4..=4).unwrap();
            publish(store.as_ref(), &round);
            let rows = rows(store.as_ref());
            // The id that the page removes is none of the five.
            assert_eq!(rows.len(), 6);
            assert!(rows.contains_key("AAMkADj1HvAAA="));
            let view = block_on(store.view()).unwrap();
            assert_eq!(view.tiles()[0].link.as_ref(), Some(&newer), "the new delta link is saved");
        }
    }
}

#[test]
fn odd_casing_a_missing_context_and_a_spaced_id_survive() {
    for store in stores() {
        let target = Target::events(ServiceRoot::cloud(Cloud::Global), "me/calendar/events".parse().unwrap(), None);
        let mut round = Round::full(target.unwrap());
        assert!(stage(store.as_ref(), &mut round, "events-beta", 1..=1).is_none());
        let last = Response::new(br#"{"value":[],"@odata.deltaLink":"/beta/me/calendar/events/delta?$deltatoken=x"}"#);
        let Step::Complete { page, link } = round.receive(last).unwrap() else { panic!() };
        let tile = Tile::new(TileId(0), None, None);
        let end = Stage::page(round.id(), round.kind(), tile, 1, &page, Position::Complete(link));
        block_on(store.write(Batch::Stage(end))).unwrap();
        publish(store.as_ref(), &round);
        let rows = rows(store.as_ref());
        let row = &rows["AAMkADllMWMwNDkzLWJlY2EtNDIyOS1iZjAA="];
        assert_eq!(row.row.meta.start.unwrap().to_string(), "2020-02-19T10:00:00Z");
        assert!(row.json.contains("\"DateTime\"") && row.json.contains("\" AAMk"), "{}", row.json);
        assert!(row.is_stale(), "four properties are not a whole event");
    }
}

#[test]
fn unknown_fields_survive() {
    for store in stores() {
        let target = view(("2020-06-01", "2020-06-10")).with_version(ApiVersion::Beta).unwrap();
        let mut round = Round::full(target);
        assert!(stage(store.as_ref(), &mut round, "calendar-view-beta", 1..=1).is_none());
        let view = block_on(store.view()).unwrap();
        let body = String::from_utf8(fixture("calendar-view-beta", 1).into_body()).unwrap();
        for item in 0..2 {
            let item = store::ItemRef { round: round.id(), page: 0, item };
            let raw = block_on(view.staged_raw(item)).unwrap().unwrap();
            assert!(body.contains(&raw) && raw.contains("\"IsRoomRequested\": false"), "byte for byte");
        }
    }
}
