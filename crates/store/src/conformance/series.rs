//! Series: which members are there.

use delta_core::RoundKind::{Full, Incremental};

use super::fixture::{Fixture, event, master, removed, stub, tile};
use crate::model::{TileId, What};
use crate::plan::{Fetched, Gone, Instances, Run};
use crate::store::Store;

fn instances(series: &str, members: &[String]) -> Instances {
    let members = members.iter().map(|raw| Fetched::new(raw.clone()).unwrap()).collect();
    Instances { tile: TileId(0), series: series.into(), members: Some(members) }
}

/// What the last page that tells of a series lacks goes if the page is trusted, and is a question otherwise; a page that
/// lacks nothing, or tells of another series, is none.
pub async fn the_last_page_that_tells_of_a_series_counts(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let first = [master("m", 1), stub("a", "m", 1, 1), stub("b", "m", 1, 2), master("n", 1), stub("c", "n", 1, 3)];
    fixture.run(&tile(0, 0, 10), Full, &first).await;
    let published = fixture.view().await.tiles()[0].clone();
    let whole = vec![master("m", 2), stub("a", "m", 2, 1), stub("b", "m", 2, 2)];
    let round = fixture.stage(&published, Incremental, &[whole]).await;
    let run = fixture.plain_run(&[round]).await;
    assert_eq!(fixture.questions(&run).await, Default::default());
    fixture.publish_run(run).await;

    let pages = [
        vec![master("m", 3), stub("a", "m", 3, 1), stub("b", "m", 3, 2), stub("x", "m", 3, 4)],
        vec![event("e", 1, 5)],
        vec![master("m", 4), stub("b", "m", 4, 2)],
    ];
    let round = fixture.stage(&published, Incremental, &pages).await;
    let run = fixture.plain_run(&[round]).await;
    let asked = fixture.questions(&run).await;
    assert_eq!(asked.series, [(TileId(0), "m".into())]);
    assert_eq!(asked.removed, ["a", "x"].map(|id| (TileId(0), id.into())));
    assert!(asked.masters.is_empty() && asked.stale.is_empty());
    fixture.publish_run(Run { trust: true, ..run }).await;
    assert_eq!(fixture.ids().await, ["b", "c", "e", "m", "n"]);
}

/// What the server says of a series is so: others go, new ones come, the same stay as they are.
pub async fn a_series_that_was_asked_about_has_the_members_that_are_there(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let first = [master("m", 1), stub("a", "m", 1, 1), stub("b", "m", 1, 2), stub("c", "m", 1, 3)];
    fixture.run(&tile(0, 0, 10), Full, &first).await;
    let published = fixture.view().await.tiles()[0].clone();
    let seq = fixture.view().await.last_seq();
    let round = fixture.stage(&published, Incremental, &[vec![master("m", 2)]]).await;
    let run = fixture.plain_run(&[round]).await;
    let asked = fixture.questions(&run).await;
    assert_eq!(asked.series, [(TileId(0), "m".into())]);
    let exception = stub("d", "m", 2, 4).replace("occurrence", "exception");
    let there = [stub("a", "m", 1, 1), stub("b", "m", 2, 6), exception];
    let run = Run { instances: vec![instances("m", &there)], ..run };
    let asked = fixture.questions(&run).await;
    assert_eq!((asked.series.len(), asked.stale), (0, vec!["d".into()]), "of an exception there is more to know");
    let gone = vec![Gone { tile: TileId(0), id: "c".into(), what: What::LeftWindow, nowhere: false }];
    fixture.publish_run(Run { gone, ..run }).await;
    assert_eq!(fixture.ids().await, ["a", "b", "d", "m"]);
    assert_eq!(
        fixture.notes(seq).await,
        ["Updated b 1>2 Change", "LeftWindow c 1> Series", "Created d >2 Change", "Updated m 1>2 Change"]
    );
    assert!(fixture.view().await.row("d").await.unwrap().unwrap().layers.is_stale());
}

