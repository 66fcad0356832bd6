//! A lazy, typed view over an event's raw JSON.

mod types;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;

use crate::json::{NotJson, Walker};
use crate::page::EventType;
use crate::timestamp::Timestamp;

pub use types::{
    Attendee, Coordinates, DateTimeTimeZone, EmailAddress, ItemBody, Location, OnlineMeeting, PatternedRecurrence,
    PhysicalAddress, Recipient, RecurrencePattern, RecurrenceRange, ResponseStatus,
};

/// An event's properties, decoded one by one when they are asked for.
///
/// A property that is absent, `null` or of another type than Graph's documentation says reads as `None`; its raw JSON
/// is always there. Names are found in any case: real payloads have `IsRoomRequested` and `OccurrenceId` beside
/// `isAllDay`, and a sample in Graph's documentation has `DateTime` for `dateTime`.
///
/// ```
/// use delta_core::Event;
///
/// let event = Event::parse(r#"{"subject":"Rest!","start":{"dateTime":"2016-12-12T02:00:00.0000000","timeZone":"UTC"}}"#)?;
/// assert_eq!(event.subject().as_deref(), Some("Rest!"));
/// assert_eq!(event.start().and_then(|start| start.read_as_utc()).unwrap().to_string(), "2016-12-12T02:00:00Z");
/// assert_eq!(event.is_all_day(), None);
/// # Ok::<(), delta_core::NotAnEvent>(())
/// ```
#[derive(Clone)]
pub struct Event<'a> {
    raw: &'a str,
    properties: Vec<(Cow<'a, str>, Range<usize>)>,
}

/// The text is not a JSON object, or nests deeper than 64 arrays and objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnEvent;

impl fmt::Display for NotAnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event is not a JSON object")
    }
}

impl std::error::Error for NotAnEvent {}

impl From<NotJson> for NotAnEvent {
    fn from(_: NotJson) -> Self {
        Self
    }
}

impl<'a> Event<'a> {
    /// Finds the properties of an event.
    pub fn parse(raw: &'a str) -> Result<Self, NotAnEvent> {
        let mut properties = Vec::with_capacity(48);
        let mut walker = Walker::new(raw);
        walker.object(|walker, key| {
            properties.push((key.decode().ok_or(NotAnEvent)?, walker.skip()?));
            Ok::<_, NotAnEvent>(())
        })?;
        walker.end()?;
        Ok(Self { raw, properties })
    }

    /// The event's JSON, byte for byte.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The properties in Graph's order: name and raw JSON.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.properties.iter().map(|(name, range)| (name.as_ref(), self.slice(range)))
    }

    /// The raw JSON of one property, by its name in any case; an exact match comes first, and of several the last one
    /// counts, as with most readers of JSON.
    pub fn property(&self, name: &str) -> Option<&'a str> {
        let exact = self.properties.iter().rfind(|(found, _)| found == name);
        let found = exact.or_else(|| self.properties.iter().rfind(|(found, _)| found.eq_ignore_ascii_case(name)));
        found.map(|(_, range)| self.slice(range))
    }

    /// One property, decoded.
    pub fn get<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str::<Option<T>>(self.property(name)?).ok().flatten()
    }

    /// Whether this is an occurrence as a delta query sends it: its id, series, type, start and end, and nothing else
    /// (observed; Graph's documentation promises all properties).
    pub fn is_stub(&self) -> bool {
        const STUB: [&str; 5] = ["id", "seriesMasterId", "type", "start", "end"];
        self.kind() == EventType::Occurrence
            && self.properties().all(|(name, _)| {
                name.starts_with("@odata.") || STUB.iter().any(|known| name.eq_ignore_ascii_case(known))
            })
    }

    fn slice(&self, range: &Range<usize>) -> &'a str {
        self.raw.get(range.clone()).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get::<types::Text<'a>>(name).map(|text| text.0)
    }

    fn instant(&self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(&self.text(name)?).ok()
    }

    /// `id`, without surrounding white space.
    pub fn id(&self) -> Option<Cow<'a, str>> {
        self.text("id").map(|id| match id {
            Cow::Borrowed(id) => Cow::Borrowed(id.trim_ascii()),
            Cow::Owned(id) => Cow::Owned(id.trim_ascii().to_owned()),
        })
    }

    /// `@odata.etag`.
    pub fn etag(&self) -> Option<Cow<'a, str>> {
        self.text("@odata.etag")
    }

    /// `type`.
    pub fn kind(&self) -> EventType {
        self.text("type").map(|kind| EventType::from_graph(&kind)).unwrap_or_default()
    }

    /// `start`.
    pub fn start(&self) -> Option<DateTimeTimeZone<'a>> {
        self.get("start")
    }

    /// `end`. Exclusive for all-day events.
    pub fn end(&self) -> Option<DateTimeTimeZone<'a>> {
        self.get("end")
    }

    /// `body`.
    pub fn body(&self) -> Option<ItemBody<'a>> {
        self.get("body")
    }

    /// `location`.
    pub fn location(&self) -> Option<Location<'a>> {
        self.get("location")
    }

    /// `locations`; empty where there are none.
    pub fn locations(&self) -> Vec<Location<'a>> {
        self.get("locations").unwrap_or_default()
    }

    /// `attendees`; empty where there are none.
    pub fn attendees(&self) -> Vec<Attendee<'a>> {
        self.get("attendees").unwrap_or_default()
    }

    /// `organizer`.
    pub fn organizer(&self) -> Option<Recipient<'a>> {
        self.get("organizer")
    }

    /// `responseStatus`: how the calendar's owner answered.
    pub fn response_status(&self) -> Option<ResponseStatus<'a>> {
        self.get("responseStatus")
    }

    /// `recurrence`, of a series master.
    pub fn recurrence(&self) -> Option<PatternedRecurrence<'a>> {
        self.get("recurrence")
    }

    /// `onlineMeeting`.
    pub fn online_meeting(&self) -> Option<OnlineMeeting<'a>> {
        self.get("onlineMeeting")
    }

    /// `categories`; empty where there are none.
    pub fn categories(&self) -> Vec<Cow<'a, str>> {
        self.get::<Vec<types::Text<'a>>>("categories").unwrap_or_default().into_iter().map(|text| text.0).collect()
    }
}

