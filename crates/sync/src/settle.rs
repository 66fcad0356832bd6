//! Settling: asking the server about what a round told of without being understood, and about what a plain listing did
//! not show.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::{
    Event, Fetched as Asked, Found, Hydration, Preferences, Refusal, RoundId, Snapshot, Timestamp, Window,
};
use store::{Fetched, Gone, Questions, Tile, TileId, View, What};

use crate::error::Error;
use crate::run::Run;

/// What the server said.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) fetched: Vec<Fetched>,
    pub(crate) gone: Vec<Gone>,
}

impl Run<'_> {
    /// Asks what has to be asked before the rounds can be published. What is not answered stays as it is: the next run
    /// asks again, or reads everything.
    pub(crate) async fn settle(
        &mut self,
        view: &dyn View,
        rounds: &[RoundId],
        retire: &[TileId],
    ) -> Result<Answers, Error> {
        let questions = store::questions(view, rounds, retire).await?;
        let mut answers = Answers::default();
        let absent = questions.absent.iter().map(|(_, id)| id);
        let ids: BTreeSet<&Arc<str>> = questions.unread.iter().chain(absent).collect();
        if ids.is_empty() {
            return Ok(answers);
        }
        self.report.unanswered = ids.len() as u64;
        let options = self.engine.options(Preferences { page_size: None, ..self.preferences() });
        let mut hydration = Hydration::new(self.target.clone(), ids.into_iter().map(|id| id.to_string()), options);
        loop {
            let hydrated = match self.ask(&mut hydration).await {
                Ok(Some(hydrated)) => hydrated,
                Ok(None) => return Ok(answers),
                Err(Error::Round(error)) => {
                    self.degrade(format!("some events could not be asked for: {error}"));
                    return Ok(answers);
                }
                Err(error) => return Err(error),
            };
            for Asked { id, found } in hydrated.events {
                self.report.fetched = self.report.fetched.saturating_add(1);
                let found = match found {
                    Found::Event(raw) => self.look_again(&id, raw).await?,
                    found => found,
                };
                let answered = answers.take(&id, found, &questions, &self.tile);
                self.report.unanswered = self.report.unanswered.saturating_sub(u64::from(answered));
            }
            if let Some(wait) = hydrated.wait {
                self.wait(&wait).await?;
            }
        }
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

impl Answers {
    /// Takes what was found of an event; false if that is no answer to what was asked.
    fn take(&mut self, id: &str, found: Found, questions: &Questions, tile: &Tile) -> bool {
        let absent = questions.absent.iter().find(|(_, absent)| **absent == *id);
        let (holder, id) = absent.map_or_else(|| (tile.id, id.into()), |(holder, id)| (*holder, id.clone()));
        let what = match found {
            Found::Event(raw) => match Place::of(&raw, tile.window) {
                Place::Inside => {
                    self.fetched.extend(Fetched::new(raw));
                    return true;
                }
                Place::Outside => What::LeftWindow,
                Place::AtTheEdge => return false,
            },
            Found::Gone if absent.is_some() => What::Deleted,
            // What a round told of without being understood goes by its `@removed` only.
            Found::Gone | Found::Unknown(_) => return false,
        };
        self.gone.push(Gone { tile: holder, id, what });
        true
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
