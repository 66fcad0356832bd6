//! Settling: asking the server about what a round told of without being understood, and about what a plain listing did
//! not show.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::{Event, Found, Hydration, Preferences, RoundId, Window};
use store::{Fetched, Gone, Questions, TileId, View, What};

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
                answers.take(&event.id, event.found, &questions, self.tile.window);
            }
            if let Some(wait) = hydrated.wait {
                self.wait(&wait).await?;
            }
        }
    }
}

impl Answers {
    fn take(&mut self, id: &str, found: Found, questions: &Questions, window: Option<Window>) {
        let absent = questions.absent.iter().find(|(_, absent)| **absent == *id);
        match (found, absent) {
            (Found::Event(raw), Some((tile, id))) if is_outside(&raw, window) => {
                self.gone.push(Gone { tile: *tile, id: id.clone(), what: What::LeftWindow });
            }
            (Found::Event(raw), _) => self.fetched.extend(Fetched::new(raw)),
            (Found::Gone, Some((tile, id))) => {
                self.gone.push(Gone { tile: *tile, id: id.clone(), what: What::Deleted });
            }
            // What a round told of without being understood goes by its `@removed` only.
            (Found::Gone, None) | (Found::Unknown(_), _) => {}
        }
    }
}

/// Whether an event has left the window. One whose dates can't be read has not.
fn is_outside(raw: &str, window: Option<Window>) -> bool {
    let Some((event, window)) = Event::parse(raw).ok().zip(window) else { return false };
    let start = event.start().and_then(|start| start.read_as_utc());
    let end = event.end().and_then(|end| end.read_as_utc());
    start.is_some_and(|start| start >= window.end()) || end.is_some_and(|end| end <= window.start())
}
