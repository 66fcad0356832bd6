//! Staging, publishing, discarding, and what is refused.

use delta_core::RoundKind::{Full, Incremental};
use delta_core::{EventType, RoundId};

use super::fixture::{Fixture, event, picture, stub, tile};
use crate::batch::{Batch, Discard, ItemRef, RowChange, Source};
use crate::model::{Position, TileId};
use crate::{EngineState, Error, Revision, Store};

/// Staging a page again, whatever it holds then, changes nothing.
pub async fn a_page_is_staged_once(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let pages = fixture.pages(&tile(0, 0, 10), Full, &[vec![event("a", 1, 1)], vec![event("b", 1, 1)]]);
    for page in &pages {
        store.write(Batch::Stage(page.clone())).await.unwrap();
    }
    let before = picture(fixture.view().await.as_ref()).await;
    for mut page in pages {
        page.items.truncate(0);
        assert_eq!(store.write(Batch::Stage(page)).await.unwrap(), Revision(0));
    }
    assert_eq!(picture(fixture.view().await.as_ref()).await, before);
}

/// What is staged is no row, and no tile, and not in the journal.
pub async fn a_staged_page_is_not_visible(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let round = fixture.stage(&tile(0, 0, 10), Full, &[vec![event("a", 1, 1)]]).await;
    let view = fixture.view().await;
    assert_eq!((view.row_count(), view.last_seq(), view.revision()), (0, 0, Revision(0)));
    assert_eq!(view.row("a").await.unwrap(), None);
    assert!(view.tiles().is_empty() && view.identity().is_none());
    assert_eq!(view.next_tile(), TileId(1));
    let raw = view.staged_raw(ItemRef { round, page: 0, item: 0 }).await.unwrap();
    assert_eq!(raw, Some(event("a", 1, 1)));
    assert_eq!(view.staged_raw(ItemRef { round, page: 0, item: 1 }).await.unwrap(), None);
    assert_eq!(view.staged_page(round, 1).await.unwrap(), None);
}

/// Only the page that comes next can be added to a round.
pub async fn a_page_out_of_order_is_refused(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let pages = fixture.pages(&tile(0, 0, 10), Full, &[vec![event("a", 1, 1)], vec![], vec![event("b", 1, 1)]]);
    let [first, second, third] = pages.try_into().unwrap();
    let expected = |result: Result<Revision, Error>| match result {
        Err(Error::OutOfOrder { expected, found, .. }) => (expected, found),
        other => panic!("accepted or refused for another reason: {other:?}"),
    };
    assert_eq!(expected(store.write(Batch::Stage(second.clone())).await), (0, 1));
    assert!(fixture.view().await.rounds().is_empty());
    store.write(Batch::Stage(first)).await.unwrap();
    assert_eq!(expected(store.write(Batch::Stage(third.clone())).await), (1, 2));
    store.write(Batch::Stage(second)).await.unwrap();
    store.write(Batch::Stage(third.clone())).await.unwrap();
    let beyond = crate::Stage { page: 3, ..third };
    assert!(matches!(store.write(Batch::Stage(beyond)).await, Err(Error::Invalid(_))));
    assert_eq!(fixture.view().await.rounds()[0].pages, 3);
}

/// What is staged tells everything that is needed to go on: the position, the page and the tile with its window.
pub async fn a_round_can_be_taken_up_from_what_is_staged(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let mut described = tile(7, 3, 9);
    described.policy = Some("-30d..+365d".to_owned());
    let pages = fixture.pages(&described, Full, &[vec![event("a", 1, 4)], vec![]]);
    let [first, last] = pages.try_into().unwrap();
    store.write(Batch::Stage(first.clone())).await.unwrap();
    let staged = fixture.view().await.rounds().remove(0);
    assert_eq!((staged.round, staged.kind, staged.pages), (first.round, Full, 1));
    assert_eq!((&staged.tile, &staged.position), (&described, &first.position));
    assert!(staged.link().is_none());
    described.policy = Some("-30d..+370d".to_owned());
    store.write(Batch::Stage(crate::Stage { tile: described.clone(), ..last.clone() })).await.unwrap();
    let staged = fixture.view().await.rounds().remove(0);
    assert_eq!((staged.pages, &staged.tile, &staged.position), (2, &described, &last.position));
    assert!(staged.link().is_some());
}

/// A discarded round is gone, and only it; discarding it again changes nothing.
pub async fn a_discarded_round_leaves_nothing(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let kept = fixture.stage(&tile(0, 0, 10), Full, &[vec![event("a", 1, 1)]]).await;
    let discarded = fixture.stage(&tile(1, 10, 20), Full, &[vec![event("b", 1, 11)]]).await;
    store.write(Batch::Discard(Discard { round: discarded })).await.unwrap();
    let left: Vec<RoundId> = fixture.view().await.rounds().iter().map(|staged| staged.round).collect();
    assert_eq!(left, [kept]);
    let before = picture(fixture.view().await.as_ref()).await;
    store.write(Batch::Discard(Discard { round: discarded })).await.unwrap();
    assert_eq!(picture(fixture.view().await.as_ref()).await, before);
}

