//! What one would write down to read events with serde: every property as a type of its own, owned, as SDKs have it.

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Envelope {
    pub value: Vec<Event>,
}

macro_rules! owned {
    ($($name:ident { $($field:ident: $type:ty = $json:literal,)* })*) => {$(
        #[derive(Deserialize)]
        pub struct $name {
            $(#[serde(rename = $json)] pub $field: Option<$type>,)*
        }
    )*};
}

owned! {
    Event {
        etag: String = "@odata.etag",
        id: String = "id",
        created: String = "createdDateTime",
        modified: String = "lastModifiedDateTime",
        change_key: String = "changeKey",
        categories: Vec<String> = "categories",
        transaction_id: String = "transactionId",
        original_start_time_zone: String = "originalStartTimeZone",
        original_end_time_zone: String = "originalEndTimeZone",
        ical_uid: String = "iCalUId",
        reminder_minutes: i64 = "reminderMinutesBeforeStart",
        is_reminder_on: bool = "isReminderOn",
        has_attachments: bool = "hasAttachments",
        subject: String = "subject",
        body_preview: String = "bodyPreview",
        importance: String = "importance",
        sensitivity: String = "sensitivity",
        is_all_day: bool = "isAllDay",
        is_cancelled: bool = "isCancelled",
        is_organizer: bool = "isOrganizer",
        response_requested: bool = "responseRequested",
        series_master_id: String = "seriesMasterId",
        show_as: String = "showAs",
        kind: String = "type",
        web_link: String = "webLink",
        online_meeting_url: String = "onlineMeetingUrl",
        is_online_meeting: bool = "isOnlineMeeting",
        online_meeting_provider: String = "onlineMeetingProvider",
        allow_new_time_proposals: bool = "allowNewTimeProposals",
        is_draft: bool = "isDraft",
        hide_attendees: bool = "hideAttendees",
        recurrence: serde_json::Value = "recurrence",
        online_meeting: OnlineMeeting = "onlineMeeting",
        response_status: ResponseStatus = "responseStatus",
        body: ItemBody = "body",
        start: DateTimeTimeZone = "start",
        end: DateTimeTimeZone = "end",
        location: Location = "location",
        locations: Vec<Location> = "locations",
        attendees: Vec<Attendee> = "attendees",
        organizer: Recipient = "organizer",
        removed: serde_json::Value = "@removed",
    }
    OnlineMeeting { join_url: String = "joinUrl", }
    ResponseStatus { response: String = "response", time: String = "time", }
    ItemBody { content_type: String = "contentType", content: String = "content", }
    DateTimeTimeZone { date_time: String = "dateTime", time_zone: String = "timeZone", }
    Location {
        display_name: String = "displayName",
        location_type: String = "locationType",
        unique_id: String = "uniqueId",
        unique_id_type: String = "uniqueIdType",
    }
    Attendee { kind: String = "type", status: ResponseStatus = "status", email_address: EmailAddress = "emailAddress", }
    Recipient { email_address: EmailAddress = "emailAddress", }
    EmailAddress { name: String = "name", address: String = "address", }
}
