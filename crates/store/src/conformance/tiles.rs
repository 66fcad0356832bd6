//! Who holds a row, and what becomes of it when tiles come and go.

use delta_core::RoundKind::{Full, Incremental};

use super::fixture::{Fixture, event, removed, sparse, tile};
use crate::batch::{Batch, Stage};
use crate::model::{Position, StagedRound, Tile, TileId, What};
use crate::{Error, Gone, Reading, Run, Store, Summary, plan};

/// A removal that a tile was sent says nothing about the holds of others, nor about ids that it never held.
pub async fn a_removal_takes_only_its_own_tiles_hold(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let (one, two) = (tile(0, 0, 10), tile(1, 10, 20));
    let rounds = [
        fixture.stage(&one, Full, &[vec![event("both", 1, 9), event("mine", 1, 1)]]).await,
        fixture.stage(&two, Full, &[vec![event("both", 1, 9), event("theirs", 1, 11)]]).await,
    ];
    fixture.publish(&rounds).await;
    let rounds = [
        fixture.stage(&one, Incremental, &[vec![removed("both"), removed("theirs"), removed("nobody's")]]).await,
        fixture.stage(&two, Incremental, &[vec![]]).await,
    ];
    let summary = fixture.publish(&rounds).await;
    assert_eq!((summary.deleted, summary.unknown_removals), (0, 2));
    assert_eq!(fixture.ids().await, ["both", "mine", "theirs"]);
    assert_eq!(fixture.view().await.row("both").await.unwrap().unwrap().holds, [TileId(1)]);
    assert!(fixture.notes(3).await.is_empty(), "who holds a row is not what it shows");
    let rounds = [
        fixture.stage(&one, Incremental, &[vec![]]).await,
        fixture.stage(&two, Full, &[vec![event("theirs", 1, 11)]]).await,
    ];
    fixture.publish(&rounds).await;
    assert_eq!(fixture.notes(3).await, ["Deleted both 1> Resync"]);
}

/// Two tiles that bring the same row: the page that was staged later decides what it shows.
pub async fn of_two_versions_the_one_staged_last_wins(store: &dyn Store) {
    let fixture = Fixture::new(store);
    for (later, id) in [(0, "a"), (1, "b")] {
        let mut one = fixture.pages(&tile(0, 0, 10), Full, &[vec![event(id, 1, 9)]]);
        let mut two = fixture.pages(&tile(1, 10, 20), Full, &[vec![event(id, 2, 9)]]);
        let rounds = [one[0].round, two[0].round];
        let mut stages = [one.remove(0), two.remove(0)];
        if later == 0 {
            stages.reverse();
        }
        for stage in stages {
            store.write(Batch::Stage(stage)).await.unwrap();
        }
        fixture.publish(&rounds).await;
        let etag = fixture.view().await.row(id).await.unwrap().unwrap().meta.etag.unwrap();
        assert_eq!(etag, format!("W/\"{}\"", later + 1));
    }
}

/// A row whose last hold goes while another tile has no part in the run stays, and says why, until all tiles do.
pub async fn a_row_waits_for_the_tiles_that_failed(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let (one, two) = (tile(0, 0, 10), tile(1, 10, 20));
    let rounds = [
        fixture.stage(&one, Full, &[vec![event("moves", 1, 5), event("goes", 1, 6)]]).await,
        fixture.stage(&two, Full, &[vec![]]).await,
    ];
    fixture.publish(&rounds).await;
    let summary = fixture.run(&one, Incremental, &[removed("moves"), removed("goes")]).await;
    assert_eq!((summary.deleted, summary.unsettled), (0, 2));
    assert_eq!(fixture.ids().await, ["goes", "moves"]);
    assert!(fixture.notes(2).await.is_empty());
    let waiting = fixture.view().await.unsettled(None, 10).await.unwrap();
    assert_eq!(waiting.len(), 2);
    fixture.run(&one, Incremental, &[]).await;
    assert_eq!(fixture.ids().await, ["goes", "moves"]);
    let rounds = [
        fixture.stage(&one, Incremental, &[vec![]]).await,
        fixture.stage(&two, Incremental, &[vec![event("moves", 2, 15)]]).await,
    ];
    fixture.publish(&rounds).await;
    assert_eq!(fixture.notes(2).await, ["Deleted goes 1> Change", "Updated moves 1>2 Change"]);
    assert!(fixture.view().await.unsettled(None, 10).await.unwrap().is_empty());
}

