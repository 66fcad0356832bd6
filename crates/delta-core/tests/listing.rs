//! The smaller conversations: plain listings and batches of single events.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use std::time::Duration;

use common::{page, refused, target};
use delta_core::{
    Ask, Calendars, Conversation, Error, Fetched, Found, Hydration, Instances, Mailbox, Refusal, Reply, RoundOptions,
    ServiceRoot, Snapshot, Target, Window,
};
use http::{Method, Response};
use proptest::prelude::*;
use serde_json::{Value, json};

fn snapshot() -> Snapshot {
    Snapshot::new(target(), RoundOptions::default()).unwrap()
}

fn uri(conversation: &impl Conversation) -> String {
    conversation.request().unwrap().uri().to_string()
}

const LISTING: &str = "https://graph.microsoft.com/v1.0/me/calendarView";

#[test]
fn a_listing_has_no_token_and_ends_without_a_link() {
    let mut snapshot = snapshot();
    let query = "?startDateTime=2016-12-01T00:00:00Z&endDateTime=2016-12-30T00:00:00Z&$top=200";
    assert_eq!(uri(&snapshot), format!("{LISTING}{query}"));
    let next = format!("{LISTING}{query}&$skip=200");
    let Reply::Answer(listed) = snapshot.receive(page(&["A"], "nextLink", &next)).unwrap() else { panic!() };
    assert!(!listed.last && uri(&snapshot) == next);
    let Reply::Answer(listed) = snapshot.receive(Response::new(r#"{"value":[]}"#)).unwrap() else { panic!() };
    assert!(listed.last && snapshot.request().is_none());
    assert_eq!(snapshot.receive(Response::new("")).unwrap_err(), Error::Finished);
}

#[test]
fn a_listing_waits_asks_for_less_and_ends() {
    let mut listing = snapshot();
    for _ in 0..2 {
        assert!(matches!(listing.receive(refused(503, "")).unwrap(), Reply::Wait(_)));
    }
    assert!(uri(&listing).ends_with("$top=50"));
    assert!(matches!(listing.receive(refused(401, "")).unwrap(), Reply::Authenticate(_)));
    assert!(matches!(listing.receive(refused(410, "")).unwrap_err(), Error::Refused { .. }), "nothing to forget");
    for repeated in 0.. {
        match listing.receive(page(&["A"], "nextLink", &format!("{LISTING}?$skip={repeated}"))) {
            Ok(_) => assert!(repeated < 3),
            Err(error) => {
                assert!(matches!(error, Error::Stalled { .. }), "{error}");
                break;
            }
        }
    }
    let foreign = page(&["A"], "nextLink", "https://evil.example/v1.0/me/calendarView?$skip=1");
    assert!(matches!(snapshot().receive(foreign).unwrap_err(), Error::Link(_)));
}

#[test]
fn an_events_view_is_listed_whole_or_not_at_all() {
    let events = |start: Option<&str>| {
        let root = ServiceRoot::cloud(delta_core::Cloud::Global);
        let start = start.map(|start| start.parse().unwrap());
        Snapshot::new(Target::events(root, "me/events".parse().unwrap(), start).unwrap(), RoundOptions::default())
    };
    assert_eq!(uri(&events(None).unwrap()), "https://graph.microsoft.com/beta/me/events?$top=200");
    assert!(events(Some("2020-06-12")).is_none());
}

/// The ids that the due batch asks for, by the ids of its parts.
fn parts(hydration: &Hydration) -> Vec<(String, String)> {
    let request = hydration.request().unwrap();
    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/v1.0/$batch"));
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let part = |part: &Value| {
        assert!(text(&part["headers"]["Prefer"]).contains("ImmutableId") && part["method"] == "GET");
        let id = text(&part["url"]).strip_prefix("/me/calendar/events/").unwrap().to_owned();
        (text(&part["id"]), id)
    };
    body["requests"].as_array().unwrap().iter().map(part).collect()
}

fn batch(parts: Vec<Value>) -> Response<String> {
    Response::new(json!({"responses": parts}).to_string())
}

fn hydrate(ids: &[&str]) -> Hydration {
    Hydration::new(target(), ids.iter().map(|id| (*id).to_owned()), RoundOptions::default())
}

#[test]
fn parts_are_matched_by_id_in_any_order() {
    let mut hydration = hydrate(&["A=", "B/b", "C", "D"]);
    let asked = parts(&hydration);
    assert_eq!(asked.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>(), ["A=", "B%2Fb", "C", "D"]);
    let answers = vec![
        json!({"id": asked[3].0, "status": 403, "body": {"error": {"code": "ErrorAccessDenied"}}}),
        json!({"id": asked[1].0, "status": 404, "body": {"error": {"code": "ErrorItemNotFound"}}}),
        json!({"id": asked[0].0, "status": 200, "headers": {}, "body": {"id": "A=", "subject": "x"}}),
        json!({"id": "99", "status": 200, "body": {"id": "nobody asked"}}),
        json!({"id": asked[2].0, "status": 200, "body": "no event"}),
    ];
    let Reply::Answer(hydrated) = hydration.receive(batch(answers)).unwrap() else { panic!() };
    let found = |id: &str, found| Fetched { ask: Ask::Event(id.to_owned()), found };
    assert_eq!(
        hydrated.events,
        [
            found("A=", Found::Event(r#"{"id":"A=","subject":"x"}"#.to_owned())),
            found("B/b", Found::Gone),
            found("C", Found::Unknown(Refusal::Unexpected)),
            found("D", Found::Unknown(Refusal::Forbidden)),
        ]
    );
    assert!(hydrated.wait.is_none() && hydration.request().is_none());
}

#[test]
fn throttled_parts_are_asked_for_alone_after_the_longest_wait() {
    let mut hydration = hydrate(&["A", "B", "C", "D"]);
    let asked = parts(&hydration);
    let answers = vec![
        json!({"id": asked[0].0, "status": 429, "headers": {"retry-after": "5"}}),
        json!({"id": asked[1].0, "status": 200, "body": {"id": "B"}}),
        json!({"id": asked[2].0, "status": 503, "headers": {"Retry-After": 70}, "body": null}),
    ];
    let Reply::Answer(hydrated) = hydration.receive(batch(answers)).unwrap() else { panic!() };
    assert_eq!(hydrated.events.len(), 1);
    assert!(hydrated.wait.unwrap().duration >= Duration::from_secs(70));
    assert_eq!(parts(&hydration).into_iter().map(|(_, id)| id).collect::<Vec<_>>(), ["A", "C", "D"]);
    let mut waits = 0;
    let last = loop {
        let Reply::Answer(hydrated) = hydration.receive(batch(Vec::new())).unwrap() else { panic!() };
        match hydrated.wait {
            Some(_) => waits += 1,
            None => break hydrated.events,
        }
    };
    assert_eq!((waits, last.len()), (6, 3));
    assert!(last.iter().all(|event| matches!(event.found, Found::Unknown(_))));
}

#[test]
fn a_series_is_listed_page_after_page() {
    let window = Window::parse("2016-12-05", "2016-12-12").unwrap();
    let mut listing = Instances::new(target(), "M/=", window, RoundOptions::default()).unwrap();
    let first = "https://graph.microsoft.com/v1.0/me/calendar/events/M%2F=/instances\
                 ?startDateTime=2016-12-05T00:00:00Z&endDateTime=2016-12-12T00:00:00Z&$top=200";
    assert_eq!(uri(&listing), first);
    assert!(matches!(listing.receive(refused(429, "")).unwrap(), Reply::Wait(_)));
    assert_eq!(uri(&listing), first, "asking is pure");
    let next = format!("{first}&$skip=200");
    let Reply::Answer(listed) = listing.receive(page(&["A"], "nextLink", &next)).unwrap() else { panic!() };
    assert!(!listed.last && uri(&listing) == next && listed.page.len() == 1);
    let Reply::Answer(listed) = listing.receive(Response::new(r#"{"value":[]}"#)).unwrap() else { panic!() };
    assert!(listed.last && listing.request().is_none() && listing.page() == 2);
    assert_eq!(listing.receive(Response::new("")).unwrap_err(), Error::Finished);

    let new = || Instances::new(target(), "M", window, RoundOptions::default()).unwrap();
    let gone = new().receive(refused(404, "ErrorItemNotFound")).unwrap_err();
    assert!(matches!(gone, Error::Refused { refusal: Refusal::NotFound, .. }), "{gone}");
    let foreign = page(&["A"], "nextLink", "https://evil.example/v1.0/me/events/M/instances?$skip=1");
    assert!(matches!(new().receive(foreign).unwrap_err(), Error::Link(_)));
}

/// The URL that the only part of the due batch asks for.
fn only_url(hydration: &Hydration) -> String {
    let body: Value = serde_json::from_slice(hydration.request().unwrap().body()).unwrap();
    assert_eq!(body["requests"].as_array().unwrap().len(), 1);
    body["requests"][0]["url"].as_str().unwrap().to_owned()
}

fn instances() -> Hydration {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    Hydration::new(target(), [Ask::Instances { series: "M".to_owned(), window }], RoundOptions::default())
}

#[test]
fn instances_are_read_to_their_last_page_or_not_at_all() {
    const URL: &str = "/me/calendar/events/M/instances?startDateTime=2016-12-01T00:00:00Z&endDateTime=\
                       2016-12-30T00:00:00Z&$select=id,seriesMasterId,type,start,end&$top=500";
    let next = format!("https://graph.microsoft.com/v1.0{URL}&$skip=1");
    let answer = |body: Value| batch(vec![json!({"id": "0", "status": 200, "body": body})]);
    let mut hydration = instances();
    assert_eq!(only_url(&hydration), URL);
    let first = answer(json!({"value": [{"id": "A"}], "@odata.nextLink": next}));
    let Reply::Answer(hydrated) = hydration.receive(first).unwrap() else { panic!() };
    assert!(hydrated.events.is_empty());
    assert_eq!(only_url(&hydration), format!("{URL}&$skip=1"));
    let Reply::Answer(hydrated) = hydration.receive(answer(json!({"value": [{"id": "B"}]}))).unwrap() else { panic!() };
    let both = Found::Instances(vec![r#"{"id":"A"}"#.to_owned(), r#"{"id":"B"}"#.to_owned()]);
    assert_eq!((&hydrated.events[0].found, hydration.request().is_none()), (&both, true));

    for torn in [
        json!({"value": [{"id": "A"}, {"no": "id"}]}),
        json!({"id": "M"}),
        json!({"value": [], "@odata.nextLink": "https://evil.example/v1.0/me/events/M/instances"}),
    ] {
        let mut hydration = instances();
        let Reply::Answer(hydrated) = hydration.receive(answer(torn)).unwrap() else { panic!() };
        assert_eq!(hydrated.events[0].found, Found::Unknown(Refusal::Unexpected));
    }
    let mut hydration = instances();
    let endless = (0..).find(|_| {
        let page = answer(json!({"value": [{"id": "A"}], "@odata.nextLink": next}));
        let Reply::Answer(hydrated) = hydration.receive(page).unwrap() else { panic!() };
        !hydrated.events.is_empty()
    });
    assert_eq!((endless, hydration.request().is_none()), (Some(99), true));
}

/// Parts have no `Date` of their own.
#[test]
fn a_part_may_name_a_date_to_come_back_at() {
    let mut hydration = hydrate(&["A"]);
    let headers = json!({"Retry-After": "Mon, 05 Dec 2016 00:01:10 GMT"});
    let mut answer = batch(vec![json!({"id": parts(&hydration)[0].0, "status": 429, "headers": headers})]);
    answer.headers_mut().insert("date", "Mon, 05 Dec 2016 00:00:00 GMT".parse().unwrap());
    let Reply::Answer(hydrated) = hydration.receive(answer).unwrap() else { panic!() };
    assert!(hydrated.wait.unwrap().duration >= Duration::from_secs(70));
}

#[test]
fn what_is_no_batch_is_told_so() {
    for body in ["", "[]", r#"{"responses":{}}"#, "\u{feff}{}", r#"{"value":[]}"#] {
        let error = hydrate(&["A"]).receive(Response::new(body)).unwrap_err();
        assert!(matches!(error, Error::NotABatch { .. }), "{body}");
    }
    assert!(hydrate(&[]).request().is_none());
    assert!(matches!(hydrate(&["A"]).receive(refused(429, "")).unwrap(), Reply::Wait(_)));
}

/// One part that can't be read takes no answer away from the others: it is asked for again, like one that is not there.
#[test]
fn a_part_that_cannot_be_read_is_unanswered_and_the_others_count() {
    let fetched = |part: &str, id: &str| json!({"id": part, "status": 200, "body": {"id": id}});
    for odd in [
        json!({"id": "1"}),
        json!({"id": "1", "status": "200"}),
        json!({"id": "1", "status": 70_000, "body": {"id": "B"}}),
        json!({"id": "1", "status": 200, "headers": "none"}),
        json!({"status": 200, "body": {"id": "B"}}),
        json!({"id": null, "status": 200, "body": {"id": "B"}}),
        json!(null),
        json!("1"),
    ] {
        let mut hydration = hydrate(&["A", "B", "C"]);
        let answer = batch(vec![fetched("0", "A"), odd.clone(), fetched("2", "C")]);
        let Reply::Answer(hydrated) = hydration.receive(answer).unwrap() else { panic!() };
        let found: Vec<&Ask> = hydrated.events.iter().map(|event| &event.ask).collect();
        assert_eq!(found, [&Ask::Event("A".into()), &Ask::Event("C".into())], "{odd}");
        assert_eq!((hydrated.wait.is_some(), parts(&hydration).len()), (true, 1), "{odd}");
        let times = (1..).find(|_| {
            let Reply::Answer(hydrated) = hydration.receive(batch(vec![odd.clone()])).unwrap() else { panic!() };
            let unknown = Fetched { ask: Ask::Event("B".into()), found: Found::Unknown(Refusal::Unavailable) };
            hydrated.events == [unknown]
        });
        assert_eq!((times, hydration.request().is_none()), (Some(7), true), "{odd}");
    }
    // A number in place of a text says as well which one it is; headers may be null.
    let mut hydration = hydrate(&["A", "B"]);
    let answer = batch(vec![
        json!({"id": 1, "status": 200, "headers": null, "body": {"id": "B"}}),
        json!({"id": 0, "status": 404, "body": {"error": {"code": "ErrorItemNotFound"}}}),
    ]);
    let Reply::Answer(hydrated) = hydration.receive(answer).unwrap() else { panic!() };
    assert_eq!(hydrated.events[0].found, Found::Gone);
    assert_eq!(hydrated.events[1].found, Found::Event(r#"{"id":"B"}"#.to_owned()));
    assert!(hydration.request().is_none());
}

proptest! {
    /// Whatever parts fail and in whatever order they come: each id is answered once, and no batch has more than 20.
    #[test]
    fn each_id_is_answered_once(count in 0..60_usize, statuses in prop::collection::vec(prop::sample::select(vec![200_u16, 404, 429, 503, 500, 0]), 1..50)) {
        let ids: Vec<String> = (0..count).map(|id| id.to_string()).collect();
        let mut hydration = Hydration::new(target(), ids.clone(), RoundOptions::default());
        let mut statuses = statuses.into_iter().cycle();
        let mut answered = Vec::new();
        while hydration.request().is_some() {
            let asked = parts(&hydration);
            prop_assert!(asked.len() <= 20);
            let answers = asked.into_iter().rev().filter_map(|(part, id)| match statuses.next() {
                Some(0) => None,
                status => Some(json!({"id": part, "status": status, "body": {"id": id}})),
            });
            let Reply::Answer(hydrated) = hydration.receive(batch(answers.collect())).unwrap() else { panic!() };
            answered.extend(hydrated.events.into_iter().map(|event| match event.ask {
                Ask::Event(id) => id,
                Ask::Instances { .. } => panic!(),
            }));
        }
        answered.sort_by_key(|id| id.parse::<usize>().unwrap());
        prop_assert_eq!(answered, ids);
    }
}

fn calendars(mailbox: Mailbox) -> Calendars {
    Calendars::new(ServiceRoot::cloud(delta_core::Cloud::Global), mailbox, RoundOptions::default()).unwrap()
}

/// The properties of «List calendars» in Graph's documentation, one that is shared, and items that nobody understands.
#[test]
fn a_mailbox_lists_its_calendars_also_those_that_are_shared() {
    let mailbox = Mailbox::User("samanthab@contoso.com".to_owned());
    let mut list = calendars(mailbox.clone());
    let first = "https://graph.microsoft.com/v1.0/users/samanthab@contoso.com/calendars?$select=id,name,isDefaultCalendar,owner";
    assert_eq!(uri(&list), format!("{first}&$top=200"));
    let next = format!("{first}&$skip=2");
    let page = json!({"@odata.nextLink": next, "value": [
        {"id": "A=", "name": "Calendar", "isDefaultCalendar": true, "owner": {"name": "Samantha Booth", "address": "samanthab@contoso.com"}},
        {"id": "B=", "name": "Rooms", "isDefaultCalendar": false, "owner": {"name": "Alex", "address": "alexd@contoso.com"}, "canEdit": false},
    ]});
    let Reply::Answer(page) = list.receive(Response::new(page.to_string())).unwrap() else { panic!() };
    assert!(!page.last && page.unreadable == 0 && uri(&list) == next);
    let targets: Vec<String> =
        page.calendars.iter().map(|calendar| calendar.resource(mailbox.clone()).unwrap().to_string()).collect();
    assert_eq!(targets, ["users/samanthab@contoso.com", "users/samanthab@contoso.com/calendars/B="]);
    assert_eq!(page.calendars[1].owner.as_ref().unwrap().address.as_deref(), Some("alexd@contoso.com"));

    let odd = r#"{"value":[{"name":"no id"},{"id":"C","name":7},{"id":"D","owner":null}]}"#;
    let Reply::Answer(page) = list.receive(Response::new(odd)).unwrap() else { panic!() };
    assert_eq!((page.calendars.len(), page.unreadable, page.last), (1, 2, true));
    assert!(list.request().is_none());
}

#[test]
fn a_list_of_calendars_waits_and_follows_no_foreign_link() {
    let mut list = calendars(Mailbox::Me);
    assert!(matches!(list.receive(refused(429, "")).unwrap(), Reply::Wait(_)));
    assert!(matches!(list.receive(refused(401, "")).unwrap(), Reply::Authenticate(_)));
    let foreign = page(&["A"], "nextLink", "https://evil.example/v1.0/me/calendars?$skip=1");
    assert!(matches!(list.receive(foreign).unwrap_err(), Error::Link(_)));
    let root = ServiceRoot::cloud(delta_core::Cloud::Global);
    assert!(Calendars::new(root, Mailbox::Group("G".to_owned()), RoundOptions::default()).is_none());
}
