//! Settling: asking the server what the rounds leave open, before they are published.

use std::collections::BTreeMap;
use std::sync::Arc;

use delta_core::{Ask, Event, EventType, Fetched as Answered, Found, Hydration, Preferences, Snapshot, Window};
use store::{Fetched, Gone, Instances, Questions, Tile, TileId, View, What};

use crate::error::Error;
use crate::owed::{Asked, Owed};
use crate::run::Run;

/// How often answers may lead to other questions: a series has a new exception, an exception has an unknown master.
const TURNS: usize = 4;

/// Why an event is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// It would be shown with less than all of its properties, or its occurrences would.
    Incomplete,
    /// A round told of it without being understood.
    Unread,
    /// A round took it away.
    Removed(TileId),
    /// A plain listing did not show it.
    Absent(TileId),
}

impl Why {
    /// The tile whose hold is in question.
    fn tile(self) -> Option<TileId> {
        match self {
            Self::Removed(tile) | Self::Absent(tile) => Some(tile),
            Self::Incomplete | Self::Unread => None,
        }
    }
}

/// What is asked, and not answered yet.
#[derive(Default)]
struct Open {
    events: BTreeMap<Arc<str>, Why>,
    series: BTreeMap<Arc<str>, TileId>,
    /// What was asked once is not asked again.
    asked: Asked,
}

