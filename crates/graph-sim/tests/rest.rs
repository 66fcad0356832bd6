//! The plain REST side: events, calendars, preferences and errors.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use bytes::Bytes;
use common::{BETA, Client, calendar_ids, event, id, names};
use graph_sim::{Population, SimulatorOptions};
use http::Request;
use serde_json::{Value, json};

const WINDOW: &str = "startDateTime=2026-03-01&endDateTime=2026-04-01";

fn meeting() -> Value {
    event("Meeting", "2026-03-02T09:00:00", "2026-03-02T10:00:00")
}

#[test]
fn an_event_lives_from_post_to_delete_under_every_form_of_its_path() {
    let mut client = Client::new();
    let me = id(&client.get("/me").ok().body).to_owned();
    let calendars = calendar_ids(&mut client);
    let group = id(&client.get("/me/calendarGroups").ok().items()[0]).to_owned();
    let (default, other) = (&calendars[0], &calendars[1]);
    let owners = ["/me".to_owned(), format!("/users/{me}"), "/users/samanthab@contoso.com".to_owned()];
    for owner in owners {
        for place in [
            String::new(),
            "/calendar".to_owned(),
            format!("/calendars/{default}"),
            format!("/calendars/{other}"),
            format!("/calendarGroups/{group}/calendars/{other}"),
        ] {
            let events = format!("{owner}{place}/events");
            let created = client.post(&events, &meeting());
            assert_eq!(created.status, 201, "{events}: {}", created.body);
            assert_eq!(client.get(created.header("location")).ok().body, created.body);
            let one = format!("{events}/{}", id(&created.body));
            assert_eq!(client.get(&one).ok().body, created.body);
            assert_eq!(client.get(&events).ok().items().len(), 1, "{events}");
            let view = format!("{owner}{place}/calendarView?{WINDOW}");
            assert_eq!(id(&client.get(&view).ok().items()[0]), id(&created.body));
            let patched = client.patch(&one, &json!({"subject": "Changed"})).ok().body;
            assert_eq!(patched["subject"], "Changed");
            for changed in ["changeKey", "@odata.etag", "lastModifiedDateTime"] {
                assert_ne!(patched[changed], created.body[changed]);
            }
            for kept in ["id", "createdDateTime", "iCalUId", "start", "organizer"] {
                assert_eq!(patched[kept], created.body[kept]);
            }
            assert_eq!(client.delete(&one).status, 204);
            for gone in [client.get(&one), client.patch(&one, &json!({})), client.delete(&one)] {
                let message = "The specified object was not found in the store.";
                assert_eq!(gone.error(), (404, "ErrorItemNotFound", message));
            }
        }
    }
}

#[test]
fn an_event_has_every_property_that_graphs_has() {
    let mut client = Client::new();
    let made = client.post(
        "/me/events",
        &json!({
            "subject": "Summer party",
            "body": {"contentType": "HTML", "content": "<p>Bring <b>cake</b></p>"},
            "start": {"dateTime": "2026-07-02T13:00:00", "timeZone": "Pacific Standard Time"},
            "end": {"dateTime": "2026-07-02T15:30:00", "timeZone": "Pacific Standard Time"},
            "location": {"displayName": "Garden"},
            "attendees": [{"emailAddress": {"address": "samanthab@contoso.com", "name": "Samantha Booth"}}],
            "categories": ["Blue"],
            "showAs": "free",
            "weather": {"sunny": true},
        }),
    );
    let made = made.body;
    for property in [
        "@odata.context",
        "@odata.etag",
        "id",
        "createdDateTime",
        "lastModifiedDateTime",
        "changeKey",
        "categories",
        "transactionId",
        "originalStartTimeZone",
        "originalEndTimeZone",
        "iCalUId",
        "reminderMinutesBeforeStart",
        "isReminderOn",
        "hasAttachments",
        "subject",
        "bodyPreview",
        "importance",
        "sensitivity",
        "isAllDay",
        "isCancelled",
        "isOrganizer",
        "responseRequested",
        "seriesMasterId",
        "showAs",
        "type",
        "webLink",
        "onlineMeetingUrl",
        "isOnlineMeeting",
        "onlineMeetingProvider",
        "allowNewTimeProposals",
        "hideAttendees",
        "isDraft",
        "recurrence",
        "onlineMeeting",
        "responseStatus",
        "body",
        "start",
        "end",
        "location",
        "locations",
        "attendees",
        "organizer",
    ] {
        assert!(made.get(property).is_some(), "{property}");
    }
    assert_eq!(made["@odata.etag"], format!("W/\"{}\"", made["changeKey"].as_str().unwrap()));
    assert_eq!(made["start"], json!({"dateTime": "2026-07-02T20:00:00.0000000", "timeZone": "UTC"}));
    assert_eq!(made["originalStartTimeZone"], "Pacific Standard Time");
    assert_eq!(made["bodyPreview"], "Bring cake");
    assert_eq!(made["body"]["contentType"], "html");
    assert_eq!(made["locations"], json!([made["location"]]));
    assert_eq!(made["location"]["locationType"], "default");
    assert_eq!(made["attendees"][0]["status"], json!({"response": "none", "time": "0001-01-01T00:00:00Z"}));
    assert_eq!(made["weather"], json!({"sunny": true}));
    let beta = client.get(&format!("{BETA}/me/events/{}", id(&made))).ok().body;
    assert_eq!(beta["uid"], made["iCalUId"]);
    assert!(beta.get("iCalUId").is_none() && beta["IsRoomRequested"] == false);
}

