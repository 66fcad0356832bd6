//! A replica's first full round, where it is large: nothing is there that could differ, so most of its items are rows without
//! anything else to be known. Those are not held in memory.
//!
//! An item is plain if nothing that is told of its event, or of its event's series, is on another page, or is in doubt.

use std::collections::BTreeSet;

use delta_core::EventType;

use super::{Plan, Round, Run};
use crate::Error;
use crate::batch::{Form, Word};
use crate::key::Key;
use crate::store::View;

/// Which items are plain: all but these.
pub(super) struct Plain {
    /// The series, or the single events, that are not.
    odd: BTreeSet<Key>,
    /// How many items are.
    pub(super) count: u64,
}

/// What an item is to its series. A single event is a series of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Single,
    Master,
    Member,
}

impl Plain {
    /// Sorts the items of a run; none if they are no more than `most`, or if it is no first full round.
    pub(super) async fn of(view: &dyn View, rounds: &[Round], run: &Run, most: usize) -> Result<Option<Self>, Error> {
        let [round] = rounds else { return Ok(None) };
        if !round.is_full() || view.row_count() > 0 || !run.retire.is_empty() {
            return Ok(None);
        }
        let mut odd = BTreeSet::new();
        let (mut ids, mut told) = (Vec::new(), Vec::new());
        for page in 0..round.staged.pages {
            for word in words(view, round, page).await? {
                match (id(&word), place(&word)) {
                    (Some(id), Some((series, role))) => {
                        ids.push(Key::of(id));
                        told.push((series, page, role));
                    }
                    (Some(id), None) => {
                        ids.push(Key::of(id));
                        odd.insert(series_of(&word).unwrap_or(Key::of(id)));
                    }
                    (None, _) => {}
                }
            }
        }
        if ids.len() <= most {
            return Ok(None);
        }
        told.sort_unstable();
        let spread = told.chunk_by(|(one, ..), (two, ..)| one == two).filter(|told| !is_whole(told));
        odd.extend(spread.filter_map(|told| told.first()).map(|(series, ..)| *series));
        drop(told);
        ids.sort_unstable();
        let again = ids.chunk_by(PartialEq::eq).filter(|same| same.len() > 1).filter_map(|same| same.first());
        let mut touched: BTreeSet<Key> = again.copied().collect();
        drop(ids);
        touched.extend(run.fetched.iter().map(|fetched| Key::of(fetched.id())));
        touched.extend(run.gone.iter().map(|gone| Key::of(&gone.id)));
        for asked in &run.instances {
            odd.insert(Key::of(&asked.series));
            touched.extend(asked.members.iter().flatten().map(|member| Key::of(member.id())));
        }
        let mut plain = Self { odd, count: 0 };
        plain.count(view, round, &touched).await?;
        Ok(Some(plain))
    }

    /// Takes out what belongs to an event that something else is known of, and counts the rest.
    async fn count(&mut self, view: &dyn View, round: &Round, touched: &BTreeSet<Key>) -> Result<(), Error> {
        for page in (0..round.staged.pages).filter(|_| !touched.is_empty()) {
            for word in words(view, round, page).await? {
                if id(&word).is_some_and(|id| touched.contains(&Key::of(id))) {
                    self.odd.extend(series_of(&word));
                }
            }
        }
        for page in 0..round.staged.pages {
            let plain = words(view, round, page).await?.iter().filter(|word| self.has(word)).count();
            self.count = self.count.saturating_add(plain as u64);
        }
        Ok(())
    }

    /// Whether an item is plain.
    pub(super) fn has(&self, word: &Word) -> bool {
        place(word).is_some_and(|(series, _)| !self.odd.contains(&series))
    }
}

impl Plan<'_> {
    /// Whether an item is left out of what is held in memory.
    pub(super) fn is_plain(&self, word: &Word) -> bool {
        self.plain.as_ref().is_some_and(|plain| plain.has(word))
    }
}

/// Whether what is told of a series is all on one page, and has the master and a member; in order of role.
fn is_whole(told: &[(Key, u32, Role)]) -> bool {
    let one_page = told.iter().all(|(_, page, _)| told.first().is_some_and(|(_, first, _)| page == first));
    let count = |wanted: Role| told.iter().filter(|(.., role)| *role == wanted).count();
    let single = count(Role::Single) == told.len();
    let series = count(Role::Master) == 1 && count(Role::Member) > 0 && count(Role::Single) == 0;
    one_page && (single || series)
}

/// The series that an item tells of, and as what; none if there is more to it.
fn place(word: &Word) -> Option<(Key, Role)> {
    let Word::Upsert { meta, form } = word else { return None };
    let role = match (&meta.series, meta.kind, form) {
        (Some(_), _, Form::Full | Form::Stub) => Role::Member,
        (None, EventType::SeriesMaster, Form::Full) => Role::Master,
        (None, _, Form::Full) => Role::Single,
        _ => return None,
    };
    Some((series_of(word)?, role))
}

