//! Settling: asking the server about what a round told of without being understood, and about what a plain listing did
//! not show.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::{Event, Found, Hydration, Preferences, RoundId, Window};
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
            for event in hydrated.events {
                self.report.fetched = self.report.fetched.saturating_add(1);
                let answered = answers.take(&event.id, event.found, &questions, &self.tile);
                self.report.unanswered = self.report.unanswered.saturating_sub(u64::from(answered));
            }
            if let Some(wait) = hydrated.wait {
                self.wait(&wait).await?;
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
    fn of(raw: &str, window: Option<Window>) -> Self {
        let Some(window) = window else { return Self::Inside };
        let Ok(event) = Event::parse(raw) else { return Self::AtTheEdge };
        let read = |time: Option<delta_core::DateTimeTimeZone<'_>>| time.and_then(|time| time.read_as_utc());
        let Some((start, end)) = read(event.start()).zip(read(event.end())) else { return Self::AtTheEdge };
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