#[test]
fn the_same_transaction_makes_one_event() {
    let mut client = Client::new();
    let mut meeting = meeting();
    meeting["transactionId"] = json!("0c7c2d1e-once");
    assert_eq!(client.create("/me", &meeting), client.create("/me", &meeting));
    assert_eq!(client.get("/me/events").ok().items().len(), 1);
}

#[test]
fn ids_are_case_sensitive() {
    let mut client = Client::new();
    let id = client.create("/me", &meeting());
    assert_eq!(client.get(&format!("/me/events/{}", id.to_lowercase())).error().1, "ErrorItemNotFound");
    let calendar = calendar_ids(&mut client).remove(1);
    assert_eq!(client.get(&format!("/me/calendars/{}", calendar.to_uppercase())).error().1, "ErrorItemNotFound");
}

#[test]
fn an_event_is_found_in_its_own_calendar_and_in_the_mailbox_only() {
    let mut client = Client::new();
    let calendars = calendar_ids(&mut client);
    let event = client.create(&format!("/me/calendars/{}", calendars[1]), &meeting());
    assert_eq!(client.get(&format!("/me/events/{event}")).status, 200);
    assert_eq!(client.get(&format!("/me/calendar/events/{event}")).status, 404);
    assert_eq!(client.get(&format!("/me/calendars/{}/events/{event}", calendars[0])).status, 404);
    assert!(client.get("/me/events").ok().items().is_empty());
}

#[test]
fn listings_are_paged_and_selected() {
    let mut client = Client::new();
    for hour in 0..12 {
        client.create("/me", &event(&format!("{hour}"), &format!("2026-03-05T{hour:02}:00:00"), "2026-03-05T23:00:00"));
    }
    for (url, prefer, sizes) in [
        ("/me/events".to_owned(), "", vec![10, 2]),
        ("/me/events?$top=5".to_owned(), "", vec![5, 5, 2]),
        ("/me/events?$top=4".to_owned(), "", vec![4, 4, 4]),
        (format!("/me/calendarView?{WINDOW}&$top=100"), "", vec![12]),
        (format!("/me/calendarView?{WINDOW}&%24top=7&$skip=2"), "", vec![7, 3]),
        (format!("/me/calendarView?{WINDOW}"), "odata.maxpagesize=8", vec![8, 4]),
    ] {
        let (mut link, mut seen) = (Some(url.clone()), Vec::new());
        while let Some(url) = link {
            let page = client.get_preferring(&url, prefer).ok();
            seen.push(page.items().len());
            link = page.next_link();
        }
        assert_eq!(seen, sizes, "{url}");
    }
    let page = client.get("/me/events?$select=subject,Start&$top=1").ok();
    assert_eq!(names(&page.items()[0]), ["@odata.etag", "id", "start", "subject"]);
    assert_eq!(client.get("/me/events?$top=many").error().0, 400);
    assert_eq!(client.get("/me/events?$filter=x").error().0, 501);
    assert_eq!(client.get(&format!("/me/calendarView?{WINDOW}&$orderby=start/dateTime")).status, 200);
    assert_eq!(client.get(&format!("/me/calendarView?{WINDOW}&$orderby=subject")).error().0, 501);
}

