//! Comparing a replica with what the server lists, property by property. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::{
    Ask, Event, EventType, Found, Hydration, Instances, Preferences, Refusal, RoundOptions, Snapshot, Target,
    Timestamp, Window,
};
use serde::Serialize;
use store::reader::{self, EventRow};
use store::{Row, Store, View};

use crate::asking::Asking;
use crate::error::Error;
use crate::health::Health;
use crate::observer::Notice;
use crate::replica::Replica;
use crate::synchronizer::Synchronizer;

/// How many rows to read at a time.
const ROWS: usize = 1024;
/// How far two clocks may be apart, and how long a run may take, before what changed in it counts as changed before it.
const SLACK_SECONDS: i64 = 5 * 60;

/// How a replica compares with the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// The resource, such as `me`.
    pub target: String,
    /// What was read: the windows of the replica's tiles, none for an events view.
    pub windows: Vec<Window>,
    /// When the replica was last up to date. What changed on the server since is a difference as well.
    pub synced_at: Option<Timestamp>,
    /// Requests sent.
    pub requests: u32,
    /// Events that are on both sides.
    pub compared: u64,
    /// Of these, how many differ.
    pub differing: u64,
    /// Events that only the server has.
    pub missing: u64,
    /// Events that only the replica has.
    pub extra: u64,
    /// Events that neither a listing nor the server, asked for them, said anything about.
    pub unanswered: u64,
    /// How many of the differences are of events that the server says were changed since the replica was up to date, so that
    /// the next run may settle them.
    pub since_sync: u64,
}

impl Verification {
    /// How many events differ, in whichever way.
    pub fn differences(&self) -> u64 {
        self.differing.saturating_add(self.missing).saturating_add(self.extra)
    }
}

/// An event in which a replica differs from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The event's id.
    pub id: Arc<str>,
    /// How it differs.
    pub what: Differs,
    /// The properties that differ, by name. Their values are in neither.
    pub properties: Vec<String>,
    /// Its subject, the server's before the replica's.
    pub subject: Option<String>,
    /// Whether the event was changed since the replica was up to date, by its own `lastModifiedDateTime`; none if nobody
    /// knows, as of one that is gone.
    pub since_sync: Option<bool>,
}

/// How an event differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Differs {
    /// The replica does not have it.
    Missing,
    /// The server does not have it, at least not in the window.
    Extra,
    /// Properties are not the same.
    Properties,
}

impl Synchronizer {
    /// Compares a published replica with the server: reads each tile's window by a plain listing, asks what a listing
    /// leaves open (an event that it does not show may have slipped from one page to another, and series masters are
    /// never in it), and tells the observer of each [`Difference`]. Annotations (`@odata.*`) are left out, and so are the
    /// properties that delta queries do not send of an occurrence.
    ///
    /// An events view is compared with the plain list of events, in the properties that the replica was told of. Nothing is
    /// written to the store.
    ///
    /// # Errors
    /// [`Error::NotListed`] for an events view that begins at a date; [`Error::NotSynced`] if nothing was published yet;
    /// whatever keeps the server from being asked.
    pub async fn verify(&self, replica: &Replica, store: &dyn Store) -> Result<Verification, Error> {
        let view = store.view().await?;
        if view.tiles().is_empty() {
            return Err(Error::NotSynced);
        }
        let asking = Asking::of(self, &replica.root, &replica.resource);
        if let Some(until) = Health::of(view.as_ref()).not_before {
            asking.close_until(until);
        }
        let mut check = Check::new(replica, view.as_ref(), &asking);
        for tile in view.tiles() {
            let target = replica.target(tile)?;
            view.identity().map_or(Ok(()), |stored| stored.check(&replica.identity(&target)))?;
            check.list(target).await?;
        }
        // Only when all tiles are listed is it known what none of them shows.
        check.look_for_rest().await?;
        check.result.requests = asking.requests();
        Ok(check.result)
    }
}

/// A comparison on its way.
struct Check<'a> {
    replica: &'a Replica,
    view: &'a dyn View,
    asking: &'a Asking<'a>,
    /// The ids that were compared.
    seen: BTreeSet<Arc<str>>,
    result: Verification,
}

