//! Events: what a client may say about one, and what the mailbox keeps of it.

use jiff::civil::Time;
use serde_json::{Map, Value};

use crate::error::GraphError;
use crate::properties;
use crate::recurrence::{Clock, Recurrence};
use crate::series::Series;
use crate::time::{Instant, Written};
use crate::zone::Zone;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// An event: one meeting, one stretch of days, or the master of a series of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// When it begins; of an all-day event the first day's midnight, in no zone.
    pub(crate) start: Instant,
    /// When it ends, exclusive; of an all-day event the midnight after the last day, in no zone.
    pub(crate) end: Instant,
    pub(crate) all_day: bool,
    pub(crate) start_zone: String,
    pub(crate) end_zone: String,
    pub(crate) created: Instant,
    pub(crate) modified: Instant,
    /// What makes it a series master, whose own times are those of the first occurrence.
    pub(crate) series: Option<Series>,
    /// All properties that are stored and not computed when the event is shown.
    pub(crate) properties: Object,
}

/// What a client says of an event when it creates or updates it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    start: Option<Moment>,
    end: Option<Moment>,
    all_day: Option<bool>,
    /// Nothing when nothing was said about it, `null` for an event that is to take place once.
    recurrence: Option<Value>,
    properties: Object,
}

/// A `dateTimeTimeZone`.
#[derive(Debug, Clone)]
struct Moment {
    written: Written,
    zone: Zone,
}

impl Draft {
    /// Reads what a client sent. Properties that only Graph may set are dropped, as Graph drops them; unknown ones
    /// are kept.
    pub(crate) fn from_client(object: Object) -> Result<Self, GraphError> {
        Self::read(object, properties::is_read_only)
    }

    /// Reads an event of a population, which may set everything but what is computed.
    pub(crate) fn from_population(object: Object) -> Result<Self, GraphError> {
        Self::read(object, properties::is_computed)
    }

    fn read(object: Object, dropped: impl Fn(&str) -> bool) -> Result<Self, GraphError> {
        let mut draft = Self::default();
        for (name, value) in object {
            match name.as_str() {
                "start" => draft.start = Some(Moment::read("start", &value)?),
                "end" => draft.end = Some(Moment::read("end", &value)?),
                "isAllDay" => {
                    draft.all_day = Some(value.as_bool().ok_or_else(|| GraphError::bad_property("isAllDay"))?)
                }
                "recurrence" => draft.recurrence = Some(value),
                _ if dropped(&name) => {}
                _ => {
                    let value = properties::normalise(&name, value)?;
                    draft.properties.insert(name, value);
                }
            }
        }
        properties::pair_locations(&mut draft.properties);
        Ok(draft)
    }

    /// The `transactionId`, by which Graph recognises a request that is sent twice.
    pub(crate) fn transaction_id(&self) -> Option<&str> {
        self.properties.get("transactionId")?.as_str()
    }

    /// The properties that were said, without times and recurrence.
    pub(crate) fn properties(&self) -> &Object {
        &self.properties
    }

    /// A new event of this draft.
    pub(crate) fn create(self, now: Instant) -> Result<Event, GraphError> {
        let (Some(start), Some(end)) = (&self.start, &self.end) else {
            return Err(GraphError::property_validation());
        };
        let mut event = Event::new(start.instant(false), end.instant(false), now);
        self.apply(&mut event, now)?;
        Ok(event)
    }

    /// Updates an event, or says why not and leaves it as it was.
    pub(crate) fn update(self, event: &mut Event, now: Instant) -> Result<(), GraphError> {
        let mut updated = event.clone();
        self.apply(&mut updated, now)?;
        *event = updated;
        Ok(())
    }

    fn apply(self, event: &mut Event, now: Instant) -> Result<(), GraphError> {
        let (start, end, all_day) = (event.start, event.end, event.all_day);
        event.all_day = self.all_day.unwrap_or(event.all_day);
        if let Some(start) = self.start {
            event.start = start.instant(event.all_day);
            event.start_zone = start.zone.name().to_owned();
        }
        if let Some(end) = self.end {
            event.end = end.instant(event.all_day);
            event.end_zone = end.zone.name().to_owned();
        }
        event.modified = now;
        event.properties.extend(self.properties);
        event.check()?;
        let moved = (event.start, event.end, event.all_day) != (start, end, all_day);
        event.recur(self.recurrence, moved)
    }
}

impl Event {
    /// An event that says nothing yet but when it is, in UTC.
    pub(crate) fn new(start: Instant, end: Instant, now: Instant) -> Self {
        Self {
            start,
            end,
            all_day: false,
            start_zone: Zone::utc().name().to_owned(),
            end_zone: Zone::utc().name().to_owned(),
            created: now,
            modified: now,
            series: None,
            properties: properties::defaults(),
        }
    }

    /// Makes the event take place by this rule, or once, or if nothing is said as it did before.
    ///
    /// Another rule or other times begin a new series: its exceptions and cancellations are forgotten, as they are in
    /// Outlook.
    fn recur(&mut self, rule: Option<Value>, moved: bool) -> Result<(), GraphError> {
        let before = self.series.take();
        let recurrence = match (rule, &before) {
            (Some(Value::Null), _) | (None, None) => return Ok(()),
            (Some(rule), _) => Recurrence::read(&rule, &self.start_zone)?,
            (None, Some(series)) if moved => {
                let rule = series.recurrence.clone();
                let day = self.clock(&rule).day(self.start);
                rule.starting(day)
            }
            (None, Some(series)) => series.recurrence.clone(),
        };
        let before = before.filter(|series| !moved && series.recurrence.zone == recurrence.zone);
        let clock = before.as_ref().map_or_else(|| self.clock(&recurrence), |series| series.clock.clone());
        let day = recurrence.first_day().ok_or_else(GraphError::no_occurrence)?;
        (self.start, self.end) = clock.on(day);
        self.series = Some(match before {
            Some(series) if series.recurrence == recurrence => Series { changed: 0, ..series },
            _ => Series::new(recurrence, clock),
        });
        Ok(())
    }