/// Tiles that are read side by side: what moved to one that had been read by then is neither lost nor noted. What was
/// deleted goes with the next run; at once, if somebody has asked. While a tile is missing, nothing goes.
pub async fn what_moves_between_tiles_waits_for_the_next_run(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let (one, two) = (tile(0, 0, 10), tile(1, 10, 20));
    let rounds = [
        fixture.stage(&one, Full, &[vec![event("moves", 1, 5), event("goes", 1, 6), event("asked", 1, 7)]]).await,
        fixture.stage(&two, Full, &[vec![]]).await,
    ];
    fixture.publish(&rounds).await;
    let rounds = [
        fixture.stage(&two, Incremental, &[vec![]]).await,
        fixture.stage(&one, Incremental, &[vec![removed("moves"), removed("goes"), removed("asked")]]).await,
    ];
    let gone = vec![Gone { tile: TileId(0), id: "asked".into(), what: What::Deleted, nowhere: true }];
    let run = Run { gone, reading: Reading::SideBySide, ..fixture.plain_run(&rounds).await };
    let summary = fixture.publish_run(run).await;
    assert_eq!((summary.deleted, summary.unsettled), (1, 2));
    assert_eq!(fixture.notes(3).await, ["Deleted asked 1> Change"]);
    assert_eq!(fixture.ids().await, ["goes", "moves"]);
    for reading in [Reading::Partial, Reading::SideBySide] {
        let moved = if reading == Reading::Partial { vec![] } else { vec![event("moves", 2, 15)] };
        let rounds =
            [fixture.stage(&one, Incremental, &[vec![]]).await, fixture.stage(&two, Incremental, &[moved]).await];
        fixture.publish_run(Run { reading, ..fixture.plain_run(&rounds).await }).await;
    }
    assert_eq!(fixture.notes(4).await, ["Deleted goes 1> Change", "Updated moves 1>2 Change"]);
}

/// Two tiles that hold an event and were not read at the same time may tell of different versions, and nobody knows which
/// is the later one.
pub async fn tiles_that_differ_about_an_event_leave_a_question(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let (one, two) = (tile(0, 0, 10), tile(1, 10, 20));
    let border = |version| vec![vec![event("border", version, 9)]];
    let rounds = [fixture.stage(&one, Full, &border(1)).await, fixture.stage(&two, Full, &border(2)).await];
    assert_eq!(fixture.questions(&fixture.plain_run(&rounds).await).await.stale, ["border".into()]);
    fixture.publish(&rounds).await;
    for (told, silent, disputed) in [(Some(2), None, false), (Some(3), None, true), (Some(3), Some(3), false)] {
        let pages = |version: Option<u32>| version.map_or(vec![vec![]], border);
        let rounds = [
            fixture.stage(&one, Incremental, &pages(told)).await,
            fixture.stage(&two, Incremental, &pages(silent)).await,
        ];
        let asked = fixture.questions(&fixture.plain_run(&rounds).await).await.stale;
        assert_eq!(!asked.is_empty(), disputed, "{told:?} {silent:?}");
        for round in rounds {
            store.write(Batch::Discard(crate::Discard { round })).await.unwrap();
        }
    }
}

/// When the window moves on, what falls out of it has left it; what the new window should hold and does not is deleted;
/// what both hold does not change.
pub async fn a_moved_window_is_not_a_deletion(store: &dyn Store) {
    let fixture = Fixture::new(store);
    fixture.run(&tile(0, 0, 10), Full, &[event("old", 1, 1), event("stays", 1, 6), event("cancelled", 1, 7)]).await;
    let new = tile(1, 5, 15);
    let round = fixture.stage(&new, Full, &[vec![event("stays", 1, 6), event("new", 1, 12)]]).await;
    let (publish, summary) = fixture.plan(&[round], &[TileId(0)], &[]).await;
    store.write(Batch::Publish(publish)).await.unwrap();
    assert_eq!((summary.created, summary.deleted, summary.left_window), (1, 1, 1));
    let expected = ["Deleted cancelled 1> Window", "Created new >1 Window", "LeftWindow old 1> Window"];
    assert_eq!(fixture.notes(3).await, expected);
    assert_eq!(fixture.ids().await, ["new", "stays"]);
    let view = fixture.view().await;
    assert_eq!(view.tiles().iter().map(|tile| tile.id).collect::<Vec<_>>(), [TileId(1)]);
    assert_eq!(view.row("stays").await.unwrap().unwrap().holds, [TileId(1)]);
}

/// The name of a tile that went is not given out or taken again, and what was staged for it is gone.
pub async fn a_retired_tile_is_never_used_again(store: &dyn Store) {
    let fixture = Fixture::new(store);
    fixture.run(&tile(0, 0, 10), Full, &[]).await;
    fixture.run(&tile(1, 10, 20), Full, &[]).await;
    fixture.stage(&tile(1, 10, 20), Incremental, &[vec![]]).await;
    let (publish, _) = fixture.plan(&[], &[TileId(0), TileId(1)], &[]).await;
    store.write(Batch::Publish(publish)).await.unwrap();
    assert!(fixture.view().await.tiles().is_empty());
    assert!(fixture.view().await.rounds().is_empty(), "what is staged for a tile that went can never be published");
    assert_eq!(fixture.view().await.next_tile(), TileId(2));
    let stage = fixture.pages(&tile(1, 10, 20), Full, &[vec![]]).remove(0);
    assert!(matches!(store.write(Batch::Stage(stage)).await, Err(Error::Invalid(_))));
    // A tile that was passed over is not one that went.
    fixture.run(&tile(3, 0, 10), Full, &[]).await;
    fixture.run(&tile(2, 0, 10), Full, &[]).await;
    assert_eq!(fixture.view().await.next_tile(), TileId(4));
}