/// Properties that are read alike: a method each, by the property's name.
macro_rules! properties {
    ($type:ty, $read:ident: $($(#[$doc:meta])* $method:ident = $name:literal,)*) => {
        impl<'a> Event<'a> {
            $(
                #[doc = concat!("`", $name, "`.")]
                $(#[$doc])*
                pub fn $method(&self) -> Option<$type> {
                    self.$read($name)
                }
            )*
        }
    };
}

properties! { Cow<'a, str>, text:
    subject = "subject",
    body_preview = "bodyPreview",
    change_key = "changeKey",
    importance = "importance",
    sensitivity = "sensitivity",
    show_as = "showAs",
    series_master_id = "seriesMasterId",
    /// An occurrence's identity within its series; documented for beta only.
    occurrence_id = "occurrenceId",
    /// Not unique and not stable: never a key.
    ical_uid = "iCalUId",
    /// The beta name of `iCalUId`: the same for all of a series.
    uid = "uid",
    transaction_id = "transactionId",
    web_link = "webLink",
    original_start_time_zone = "originalStartTimeZone",
    original_end_time_zone = "originalEndTimeZone",
    online_meeting_url = "onlineMeetingUrl",
    online_meeting_provider = "onlineMeetingProvider",
    /// In real payloads, undocumented.
    auto_room_booking_status = "AutoRoomBookingStatus",
    /// In real payloads, undocumented.
    auto_room_booking_options = "AutoRoomBookingOptions",
}

properties! { bool, get:
    is_all_day = "isAllDay",
    is_cancelled = "isCancelled",
    is_draft = "isDraft",
    is_online_meeting = "isOnlineMeeting",
    is_organizer = "isOrganizer",
    is_reminder_on = "isReminderOn",
    has_attachments = "hasAttachments",
    hide_attendees = "hideAttendees",
    allow_new_time_proposals = "allowNewTimeProposals",
    response_requested = "responseRequested",
    /// In real payloads, undocumented.
    is_room_requested = "IsRoomRequested",
}

properties! { i64, get:
    reminder_minutes_before_start = "reminderMinutesBeforeStart",
}

properties! { Timestamp, instant:
    created = "createdDateTime",
    last_modified = "lastModifiedDateTime",
    /// Where an exception would have been.
    original_start = "originalStart",
}

impl fmt::Debug for Event<'_> {
    /// What is in people's calendars is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("id", &self.id()).finish_non_exhaustive()
    }
}