fn series_of(word: &Word) -> Option<Key> {
    match word {
        Word::Upsert { meta, .. } => Some(Key::of(meta.series.as_deref().unwrap_or(&meta.id))),
        other => id(other).map(Key::of),
    }
}

fn id(word: &Word) -> Option<&str> {
    match word {
        Word::Upsert { meta, .. } => Some(&meta.id),
        Word::Remove { id } => Some(id),
        Word::Malformed { id } => id.as_deref(),
    }
}

/// What the items of a page say.
pub(super) async fn words(view: &dyn View, round: &Round, page: u32) -> Result<Vec<Word>, Error> {
    let page = view.staged_page(round.staged.round, page).await?.ok_or(super::NOT_STAGED)?;
    Ok(page.items.into_iter().map(|item| item.word).collect())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use delta_core::RoundKind::{Full, Incremental};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use crate::conformance::{Fixture, block_on, event, master, picture, removed, sparse, stub, tile};
    use crate::disk::SimDisk;
    use crate::plan::questions::ask;
    use crate::{FileOptions, FileStore, MemoryStore, Retention, Store, publish_in_parts};

    fn item() -> impl Strategy<Value = String> {
        (0..12_u32, 0..3_u32, 1..9_i64, 0..12).prop_map(|(id, version, day, form)| {
            let (name, series) = (format!("e{id}"), format!("e{}", id % 4));
            match form {
                0..5 => event(&name, version, day),
                5..8 => stub(&name, &series, version, day),
                8..10 => master(&series, version),
                10 => sparse(&name, version, day),
                _ if version == 0 => r#"{"id":"e1","type":7}"#.to_owned(),
                _ => removed(&name),
            }
        })
    }

    /// What a store shows, with the journal's entries in one order, and without their numbers.
    fn shown(store: &dyn Store) -> Vec<String> {
        let view = block_on(store.view()).unwrap();
        let picture = block_on(picture(view.as_ref()));
        let mut lines: Vec<String> = picture
            .lines()
            .map(|line| line.split_once("seq: ").map_or(line, |(_, rest)| rest.split_once(',').unwrap().1).to_owned())
            .collect();
        lines.sort_unstable();
        lines
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A first full round that is published in parts makes of a replica what it makes as a whole, and asks the same.
        #[test]
        fn a_first_round_in_parts_is_the_whole(
            pages in vec(vec(item(), 0..8), 1..8),
            later in vec(vec(item(), 0..4), 1..3),
            most in 1..6_usize,
        ) {
            let (whole, memory) = (MemoryStore::new(), MemoryStore::new());
            let disk = std::sync::Arc::new(SimDisk::new(1));
            let options = FileOptions { segment_bytes: 3000, ..FileOptions::default() };
            let file = FileStore::open_with(disk, "/replica", options).unwrap();
            let tile = tile(0, 0, 10);
            let mut seqs = Vec::new();
            for store in [&whole as &dyn Store, &memory, &file] {
                let fixture = Fixture::new(store);
                for (number, pages) in [&pages, &later].into_iter().enumerate() {
                    let round = block_on(fixture.stage(&tile, if number == 0 { Full } else { Incremental }, pages));
                    let run = block_on(fixture.plain_run(&[round]));
                    let view = block_on(store.view()).unwrap();
                    let asked = block_on(ask(view.as_ref(), &run, most)).unwrap();
                    prop_assert_eq!(asked, block_on(ask(view.as_ref(), &run, usize::MAX)).unwrap());
                    let most = if std::ptr::addr_eq(store, &whole) { usize::MAX } else { most };
                    block_on(publish_in_parts(store, view.as_ref(), run, most)).unwrap();
                }
                seqs.push(block_on(store.view()).unwrap().last_seq());
            }
            prop_assert_eq!(shown(&memory), shown(&whole));
            prop_assert_eq!(shown(&file), shown(&whole));
            prop_assert!(seqs.iter().all(|seq| *seq == seqs[0]), "{:?}", seqs);
        }
    }

    /// Of a first round with more notes than are kept, no more are written; they have the numbers that they would have.
    #[test]
    fn notes_that_would_go_are_not_written() {
        let retention = Retention { entries: 100, ..Retention::default() };
        let store = MemoryStore::with_retention(retention);
        let fixture = Fixture::new(&store);
        let items: Vec<String> = (0..1000).map(|id| event(&format!("{id:04}"), 1, 1)).collect();
        let pages: Vec<Vec<String>> = items.chunks(50).map(<[String]>::to_vec).collect();
        let round = block_on(fixture.stage(&tile(0, 0, 10), Full, &pages));
        let run = block_on(fixture.plain_run(&[round]));
        let view = block_on(store.view()).unwrap();
        let (_, summary) = block_on(publish_in_parts(&store, view.as_ref(), run, 64)).unwrap();
        assert_eq!(summary.created, 1000);
        let view = block_on(store.view()).unwrap();
        assert_eq!((view.first_seq(), view.last_seq(), view.row_count()), (901, 1000, 1000));
        let entries = block_on(view.journal(900, 1000)).unwrap();
        assert_eq!((entries.len(), &*entries.first().unwrap().note.id), (100, "0900"));
    }
}
