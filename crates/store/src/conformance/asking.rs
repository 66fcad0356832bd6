//! What has to be asked, and what the answers do.

use delta_core::RoundKind::{Full, Incremental};

use super::fixture::{Fixture, event, master, removed, stub, tile};
use crate::model::{TileId, What};
use crate::plan::{Fetched, Gone, Questions, Run};
use crate::store::Store;

/// A plain listing deletes nothing by silence, keeps series masters, and leaves no delta link.
pub async fn absence_in_a_listing_is_a_question(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let items = [event("a", 1, 1), event("b", 1, 2), master("m", 1), stub("o", "m", 1, 3)];
    fixture.run(&tile(0, 0, 10), Full, &items).await;
    let published = fixture.view().await.tiles()[0].clone();
    let listing = fixture.list(&published, &[vec![event("b", 2, 2)], vec![event("c", 1, 3)]]).await;
    let asked = fixture.questions(&fixture.plain_run(&[listing]).await).await;
    assert_eq!(asked.absent, [(TileId(0), "a".into()), (TileId(0), "o".into())]);
    assert!(asked.unread.is_empty());
    let summary = fixture.publish(&[listing]).await;
    assert_eq!((summary.created, summary.updated, summary.deleted), (1, 1, 0));
    assert_eq!(fixture.ids().await, ["a", "b", "c", "m", "o"]);
    assert_eq!(fixture.notes(4).await, ["Updated b 1>2 Resync", "Created c >1 Resync"]);
    let tile = fixture.view().await.tiles()[0].clone();
    assert!(tile.link.is_none() && tile.synced_at > published.synced_at && tile.full_at == published.full_at);
}

/// A listing annotates events in another way than delta does: that is no change.
pub async fn annotations_alone_are_no_change(store: &dyn Store) {
    let fixture = Fixture::new(store);
    fixture.run(&tile(0, 0, 10), Full, &[event("a", 1, 1)]).await;
    let published = fixture.view().await.tiles()[0].clone();
    let plain = event("a", 1, 1).replace(r##""@odata.type":"#microsoft.graph.event","##, "");
    assert_ne!(plain, event("a", 1, 1));
    let listing = fixture.list(&published, &[vec![plain.clone()]]).await;
    assert_eq!(fixture.publish(&[listing]).await.unchanged, 1);
    assert_eq!(fixture.view().await.last_seq(), 1);
    for changed in [plain.replace("a v1", "A v1"), plain.replace(r#","isAllDay":false"#, "")] {
        let listing = fixture.list(&published, &[vec![changed]]).await;
        assert_eq!(fixture.publish(&[listing]).await.updated, 1, "under the same etag");
    }
}

/// What is not there goes, and the journal says that the server was asked, and whether it is deleted.
pub async fn what_a_listing_was_asked_about_goes_confirmed(store: &dyn Store) {
    let fixture = Fixture::new(store);
    fixture.run(&tile(0, 0, 10), Full, &[event("a", 1, 1), event("b", 1, 2), event("c", 1, 3)]).await;
    let published = fixture.view().await.tiles()[0].clone();
    let listing = fixture.list(&published, &[vec![]]).await;
    let gone = |id: &str, what| Gone { tile: TileId(0), id: id.into(), what, nowhere: false };
    let gone = vec![gone("a", What::Deleted), gone("b", What::LeftWindow), gone("x", What::Deleted)];
    let fetched = vec![Fetched::new(event("c", 2, 4)).unwrap()];
    let summary = fixture.publish_run(Run { gone, fetched, ..fixture.plain_run(&[listing]).await }).await;
    assert_eq!((summary.deleted, summary.left_window, summary.updated), (1, 1, 1));
    assert_eq!(fixture.notes(3).await, ["Deleted a 1> Resync", "LeftWindow b 1> Resync", "Updated c 1>2 Resync"]);
    let journal = fixture.view().await.journal(3, 10).await.unwrap();
    assert_eq!(journal.iter().map(|entry| entry.note.confirmed).collect::<Vec<_>>(), [true, true, false]);
}

/// An event whose item could not be understood is there once it was fetched, also if nobody knew it before.
pub async fn an_item_that_was_fetched_is_no_reason_for_a_full_round(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let malformed = |id: &str| format!(r#"{{"id":"{id}","type":7}}"#);
    fixture.run(&tile(0, 0, 10), Full, &[event("a", 1, 1)]).await;
    for kind in [Incremental, Full] {
        let tile = fixture.view().await.tiles()[0].clone();
        let pages = [
            vec![malformed("a"), malformed("new"), malformed("told"), malformed("gone"), malformed("left")],
            vec![event("told", 1, 2), removed("gone")],
        ];
        let round = fixture.stage(&tile, kind, &pages).await;
        let asked = fixture.questions(&fixture.plain_run(&[round]).await).await;
        assert_eq!(
            asked,
            Questions { unread: ["a", "left", "new"].map(|id| (TileId(0), id.into())).to_vec(), ..asked.clone() }
        );
        assert!(asked.stale.is_empty());
        let all = ["a", "left", "new"].map(|id| Fetched::new(event(id, 2, 2)).unwrap());
        let some = all.iter().filter(|_| kind == Full).cloned().chain(all[..1].iter().cloned()).collect();
        fixture.publish_run(Run { fetched: some, ..fixture.plain_run(&[round]).await }).await;
        let tile = fixture.view().await.tiles()[0].clone();
        assert_eq!(tile.unswept, kind == Incremental, "what was not fetched makes a full round due");
    }
    assert_eq!(fixture.ids().await, ["a", "left", "new", "told"]);
    let row = fixture.view().await.row("new").await.unwrap().unwrap();
    assert_eq!(row.holds, [TileId(0)]);
}

/// A window that moves while only plain listings get through: what is outside of it has left it, and what the listing
/// should have shown is a question.
pub async fn a_listing_of_a_moved_window_asks_about_what_it_should_have_shown(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let items =
        [event("early", 1, 1), event("both", 1, 6), event("deleted", 1, 7), event("kept", 1, 8), master("m", 1)];
    fixture.run(&tile(0, 0, 10), Full, &items).await;
    let listing = fixture.list(&tile(1, 5, 15), &[vec![event("both", 1, 6), event("late", 1, 12)]]).await;
    let run = Run { retire: vec![TileId(0)], ..fixture.plain_run(&[listing]).await };
    let asked = fixture.questions(&run).await;
    assert_eq!(asked.absent, [(TileId(0), "deleted".into()), (TileId(0), "kept".into())]);
    let gone = vec![Gone { tile: TileId(0), id: "deleted".into(), what: What::Deleted, nowhere: false }];
    let run = Run { gone, ..run };
    let summary = fixture.publish_run(run).await;
    assert_eq!((summary.deleted, summary.left_window, summary.created), (1, 1, 1));
    assert_eq!(fixture.ids().await, ["both", "kept", "late", "m"]);
    assert_eq!(fixture.view().await.tiles().len(), 1);
}