impl Run<'_> {
    /// Asks what has to be asked before a run is published, and adds the answers to it. What is not answered stays as it
    /// is: a later run asks again, or reads everything. Gives what is owed once the run is published.
    pub(crate) async fn settle(&mut self, view: &dyn View, run: &mut store::Run) -> Result<Owed, Error> {
        run.trust = !self.engine.settling.series;
        let mut open = Open::default();
        self.health.owed.forget_gone(view).await?;
        let mut due = self.health.owed.due(self.engine.timer.now());
        for _ in 0..TURNS {
            let questions = store::questions(view, run).await?;
            let asks = self.asks(questions, std::mem::take(&mut due), &mut open);
            if asks.is_empty() || !self.hydrate(asks, &mut open, run).await? {
                break;
            }
        }
        let mut owed = self.health.owed.clone();
        owed.settle(&open.asked, &open.owed(), self.engine.timer.now());
        self.report.unanswered = owed.len().saturating_add(open.asks_itself_again()) as u64;
        // Before it is published: what is owed is asked for again whatever happens, and so is what was answered, until the
        // answers are published.
        let mut until_then = self.health.owed.clone();
        until_then.take_up(&owed);
        run.incomplete = until_then.limit();
        if run.incomplete {
            return Ok(Owed::default());
        }
        self.health.owed = until_then;
        self.remember().await?;
        Ok(owed)
    }

    /// What there is to ask, by what is allowed and was not asked before.
    fn asks(&self, questions: Questions, owed: Owed, open: &mut Open) -> Vec<Ask> {
        let allowed = self.engine.settling;
        let tile = self.tile.id;
        let whole = self.tile.window.is_some() || allowed.events;
        let stale = questions.stale.into_iter().filter(|_| whole);
        let owed_events = owed.events.into_keys();
        let removed = questions.removed.into_iter().filter(|_| allowed.removals);
        let events = (questions.masters.into_iter().chain(stale).chain(owed_events))
            .map(|id| (id, Why::Incomplete))
            .chain(questions.unread.into_iter().map(|id| (id, Why::Unread)))
            .chain(removed.map(|(tile, id)| (id, Why::Removed(tile))))
            .chain(questions.absent.into_iter().map(|(tile, id)| (id, Why::Absent(tile))));
        let mut wanted: BTreeMap<Arc<str>, Why> = BTreeMap::new();
        for (id, why) in events.filter(|(id, _)| !open.asked.events.contains(id)) {
            wanted.entry(id).and_modify(|known| *known = why.max(*known)).or_insert(why);
        }
        let owed_series = owed.series.into_keys().map(|id| (tile, id));
        let series = questions.series.into_iter().filter(|_| allowed.series).chain(owed_series);
        let series = series.filter(|(_, id)| !open.asked.series.contains(id));
        let series: BTreeMap<Arc<str>, TileId> = series.map(|(tile, id)| (id, tile)).collect();
        open.asked.events.extend(wanted.keys().cloned());
        open.asked.series.extend(series.keys().cloned());
        let instances =
            |series: &Arc<str>| self.tile.window.map(|window| Ask::Instances { series: series.to_string(), window });
        let asks = series.keys().filter_map(instances).chain(wanted.keys().map(|id| Ask::Event(id.to_string())));
        let asks = asks.collect();
        open.events.extend(wanted);
        open.series.extend(series);
        asks
    }

    /// Asks, and takes the answers; false if the server does not go on with it.
    async fn hydrate(&mut self, asks: Vec<Ask>, open: &mut Open, run: &mut store::Run) -> Result<bool, Error> {
        let options = self.engine.options(Preferences { page_size: None, ..self.preferences() });
        let mut hydration = Hydration::new(self.target.clone(), asks, options);
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
                self.report.fetched = self.report.fetched.saturating_add(1);
                match ask {
                    Ask::Event(id) => self.learn(&id, found, open, run).await?,
                    Ask::Instances { series, .. } => open.learn(&series, found, run),
                }
            }
        }
    }

    /// Takes what was found of an event.
    async fn learn(&mut self, id: &str, found: Found, open: &mut Open, run: &mut store::Run) -> Result<(), Error> {
        let Some((id, why)) = open.events.get_key_value(id).map(|(id, why)| (id.clone(), *why)) else { return Ok(()) };
        let answered = match self.verdict(&id, why, found).await? {
            Verdict::There(event) => {
                run.fetched.push(event);
                true
            }
            Verdict::Left(series) => {
                run.fetched.push(series);
                run.gone.push(Gone {
                    tile: why.tile().unwrap_or(self.tile.id),
                    id: id.clone(),
                    what: What::LeftWindow,
                });
                true
            }
            Verdict::Not(what) => {
                run.gone.push(Gone { tile: why.tile().unwrap_or(self.tile.id), id: id.clone(), what });
                true
            }
            // It goes by its `@removed`, and stays as it is until then, or until it is found.
            Verdict::Nothing => why == Why::Incomplete && self.health.owed.is_believed(&id),
            Verdict::Unknown => false,
        };
        if answered {
            open.events.remove(&id);
        }
        Ok(())
    }

    /// What an answer says about an event. What was taken away, or was not listed, is deleted if a GET does not find it;
    /// what a round told of without being understood goes by its `@removed` only.
    async fn verdict(&mut self, id: &Arc<str>, why: Why, found: Found) -> Result<Verdict, Error> {
        let raw = match (found, why) {
            (Found::Event(raw), _) => raw,
            (Found::Gone, Why::Removed(_) | Why::Absent(_)) => return Ok(Verdict::Not(What::Deleted)),
            (Found::Gone, _) => return Ok(Verdict::Nothing),
            (Found::Unknown(_) | Found::Instances(_), _) => return Ok(Verdict::Unknown),
        };
        let (listed, what) = match (why, self.place(&raw)) {
            (Why::Incomplete, _) => (true, What::Deleted),
            (_, None) => return Ok(Verdict::Unknown),
            // A series is taken away when nothing of it is left in the window; or only its master is, which may have changed.
            (Why::Removed(_), Some(Place::Series)) => {
                return Ok(Fetched::new(raw).filter(|event| event.id() == id).map_or(Verdict::Unknown, Verdict::Left));
            }
            (_, Some(Place::Series | Place::Anywhere)) => (true, What::Deleted),
            (_, Some(Place::Outside)) => (false, What::LeftWindow),
            (_, Some(Place::At { dates, starts_before })) => match self.is_listed(id, dates).await? {
                Some(listed) => (listed, if starts_before { What::LeftWindow } else { What::Deleted }),
                None => return Ok(Verdict::Unknown),
            },
        };
        if !listed {
            return Ok(Verdict::Not(what));
        }
        let event = Fetched::new(raw).filter(|event| event.id() == id);
        Ok(match (event, why) {
            (Some(event), Why::Removed(tile)) => Verdict::There(event.held_by(tile)),
            (Some(event), _) => Verdict::There(event),
            (None, _) => Verdict::Unknown,
        })
    }

    /// Where an event is, as far as its own dates tell; none if they can't be read.
    fn place(&self, raw: &str) -> Option<Place> {
        let event = Event::parse(raw).ok()?;
        let Some(window) = self.tile.window else { return Some(Place::Anywhere) };
        if event.kind() == EventType::SeriesMaster {
            return Some(Place::Series);
        }
        let (start, end) = (event.start()?.read_as_utc()?, event.end()?.read_as_utc()?);
        let floating = if event.is_all_day() == Some(true) { FLOATING } else { 0 };
        if start >= window.end().plus_seconds(floating) || end < window.start().plus_seconds(-floating) {
            return Some(Place::Outside);
        }
        let from = start.max(window.start());
        let dates = Window::new(from, end.min(window.end()).max(from.plus_seconds(1))).ok()?;
        Some(Place::At { dates, starts_before: start < window.start() })
    }

    /// Whether a listing of these dates, which are a part of the window, shows an event: only that tells whether the window
    /// holds it, in whichever way, and a GET was observed to find events for a while after they were deleted.
    async fn is_listed(&mut self, id: &str, dates: Window) -> Result<Option<bool>, Error> {
        let narrow = Tile { window: Some(dates), ..self.tile.clone() };
        let options = self.engine.options(self.preferences());
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

impl Open {
    /// Takes what was found of a series' members. None of them are there where the series is not.
    fn learn(&mut self, series: &str, found: Found, run: &mut store::Run) {
        let members: Option<Vec<Fetched>> = match found {
            Found::Instances(instances) => instances.into_iter().map(Fetched::new).collect(),
            Found::Gone => Some(Vec::new()),
            Found::Event(_) | Found::Unknown(_) => None,
        };
        if let Some(members) = members
            && let Some((series, tile)) = self.series.remove_entry(series)
        {
            run.instances.push(Instances { tile, series, members });
        }
    }

    /// What a later run has to ask. A round tells of nothing twice.
    fn owed(&self) -> Asked {
        let events = self.events.iter().filter(|(_, why)| **why == Why::Incomplete);
        Asked { events: events.map(|(id, _)| id.clone()).collect(), series: self.series.keys().cloned().collect() }
    }

    /// How many questions ask themselves again: what could not be understood by a full round, a listing by the next one.
    fn asks_itself_again(&self) -> usize {
        self.events.values().filter(|why| **why != Why::Incomplete).count()
    }
}

/// What an answer says about an event.
enum Verdict {
    /// It is in the view.
    There(Fetched),
    /// It is a series that is not in the view, though its occurrences may be.
    Left(Fetched),
    /// It is not.
    Not(What),
    /// A GET does not find it.
    Nothing,
    /// Nobody knows.
    Unknown,
}

/// Where an event is.
enum Place {
    /// There is no window.
    Anywhere,
    /// A series master: its dates are those of its first occurrence, and say nothing.
    Series,
    /// Not in the window, in whichever way a window holds events.
    Outside,
    /// Perhaps in the window.
    At {
        /// What it shares with the window.
        dates: Window,
        /// Whether it began before the window.
        starts_before: bool,
    },
}

/// How far a time without a zone is from UTC at most, in seconds.
const FLOATING: i64 = 14 * 60 * 60;