    /// The clock by which this event's occurrences begin; all-day events keep no zone.
    fn clock(&self, recurrence: &Recurrence) -> Clock {
        let zone = if self.all_day { Zone::utc() } else { recurrence.zone.clone() };
        Clock::new(zone, self.start, self.end)
    }

    /// Graph's word for what it is.
    pub(crate) fn kind(&self) -> &'static str {
        if self.series.is_some() { "seriesMaster" } else { "singleInstance" }
    }

    /// An event may last no time at all, but not less; an all-day event goes from midnight to another midnight.
    fn check(&self) -> Result<(), GraphError> {
        if self.all_day {
            for (property, time) in [("Start", self.start), ("End", self.end)] {
                if time.time() != Time::midnight() {
                    return Err(GraphError::not_midnight(property));
                }
            }
        }
        let backwards = self.end < self.start || (self.all_day && self.end == self.start);
        if backwards { Err(GraphError::property_validation()) } else { Ok(()) }
    }
}

impl Moment {
    /// Reads `{"dateTime": …, "timeZone": …}`; without a zone it is in UTC.
    fn read(property: &str, value: &Value) -> Result<Self, GraphError> {
        let bad = || GraphError::bad_property(property);
        let object = value.as_object().ok_or_else(bad)?;
        let field = |wanted: &str| {
            let found = object.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.as_str().ok_or_else(bad)).transpose()
        };
        let written = Written::parse(field("dateTime")?.ok_or_else(bad)?).ok_or_else(bad)?;
        let name = field("timeZone")?.unwrap_or("UTC");
        let zone = Zone::find(name).ok_or_else(|| GraphError::unknown_time_zone(name))?;
        Ok(Self { written, zone })
    }

    /// The instant, or for an all-day event the date and time on the page.
    fn instant(&self, all_day: bool) -> Instant {
        match self.written {
            written if all_day => written.local(),
            Written::Fixed { instant, .. } => instant,
            Written::Local(local) => self.zone.instant(local),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    fn draft(value: Value) -> Result<Draft, GraphError> {
        let Value::Object(object) = value else { panic!("an object") };
        Draft::from_client(object)
    }

    fn create(value: Value) -> Result<Event, GraphError> {
        draft(value)?.create(date(2026, 1, 1).at(0, 0, 0, 0))
    }

    fn at(time: &str, zone: &str) -> Value {
        json!({"dateTime": time, "timeZone": zone})
    }

    #[test]
    fn times_are_read_in_their_zone() {
        let pacific = "Pacific Standard Time";
        let event =
            create(json!({"start": at("2026-07-01T09:00:00", pacific), "end": at("2026-07-01T10:00:00Z", "UTC")}));
        assert_eq!(event.unwrap_err(), GraphError::property_validation());
        let event =
            create(json!({"start": at("2026-07-01T09:00:00", pacific), "end": at("2026-07-01T17:00:00", "UTC")}));
        let event = event.unwrap();
        assert_eq!(event.start, date(2026, 7, 1).at(16, 0, 0, 0));
        assert_eq!((event.start_zone.as_str(), event.end_zone.as_str()), (pacific, "UTC"));
    }

    #[test]
    fn an_all_day_event_floats_from_midnight_to_midnight() {
        let day = |from: &str, to: &str| {
            let zone = "Tokyo Standard Time";
            create(json!({"isAllDay": true, "start": at(from, zone), "end": at(to, zone)}))
        };
        assert_eq!(day("2026-07-01", "2026-07-02").unwrap().start, date(2026, 7, 1).at(0, 0, 0, 0));
        assert_eq!(day("2026-07-01T01:00:00", "2026-07-02").unwrap_err(), GraphError::not_midnight("Start"));
        assert_eq!(day("2026-07-01", "2026-07-02T01:00:00").unwrap_err(), GraphError::not_midnight("End"));
        assert_eq!(day("2026-07-01", "2026-07-01").unwrap_err(), GraphError::property_validation());
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let mut event =
            create(json!({"start": at("2026-07-01T09:00:00", "UTC"), "end": at("2026-07-01T10:00:00", "UTC")}))
                .unwrap();
        let before = event.clone();
        let patch = draft(json!({"subject": "later", "start": at("2026-07-01T11:00:00", "UTC")})).unwrap();
        assert!(patch.update(&mut event, date(2026, 1, 2).at(0, 0, 0, 0)).is_err());
        assert_eq!(event, before);
    }

    #[test]
    fn what_only_graph_may_set_is_dropped_and_the_unknown_is_kept() {
        let draft = draft(json!({"id": "mine", "changeKey": "x", "@odata.etag": "y", "favourite": [1]})).unwrap();
        assert_eq!(Value::Object(draft.properties), json!({"favourite": [1]}));
    }

    #[test]
    fn nonsense_is_refused_with_its_name() {
        for (property, value) in [
            ("start", json!("tomorrow")),
            ("end", json!({"dateTime": 5})),
            ("isAllDay", json!("yes")),
            ("showAs", json!("asleep")),
            ("categories", json!([1])),
            ("body", json!({"contentType": "pdf"})),
        ] {
            let object = Object::from_iter([(property.to_owned(), value)]);
            assert_eq!(Draft::from_client(object).unwrap_err(), GraphError::bad_property(property));
        }
    }
}