/// Where a round ended that had nothing to tell is published without its having been staged. A round that reads everything
/// never has nothing to tell.
pub async fn a_silent_round_moves_the_cursor_and_nothing_else(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    fixture.run(&tile, Full, &[event("stays", 1, 1)]).await;
    let Stage { round, position, .. } = fixture.pages(&tile, Incremental, &[vec![]]).remove(0);
    let held = fixture.view().await.tiles()[0].clone();
    let silent = |kind, pages| StagedRound { round, kind, tile: held.clone(), pages, position: position.clone() };
    for wrong in [silent(Full, 0), silent(Incremental, 1)] {
        let run = Run { silent: vec![wrong], ..fixture.plain_run(&[]).await };
        let planned = plan(fixture.view().await.as_ref(), run).await;
        assert!(matches!(planned, Err(Error::Invalid(_))), "{planned:?}");
    }
    let run = Run { silent: vec![silent(Incremental, 0)], ..fixture.plain_run(&[]).await };
    assert_eq!(fixture.publish_run(run).await, Summary::default());
    let view = fixture.view().await;
    assert_eq!((view.revision().0, view.last_seq()), (2, 1));
    let Position::Complete(link) = position else { panic!("a round of one page is complete") };
    assert_eq!((&view.tiles()[0].link, view.tiles()[0].full_at), (&Some(link), held.full_at));
    assert_eq!(fixture.ids().await, ["stays"]);
}

/// If the new window's round held an item that nobody can name, the rows that it may have meant stay with the new tile.
pub async fn a_blind_round_inherits_what_a_retired_tile_held(store: &dyn Store) {
    let fixture = Fixture::new(store);
    fixture.run(&tile(0, 0, 10), Full, &[event("old", 1, 1), event("unsure", 1, 6)]).await;
    let round = fixture.stage(&tile(1, 5, 15), Full, &[vec!["{}".to_owned()]]).await;
    let (publish, summary) = fixture.plan(&[round], &[TileId(0)], &[]).await;
    store.write(Batch::Publish(publish)).await.unwrap();
    assert_eq!((summary.deleted, summary.left_window, summary.malformed), (0, 1, 1));
    let row = fixture.view().await.row("unsure").await.unwrap().unwrap();
    assert_eq!(row.holds, [TileId(1)]);
    fixture.run(&tile(1, 5, 15), Full, &[]).await;
    assert_eq!(fixture.notes(2).await, ["LeftWindow old 1> Window", "Deleted unsure 1> Resync"]);
}

/// An item of the new window that can't be understood, but named, shows that its row is still there; unless the round
/// removes it after all.
pub async fn a_malformed_item_takes_its_row_into_the_new_window(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let malformed = |id: &str| format!(r#"{{"id":"{id}","type":7}}"#);
    fixture.run(&tile(0, 0, 10), Full, &[event("goes", 1, 6), event("moved", 1, 1), event("stays", 1, 6)]).await;
    let items = vec![malformed("goes"), malformed("moved"), malformed("stays"), removed("goes")];
    let round = fixture.stage(&tile(1, 5, 15), Full, &[items]).await;
    let (publish, summary) = fixture.plan(&[round], &[TileId(0)], &[]).await;
    store.write(Batch::Publish(publish)).await.unwrap();
    assert_eq!((summary.deleted, summary.left_window, summary.malformed), (1, 0, 3));
    assert_eq!(fixture.notes(3).await, ["Deleted goes 1> Window"]);
    for id in ["moved", "stays"] {
        assert_eq!(fixture.view().await.row(id).await.unwrap().unwrap().holds, [TileId(1)], "{id}");
    }
}

/// When an events view starts elsewhere, what the new tile does not mention may only be before its start.
pub async fn a_new_start_without_a_window_is_not_a_deletion(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let view = |id| Tile::new(TileId(id), None, None);
    fixture.run(&view(0), Full, &[sparse("earlier", 1, 1), sparse("removed", 1, 6), sparse("stays", 1, 6)]).await;
    let items = vec![sparse("removed", 1, 6), sparse("stays", 1, 6), removed("removed")];
    let round = fixture.stage(&view(1), Full, &[items]).await;
    let (publish, summary) = fixture.plan(&[round], &[TileId(0)], &[]).await;
    store.write(Batch::Publish(publish)).await.unwrap();
    assert_eq!((summary.deleted, summary.left_window), (1, 1));
    assert_eq!(fixture.notes(3).await, ["LeftWindow earlier 1> Window", "Deleted removed 1> Window"]);
    assert_eq!(fixture.ids().await, ["stays"]);
    // Within one tile, silence still means that it is gone.
    fixture.run(&view(1), Full, &[]).await;
    assert_eq!(fixture.notes(5).await, ["Deleted stays 1> Resync"]);
}
