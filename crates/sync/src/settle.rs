//! Settling: asking the server what the rounds leave open, before they are published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::{Ask, Event, Fetched as Asked, Found, Hydration, Preferences, Refusal, Snapshot, Timestamp, Window};
use store::{Fetched, Gone, Instances, Questions, Tile, TileId, View, What};

use crate::error::Error;
use crate::health::Owed;
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

/// What is asked, and not answered yet.
#[derive(Default)]
struct Open {
    events: BTreeMap<Arc<str>, Why>,
    series: BTreeMap<Arc<str>, TileId>,
    /// What was asked once is not asked again.
    asked: BTreeSet<(bool, Arc<str>)>,
}

impl Run<'_> {
    /// Asks what has to be asked before a run is published, and adds the answers to it. What is not answered stays as it
    /// is: a later run asks again, or reads everything.
    pub(crate) async fn settle(&mut self, view: &dyn View, run: &mut store::Run) -> Result<(), Error> {
        run.trust = !self.engine.settling.series;
        let mut open = Open::default();
        let mut owed = self.health.owed.clone();
        for _ in 0..TURNS {
            let questions = store::questions(view, run).await?;
            let asks = self.asks(questions, std::mem::take(&mut owed), &mut open);
            if asks.is_empty() || !self.hydrate(asks, &mut open, run).await? {
                break;
            }
        }
        self.report.unanswered = (open.events.len() + open.series.len()) as u64;
        self.health.owed = open.owed();
        run.incomplete = self.health.owed.limit();
        // Before it is published: what is owed is asked for again whatever happens.
        self.remember().await
    }

    /// What there is to ask, by what is allowed and was not asked before.
    fn asks(&self, questions: Questions, owed: Owed, open: &mut Open) -> Vec<Ask> {
        let allowed = self.engine.settling;
        let tile = self.tile.id;
        let whole = self.tile.window.is_some() || allowed.events;
        let stale = questions.stale.into_iter().filter(|_| whole);
        let owed_events = owed.events.into_iter().map(Arc::from);
        let removed = questions.removed.into_iter().filter(|_| allowed.removals);
        let events = (questions.masters.into_iter().chain(stale).chain(owed_events))
            .map(|id| (id, Why::Incomplete))
            .chain(questions.unread.into_iter().map(|id| (id, Why::Unread)))
            .chain(removed.map(|(tile, id)| (id, Why::Removed(tile))))
            .chain(questions.absent.into_iter().map(|(tile, id)| (id, Why::Absent(tile))));
        let mut wanted: BTreeMap<Arc<str>, Why> = BTreeMap::new();
        for (id, why) in events.filter(|(id, _)| !open.asked.contains(&(false, id.clone()))) {
            wanted.entry(id).and_modify(|known| *known = why.max(*known)).or_insert(why);
        }
        let owed_series = owed.series.into_iter().map(|id| (tile, Arc::from(id)));
        let series = questions.series.into_iter().filter(|_| allowed.series).chain(owed_series);
        let series = series.filter(|(_, id)| !open.asked.contains(&(true, id.clone())));
        let series: BTreeMap<Arc<str>, TileId> = series.map(|(tile, id)| (id, tile)).collect();
        open.asked.extend(wanted.keys().map(|id| (false, id.clone())));
        open.asked.extend(series.keys().map(|id| (true, id.clone())));
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
            for Asked { ask, found } in hydrated.events {
                self.report.fetched = self.report.fetched.saturating_add(1);
                match ask {
                    Ask::Event(id) => self.learn(&id, found, open, run).await?,
                    Ask::Instances { series, .. } => open.learn(&series, found, run),
                }
            }
            if let Some(wait) = hydrated.wait {
                self.wait(&wait).await?;
            }
        }
    }

    /// Takes what was found of an event.
    async fn learn(&mut self, id: &str, found: Found, open: &mut Open, run: &mut store::Run) -> Result<(), Error> {
        let Some((id, why)) = open.events.get_key_value(id).map(|(id, why)| (id.clone(), *why)) else { return Ok(()) };
        let found = match found {
            Found::Event(raw) if why != Why::Incomplete => self.look_again(&id, raw).await?,
            found => found,
        };
        if self.take(&id, why, found, run) {
            open.events.remove(&id);
        }
        Ok(())
    }

    /// Whether what was found of an event answers the question.
    fn take(&self, id: &Arc<str>, why: Why, found: Found, run: &mut store::Run) -> bool {
        let mut gone = |tile, what| run.gone.push(Gone { tile, id: id.clone(), what });
        match (found, why) {
            (Found::Event(raw), _) => {
                let place = Place::of(&raw, self.tile.window);
                let Some(fetched) = Fetched::new(raw).filter(|fetched| fetched.id() == id) else { return false };
                match (why, place) {
                    (Why::Incomplete, _) | (Why::Unread | Why::Absent(_), Place::Inside) => run.fetched.push(fetched),
                    (Why::Removed(tile), Place::Inside) => run.fetched.push(fetched.held_by(tile)),
                    (Why::Removed(tile), _) | (Why::Absent(tile), Place::Outside) => gone(tile, What::LeftWindow),
                    (Why::Unread, Place::Outside) => gone(self.tile.id, What::LeftWindow),
                    (Why::Unread | Why::Absent(_), Place::AtTheEdge) => return false,
                }
            }
            (Found::Gone, Why::Removed(tile) | Why::Absent(tile)) => gone(tile, What::Deleted),
            // What was fetched for the sake of others has nothing to say if it is not there: it goes by its `@removed`.
            (Found::Gone, Why::Incomplete) => {}
            (Found::Gone, Why::Unread) | (Found::Unknown(_) | Found::Instances(_), _) => return false,
        }
        true
    }

    /// An event that a GET has found: only a listing of its own dates tells whether it is in the window. It may be the
    /// calendar's and not the view's, and a GET was observed to find events for a while after they were deleted.
    async fn look_again(&mut self, id: &str, raw: String) -> Result<Found, Error> {
        let dates = Place::dates(&raw);
        let Some(window) = dates.and_then(|(start, end)| Window::new(start, end.max(start.plus_seconds(1))).ok())
        else {
            return Ok(Found::Event(raw));
        };
        if !matches!(Place::of(&raw, self.tile.window), Place::Inside) {
            return Ok(Found::Event(raw));
        }
        let narrow = Tile { window: Some(window), ..self.tile.clone() };
        let target = self.replica.target(&narrow)?;
        let Some(mut listing) = Snapshot::new(target, self.engine.options(self.preferences())) else {
            return Ok(Found::Event(raw));
        };
        loop {
            match self.ask(&mut listing).await {
                Ok(Some(listed)) if listed.page.changes().any(|change| change.id() == Some(id)) => {
                    return Ok(Found::Event(raw));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Found::Gone),
                Err(Error::Round(error)) => {
                    self.degrade(format!("an event could not be looked for: {error}"));
                    return Ok(Found::Unknown(Refusal::Unavailable));
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

    /// What a later run has to ask. A round tells of nothing twice. The other questions ask themselves again: what could
    /// not be understood by a full round, a listing by the next one.
    fn owed(&self) -> Owed {
        let events = self.events.iter().filter(|(_, why)| **why == Why::Incomplete);
        Owed {
            events: events.map(|(id, _)| id.to_string()).collect(),
            series: self.series.keys().map(ToString::to_string).collect(),
        }
    }
}

/// Where an event is.
enum Place {
    /// In the window, whatever a window holds: what overlaps it, or what starts in it. Graph does not say which.
    Inside,
    /// Not in the window, in either reading.
    Outside,
    /// In the window in one reading only; or its dates can't be read.
    AtTheEdge,
}

impl Place {
    /// When an event starts and ends.
    fn dates(raw: &str) -> Option<(Timestamp, Timestamp)> {
        let event = Event::parse(raw).ok()?;
        Some((event.start()?.read_as_utc()?, event.end()?.read_as_utc()?))
    }

    fn of(raw: &str, window: Option<Window>) -> Self {
        let Some(window) = window else { return Self::Inside };
        let Some((start, end)) = Self::dates(raw) else { return Self::AtTheEdge };
        let starts_inside = window.start() <= start && start < window.end();
        if starts_inside && end > window.start() {
            Self::Inside
        } else if start >= window.end() || (start < window.start() && end <= window.start()) {
            Self::Outside
        } else {
            Self::AtTheEdge
        }
    }
}
