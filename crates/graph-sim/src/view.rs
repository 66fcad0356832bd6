//! How an event looks to one request: its time zone, its form of ids, its bodies, its API version.

use http::HeaderMap;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::body;
use crate::entry::{Entry, Item};
use crate::error::GraphError;
use crate::event::{Event, Object};
use crate::mailbox::Mailbox;
use crate::prefer::{BodyType, Preferences};
use crate::query::percent_encode;
use crate::quirks::Quirks;
use crate::route::Version;
use crate::series::Instance;
use crate::time::{self, Instant};

/// What an immutable id begins with, where it differs from the default one.
const IMMUTABLE: &str = "AAkALgAA";

/// What decides how events are shown.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) version: Version,
    pub(crate) preferences: Preferences,
    pub(crate) quirks: Quirks,
}

impl View {
    pub(crate) fn new(headers: &HeaderMap, version: Version, quirks: Quirks) -> Result<Self, GraphError> {
        Ok(Self { version, preferences: Preferences::parse(headers)?, quirks })
    }

    /// Whatever it is, with all that Graph shows of it.
    pub(crate) fn item(&self, mailbox: &Mailbox, item: &Item<'_>) -> Object {
        match item {
            Item::Event(entry, event) => self.event(mailbox, entry, event),
            Item::Instance(instance) => self.instance(mailbox, instance),
        }
    }

    /// A single event or a master.
    pub(crate) fn event(&self, mailbox: &Mailbox, entry: &Entry, event: &Event) -> Object {
        let mut shown = self.whole(mailbox, &entry.id, entry.changed, event);
        shown.insert("type".to_owned(), Value::String(event.kind().to_owned()));
        let rule = event.series.as_ref().map(|series| series.recurrence.write());
        shown.insert("recurrence".to_owned(), rule.unwrap_or_default());
        shown
    }

    /// An occurrence or an exception, with what it has from its master.
    pub(crate) fn instance(&self, mailbox: &Mailbox, instance: &Instance<'_>) -> Object {
        let mut shown = self.whole(mailbox, &instance.id(), instance.changed(), &instance.event());
        shown.insert("seriesMasterId".to_owned(), Value::String(self.id(&instance.master.id)));
        if self.version == Version::Beta {
            shown.remove("OccurrenceId");
            shown.insert(
                "occurrenceId".to_owned(),
                Value::String(self.occurrence_id(&instance.master.id, instance.day)),
            );
            shown.insert("originalStart".to_owned(), Value::String(time::with_z(instance.original_start())));
        }
        shown
    }