/// Rows, tiles, identity, journal and the end of the rounds come in one step.
pub async fn a_run_appears_at_once(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let one = fixture.stage(&tile(0, 0, 10), Full, &[vec![event("a", 1, 1)], vec![stub("b", "m", 1, 2)]]).await;
    let two = fixture.stage(&tile(1, 10, 20), Full, &[vec![event("c", 1, 11)]]).await;
    let (publish, summary) = fixture.plan(&[one, two], &[], &[]).await;
    assert_eq!(fixture.view().await.revision(), Revision(0), "planning must not write");
    let at = publish.at;
    assert_eq!(store.write(Batch::Publish(publish)).await.unwrap(), Revision(1));
    let view = fixture.view().await;
    assert_eq!((summary.created, view.row_count(), view.last_seq()), (3, 3, 3));
    assert_eq!(view.identity(), Some(&Fixture::<dyn Store>::identity()));
    assert!(view.rounds().is_empty());
    assert_eq!(view.tiles().len(), 2);
    for tile in view.tiles() {
        assert!(tile.link.is_some() && !tile.unswept);
        assert_eq!((tile.full_at, tile.synced_at), (Some(at), Some(at)));
    }
    let row = view.row("b").await.unwrap().unwrap();
    assert_eq!(
        (row.meta.kind, row.meta.series.as_deref(), row.holds),
        (EventType::Occurrence, Some("m"), vec![TileId(0)])
    );
    assert_eq!(fixture.notes(0).await, ["Created a >1 Change", "Created b >1 Change", "Created c >1 Change"]);
    let entry = view.journal(1, 1).await.unwrap().remove(0);
    assert_eq!((entry.seq, entry.at, &*entry.note.id, entry.note.confirmed), (2, at, "b", false));
}

/// A run that was made from another revision is refused, and everything stays as it is.
pub async fn a_conflicting_publish_changes_nothing(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    fixture.run(&tile, Full, &[event("a", 1, 1)]).await;
    let late = fixture.stage(&tile, Incremental, &[vec![event("a", 2, 1)]]).await;
    let (publish, _) = fixture.plan(&[late], &[], &[]).await;
    fixture.run(&tile, Incremental, &[event("b", 1, 1)]).await;
    let before = picture(fixture.view().await.as_ref()).await;
    let result = store.write(Batch::Publish(publish)).await;
    assert!(matches!(result, Err(Error::Conflict { base: Revision(1), found: Revision(2) })), "{result:?}");
    assert_eq!(picture(fixture.view().await.as_ref()).await, before);
    assert_eq!(fixture.publish(&[late]).await.updated, 1, "the round is still there to be planned again");
}

/// Another account's or calendar's run is refused. Learning the calendar's own id is no difference.
pub async fn another_identity_is_refused(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    fixture.run(&tile, Full, &[event("a", 1, 1)]).await;
    for known in [true, false] {
        let round = fixture.stage(&tile, Incremental, &[vec![]]).await;
        let (mut publish, _) = fixture.plan(&[round], &[], &[]).await;
        publish.identity.calendar = known.then(|| "AAMkAGI=".to_owned());
        store.write(Batch::Publish(publish)).await.unwrap();
    }
    let round = fixture.stage(&tile, Incremental, &[vec![]]).await;
    let (good, _) = fixture.plan(&[round], &[], &[]).await;
    let before = picture(fixture.view().await.as_ref()).await;
    for change in [
        |identity: &mut crate::Identity| identity.calendar = Some("AAMkAGQ=".to_owned()),
        |identity: &mut crate::Identity| identity.origin = "https://graph.microsoft.us".to_owned(),
        |identity: &mut crate::Identity| identity.id_type = "RestId".to_owned(),
        |identity: &mut crate::Identity| identity.resource = "users/samanthab@contoso.com/calendarView".to_owned(),
        |identity: &mut crate::Identity| identity.api_version = "beta".to_owned(),
        |identity: &mut crate::Identity| identity.body_type = "text".to_owned(),
    ] {
        let mut publish = good.clone();
        change(&mut publish.identity);
        let result = store.write(Batch::Publish(publish)).await;
        assert!(matches!(result, Err(Error::Identity { .. })), "{result:?}");
    }
    assert_eq!(picture(fixture.view().await.as_ref()).await, before);
}