impl<'a> Check<'a> {
    fn new(replica: &'a Replica, view: &'a dyn View, asking: &'a Asking<'a>) -> Self {
        let result = Verification {
            target: replica.resource.to_string(),
            windows: view.tiles().iter().filter_map(|tile| tile.window).collect(),
            synced_at: view.tiles().iter().map(|tile| tile.synced_at).min().flatten(),
            ..Verification::default()
        };
        Self { replica, view, asking, seen: BTreeSet::new(), result }
    }

    fn options(&self) -> RoundOptions {
        self.asking.engine.options(self.replica.preferences())
    }

    /// Goes through what the server lists of a tile.
    async fn list(&mut self, target: Target) -> Result<(), Error> {
        let mut listing = Snapshot::new(target, self.options()).ok_or(Error::NotListed)?;
        while let Some(listed) = self.asking.ask(&mut listing).await? {
            for change in listed.page.changes() {
                if let Some(id) = change.id() {
                    self.compare(id, change.raw()).await?;
                }
            }
        }
        Ok(())
    }

    /// Compares an event of the server's with the replica's.
    async fn compare(&mut self, id: &str, server: &str) -> Result<(), Error> {
        if !self.seen.insert(id.into()) {
            return Ok(());
        }
        let Some(ours) = reader::event(self.view, id).await? else {
            self.tell(id, Differs::Missing, Vec::new(), Some(server), None);
            return Ok(());
        };
        let listed = Event::parse(server).is_ok_and(|event| event.kind() == EventType::SeriesMaster);
        if !listed && !ours.row.is_member() {
            self.tell(id, Differs::Missing, Vec::new(), Some(server), None);
            return Ok(());
        }
        self.result.compared = self.result.compared.saturating_add(1);
        let properties = differing(&ours, server);
        if !properties.is_empty() {
            self.tell(id, Differs::Properties, properties, Some(server), Some(&ours.json));
        }
        Ok(())
    }

    /// Looks for the rows that no listing has shown: occurrences and exceptions among the instances of their series,
    /// everything else by itself.
    async fn look_for_rest(&mut self) -> Result<(), Error> {
        let mut series: BTreeMap<Arc<str>, Vec<Row>> = BTreeMap::new();
        let mut alone: Vec<Row> = Vec::new();
        let mut after: Option<Arc<str>> = None;
        loop {
            let rows = self.view.rows(after.as_deref(), ROWS).await?;
            after = rows.last().filter(|_| rows.len() == ROWS).map(|row| row.meta.id.clone());
            for row in rows.into_iter().filter(|row| !self.seen.contains(&row.meta.id)) {
                match &row.meta.series {
                    Some(master) if !self.result.windows.is_empty() => {
                        series.entry(master.clone()).or_default().push(row)
                    }
                    _ => alone.push(row),
                }
            }
            if after.is_none() {
                break;
            }
        }
        for (master, rows) in series {
            self.look_in_series(&master, rows).await?;
        }
        self.ask_for(alone).await
    }

    /// Looks for rows among the instances of their series, in every window that the replica has.
    async fn look_in_series(&mut self, master: &str, rows: Vec<Row>) -> Result<(), Error> {
        let mut wanted: BTreeMap<Arc<str>, Row> = rows.into_iter().map(|row| (row.meta.id.clone(), row)).collect();
        for tile in self.view.tiles() {
            let Some(window) = tile.window else { continue };
            let listing = Instances::new(self.replica.target(tile)?, master, window, self.options());
            let mut listing = listing.ok_or(Error::NotListed)?;
            loop {
                let listed = match self.asking.ask(&mut listing).await {
                    Ok(Some(listed)) => listed,
                    Ok(None) => break,
                    Err(Error::Round(delta_core::Error::Refused { refusal: Refusal::NotFound, .. })) => break,
                    Err(error) => return Err(error),
                };
                for change in listed.page.changes() {
                    if let Some(row) = change.id().and_then(|id| wanted.remove(id)) {
                        self.compare(&row.meta.id, change.raw()).await?;
                    }
                }
            }
        }
        for row in wanted.into_values() {
            self.extra(&row, None).await?;
        }
        Ok(())
    }