#[test]
fn preferences_shape_one_answer_and_are_echoed() {
    let mut client = Client::new();
    let mut made = meeting();
    made["body"] = json!({"contentType": "html", "content": "<p>Agenda &amp; more</p>"});
    let event = client.create("/me", &made);
    let url = format!("/me/events/{event}");
    let answer = client.get_preferring(
        &url,
        r#"outlook.timezone="Tokyo Standard Time", outlook.body-content-type="text", IdType="ImmutableId""#,
    );
    assert_eq!(
        answer.body["start"],
        json!({"dateTime": "2026-03-02T18:00:00.0000000", "timeZone": "Tokyo Standard Time"})
    );
    assert_eq!(answer.body["body"], json!({"contentType": "text", "content": "Agenda & more"}));
    assert_eq!(
        answer.header("preference-applied"),
        r#"outlook.timezone="Tokyo Standard Time", outlook.body-content-type="text", IdType="ImmutableId""#
    );
    let plain = client.get(&url).ok();
    assert_eq!(plain.body["start"]["timeZone"], "UTC");
    assert!(plain.header("preference-applied").is_empty());
    let unknown = client.get_preferring(&url, r#"outlook.timezone="Greenwich Mean Time""#);
    assert_eq!(
        unknown.error(),
        (
            400,
            "TimeZoneNotSupportedException",
            "A valid TimeZone value must be specified. The following TimeZone value is not supported: 'Greenwich Mean Time'."
        )
    );
}

#[test]
fn all_day_events_are_the_same_midnights_in_every_time_zone() {
    let mut client = Client::new();
    let day = |day| json!({"dateTime": day, "timeZone": "Tokyo Standard Time"});
    let id = client.create("/me", &json!({"isAllDay": true, "start": day("2026-03-05"), "end": day("2026-03-06")}));
    for zone in ["UTC", "Pacific Standard Time", "Asia/Tokyo"] {
        let event = client.get_preferring(&format!("/me/events/{id}"), &format!("outlook.timezone=\"{zone}\"")).body;
        assert_eq!(event["start"], json!({"dateTime": "2026-03-05T00:00:00.0000000", "timeZone": "UTC"}), "{zone}");
        assert_eq!(event["end"], json!({"dateTime": "2026-03-06T00:00:00.0000000", "timeZone": "UTC"}), "{zone}");
        assert_eq!(event["originalStartTimeZone"], "Tokyo Standard Time");
    }
    let late = client.patch(&format!("/me/events/{id}"), &json!({"end": day("2026-03-06T01:00:00")}));
    assert_eq!(late.error().0, 400);
}

#[test]
fn calendars_are_made_renamed_and_deleted() {
    let mut client = Client::new();
    let listed = client.get("/me/calendars").ok();
    let names: Vec<_> = listed.items().iter().map(|calendar| calendar["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Calendar", "Travel"]);
    assert_eq!(client.get("/me/calendar").ok().body["id"], listed.items()[0]["id"]);
    assert_eq!(listed.items()[0]["isDefaultCalendar"], true);
    let made = client.post("/me/calendars", &json!({"name": "Sailing", "color": "lightBlue"}));
    assert_eq!((made.status.as_u16(), &made.body["color"]), (201, &json!("lightBlue")));
    let path = format!("/me/calendars/{}", id(&made.body));
    assert_eq!(client.get(&path).ok().body, made.body);
    assert_eq!(client.patch(&path, &json!({"name": "Rowing"})).ok().body["name"], "Rowing");
    assert_eq!(client.patch(&path, &json!({"name": "calendar"})).error().1, "ErrorFolderExists");
    assert_eq!(client.post("/me/calendars", &json!({"name": "Rowing"})).error().0, 409);
    assert_eq!(client.post("/me/calendars", &json!({"name": " "})).error().0, 400);
    assert_eq!(client.delete(&path).status, 204);
    assert_eq!(client.get(&path).error().1, "ErrorItemNotFound");
    assert_eq!(client.delete("/me/calendar").error().1, "ErrorDeleteDistinguishedFolder");
}

#[test]
fn calendar_groups_hold_calendars() {
    let mut client = Client::new();
    let made = client.post("/me/calendarGroups", &json!({"name": "Sport"}));
    assert_eq!(made.status, 201);
    let group = format!("/me/calendarGroups/{}", id(&made.body));
    assert_eq!(client.get(&group).ok().body["name"], "Sport");
    let calendar = client.post(&format!("{group}/calendars"), &json!({"name": "Sailing"})).body;
    let listed = client.get(&format!("{group}/calendars")).ok();
    assert_eq!(listed.items().iter().map(id).collect::<Vec<_>>(), [id(&calendar)]);
    assert_eq!(client.get("/me/calendars").ok().items().len(), 3);
    let first = id(&client.get("/me/calendarGroups").ok().items()[0]).to_owned();
    let astray = format!("/me/calendarGroups/{first}/calendars/{}", id(&calendar));
    assert_eq!(client.get(&astray).error().1, "ErrorItemNotFound");
    assert_eq!(client.get("/me/calendarGroups/none/calendars").error().1, "ErrorItemNotFound");
}

#[test]
fn errors_have_graphs_envelope_and_every_answer_its_ids() {
    let mut client = Client::new();
    let answer = client.send("GET", "/me/events/none", &[("client-request-id", "mine")], "");
    let inner = &answer.body["error"]["innerError"];
    assert_eq!(inner["request-id"], answer.header("request-id"));
    assert_eq!(inner["client-request-id"], "mine");
    assert_eq!(inner["date"], "2016-11-24T15:06:41");
    assert_eq!(answer.header("client-request-id"), "mine");
    assert_eq!(answer.header("date"), "Thu, 24 Nov 2016 15:06:41 GMT");
    assert_eq!(answer.header("content-type"), "application/json");
    let other = client.get("/me");
    assert_eq!(other.header("client-request-id"), other.header("request-id"));
    assert_ne!(other.header("request-id"), answer.header("request-id"));
}

#[test]
fn what_does_not_exist_is_named() {
    let mut client = Client::new();
    for (method, url, status, code) in [
        ("GET", "/users/nobody@contoso.com/events", 404, "ErrorInvalidUser"),
        ("GET", "/groups/none/events", 404, "Request_ResourceNotFound"),
        ("GET", "/me/messages", 400, "BadRequest"),
        ("GET", "https://graph.microsoft.com/v9/me", 400, "BadRequest"),
        ("PUT", "/me/events", 405, "Request_BadRequest"),
        ("POST", "/me/calendarView", 405, "Request_BadRequest"),
        ("POST", "/me/calendarView/delta", 405, "Request_BadRequest"),
        ("DELETE", "/me/calendarGroups", 405, "Request_BadRequest"),
        ("POST", "/me/events", 400, "BadRequest"),
    ] {
        let answer = client.send(method, url, &[], "no json");
        assert_eq!((answer.error().0, answer.error().1), (status, code), "{method} {url}");
    }
}

#[test]
fn bad_events_are_refused_and_nothing_is_made() {
    let mut client = Client::new();
    let with = |name: &str, value: Value| {
        let mut event = meeting();
        event[name] = value;
        event
    };
    for (event, status, code) in [
        (json!({}), 400, "ErrorPropertyValidationFailure"),
        (event("x", "2026-03-02T10:00:00", "2026-03-02T09:00:00"), 400, "ErrorPropertyValidationFailure"),
        (with("isAllDay", json!(true)), 400, "ErrorInvalidRequest"),
        (with("showAs", json!("asleep")), 400, "RequestBodyRead"),
        (
            with("start", json!({"dateTime": "2026-03-02T09:00:00", "timeZone": "Moon"})),
            400,
            "TimeZoneNotSupportedException",
        ),
        (with("recurrence", json!({"pattern": {}})), 400, "ErrorPropertyValidationFailure"),
        (json!([]), 400, "BadRequest"),
    ] {
        let answer = client.post("/me/events", &event);
        assert_eq!((answer.error().0, answer.error().1), (status, code), "{event}");
    }
    assert!(client.get("/me/events").ok().items().is_empty());
}

#[test]
fn nobody_gets_in_without_a_token() {
    let mut client = Client::with(SimulatorOptions::new().accept_only(["good"]));
    for (authorization, message) in [
        (None, "Access token is empty."),
        (Some("Bearer "), "Access token is empty."),
        (Some("Basic good"), "Access token is empty."),
        (Some("Bearer bad"), "Access token has expired or is not yet valid."),
    ] {
        let mut request = Request::get("https://graph.microsoft.com/v1.0/me");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let answer = client.send_request(request.body(Bytes::new()).unwrap());
        assert_eq!(answer.error(), (401, "InvalidAuthenticationToken", message));
        assert!(answer.header("www-authenticate").starts_with("Bearer "));
    }
    let request = Request::get("https://graph.microsoft.com/v1.0/me").header("authorization", "bearer good");
    assert_eq!(client.send_request(request.body(Bytes::new()).unwrap()).status, 200);
    assert!(!format!("{:?}", client.simulator).contains("good"));
}

fn load(client: &mut Client, document: Value) -> Result<(), String> {
    let population = Population::from_json(document.to_string().as_bytes()).map_err(|error| error.to_string())?;
    client.simulator.load(client.now(), &population).map_err(|error| error.to_string())
}

fn samantha(calendars: Value) -> Value {
    json!({"users": [{
        "displayName": "Samantha Booth",
        "userPrincipalName": "samanthab@contoso.com",
        "calendarGroups": [{"name": "Sport"}],
        "calendars": calendars,
    }]})
}

#[test]
fn a_population_is_loaded_as_it_is_written() {
    let mut client = Client::new();
    client.simulator = graph_sim::Simulator::empty(SimulatorOptions::new());
    assert_eq!(client.get("/me").error().1, "BadRequest");
    let mut meeting = meeting();
    meeting["id"] = json!("AAMkAD1=");
    meeting["iCalUId"] = json!("global");
    meeting["createdDateTime"] = json!("2020-01-01T00:00:00Z");
    let calendars = json!([
        {"isDefaultCalendar": true, "id": "default=", "events": [meeting]},
        {"name": "Sailing", "id": "sailing=", "calendarGroup": "Sport"},
    ]);
    load(&mut client, samantha(calendars)).unwrap();
    let event = client.get("/me/calendars/default=/events/AAMkAD1=").ok().body;
    assert_eq!((&event["iCalUId"], &event["createdDateTime"]), (&json!("global"), &json!("2020-01-01T00:00:00Z")));
    let sport = id(&client.get("/me/calendarGroups").ok().items()[1]).to_owned();
    assert_eq!(client.get(&format!("/me/calendarGroups/{sport}/calendars/sailing=")).ok().body["name"], "Sailing");
}

#[test]
fn loading_again_updates_and_adds() {
    let mut client = Client::new();
    let mut first = meeting();
    first["id"] = json!("one=");
    load(&mut client, samantha(json!([{"name": "Travel", "events": [first]}]))).unwrap();
    let calendar = calendar_ids(&mut client).remove(1);
    let view = format!("/me/calendars/{calendar}/calendarView/delta?{WINDOW}");
    let (items, delta) = client.drain(&view, "");
    assert_eq!(items.len(), 1);
    first["subject"] = json!("Changed");
    let mut second = meeting();
    second["id"] = json!("two=");
    load(&mut client, samantha(json!([{"name": "Travel", "events": [first, second]}]))).unwrap();
    let page = client.get(&delta).ok();
    assert_eq!(page.items().iter().map(id).collect::<Vec<_>>(), ["one=", "two="]);
    assert_eq!(page.items()[0]["subject"], "Changed");
}

#[test]
fn no_id_is_given_twice() {
    let mut client = Client::new();
    let mut ids = std::collections::BTreeSet::new();
    for round in 1..5 {
        let calendars = json!([{"isDefaultCalendar": true, "events": [meeting(), meeting()]}]);
        load(&mut client, samantha(calendars.clone())).unwrap();
        load(&mut client, samantha(calendars)).unwrap();
        client.create("/me", &meeting());
        let listed = client.get("/me/events?$top=100").ok();
        ids.extend(listed.items().iter().flat_map(|event| [id(event).to_owned(), event["iCalUId"].to_string()]));
        assert_eq!((listed.items().len(), ids.len()), (5 * round, 10 * round));
    }
}

#[test]
fn a_population_that_makes_no_sense_is_refused_and_nothing_is_loaded() {
    let mut client = Client::new();
    let mut one = meeting();
    one["id"] = json!("one=");
    let broken = event("x", "2026-03-02T10:00:00", "2026-03-02T09:00:00");
    for (document, part) in [
        (json!({"people": []}), "unknown field `people`"),
        (samantha(json!([{"name": "Travel", "colour": "red"}])), "unknown field `colour`"),
        (
            samantha(json!([{"name": "New"}, {"name": "Travel", "events": [one, broken]}])),
            "calendar \"Travel\", event 1",
        ),
        (samantha(json!([{"name": "New"}, {"events": []}])), "needs a name"),
        (
            samantha(json!([{"name": "New"}, {"name": "Newer", "calendarGroup": "Music"}])),
            "no calendar group \"Music\"",
        ),
        (
            samantha(json!([{"name": "New", "events": [one]}, {"name": "Travel", "events": [one]}])),
            "the id one= is used",
        ),
        (samantha(json!([{"name": "New", "events": [one, one]}])), "the id one= is used"),
    ] {
        let error = load(&mut client, document).unwrap_err();
        assert!(error.contains(part), "{error}");
        assert_eq!(calendar_ids(&mut client).len(), 2);
    }
}