/// What does not fit the replica is refused whole, not applied as far as it goes.
pub async fn a_batch_that_contradicts_itself_changes_nothing(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    fixture.run(&tile, Full, &[event("a", 1, 1), event("b", 1, 2)]).await;
    let unfinished = fixture.pages(&tile, Incremental, &[vec![event("a", 9, 1)], vec![]]).remove(0);
    let position = unfinished.position.clone();
    store.write(Batch::Stage(unfinished.clone())).await.unwrap();
    let round = fixture.stage(&tile, Incremental, &[vec![event("a", 2, 1), event("d", 1, 1)]]).await;
    let (good, _) = fixture.plan(&[round], &[], &[]).await;
    let before = picture(fixture.view().await.as_ref()).await;
    let foreign = Source::Staged(ItemRef { round: unfinished.round, page: 0, item: 0 });
    let missing = Source::Staged(ItemRef { round, page: 0, item: 2 });
    let of_another_row = Source::Staged(ItemRef { round, page: 0, item: 1 });
    type Spoil<'a> = Box<dyn Fn(&mut crate::Publish) + Send + 'a>;
    let spoils: Vec<Spoil<'_>> = vec![
        Box::new(|publish| publish.rounds.push(RoundId::new(99))),
        Box::new(|publish| publish.rounds.push(unfinished.round)),
        Box::new(|publish| publish.rows.push(publish.rows[0].clone())),
        Box::new(|publish| publish.part = Some(crate::Part::Of(1))),
        Box::new(|publish| publish.part = Some(crate::Part::Last(1))),
        Box::new(|publish| publish.rows.push(RowChange::Gone("x".into()))),
        Box::new(|publish| publish.tiles.clear()),
        Box::new(|publish| (publish.tiles, publish.rows) = (Vec::new(), Vec::new())),
        Box::new(|publish| publish.tiles.push(publish.tiles[0].clone())),
        Box::new(|publish| first_row(publish).holds.push(TileId(5))),
        Box::new(|publish| first_row(publish).layers = crate::Layers::Stub { stub: Source::Keep }),
        Box::new(|publish| first_row(publish).layers = crate::Layers::Partial { patch: foreign.clone() }),
        Box::new(|publish| first_row(publish).layers = crate::Layers::Partial { patch: missing.clone() }),
        Box::new(|publish| first_row(publish).layers = crate::Layers::Partial { patch: of_another_row.clone() }),
    ];
    for spoil in spoils {
        let mut publish = good.clone();
        spoil(&mut publish);
        let result = store.write(Batch::Publish(publish)).await;
        assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
    }
    let of_another_tile = crate::Stage { tile: super::tile(1, 0, 10), page: 1, ..unfinished.clone() };
    let of_another_round = crate::Stage { round: RoundId::new(98), position: position.clone(), ..unfinished };
    assert!(matches!(position, Position::Paging(_)));
    for stage in [of_another_tile, of_another_round] {
        let result = store.write(Batch::Stage(stage)).await;
        assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
    }
    assert_eq!(picture(fixture.view().await.as_ref()).await, before);
    store.write(Batch::Publish(good)).await.unwrap();
}

fn first_row(publish: &mut crate::Publish) -> &mut crate::Row<Source> {
    match &mut publish.rows[0] {
        RowChange::Put(row) => row,
        RowChange::Gone(id) => panic!("{id} goes"),
    }
}

/// A view shows what it showed when it was taken, whatever is written since.
pub async fn a_view_does_not_change(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    let mut pinned = Vec::new();
    for version in 1..5 {
        let view = fixture.view().await;
        pinned.push((picture(view.as_ref()).await, view));
        let round =
            fixture.stage(&tile, Full, &[vec![event("a", version, 1)], vec![event("b", 1, version.into())]]).await;
        let view = fixture.view().await;
        pinned.push((picture(view.as_ref()).await, view));
        fixture.publish(&[round]).await;
    }
    for (before, view) in pinned {
        assert_eq!(picture(view.as_ref()).await, before);
    }
}

/// What the engine wrote last is what it finds, whatever else happens; it changes neither the revision nor a view that
/// was taken before, and is not printed.
pub async fn the_engine_finds_its_state_again(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let found = async || fixture.view().await.engine_state().map(|state| state.text().to_string());
    let remember = async |text: &str| store.write(Batch::EngineState(EngineState::new(text))).await;
    let before = fixture.view().await;
    assert_eq!(found().await, None);
    for text in ["{\"until\":1}", "\"\n\u{0}💡", "", "last", "last"] {
        assert_eq!(remember(text).await.unwrap(), Revision(0));
        assert_eq!(found().await.as_deref(), Some(text));
    }
    assert!(before.engine_state().is_none(), "a view must not change");
    let tile = tile(0, 0, 10);
    let round = fixture.stage(&tile, Full, &[vec![event("a", 1, 1)], vec![]]).await;
    let (publish, _) = fixture.plan(&[round], &[], &[]).await;
    assert_eq!(remember("between plan and publish").await.unwrap(), Revision(0));
    assert_eq!(store.write(Batch::Publish(publish)).await.unwrap(), Revision(1));
    let round = fixture.stage(&tile, Incremental, &[vec![event("a", 2, 1)]]).await;
    store.write(Batch::Discard(Discard { round })).await.unwrap();
    assert_eq!(found().await.as_deref(), Some("between plan and publish"));
    assert!(matches!(remember(&"x".repeat(EngineState::MOST + 1)).await, Err(Error::Invalid(_))));
    let longest = "x".repeat(EngineState::MOST);
    assert_eq!(remember(&longest).await.unwrap(), Revision(1));
    let view = fixture.view().await;
    assert!(view.engine_state().is_some_and(|state| **state.text() == *longest));
    let printed = format!("{:?} {view:?} {store:?}", view.engine_state());
    assert!(!printed.contains("xx"), "the engine's state was printed");
}
