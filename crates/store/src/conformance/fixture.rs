//! Rounds, pages and events to feed a store with, and a picture of what it then holds.

use std::fmt::Write;

use delta_core::{
    Calendar, Cloud, DeltaLink, EventType, Mailbox, Resource, Round, RoundId, RoundKind, RoundOptions, ServiceRoot,
    Step, Target, Timestamp, ViewKind, Window,
};

use crate::batch::{Batch, Publish, Stage};
use crate::model::{Identity, Position, Tile, TileId};
use crate::plan::{Fetched, Questions, Run, Summary, plan, questions};
use crate::store::{Store, View};

/// A day in seconds.
pub const DAY: i64 = 24 * 60 * 60;

/// An instant, in seconds after the start of 2026.
pub fn instant(seconds: i64) -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap().plus_seconds(seconds)
}

/// A window from one day of 2026 to another.
pub fn window(from: i64, to: i64) -> Window {
    Window::new(instant(from * DAY), instant(to * DAY)).unwrap()
}

/// A tile over a window.
pub fn tile(id: u32, from: i64, to: i64) -> Tile {
    Tile::new(TileId(id), Some(window(from, to)), None)
}

/// A single event on a day of 2026, at noon and for an hour.
pub fn event(id: &str, version: u32, day: i64) -> String {
    format!(
        r##"{{"@odata.type":"#microsoft.graph.event","@odata.etag":"W/\"{version}\"","id":"{id}","type":"singleInstance","subject":"{id} v{version}","isAllDay":false,{}}}"##,
        times(day)
    )
}

/// An occurrence as delta sends it.
pub fn stub(id: &str, master: &str, version: u32, day: i64) -> String {
    format!(
        r#"{{"@odata.etag":"W/\"{version}\"","id":"{id}","type":"occurrence","seriesMasterId":"{master}",{}}}"#,
        times(day)
    )
}

/// A series master.
pub fn master(id: &str, version: u32) -> String {
    format!(
        r#"{{"@odata.etag":"W/\"{version}\"","id":"{id}","type":"seriesMaster","calendar@odata.navigationLink":"x","subject":"{id} v{version}","isAllDay":false,"recurrence":{{}},"webLink":"https://outlook.office365.com/{id}",{}}}"#,
        times(-1000)
    )
}