    /// Asks for events by their ids.
    async fn ask_for(&mut self, rows: Vec<Row>) -> Result<(), Error> {
        let Some(tile) = self.view.tiles().first() else { return Ok(()) };
        let mut wanted: BTreeMap<String, Row> = rows.into_iter().map(|row| (row.meta.id.to_string(), row)).collect();
        let options = self.asking.engine.options(Preferences { page_size: None, ..self.replica.preferences() });
        let ids: Vec<String> = wanted.keys().cloned().collect();
        let mut hydration = Hydration::new(self.replica.target(tile)?, ids, options);
        while let Some(hydrated) = self.asking.ask(&mut hydration).await? {
            if let Some(wait) = &hydrated.wait {
                self.asking.wait(wait).await?;
            }
            for answer in hydrated.events {
                let Ask::Event(id) = answer.ask else { continue };
                let Some(row) = wanted.remove(&id) else { continue };
                match answer.found {
                    Found::Event(raw) if self.is_in_view(&row, &raw) => self.compare(&id, &raw).await?,
                    Found::Event(raw) => self.extra(&row, Some(&raw)).await?,
                    Found::Gone => self.extra(&row, None).await?,
                    Found::Instances(_) | Found::Unknown(_) => {
                        self.result.unanswered = self.result.unanswered.saturating_add(1)
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether an event that was found by itself is in one of the windows, as far as its dates tell. A master is nowhere:
    /// that it is there is enough.
    fn is_in_view(&self, row: &Row, raw: &str) -> bool {
        let Ok(event) = Event::parse(raw) else { return false };
        if row.meta.kind == EventType::SeriesMaster || self.result.windows.is_empty() {
            return true;
        }
        let time = |time: Option<delta_core::DateTimeTimeZone<'_>>| time.and_then(|time| time.read_as_utc());
        let (Some(start), Some(end)) = (time(event.start()), time(event.end())) else { return true };
        self.result.windows.iter().any(|window| start < window.end() && end >= window.start())
    }

    async fn extra(&mut self, row: &Row, server: Option<&str>) -> Result<(), Error> {
        let ours = reader::event(self.view, &row.meta.id).await?;
        let ours = ours.as_ref().map(|event| event.json.as_str());
        self.tell(&row.meta.id, Differs::Extra, Vec::new(), server, ours);
        Ok(())
    }

    fn tell(&mut self, id: &str, what: Differs, properties: Vec<String>, server: Option<&str>, ours: Option<&str>) {
        let server_event = server.and_then(|server| Event::parse(server).ok());
        let changed = server_event.as_ref().and_then(Event::last_modified);
        let since_sync = changed
            .zip(self.result.synced_at)
            .map(|(changed, synced_at)| changed > synced_at.plus_seconds(-SLACK_SECONDS));
        let subject = |json: Option<&str>| Event::parse(json?).ok()?.subject().map(|subject| subject.into_owned());
        let difference = Difference {
            id: id.into(),
            what,
            properties,
            subject: subject(server).or_else(|| subject(ours)),
            since_sync,
        };
        let counter = match what {
            Differs::Missing => &mut self.result.missing,
            Differs::Extra => &mut self.result.extra,
            Differs::Properties => &mut self.result.differing,
        };
        *counter = counter.saturating_add(1);
        self.result.since_sync = self.result.since_sync.saturating_add((since_sync == Some(true)).into());
        self.asking.engine.observer.notice(&Notice::Difference(&difference));
    }
}

/// The names of the properties in which an event differs from the server's.
fn differing(ours: &EventRow, server: &str) -> Vec<String> {
    let (Ok(mine), Ok(theirs)) = (Event::parse(&ours.json), Event::parse(server)) else {
        return vec!["(unreadable)".to_owned()];
    };
    let mine: BTreeMap<&str, &str> = mine.properties().filter(|(name, _)| !name.contains("@odata.")).collect();
    let theirs: BTreeMap<&str, &str> = theirs.properties().filter(|(name, _)| !name.contains("@odata.")).collect();
    let names: BTreeSet<&str> = mine.keys().chain(theirs.keys()).copied().collect();
    let differs = |name: &&str| match (mine.get(name), theirs.get(name)) {
        (Some(mine), Some(theirs)) => !is_same(mine, theirs),
        (None, Some(_)) => !ours.may_lack(name),
        (Some(_), None) | (None, None) => true,
    };
    names.into_iter().filter(differs).map(str::to_owned).collect()
}

/// Whether two values are the same, however they are written.
fn is_same(one: &str, two: &str) -> bool {
    let value = |json| serde_json::from_str::<serde_json::Value>(json).ok();
    one == two || value(one).is_some_and(|one| Some(one) == value(two))
}
