//! The responses of Graph's documentation, replayed through a round as they stand.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use delta_core::{
    ApiVersion, Change, Cloud, DeltaLink, Event, EventType, RemovedReason, Round, RoundKind, ServiceRoot, Step, Target,
    Window,
};
use http::Response;

/// A response from `fixtures/seeds`.
fn fixture(case: &str, number: u32) -> Response<Vec<u8>> {
    let path = format!("{}/../../fixtures/seeds/{case}/{number:02}.response.http", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let (_, body) = text.split_once("\n\n").unwrap();
    Response::builder().header("content-type", "application/json").body(body.as_bytes().to_vec()).unwrap()
}

fn view(resource: &str, start: &str, end: &str) -> Target {
    let window = Window::parse(start, end).unwrap();
    Target::calendar_view(ServiceRoot::cloud(Cloud::Global), resource.parse().unwrap(), window).unwrap()
}

/// What each item of a page is: a subject, or `-` for a removal.
fn subjects<'p>(changes: impl Iterator<Item = Change<'p>>) -> Vec<String> {
    changes
        .map(|change| match change {
            Change::Upsert(item) => item.event().unwrap().subject().unwrap().into_owned(),
            Change::Remove { reason: RemovedReason::Deleted, .. } => "-".to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn the_walk_through_is_three_pages_and_then_one() {
    for (case, next_round) in
        [("calendar-view", &["-", "Attend service"][..]), ("calendar-view-2017-beta", &["Attend service"])]
    {
        let target = view("me", "2016-12-01T00:00:00Z", "2016-12-30T00:00:00Z");
        let target = if case.ends_with("beta") { target.with_version(ApiVersion::Beta).unwrap() } else { target };
        let mut round = Round::full(target.clone());
        let mut seen = Vec::new();
        for number in 1..=2 {
            let Step::Page { page, .. } = round.receive(fixture(case, number)).unwrap() else { panic!() };
            seen.push(subjects(page.changes()));
        }
        let Step::Complete { page, link } = round.receive(fixture(case, 3)).unwrap() else { panic!() };
        seen.push(subjects(page.changes()));
        assert_eq!(seen, [vec!["Plan shopping list", "Pick up car"], vec!["Get food", "Prepare food"], vec!["Rest!"]]);

        let mut round = Round::incremental(target, &link).unwrap();
        assert_eq!(round.kind(), RoundKind::Incremental);
        let Step::Complete { page, link: newer } = round.receive(fixture(case, 4)).unwrap() else { panic!() };
        assert_eq!(subjects(page.changes()), next_round);
        assert_ne!(newer, link);
        assert!(newer.expose().ends_with("$deltatoken=R0usmcFuQtZdtpk4"));
    }
}

#[test]
fn odd_casing_a_missing_context_and_a_spaced_id_survive() {
    let target =
        Target::events(ServiceRoot::cloud(Cloud::Global), "me/calendar/events".parse().unwrap(), None).unwrap();
    let mut round = Round::full(target);
    let Step::Page { page, .. } = round.receive(fixture("events-beta", 1)).unwrap() else { panic!() };
    let Some(Change::Upsert(item)) = page.changes().next() else { panic!() };
    assert_eq!((item.id(), item.kind()), ("AAMkADllMWMwNDkzLWJlY2EtNDIyOS1iZjAA=", EventType::SingleInstance));
    let event = item.event().unwrap();
    assert_eq!(event.start().unwrap().read_as_utc().unwrap().to_string(), "2020-02-19T10:00:00Z");
    assert!(event.end().unwrap().is_utc());
    assert!(item.raw().contains("\" AAMk"), "what Graph said is kept as it was said");
}

#[test]
fn every_property_of_a_whole_event_can_be_read() {
    let target = view("me/calendars/AAMkADI5M1BbeAAA=", "2020-06-01", "2020-06-10");
    let mut round = Round::full(target.with_version(ApiVersion::Beta).unwrap());
    let Step::Page { page, .. } = round.receive(fixture("calendar-view-beta", 1)).unwrap() else { panic!() };
    let Some(Change::Upsert(item)) = page.changes().next() else { panic!() };
    let event = item.event().unwrap();
    assert_eq!(event.subject().as_deref(), Some("Summer party"));
    assert_eq!(event.etag().as_deref(), Some("W/\"Jdsb3FEkPk2qoUHCdliYowACwixTgw==\""));
    assert_eq!(event.created().unwrap().to_string(), "2020-06-16T04:05:43.8668791Z");
    assert_eq!(event.last_modified().unwrap().to_string(), "2020-06-16T04:08:27.3542680Z");
    assert_eq!(event.change_key().as_deref(), Some("Jdsb3FEkPk2qoUHCdliYowACwixTgw=="));
    assert!(event.categories().is_empty() && event.locations().is_empty());
    assert_eq!((event.transaction_id(), event.series_master_id(), event.ical_uid()), (None, None, None));
    assert_eq!(event.original_start_time_zone().as_deref(), Some("Pacific Standard Time"));
    assert_eq!(event.original_end_time_zone().as_deref(), Some("Pacific Standard Time"));
    assert!(event.uid().unwrap().starts_with("040000008200E00074C5B7101A82E008"));
    assert_eq!((event.reminder_minutes_before_start(), event.is_reminder_on()), (Some(15), Some(false)));
    assert_eq!(
        (event.has_attachments(), event.is_all_day(), event.is_cancelled()),
        (Some(false), Some(false), Some(false))
    );
    assert_eq!((event.is_organizer(), event.is_room_requested()), (Some(true), Some(false)));
    assert_eq!(event.auto_room_booking_status().as_deref(), Some("None"));
    assert_eq!((event.importance().as_deref(), event.sensitivity().as_deref()), (Some("normal"), Some("normal")));
    assert_eq!((event.show_as().as_deref(), event.kind()), (Some("busy"), EventType::SingleInstance));
    assert!(event.web_link().unwrap().starts_with("https://outlook.office365.com/owa/"));
    assert_eq!(
        (event.online_meeting_url(), event.online_meeting(), event.is_online_meeting()),
        (None, None, Some(false))
    );
    assert_eq!((event.online_meeting_provider().as_deref(), event.occurrence_id()), (Some("unknown"), None));
    assert_eq!((event.allow_new_time_proposals(), event.is_draft()), (Some(true), Some(false)));
    assert_eq!((event.recurrence(), event.auto_room_booking_options()), (None, None));
    assert_eq!((event.response_requested(), event.body_preview().as_deref()), (Some(true), Some("")));
    let status = event.response_status().unwrap();
    assert_eq!((status.response.as_deref(), status.time.as_deref()), (Some("none"), Some("0001-01-01T00:00:00Z")));
    assert!(event.body().unwrap().content.unwrap().starts_with("<html>\r\n"));
    assert_eq!(event.end().unwrap().read_as_utc().unwrap().to_string(), "2020-06-02T22:30:00Z");
    let location = event.location().unwrap();
    assert_eq!((location.display_name.as_deref(), location.location_type.as_deref()), (Some(""), Some("default")));
    assert_eq!(location.coordinates.unwrap().latitude, None);
    let attendees = event.attendees();
    let address = |recipient: &delta_core::EmailAddress<'_>| recipient.address.clone().unwrap().into_owned();
    assert_eq!(address(attendees[0].email_address.as_ref().unwrap()), "samanthab@contoso.com");
    assert_eq!(attendees[0].status.as_ref().unwrap().response.as_deref(), Some("none"));
    assert_eq!(address(&event.organizer().unwrap().email_address.unwrap()), "samanthab@contoso.com");
    let names: Vec<&str> = event.properties().map(|(name, _)| name).collect();
    assert_eq!((names.len(), names[0], names[names.len() - 1]), (45, "@odata.type", "organizer"));
    assert!(!event.is_stub());
}

#[test]
fn a_place_with_an_address_and_coordinates_can_be_read() {
    let link = DeltaLink::new("/v1.0/me/calendarView/delta?$deltatoken=x");
    let mut round = Round::incremental(view("me", "2016-12-01", "2016-12-30"), &link).unwrap();
    let Step::Complete { page, .. } = round.receive(fixture("calendar-view", 4)).unwrap() else { panic!() };
    let change = page.changes().nth(1).unwrap();
    let location = Event::parse(change.raw()).unwrap().location().unwrap();
    let address = location.address.unwrap();
    assert_eq!((address.city.as_deref(), address.postal_code.as_deref()), (Some("Seattle"), Some("")));
    assert_eq!(location.coordinates.unwrap().longitude, Some(-122.321));
}
