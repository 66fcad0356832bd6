//! What a row is: its layers, and what the journal says about them.

use delta_core::EventType;
use delta_core::RoundKind::{Full, Incremental};

use super::fixture::{Fixture, event, full, master, picture, removed, sparse, stub, tile};
use crate::batch::Batch;
use crate::model::{Layers, TileId};
use crate::reader::{TimeRange, events};
use crate::{Store, reader};

/// Raw JSON in is raw JSON out: order, spacing, escapes, numbers, unknown and repeated properties.
pub async fn unknown_fields_survive(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let raw = "{ \"id\" : \"a\",\"IsRoomRequested\":null, \"x\":1.0e+2,\"big\":123456789012345678901234567890,\n\t\"subject\":\"\\u00e9\\/\\ud83d\\ude00 é\",\"x\":[{ }] }";
    fixture.run(&tile(0, 0, 10), Full, &[raw.to_owned()]).await;
    let view = fixture.view().await;
    let layers = view.payload("a").await.unwrap().unwrap();
    assert_eq!(layers, Layers::Whole { whole: raw.to_owned(), patch: None });
    assert_eq!(full(view.as_ref(), "a").await.unwrap(), raw);
}

/// Within a round, what comes later overrules what came before, on the same page or on another.
pub async fn the_last_word_on_an_id_wins(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let items = |removed_last: bool, version| {
        let there = event("a", version, 1);
        if removed_last { vec![there, removed("a")] } else { vec![removed("a"), there] }
    };
    let tile = tile(0, 0, 10);
    let summary = fixture.run(&tile, Full, &[event("a", 3, 1), event("a", 2, 1), event("b", 1, 1)]).await;
    assert_eq!(summary.created, 2);
    assert_eq!(full(fixture.view().await.as_ref(), "a").await.unwrap(), event("a", 2, 1));
    fixture.run(&tile, Incremental, &items(false, 4)).await;
    assert_eq!(fixture.notes(2).await, ["Updated a 2>4 Change"]);
    let pages = [items(false, 5), vec![], items(true, 5)];
    let round = fixture.stage(&tile, Incremental, &pages).await;
    fixture.publish(&[round]).await;
    assert_eq!(fixture.notes(3).await, ["Deleted a 4> Change"]);
    let summary = fixture.run(&tile, Incremental, &items(true, 6)).await;
    assert_eq!((summary.created, summary.deleted), (0, 0), "it came and went inside the run");
    assert_eq!(fixture.ids().await, ["b"]);
    let incomplete = r#"{"id":"b","subject":"another"}"#.to_owned();
    fixture.run(&tile, Incremental, &[removed("b"), incomplete.clone()]).await;
    let layers = fixture.view().await.payload("b").await.unwrap().unwrap();
    assert_eq!(layers, Layers::Whole { whole: incomplete, patch: None }, "what came back is not what went");
}

/// A round that says again what is known writes no row and no entry.
pub async fn replays_change_nothing(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    let items = [event("a", 1, 1), master("m", 1), stub("o", "m", 1, 2), removed("x")];
    fixture.run(&tile, Full, &items).await;
    fixture.run(&tile, Incremental, &[sparse("a", 2, 1)]).await;
    let seq = fixture.view().await.last_seq();
    for kind in [Incremental, Full] {
        let replay = [sparse("a", 2, 1), master("m", 1), stub("o", "m", 1, 2), removed("x")];
        let round = fixture.stage(&tile, kind, &[replay.to_vec()]).await;
        let (publish, summary) = fixture.plan(&[round], &[], &[]).await;
        assert!(publish.rows.is_empty() && publish.journal.is_empty(), "{publish:?}");
        assert_eq!((summary.updated, summary.unknown_removals), (0, 1));
        store.write(Batch::Publish(publish)).await.unwrap();
    }
    assert_eq!(fixture.view().await.last_seq(), seq);
}

/// An incremental round, an unfinished full round and an empty view of another tile take nothing away; a complete full
/// round does.
pub async fn nothing_is_deleted_by_silence(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    fixture.run(&tile, Full, &[event("a", 1, 1), event("b", 1, 2)]).await;
    fixture.run(&tile, Incremental, &[]).await;
    assert_eq!(fixture.ids().await, ["a", "b"]);
    let unfinished = fixture.pages(&tile, Full, &[vec![event("a", 1, 1)], vec![]]).remove(0);
    store.write(Batch::Stage(unfinished)).await.unwrap();
    assert_eq!(fixture.ids().await, ["a", "b"]);
    fixture.run(&super::tile(1, 10, 20), Full, &[]).await;
    assert_eq!(fixture.ids().await, ["a", "b"]);
    fixture.run(&tile, Full, &[event("a", 1, 1)]).await;
    // The other tile had no part in that run, so the row only waits.
    assert!(fixture.view().await.row("b").await.unwrap().unwrap().unsettled.is_some());
}