    /// An occurrence as calendar view deltas show it: its times and whose it is, and nothing else (observed in
    /// microsoft-graph-docs#7632 and #22197).
    pub(crate) fn stub(&self, mailbox: &Mailbox, instance: &Instance<'_>) -> Object {
        let moment = |instant| self.moment(instance.all_day(), instant);
        let shown = [
            ("@odata.etag", Value::String(etag(&mailbox.change_key(instance.changed())))),
            ("id", Value::String(self.id(&instance.id()))),
            ("seriesMasterId", Value::String(self.id(&instance.master.id))),
            ("type", Value::String(instance.kind().to_owned())),
            ("start", moment(instance.start)),
            ("end", moment(instance.end)),
        ];
        shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What beta calls an occurrence: its master and its day, as Graph's documentation of events has it.
    pub(crate) fn occurrence_id(&self, master: &str, day: Date) -> String {
        format!("OID.{}.{day}", self.id(master))
    }

    fn whole(&self, mailbox: &Mailbox, id: &str, changed: u64, event: &Event) -> Object {
        let mut shown = event.properties.clone();
        let id = self.id(id);
        let change_key = mailbox.change_key(changed);
        let link =
            format!("https://outlook.office365.com/owa/?itemid={}&exvsurl=1&path=/calendar/item", percent_encode(&id));
        shown.entry("webLink").or_insert(Value::String(link));
        shown.insert("@odata.etag".to_owned(), Value::String(etag(&change_key)));
        shown.insert("changeKey".to_owned(), Value::String(change_key));
        shown.insert("createdDateTime".to_owned(), Value::String(time::with_z(event.created)));
        shown.insert("id".to_owned(), Value::String(id));
        shown.insert("isAllDay".to_owned(), Value::Bool(event.all_day));
        shown.insert("lastModifiedDateTime".to_owned(), Value::String(time::with_z(event.modified)));
        shown.insert("originalEndTimeZone".to_owned(), Value::String(event.end_zone.clone()));
        shown.insert("originalStartTimeZone".to_owned(), Value::String(event.start_zone.clone()));
        shown.insert("start".to_owned(), self.moment(event.all_day, event.start));
        shown.insert("end".to_owned(), self.moment(event.all_day, event.end));
        self.show_body(&mut shown);
        if self.version == Version::Beta {
            as_in_beta(&mut shown);
        }
        shown
    }

    /// Something as `events/delta` shows it: only id, type, start and end, as Graph's documentation says.
    pub(crate) fn sparse(&self, mailbox: &Mailbox, item: &Item<'_>) -> Object {
        let (id, changed, kind, all_day, start, end) = match item {
            Item::Event(entry, event) => {
                (entry.id.clone(), entry.changed, event.kind(), event.all_day, event.start, event.end)
            }
            Item::Instance(it) => (it.id(), it.changed(), it.kind(), it.all_day(), it.start, it.end),
        };
        let moment = |instant| {
            let moment = self.moment(all_day, instant);
            if !self.quirks.pascal_case_times {
                return moment;
            }
            json!({"DateTime": moment.get("dateTime"), "TimeZone": moment.get("timeZone")})
        };
        let shown = [
            ("@odata.etag", Value::String(etag(&mailbox.change_key(changed)))),
            ("id", Value::String(self.id(&id))),
            ("type", Value::String(kind.to_owned())),
            ("start", moment(start)),
            ("end", moment(end)),
        ];
        shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// A tombstone.
    pub(crate) fn removed(&self, id: &str) -> Object {
        let mut shown = Object::new();
        shown.insert("id".to_owned(), Value::String(self.id(id)));
        shown.insert("@removed".to_owned(), json!({"reason": "deleted"}));
        shown
    }

    /// The id in the form that was asked for.
    pub(crate) fn id(&self, id: &str) -> String {
        let immutable = self.preferences.immutable_ids && self.quirks.distinct_immutable_ids;
        if immutable { format!("{IMMUTABLE}{id}") } else { id.to_owned() }
    }

    /// The stored id that a path means by this one, in either form.
    pub(crate) fn stored_id<'a>(&self, id: &'a str) -> &'a str {
        id.strip_prefix(IMMUTABLE).filter(|_| self.quirks.distinct_immutable_ids).unwrap_or(id)
    }

    /// A `dateTimeTimeZone`. All-day events are the same midnights for everybody, and called UTC (observed in
    /// microsoft-graph-docs#6003 and #8657).
    fn moment(&self, all_day: bool, instant: Instant) -> Value {
        let zone = &self.preferences.zone;
        let (local, name) = if all_day { (instant, "UTC") } else { (zone.local(instant), zone.name()) };
        json!({"dateTime": time::seven_digits(local), "timeZone": name})
    }

    fn show_body(&self, shown: &mut Object) {
        let field = |name: &str| shown.get("body").and_then(|body| body.get(name)).and_then(Value::as_str);
        let content = field("content").unwrap_or_default();
        let is_text = field("contentType") == Some("text");
        let text = if is_text { content.to_owned() } else { body::html_to_text(content) };
        let preview = body::preview(&text);
        let body = match self.preferences.body {
            BodyType::Text => json!({"contentType": "text", "content": text}),
            BodyType::Html if is_text => json!({"contentType": "html", "content": body::text_to_html(content)}),
            BodyType::Html => json!({"contentType": "html", "content": content}),
        };
        shown.insert("body".to_owned(), body);
        shown.insert("bodyPreview".to_owned(), Value::String(preview));
    }
}

/// The weak entity tag around a change key.
fn etag(change_key: &str) -> String {
    format!("W/\"{change_key}\"")
}

/// Beta calls the global id `uid` and shows some properties in the wrong case, as Graph's own sample does.
fn as_in_beta(shown: &mut Object) {
    if let Some(global) = shown.remove("iCalUId") {
        shown.insert("uid".to_owned(), global);
    }
    let extras = [
        ("IsRoomRequested", Value::Bool(false)),
        ("AutoRoomBookingStatus", Value::String("None".to_owned())),
        ("AutoRoomBookingOptions", Value::Null),
        ("OccurrenceId", Value::Null),
    ];
    for (name, value) in extras {
        shown.entry(name).or_insert(value);
    }
}