/// A master goes with its last member, not before: its own dates say nothing about theirs.
pub async fn a_removed_master_stays_while_members_name_it(store: &dyn Store) {
    let fixture = Fixture::new(store);
    fixture.run(&tile(0, 0, 10), Full, &[master("m", 1), stub("a", "m", 1, 1)]).await;
    let published = fixture.view().await.tiles()[0].clone();
    let round = fixture.stage(&published, Incremental, &[vec![removed("m")]]).await;
    let run = fixture.plain_run(&[round]).await;
    let asked = fixture.questions(&run).await;
    assert_eq!((asked.series.as_slice(), asked.masters), (&[(TileId(0), "m".into())][..], vec!["m".into()]));
    fixture.publish_run(run).await;
    assert_eq!(fixture.ids().await, ["a", "m"]);
    assert!(!fixture.view().await.row("m").await.unwrap().unwrap().is_member());
    let quiet = fixture.stage(&published, Incremental, &[Vec::new()]).await;
    let run = Run { instances: vec![instances("m", &[])], ..fixture.plain_run(&[quiet]).await };
    fixture.publish_run(run).await;
    assert!(fixture.ids().await.is_empty());
}

/// A master that could not be understood, and was fetched, says as much as one that came alone: nothing of its members.
pub async fn a_master_that_was_not_understood_leaves_its_members_a_question(store: &dyn Store) {
    let fixture = Fixture::new(store);
    fixture.run(&tile(0, 0, 10), Full, &[master("m", 1), stub("a", "m", 1, 1)]).await;
    let published = fixture.view().await.tiles()[0].clone();
    let round = fixture.stage(&published, Incremental, &[vec![r#"{"id":"m","type":7}"#.to_owned()]]).await;
    let run = fixture.plain_run(&[round]).await;
    let asked = fixture.questions(&run).await;
    assert_eq!((asked.unread, asked.series.len()), (vec![(TileId(0), "m".into())], 0));
    let run = Run { fetched: vec![Fetched::new(master("m", 2)).unwrap()], ..run };
    assert_eq!(fixture.questions(&run).await.series, [(TileId(0), "m".into())]);

    // Also if an earlier page of the round has told of all of them.
    let pages = [vec![master("m", 1), stub("a", "m", 1, 1)], vec![r#"{"id":"m","type":7}"#.to_owned()]];
    let round = fixture.stage(&published, Full, &pages).await;
    let run = fixture.plain_run(&[round]).await;
    let run = Run { fetched: vec![Fetched::new(master("m", 2)).unwrap()], ..run };
    assert_eq!(fixture.questions(&run).await.series, [(TileId(0), "m".into())]);
}

/// Where a whole series may be gone, it is asked about first; its members only if it is still there.
pub async fn members_of_a_removed_master_wait_for_its_answer(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let seq = fixture.view().await.last_seq();
    fixture.run(&tile(0, 0, 10), Full, &[master("m", 1), stub("a", "m", 1, 1), stub("b", "m", 1, 2)]).await;
    let published = fixture.view().await.tiles()[0].clone();
    let round = fixture.stage(&published, Incremental, &[vec![removed("m")]]).await;
    let run = fixture.plain_run(&[round]).await;
    let asked = fixture.questions(&run).await;
    assert_eq!((asked.series, asked.removed.len()), (vec![(TileId(0), "m".into())], 0));

    let there = Run { instances: vec![instances("m", &[])], ..run.clone() };
    assert_eq!(fixture.questions(&there).await.removed, ["a", "b"].map(|id| (TileId(0), id.into())));

    let gone = Instances { tile: TileId(0), series: "m".into(), members: None };
    let run = Run { instances: vec![gone], ..run };
    assert!(fixture.questions(&run).await.removed.is_empty());
    fixture.publish_run(run).await;
    assert!(fixture.ids().await.is_empty());
    let entries = fixture.view().await.journal(seq, 100).await.unwrap();
    assert!(
        entries
            .iter()
            .filter(|entry| entry.note.what == What::Deleted)
            .all(|entry| { entry.note.confirmed || &*entry.note.id == "m" })
    );
}