/// An item that can't be understood shows that its event is there, so the round can sweep all the same.
pub async fn a_malformed_item_keeps_its_row(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    let malformed = r#"{"id":"a","type":7}"#.to_owned();
    fixture.run(&tile, Full, &[event("a", 1, 1), event("b", 1, 2)]).await;
    let summary = fixture.run(&tile, Full, &[malformed, event("c", 1, 1)]).await;
    assert_eq!((summary.malformed, summary.deleted, summary.created), (1, 1, 1));
    assert_eq!(fixture.ids().await, ["a", "c"]);
    assert_eq!(full(fixture.view().await.as_ref(), "a").await.unwrap(), event("a", 1, 1));
    assert!(fixture.view().await.tiles()[0].unswept);
}

/// An item that can't be understood may be all that is ever said of an event: whatever round it came in, and whether or
/// not it has a name, a full round is due until one understands everything.
pub async fn a_malformed_item_makes_a_full_round_due(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let new = tile(0, 0, 10);
    for malformed in [r#"{"id":"new","type":7}"#, "17"] {
        for kind in [Full, Incremental] {
            fixture.run(&new, Full, &[event("a", 1, 1)]).await;
            assert!(!fixture.view().await.tiles()[0].unswept, "nothing was malformed");
            let published = fixture.view().await.tiles()[0].clone();
            fixture.run(&published, kind, &[event("a", 1, 1), malformed.to_owned()]).await;
            let published = fixture.view().await.tiles()[0].clone();
            assert!(published.unswept, "{malformed} in a round: {kind:?}");
            fixture.run(&published, Incremental, &[]).await;
            let published = fixture.view().await.tiles()[0].clone();
            assert!(published.unswept, "an incremental round does not make up for it");
            fixture.run(&published, Full, &[event("a", 1, 1)]).await;
            assert!(!fixture.view().await.tiles()[0].unswept, "a full round does");
        }
    }
    assert_eq!(fixture.ids().await, ["a"]);
}

/// An item without a readable id may be any event: the round takes nothing away, and says so until one can.
pub async fn an_item_that_nobody_can_name_stops_the_sweep(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    fixture.run(&tile, Full, &[event("a", 1, 1), event("b", 1, 2)]).await;
    let summary = fixture.run(&tile, Full, &["17".to_owned(), event("b", 2, 2)]).await;
    assert_eq!((summary.malformed, summary.deleted, summary.updated), (1, 0, 1));
    assert_eq!(fixture.ids().await, ["a", "b"]);
    assert!(fixture.view().await.tiles()[0].unswept);
    let published = fixture.view().await.tiles()[0].clone();
    fixture.run(&published, Incremental, &[]).await;
    assert!(fixture.view().await.tiles()[0].unswept, "an incremental round does not make up for it");
    fixture.run(&tile, Full, &[event("b", 2, 2)]).await;
    assert_eq!(fixture.ids().await, ["b"]);
    assert!(!fixture.view().await.tiles()[0].unswept);
}

/// A full round after a lost token notes what has changed, and nothing else.
pub async fn a_resync_notes_only_true_changes(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    let first = fixture.stage(&tile, Full, &[vec![event("a", 1, 1), event("b", 1, 2)], vec![event("c", 1, 3)]]).await;
    fixture.publish(&[first]).await;
    let summary = fixture.run(&tile, Full, &[event("d", 1, 4), event("b", 2, 2), event("a", 1, 1)]).await;
    assert_eq!((summary.created, summary.updated, summary.deleted, summary.unchanged), (1, 1, 1, 1));
    assert_eq!(fixture.notes(3).await, ["Updated b 1>2 Resync", "Deleted c 1> Resync", "Created d >1 Resync"]);
}

/// An item that lacks what is known lies over it until something complete comes.
pub async fn an_incomplete_item_patches_its_row(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    let show = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
    fixture.run(&tile, Full, &[event("a", 1, 1)]).await;
    let first = r#"{"@odata.etag":"W/\"2\"","id":"a","type":"singleInstance","subject":"new"}"#;
    let second = r#"{"@odata.etag":"W/\"3\"","id":"a","location":null}"#;
    let summary = fixture.run(&tile, Incremental, &[first.to_owned()]).await;
    assert_eq!((summary.updated, summary.stale), (1, 1));
    fixture.run(&tile, Incremental, &[second.to_owned()]).await;
    let view = fixture.view().await;
    let row = reader::event(view.as_ref(), "a").await.unwrap().unwrap();
    assert!(row.is_stale());
    assert_eq!(row.row.meta.etag.as_deref(), Some("W/\"3\""));
    assert_eq!(row.row.meta.kind, EventType::SingleInstance);
    assert_eq!(row.row.meta.start, Some(super::instant(super::DAY + 12 * 60 * 60)));
    let mut expected = show(&event("a", 3, 1));
    expected["subject"] = "new".into();
    expected["location"] = serde_json::Value::Null;
    assert_eq!(show(&row.json), expected);
    assert_eq!(row.raw.as_ref().map(|text| text.len()).shape(), Layers::Whole { whole: (), patch: Some(()) });
    let wider = event("a", 4, 1).replace("\"isAllDay\":false", "\"isAllDay\":false,\"location\":{}");
    fixture.run(&tile, Incremental, std::slice::from_ref(&wider)).await;
    let view = fixture.view().await;
    assert_eq!(view.payload("a").await.unwrap(), Some(Layers::Whole { whole: wider, patch: None }));
    assert_eq!(fixture.notes(1).await, ["Updated a 1>2 Change", "Updated a 2>3 Change", "Updated a 3>4 Change"]);
    let without_etag = r#"{"id":"a","subject":"a v4"}"#.to_owned();
    let summary = fixture.run(&tile, Incremental, &[without_etag]).await;
    assert_eq!(summary.stale, 1, "without an etag, something else may have changed");
}

