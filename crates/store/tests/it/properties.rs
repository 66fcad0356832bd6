//! Properties of random histories.

use std::collections::{BTreeMap, BTreeSet};

use delta_core::RoundId;
use delta_core::RoundKind::{self, Full, Incremental};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use store::conformance::{Fixture, block_on, event, full, master, removed, sparse, stub, tile};
use store::disk::{SimDisk, Survival};
use store::{Batch, Discard, EngineState, MemoryStore, Store, Tile, TileId};

use crate::history::{look, open};

fn config() -> ProptestConfig {
    let cases = std::env::var("CALDELTA_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48);
    let regressions = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(regressions)), ..ProptestConfig::default() }
}

/// An item about one of a few ids, in one of the forms that Graph sends.
fn item() -> impl Strategy<Value = String> {
    let id = prop::sample::select(vec!["a", "b", "c", "m", "é/\"\\"]);
    (id, 0..4_u32, 0..12_i64, 0..9).prop_map(|(id, version, day, form)| {
        let name = id.replace('\\', "\\\\").replace('"', "\\\"");
        match form {
            0 | 1 => event(&name, version, day),
            2 => stub(&name, "m", version, day),
            3 => sparse(&name, version, day),
            4 => master(&name, version),
            5 => format!(r#"{{"id":"{name}","subject":"{version}","x{day}":null}}"#),
            6 => format!(r#"{{"id":"{name}","type":{day}}}"#),
            7 if version == 0 => "[]".to_owned(),
            _ => removed(&name),
        }
    })
}

/// Something that happens to a replica with two tiles.
#[derive(Debug, Clone)]
enum Event {
    Stage { tile: u32, full: bool, pages: Vec<Vec<String>> },
    Unfinished { tile: u32, items: Vec<String> },
    Publish,
    Move { fetched: bool },
    Discard,
    Remember(String),
    Reopen,
    Crash(Survival),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let pages = || vec(vec(item(), 0..4), 1..4);
    let event = prop_oneof![
        4 => (0..2_u32, any::<bool>(), pages()).prop_map(|(tile, full, pages)| Event::Stage { tile, full, pages }),
        1 => (0..2_u32, vec(item(), 0..4)).prop_map(|(tile, items)| Event::Unfinished { tile, items }),
        4 => Just(Event::Publish),
        1 => any::<bool>().prop_map(|fetched| Event::Move { fetched }),
        1 => Just(Event::Discard),
        1 => "[a-z\"\n]{0,3}".prop_map(Event::Remember),
        1 => Just(Event::Reopen),
        1 => prop::sample::select(Survival::ALL.to_vec()).prop_map(Event::Crash),
    ];
    vec(event, 1..14)
}

/// The two tiles of a replica; when the window moves, the first is replaced.
struct Tiles(u32);

impl Tiles {
    fn get(&self, tile: u32) -> Tile {
        if tile == 0 { self::tile(self.0, 0, 6) } else { self::tile(1_000, 6, 12) }
    }
}

proptest! {
    #![proptest_config(config())]

    /// The file backend shows what the memory backend shows, whatever happens, also after a crash.
    #[test]
    fn memory_and_file_agree(events in events(), segment_bytes in prop::sample::select(vec![1, 700, 2000, u64::MAX])) {
        let memory = MemoryStore::new();
        let disk = SimDisk::new(events.len() as u64);
        let mut file = open(&disk, segment_bytes).unwrap();
        let fixture = Fixture::new(&memory);
        let mut tiles = Tiles(0);
        for event in events {
            let batches: Vec<Batch> = match event {
                Event::Stage { tile, full, pages } => {
                    let kind = if full { Full } else { Incremental };
                    fixture.pages(&tiles.get(tile), kind, &pages).into_iter().map(Batch::Stage).collect()
                }
                Event::Unfinished { tile, items } => {
                    let pages = fixture.pages(&tiles.get(tile), Incremental, &[items, Vec::new()]);
                    pages.into_iter().take(1).map(Batch::Stage).collect()
                }
                Event::Publish => vec![Batch::Publish(block_on(fixture.plan(&complete(&memory, None), &[], &[])).0)],
                Event::Move { fetched } => {
                    let old = tiles.get(0).id;
                    tiles.0 += 1;
                    let fetched: Vec<String> = fetched.then(|| master("m", 9)).into_iter().collect();
                    let rounds = complete(&memory, Some(old));
                    vec![Batch::Publish(block_on(fixture.plan(&rounds, &[old], &fetched)).0)]
                }
                Event::Discard => {
                    let rounds = block_on(fixture.view()).rounds();
                    rounds.first().map(|round| Batch::Discard(Discard { round: round.round })).into_iter().collect()
                }
                Event::Remember(text) => vec![Batch::EngineState(EngineState::new(text))],
                Event::Reopen => {
                    drop(file);
                    file = open(&disk, segment_bytes).unwrap();
                    Vec::new()
                }
                Event::Crash(survival) => {
                    disk.crash(survival);
                    drop(file);
                    file = open(&disk, segment_bytes).unwrap();
                    Vec::new()
                }
            };
            for batch in batches {
                let one = block_on(memory.write(batch.clone())).map_err(|error| error.to_string());
                let two = block_on(file.write(batch)).map_err(|error| error.to_string());
                prop_assert_eq!(one, two);
            }
            prop_assert_eq!(look(&memory), look(&file));
        }
    }

    /// Where Graph cuts its pages does not matter.
    #[test]
    fn repaging_changes_nothing(
        rounds in vec((any::<bool>(), vec(item(), 0..8), vec(0..8_usize, 0..4)), 1..5),
    ) {
        let (whole, cut) = (MemoryStore::new(), MemoryStore::new());
        let (one, two) = (Fixture::new(&whole), Fixture::new(&cut));
        let tile = tile(0, 0, 12);
        for (full, items, mut cuts) in rounds {
            let kind = if full { Full } else { Incremental };
            cuts.iter_mut().for_each(|cut| *cut = (*cut).min(items.len()));
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([items.len()]);
            let starts = [0].into_iter().chain(cuts.iter().copied());
            let pages: Vec<Vec<String>> = starts.zip(ends).map(|(start, end)| items[start..end].to_vec()).collect();
            block_on(one.run(&tile, kind, &items));
            let round = block_on(two.stage(&tile, kind, &pages));
            block_on(two.publish(&[round]));
        }
        prop_assert_eq!(look(&whole), look(&cut));
    }

    /// A round that is sent twice changes nothing the second time.
    #[test]
    fn replays_change_nothing(
        before in vec(item(), 0..8),
        full in any::<bool>(),
        events in vec((0..5_u32, 0..4_u32, 0..12_i64, any::<bool>()), 0..8),
    ) {
        let kind = if full { Full } else { Incremental };
        let items: Vec<String> = events
            .into_iter()
            .map(|(id, version, day, there)| {
                let id = id.to_string();
                if there { event(&id, version, day) } else { removed(&id) }
            })
            .collect();
        let store = MemoryStore::new();
        let fixture = Fixture::new(&store);
        let tile = tile(0, 0, 12);
        block_on(fixture.run(&tile, Full, &before));
        block_on(fixture.run(&tile, kind, &items));
        let rows = |text: String| text.lines().filter(|line| line.starts_with("row")).collect::<String>();
        let (shown, seq) = (rows(look(&store)), block_on(fixture.view()).last_seq());
        block_on(fixture.run(&tile, kind, &items));
        prop_assert_eq!(rows(look(&store)), shown);
        prop_assert_eq!(block_on(fixture.view()).last_seq(), seq);
    }

    /// A replica shows what its calendar holds, whether it was told by full rounds or by changes; and its journal, applied
    /// to what was there, gives what is there.
    #[test]
    fn the_replica_is_the_calendar(
        steps in vec((0..2_u32, any::<bool>(), vec((0..6_u32, any::<bool>()), 0..6)), 1..8),
    ) {
        let store = MemoryStore::new();
        let fixture = Fixture::new(&store);
        let mut calendar: [BTreeMap<String, String>; 2] = Default::default();
        let mut version = 0;
        for (tile_number, full, edits) in steps {
            let mut items = Vec::new();
            for (id, there) in edits {
                version += 1;
                // Each id is in one tile only, so that the calendar is the union of both.
                let id = format!("{tile_number}-{id}");
                let held = &mut calendar[tile_number as usize];
                if there {
                    held.insert(id.clone(), event(&id, version, i64::from(tile_number) * 6 + 1));
                    items.push(held[&id].clone());
                } else {
                    held.remove(&id);
                    items.push(removed(&id));
                }
            }
            let mut rounds = Vec::new();
            for number in 0..2 {
                let tile = tile(number, i64::from(number) * 6, i64::from(number) * 6 + 6);
                let new = !block_on(fixture.view()).tiles().iter().any(|known| known.id == tile.id);
                let (kind, items): (RoundKind, Vec<String>) = match number == tile_number {
                    _ if new => (Full, calendar[number as usize].values().cloned().collect()),
                    true if full => (Full, calendar[number as usize].values().rev().cloned().collect()),
                    true => (Incremental, items.clone()),
                    false => (Incremental, Vec::new()),
                };
                rounds.push(block_on(fixture.stage(&tile, kind, &[items])));
            }
            let seq = block_on(fixture.view()).last_seq();
            let before: BTreeSet<String> = block_on(fixture.ids()).into_iter().collect();
            block_on(fixture.publish(&rounds));
            let view = block_on(fixture.view());
            let expected: BTreeMap<String, String> = calendar.iter().flatten().map(|(id, raw)| (id.clone(), raw.clone())).collect();
            let mut found = BTreeMap::new();
            for id in block_on(fixture.ids()) {
                found.insert(id.clone(), block_on(full_json(view.as_ref(), &id)));
            }
            prop_assert_eq!(&found, &expected);
            let mut ids = before;
            for entry in block_on(view.journal(seq, usize::MAX)).unwrap() {
                let id = entry.note.id.to_string();
                match entry.note.what {
                    store::What::Created => prop_assert!(ids.insert(id)),
                    store::What::Updated => prop_assert!(ids.contains(&id)),
                    store::What::Deleted | store::What::LeftWindow => prop_assert!(ids.remove(&id)),
                }
            }
            prop_assert_eq!(ids, expected.into_keys().collect::<BTreeSet<_>>());
        }
    }

    /// Whatever happens, a row is held, or waits, or is named; and no tile holds anything after it went.
    #[test]
    fn every_row_has_a_reason_to_be_there(
        rounds in vec((0..2_u32, any::<bool>(), vec(item(), 0..8), any::<bool>()), 1..8),
    ) {
        let store = MemoryStore::new();
        let fixture = Fixture::new(&store);
        for (number, full, items, fetch) in rounds {
            let tile = tile(number, 0, 12);
            let kind = if full { Full } else { Incremental };
            let round = block_on(fixture.stage(&tile, kind, &[items]));
            let fetched: Vec<String> = fetch.then(|| master("m", 5)).into_iter().collect();
            let (publish, _) = block_on(fixture.plan(&[round], &[], &fetched));
            block_on(store.write(Batch::Publish(publish))).unwrap();
            let view = block_on(fixture.view());
            for row in block_on(view.rows(None, usize::MAX)).unwrap() {
                let named = !block_on(view.members(&row.meta.id, None, 1)).unwrap().is_empty();
                prop_assert!(!row.holds.is_empty() || row.unsettled.is_some() || named, "{:?}", row);
                prop_assert!(row.holds.is_empty() || row.unsettled.is_none(), "{:?}", row);
            }
        }
    }
}

/// The staged rounds that can be published: the last complete one of each tile, but for one that goes.
fn complete(store: &MemoryStore, but: Option<TileId>) -> Vec<RoundId> {
    let rounds = block_on(store.view()).unwrap().rounds();
    let complete = rounds.iter().filter(|round| round.link().is_some() && Some(round.tile.id) != but);
    complete.map(|round| (round.tile.id, round.round)).collect::<BTreeMap<_, _>>().into_values().collect()
}

async fn full_json(view: &dyn store::View, id: &str) -> String {
    full(view, id).await.expect("a row without a payload")
}