/// An item of an events view.
pub fn sparse(id: &str, version: u32, day: i64) -> String {
    format!(r#"{{"@odata.etag":"W/\"{version}\"","id":"{id}","type":"singleInstance",{}}}"#, times(day))
}

/// A removal.
pub fn removed(id: &str) -> String {
    format!(r#"{{"id":"{id}","@removed":{{"reason":"deleted"}}}}"#)
}

fn times(day: i64) -> String {
    let time = |seconds| {
        let text = instant(day * DAY + seconds).to_string();
        format!(r#"{{"dateTime":"{}.0000000","timeZone":"UTC"}}"#, text.trim_end_matches('Z'))
    };
    format!(r#""start":{},"end":{}"#, time(12 * 60 * 60), time(13 * 60 * 60))
}

/// The layers of a payload laid over each other, for a row that has one.
pub async fn full(view: &dyn View, id: &str) -> Option<String> {
    crate::reader::event(view, id).await.unwrap().map(|event| event.json)
}

/// A store, and numbers for the rounds that are staged in it.
#[derive(Debug)]
pub struct Fixture<'s, S: ?Sized> {
    store: &'s S,
    rounds: std::cell::Cell<u64>,
}

impl<'s, S: Store + ?Sized> Fixture<'s, S> {
    /// Feeds a store.
    pub fn new(store: &'s S) -> Self {
        Self { store, rounds: std::cell::Cell::new(1) }
    }

    /// The identity that all runs have.
    pub fn identity() -> Identity {
        Identity {
            origin: "https://graph.microsoft.com".to_owned(),
            api_version: "v1.0".to_owned(),
            resource: "me/calendarView".to_owned(),
            calendar: None,
            id_type: "ImmutableId".to_owned(),
            body_type: "html".to_owned(),
        }
    }

    /// The batches that stage a round of these pages, as the protocol would make them.
    pub fn pages(&self, tile: &Tile, kind: RoundKind, pages: &[Vec<String>]) -> Vec<Stage> {
        let number = self.rounds.get();
        self.rounds.set(number + 1);
        let resource = Resource::new(Mailbox::Me, Calendar::Default, ViewKind::CalendarView).unwrap();
        let root = ServiceRoot::from(Cloud::Global);
        let target = Target::calendar_view(root, resource, tile.window.unwrap_or_else(|| window(0, 10))).unwrap();
        let link = |query: &str| format!("https://graph.microsoft.com/v1.0/me/calendarView/delta?{query}={number}");
        let round = match kind {
            RoundKind::Full => Round::full(target),
            RoundKind::Incremental => Round::incremental(target, &DeltaLink::new(link("$deltatoken"))).unwrap(),
        };
        let mut round = round.with_options(RoundOptions { seed: number, ..RoundOptions::default() });
        let id = round.id();
        let last = pages.len() - 1;
        let stages = pages.iter().enumerate().map(|(at, items)| {
            let link = if at == last {
                format!(r#""@odata.deltaLink":"{}""#, link("$deltatoken"))
            } else {
                format!(r#""@odata.nextLink":"{}""#, link("$skiptoken"))
            };
            let body = format!(r#"{{"value":[{}],{link}}}"#, items.join(","));
            let response = http::Response::new(body);
            let (page, position) = match round.receive(response).unwrap() {
                Step::Page { page, checkpoint } => (page, Position::Paging(checkpoint)),
                Step::Complete { page, link } => (page, Position::Complete(link)),
                step => panic!("not a page: {step:?}"),
            };
            Stage::page(id, kind, tile.clone(), at as u32, &page, position)
        });
        stages.collect()
    }

    /// Stages a round of these pages.
    pub async fn stage(&self, tile: &Tile, kind: RoundKind, pages: &[Vec<String>]) -> RoundId {
        let mut round = None;
        for stage in self.pages(tile, kind, pages) {
            round = Some(stage.round);
            self.store.write(Batch::Stage(stage)).await.unwrap();
        }
        round.unwrap()
    }

    /// Works out a run.
    pub async fn plan(&self, rounds: &[RoundId], retire: &[TileId], fetched: &[String]) -> (Publish, Summary) {
        let fetched = fetched.iter().map(|raw| Fetched::new(raw.clone()).unwrap()).collect();
        let view = self.view().await;
        let run = Run { retire: retire.to_vec(), fetched, ..self.plain_run(rounds).await };
        plan(view.as_ref(), run).await.unwrap()
    }

    /// A run that publishes rounds and nothing else.
    pub async fn plain_run(&self, rounds: &[RoundId]) -> Run {
        let view = self.view().await;
        Run::new(instant(view.revision().0 as i64), Self::identity(), rounds.to_vec(), Vec::new())
    }

    /// What has to be asked before a run is published.
    pub async fn questions(&self, run: &Run) -> Questions {
        questions(self.view().await.as_ref(), run).await.unwrap()
    }

    /// Stages a plain listing of these pages.
    pub async fn list(&self, tile: &Tile, pages: &[Vec<String>]) -> RoundId {
        let mut stages = self.pages(tile, RoundKind::Incremental, pages);
        let last = stages.len() - 1;
        for (number, stage) in stages.iter_mut().enumerate() {
            stage.position = if number == last { Position::Listed } else { Position::Listing };
        }
        let round = stages[0].round;
        for stage in stages {
            self.store.write(Batch::Stage(stage)).await.unwrap();
        }
        round
    }

    /// Publishes a run.
    pub async fn publish_run(&self, run: Run) -> Summary {
        let (publish, summary) = plan(self.view().await.as_ref(), run).await.unwrap();
        self.store.write(Batch::Publish(publish)).await.unwrap();
        summary
    }

    /// Publishes staged rounds.
    pub async fn publish(&self, rounds: &[RoundId]) -> Summary {
        let (publish, summary) = self.plan(rounds, &[], &[]).await;
        self.store.write(Batch::Publish(publish)).await.unwrap();
        summary
    }

    /// Stages a round of one page and publishes it.
    pub async fn run(&self, tile: &Tile, kind: RoundKind, items: &[String]) -> Summary {
        let round = self.stage(tile, kind, &[items.to_vec()]).await;
        self.publish(&[round]).await
    }

    /// What the journal says after an entry, in short.
    pub async fn notes(&self, after: u64) -> Vec<String> {
        let entries = self.view().await.journal(after, 1000).await.unwrap();
        let etag = |etag: &Option<String>| etag.clone().unwrap_or_default().replace("W/", "").replace('"', "");
        let line = |note: &crate::Note| {
            format!(
                "{:?} {} {}>{} {:?}",
                note.what,
                note.id,
                etag(&note.etag_before),
                etag(&note.etag_after),
                note.reason
            )
        };
        entries.iter().map(|entry| line(&entry.note)).collect()
    }

    /// The ids of all rows, in order.
    pub async fn ids(&self) -> Vec<String> {
        let rows = self.view().await.rows(None, 1000).await.unwrap();
        let mut ids: Vec<String> = rows.iter().map(|row| row.meta.id.to_string()).collect();
        ids.sort_unstable();
        ids
    }

    /// The store as it is now.
    pub async fn view(&self) -> std::sync::Arc<dyn View> {
        self.store.view().await.unwrap()
    }
}

/// Everything that a view shows, as text: two views that show the same have the same picture.
pub async fn picture(view: &dyn View) -> String {
    let mut text = String::new();
    writeln!(text, "revision {} of {:?}", view.revision(), view.identity()).unwrap();
    for tile in view.tiles() {
        let link = tile.link.as_ref().map(DeltaLink::expose);
        writeln!(text, "tile {tile:?} {link:?}").unwrap();
    }
    writeln!(text, "engine {:?}", view.engine_state().map(|state| state.text())).unwrap();
    for staged in view.rounds() {
        let link = serde_json::to_string(&staged.position).unwrap();
        writeln!(text, "staged {staged:?} {link}").unwrap();
        for number in 0..staged.pages {
            let page = view.staged_page(staged.round, number).await.unwrap().unwrap();
            for (item, staged_item) in (0..).zip(&page.items) {
                let item = crate::ItemRef { round: staged.round, page: number, item };
                let raw = view.staged_raw(item).await.unwrap().unwrap();
                writeln!(text, "  {:?} {raw}", staged_item.word).unwrap();
            }
        }
    }
    for row in view.rows(None, usize::MAX).await.unwrap() {
        let payload = view.payload(&row.meta.id).await.unwrap().unwrap();
        writeln!(text, "row {row:?} {payload:?}").unwrap();
        if let Some(series) = &row.meta.series {
            let members = view.members(series, None, usize::MAX).await.unwrap();
            assert!(members.contains(&row), "a row is not among the members of its series");
            let all_name_it = members.iter().all(|member| member.meta.series.as_ref() == Some(series));
            assert!(all_name_it, "a row is among the members of a series that it does not name");
        }
        let everything = Timestamp::MIN..Timestamp::MAX;
        let in_time =
            view.overlapping(everything, None, usize::MAX).await.unwrap().iter().any(|(_, found)| *found == row);
        let expected = row.meta.start.is_some() && row.meta.kind != EventType::SeriesMaster;
        assert_eq!(in_time, expected, "the time index and the rows differ");
    }
    for entry in view.journal(view.first_seq() - 1, usize::MAX).await.unwrap() {
        writeln!(text, "{entry:?}").unwrap();
    }
    text
}