/// Events views say little: such a row waits for the whole event, and a fetched one stays whole until Graph says that it
/// has changed.
pub async fn a_sparse_item_is_stale_until_it_is_fetched(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    fixture.run(&tile, Full, &[sparse("a", 1, 1)]).await;
    let row = fixture.view().await.row("a").await.unwrap().unwrap();
    assert_eq!(row.layers, Layers::Partial { patch: () });
    let (publish, summary) = fixture.plan(&[], &[], &[event("a", 1, 1)]).await;
    assert_eq!((summary.updated, summary.stale), (1, 0));
    store.write(Batch::Publish(publish)).await.unwrap();
    let summary = fixture.run(&tile, Full, &[sparse("a", 1, 1)]).await;
    assert_eq!((summary.unchanged, summary.stale), (1, 0), "the same etag and times are no news");
    let summary = fixture.run(&tile, Incremental, &[sparse("a", 2, 5)]).await;
    assert_eq!((summary.updated, summary.stale), (1, 1));
    let view = fixture.view().await;
    let row = reader::event(view.as_ref(), "a").await.unwrap().unwrap();
    assert!(row.json.contains("a v1"), "the rest of the event is still shown");
    assert_eq!(row.row.meta.start, Some(super::instant(5 * super::DAY + 12 * 60 * 60)));
    assert_eq!(row.row.holds, [TileId(0)]);
}

/// A stub drops what the row was, and shows its master under itself.
pub async fn a_stub_replaces_what_was_there(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    let exception = event("o", 1, 1).replace("singleInstance\"", "exception\",\"seriesMasterId\":\"m\"");
    fixture.run(&tile, Full, &[exception]).await;
    fixture.run(&tile, Incremental, &[stub("o", "m", 2, 2)]).await;
    let view = fixture.view().await;
    let alone = reader::event(view.as_ref(), "o").await.unwrap().unwrap();
    assert_eq!((alone.json, alone.inherited.len()), (stub("o", "m", 2, 2), 0));
    fixture.run(&tile, Incremental, &[master("m", 2)]).await;
    let view = fixture.view().await;
    let joined = reader::event(view.as_ref(), "o").await.unwrap().unwrap();
    assert_eq!(joined.raw, Layers::Stub { stub: stub("o", "m", 2, 2) });
    assert_eq!(joined.inherited, ["subject", "isAllDay"]);
    let json: serde_json::Value = serde_json::from_str(&joined.json).unwrap();
    let mut expected: serde_json::Value = serde_json::from_str(&stub("o", "m", 2, 2)).unwrap();
    expected["subject"] = "m v2".into();
    expected["isAllDay"] = false.into();
    assert_eq!(json, expected);
    let everything = TimeRange::utc(super::instant(-5000 * super::DAY)..super::instant(5000 * super::DAY));
    let (shown, next) = events(view.as_ref(), &everything, None, 10).await.unwrap();
    assert_eq!(shown.iter().map(|event| &*event.row.meta.id).collect::<Vec<_>>(), ["o"], "masters are not visible");
    assert_eq!(next, None);
}

/// A fetched master is a row that nobody holds; it goes, without a word, when the last row that names it does.
pub async fn a_fetched_master_lives_while_it_is_named(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    let round = fixture.stage(&tile, Full, &[vec![stub("o", "m", 1, 1), stub("p", "m", 1, 2)]]).await;
    let (publish, summary) = fixture.plan(&[round], &[], &[master("m", 1), master("unnamed", 1)]).await;
    assert_eq!(summary.created, 2, "a fetched master is not an event of the replica");
    store.write(Batch::Publish(publish)).await.unwrap();
    assert_eq!(fixture.ids().await, ["m", "o", "p"]);
    assert!(fixture.view().await.row("m").await.unwrap().unwrap().holds.is_empty());
    fixture.run(&tile, Incremental, &[removed("o")]).await;
    assert_eq!(fixture.ids().await, ["m", "p"]);
    let (publish, summary) = fixture.plan(&[], &[], &[master("m", 2)]).await;
    assert_eq!((summary.updated, publish.rows.len()), (0, 1));
    store.write(Batch::Publish(publish)).await.unwrap();
    fixture.run(&tile, Full, &[]).await;
    assert!(fixture.ids().await.is_empty());
    let notes = fixture.notes(2).await;
    assert_eq!(notes, ["Deleted o 1> Change", "Deleted p 1> Resync"]);
    let view = fixture.view().await;
    assert!(picture(view.as_ref()).await.contains("revision 4"));
}
