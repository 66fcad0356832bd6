//! Settling: asking the server what the rounds leave open, before they are published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::{Ask, Fetched as Answered, Found, Hydration, Preferences, Snapshot, Window};
use store::{Fetched, Instances, Questions, Reading, Tile, TileId, View, What};

mod open;
mod place;

use self::open::{Open, Why};
use self::place::{FLOATING, Place};
use crate::error::Error;
use crate::owed::Owed;
use crate::part::Part;
use crate::run::Run;

/// How often answers may lead to other questions: a series has a new exception, an exception has an unknown master.
const TURNS: usize = 4;

/// How many of the events that go are asked for in a run: beyond that they are too many for a question each.
const MOST_REMOVED: usize = 200;

impl Run<'_> {
    /// Asks what has to be asked before a run is published, and adds the answers to it. What is not answered stays as it
    /// is: a later run asks again, or reads everything. Gives what is owed once the run is published.
    pub(crate) async fn settle(&self, view: &dyn View, run: &mut store::Run, read: &[Part<'_>]) -> Result<Owed, Error> {
        run.trust = !self.engine.settling.series;
        let mut open = Open::new(read, run.reading != Reading::Partial);
        let mut owed = self.health().owed.clone();
        owed.forget_gone(view).await?;
        let mut due = owed.due(self.engine.timer.now());
        self.health().owed = owed;
        let mut goes_on = true;
        for turn in 0..=TURNS {
            let questions = store::questions(view, run).await?;
            // Also what is not asked any more is open: the answers that did come may have led to it.
            let asks = self.asks(questions, std::mem::take(&mut due), &mut open);
            if asks.is_empty() || !goes_on || turn == TURNS {
                break;
            }
            goes_on = self.hydrate(asks, &mut open, run).await?;
            if goes_on {
                self.believe_gone(view, &mut open, run).await?;
            }
        }
        let mut owed = self.health().owed.clone();
        run.kept = open.in_doubt().filter(|id| !owed.is_believed(id)).cloned().collect();
        if !open.all {
            // Nobody remembers in which tile the doubt was, so it may be in one that was not read.
            open.asked.series.retain(|id| !owed.series.contains_key(id));
        }
        // Before it is published: what is owed is asked for again whatever happens, and so is what was answered, until the
        // answers are published.
        let mut until_then = owed.clone();
        owed.settle(&open.asked, &open.owed(), self.engine.timer.now());
        self.report().unanswered = owed.len().saturating_add(open.asks_itself_again()) as u64;
        until_then.take_up(&owed);
        run.incomplete = until_then.limit();
        if run.incomplete {
            return Ok(Owed::default());
        }
        self.health().owed = until_then;
        self.remember().await?;
        Ok(owed)
    }

    /// What there is to ask, by what is allowed and was not asked before.
    fn asks(&self, questions: Questions, due: Owed, open: &mut Open<'_>) -> Vec<Ask> {
        let allowed = self.engine.settling;
        let windows = open.windows();
        let whole = !windows.is_empty() || allowed.events;
        let stale = questions.stale.into_iter().filter(|_| whole);
        let removed = self.removed(questions.removed, &due, open);
        // Of a series that nothing was heard of, the master says whether it is there.
        let owed_events = due.events.keys().chain(due.series.keys()).filter(|id| !open.removed.contains(*id)).cloned();
        let events = (questions.masters.into_iter().chain(stale).chain(owed_events))
            .map(|id| (id, Why::Incomplete))
            .chain(questions.unread.into_iter().map(|(tile, id)| (id, Why::Unread(tile))))
            .chain(removed.into_iter().map(|(tile, id)| (id, Why::Removed(tile))))
            .chain(questions.absent.into_iter().map(|(tile, id)| (id, Why::Absent(tile))));
        let mut wanted: BTreeMap<Arc<str>, BTreeSet<Why>> = BTreeMap::new();
        for (id, why) in events.filter(|asked| !open.asked_events.contains(asked)) {
            wanted.entry(id).or_default().insert(why);
        }
        let series = questions.series.into_iter().filter(|_| allowed.series);
        let mut series: BTreeSet<_> = series.collect();
        // One that is owed an answer is asked for in all tiles: nobody remembers in which the doubt was.
        let owed = series.iter().map(|(_, id)| id.clone()).filter(|id| self.health().owed.series.contains_key(id));
        let owed: BTreeSet<Arc<str>> = owed.chain(due.series.into_keys()).filter(|_| open.all).collect();
        let tiles = || open.read.iter().map(|part| part.tile.id);
        series.extend(owed.iter().flat_map(|id| tiles().map(move |tile| (tile, id.clone()))));
        series.retain(|asked| !open.asked_series.contains(asked));
        let instances = series.iter().filter_map(|(tile, series)| {
            let window = *windows.get(tile)?;
            Some(Ask::Instances { series: series.to_string(), window })
        });
        let asks = instances.chain(wanted.keys().map(|id| Ask::Event(id.to_string()))).collect();
        open.asked.events.extend(wanted.keys().cloned());
        open.asked_events.extend(wanted.iter().flat_map(|(id, whys)| whys.iter().map(|why| (id.clone(), *why))));
        open.asked.series.extend(series.iter().map(|(_, id)| id.clone()));
        open.asked_series.extend(series.iter().cloned());
        for (id, whys) in wanted {
            open.events.entry(id).or_default().extend(whys);
        }
        open.series.extend(series);
        asks
    }

    /// What of the removals is to be asked now: at most so many in a run, and what is owed an answer when that is due. Until
    /// then it stays in doubt.
    fn removed(&self, asked: Vec<(TileId, Arc<str>)>, due: &Owed, open: &mut Open<'_>) -> Vec<(TileId, Arc<str>)> {
        let mut now = Vec::new();
        for (tile, id) in asked.into_iter().filter(|_| self.engine.settling.removals) {
            let is_due = due.events.contains_key(&id) || open.asked.events.contains(&id);
            if self.health().owed.events.contains_key(&id) && !is_due {
                open.events.entry(id).or_default().insert(Why::Removed(tile));
            } else if open.removed.contains(&id) || open.removed.len() < MOST_REMOVED {
                open.removed.insert(id.clone());
                now.push((tile, id));
            }
        }
        now
    }

    /// Asks, and takes the answers; false if the server does not go on with it.
    async fn hydrate(&self, asks: Vec<Ask>, open: &mut Open<'_>, run: &mut store::Run) -> Result<bool, Error> {
        let Some(target) = open.read.first().map(|part| part.target.clone()) else { return Ok(false) };
        let options = self.engine.options(Preferences { page_size: None, ..self.replica.preferences() });
        let mut hydration = Hydration::new(target, asks, options);
        loop {
            let hydrated = match self.ask(&mut hydration).await {
                Ok(Some(hydrated)) => hydrated,
                Ok(None) => return Ok(true),
                Err(Error::Round(error)) => {
                    self.degrade(format!("some events could not be asked for: {error}"));
                    return Ok(false);
                }
                Err(error) => return Err(error),
            };
            // Before anything else is asked: the wait is the mailbox's.
            if let Some(wait) = &hydrated.wait {
                self.wait(wait).await?;
            }
            for Answered { ask, found } in hydrated.events {
                self.report().count_fetched();
                match ask {
                    Ask::Event(id) => self.learn(&id, &found, open, run).await?,
                    Ask::Instances { series, window } => open.learn(&series, window, found, run),
                }
            }
        }
    }

    /// A series is gone if neither its master nor its instances are found. Either of them alone was observed to be wrong for
    /// a while: then a listing of a member's dates decides.
    async fn believe_gone(&self, view: &dyn View, open: &mut Open<'_>, run: &mut store::Run) -> Result<(), Error> {
        for (tile, series) in std::mem::take(&mut open.gone_series) {
            if open.gone.contains(&series) || self.has_no_member_listed(view, run, (tile, &series), open).await? {
                open.series.remove(&(tile, series.clone()));
                open.is_complete(&series);
                run.instances.push(Instances { tile, series, members: None });
            }
        }
        Ok(())
    }

    /// Whether a member that a tile would hold of a series is in no listing of its dates.
    async fn has_no_member_listed(
        &self,
        view: &dyn View,
        run: &store::Run,
        (tile, series): (TileId, &Arc<str>),
        open: &Open<'_>,
    ) -> Result<bool, Error> {
        let Some(window) = open.windows().get(&tile).copied() else { return Ok(false) };
        let Some(member) = store::member(view, run, tile, series).await? else { return Ok(false) };
        let dates = member.start.zip(member.end).and_then(|(start, end)| place::dates(window, start, end, FLOATING));
        let Some(dates) = dates else { return Ok(false) };
        Ok(self.is_listed(&member.id, dates, open).await? == Some(false))
    }

    /// Takes what was found of an event, for each reason for which it was asked for.
    async fn learn(&self, id: &str, found: &Found, open: &mut Open<'_>, run: &mut store::Run) -> Result<(), Error> {
        let Some((id, whys)) = open.events.remove_entry(id) else { return Ok(()) };
        if matches!(found, Found::Gone) {
            open.gone.insert(id.clone());
        }
        let mut unanswered = BTreeSet::new();
        for why in whys {
            let answered = match self.verdict(&id, why, found, open).await? {
                Verdict::There(event) => {
                    run.fetched.push(event);
                    true
                }
                Verdict::Left(series) => {
                    run.fetched.push(series);
                    run.gone.extend(why.gone(&id, What::LeftWindow, false));
                    true
                }
                Verdict::Not { what, nowhere } => {
                    run.gone.extend(why.gone(&id, what, nowhere));
                    true
                }
                // It goes by its `@removed`, and stays as it is until then, or until it is found.
                Verdict::Nothing => why == Why::Incomplete && self.health().owed.is_believed(&id),
                Verdict::Unknown => false,
            };
            if !answered {
                unanswered.insert(why);
            } else if matches!(why, Why::Removed(_)) {
                // Whatever it was owed for before: this is the answer.
                unanswered.remove(&Why::Incomplete);
            }
        }
        if !unanswered.is_empty() {
            open.events.insert(id, unanswered);
        }
        Ok(())
    }

    /// What an answer says about an event. What was taken away, or was not listed, is deleted if a GET does not find it;
    /// what a round told of without being understood goes by its `@removed` only.
    async fn verdict(&self, id: &Arc<str>, why: Why, found: &Found, open: &Open<'_>) -> Result<Verdict, Error> {
        let raw = match (found, why) {
            (Found::Event(raw), _) => raw,
            (Found::Gone, Why::Removed(_) | Why::Absent(_)) => {
                return Ok(Verdict::Not { what: What::Deleted, nowhere: true });
            }
            (Found::Gone, _) => return Ok(Verdict::Nothing),
            (Found::Unknown(_) | Found::Instances(_), _) => return Ok(Verdict::Unknown),
        };
        let place = open.place(raw, why);
        let (listed, what) = match (why, place) {
            (Why::Incomplete, _) => (true, What::Deleted),
            (_, None) => return Ok(Verdict::Unknown),
            // A series is taken away when nothing of it is left in the window; or only its master is, which may have changed.
            (Why::Removed(_), Some(Place::Series)) => {
                let event = Fetched::new(raw.clone()).filter(|event| event.id() == id);
                return Ok(event.map_or(Verdict::Unknown, Verdict::Left));
            }
            // Without dates there is nothing to be outside of, and a GET was observed to find what is deleted for a while.
            (Why::Removed(_), Some(Place::Anywhere)) => return Ok(Verdict::Not { what: What::Deleted, nowhere: true }),
            (_, Some(Place::Series | Place::Anywhere)) => (true, What::Deleted),
            (_, Some(Place::Outside { nowhere })) => return Ok(Verdict::Not { what: What::LeftWindow, nowhere }),
            (_, Some(Place::At { dates, within, .. })) => match self.is_listed(id, dates, open).await? {
                Some(listed) => (listed, if within { What::Deleted } else { What::LeftWindow }),
                None => return Ok(Verdict::Unknown),
            },
        };
        if !listed {
            return Ok(Verdict::Not { what, nowhere: false });
        }
        let event = Fetched::new(raw.clone()).filter(|event| event.id() == id);
        Ok(match (event, why, place) {
            (Some(event), Why::Removed(_), Some(Place::At { tile, .. })) => Verdict::There(event.held_by(tile)),
            (Some(event), ..) => Verdict::There(event),
            (None, ..) => Verdict::Unknown,
        })
    }

    /// Whether a listing of these dates, which are a part of the window, shows an event: only that tells whether the window
    /// holds it, in whichever way, and a GET was observed to find events for a while after they were deleted.
    async fn is_listed(&self, id: &str, dates: Window, open: &Open<'_>) -> Result<Option<bool>, Error> {
        let Some(part) = open.read.first() else { return Ok(None) };
        let narrow = Tile { window: Some(dates), ..part.tile.clone() };
        let options = self.engine.options(part.preferences());
        let Some(mut listing) = Snapshot::new(self.replica.target(&narrow)?, options) else { return Ok(None) };
        loop {
            match self.ask(&mut listing).await {
                Ok(Some(listed)) if listed.page.changes().any(|change| change.id() == Some(id)) => {
                    return Ok(Some(true));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Some(false)),
                Err(Error::Round(error)) => {
                    self.degrade(format!("an event could not be looked for: {error}"));
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What an answer says about an event.
enum Verdict {
    /// It is in the view.
    There(Fetched),
    /// It is a series that is not in the view, though its occurrences may be.
    Left(Fetched),
    /// It is not.
    Not {
        /// How it went.
        what: What,
        /// It is in no other tile either.
        nowhere: bool,
    },
    /// A GET does not find it.
    Nothing,
    /// Nobody knows.
    Unknown,
}
