//! What delta requests accept, refuse, and promise.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use common::{BETA, Client, ROOT, calendar_ids, event, id, names};
use graph_sim::{GenerationScope, Quirks, seeds};
use serde_json::{Value, json};

const WINDOW: &str = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";
const ALL: &str = "odata.maxpagesize=1000";

fn initial() -> String {
    format!("/me/calendarView/delta?{WINDOW}")
}

fn march(day: u8) -> Value {
    event("in March", &format!("2026-03-{day:02}T09:00:00"), &format!("2026-03-{day:02}T10:00:00"))
}

fn june() -> Value {
    event("in June", "2026-06-01T09:00:00", "2026-06-01T10:00:00")
}

fn tombstone(id: &str) -> Value {
    json!({"@odata.type": "#microsoft.graph.event", "id": id, "@removed": {"reason": "deleted"}})
}

/// A token out of a link.
fn token(link: &str) -> &str {
    link.rsplit_once("token=").unwrap().1
}

/// Follows delta links one after the other and returns them all.
fn delta_links(client: &mut Client, url: &str, rounds: usize) -> Vec<String> {
    let mut links = vec![client.drain(url, ALL).1];
    for _ in 1..rounds {
        let next = client.drain(links.last().unwrap(), ALL).1;
        links.push(next);
    }
    links
}

#[test]
fn every_spelling_of_the_path_and_its_parameters_reaches_one_stream() {
    let mut client = Client::new();
    let me = id(&client.get("/me").ok().body).to_owned();
    let calendars = calendar_ids(&mut client);
    let group = id(&client.get("/me/calendarGroups").ok().items()[0]).to_owned();
    let default = &calendars[0];
    client.create("/me", &march(5));
    let delta = client.drain(&initial(), ALL).1;
    for path in [
        "/me/calendarView/delta".to_owned(),
        "/me/calendarview/delta".to_owned(),
        "/ME/CalendarView/Delta()".to_owned(),
        "/me/calendarView/microsoft.graph.delta".to_owned(),
        "/me/calendarView/microsoft.graph.delta()".to_owned(),
        "/me/calendar/calendarView/delta".to_owned(),
        format!("/users/{me}/calendarView/delta"),
        "/users/samanthab@contoso.com/calendarView/delta".to_owned(),
        "/users/SamanthaB%40contoso.com/calendar/calendarView/delta".to_owned(),
        format!("/users('{me}')/calendarView/delta()"),
        format!("/me/calendars/{default}/calendarView/delta"),
        format!("/me/calendars('{default}')/calendarView/delta"),
        format!("/me/calendarGroups/{group}/calendars/{default}/calendarView/delta"),
    ] {
        for root in [ROOT, BETA] {
            for window in [
                WINDOW,
                "startdatetime=2026-03-01&enddatetime=2026-04-01",
                "StartDateTime=2026-03-01T01%3A00%3A00.0000000%2B01:00&EndDateTime=2026-03-31T16:00:00-08:00",
            ] {
                let page = client.get(&format!("{root}{path}?{window}")).ok();
                assert_eq!(page.items().len(), 1, "{path}?{window}");
                assert!(page.delta_link().unwrap().starts_with(&format!("{root}{path}?$deltatoken=")), "{path}");
            }
            for name in ["$deltatoken", "%24deltaToken", "$DELTATOKEN"] {
                let page = client.get(&format!("{root}{path}?{name}={}", token(&delta))).ok();
                assert!(page.items().is_empty(), "{path}?{name}");
            }
        }
    }
}

#[test]
fn links_lead_back_to_the_origin_that_was_asked() {
    let mut client = Client::new();
    let page = client.get(&format!("http://127.0.0.1:8080/beta/me/calendarView/delta?{WINDOW}")).ok();
    let link = page.delta_link().unwrap();
    assert!(link.starts_with("http://127.0.0.1:8080/beta/me/calendarView/delta?$deltatoken="), "{link}");
    let request = http::Request::get(format!("/v1.0{}", initial()))
        .header("host", "graph.contoso.com")
        .header("authorization", "bearer x")
        .body(bytes::Bytes::new());
    let page = client.send_request(request.unwrap()).ok();
    assert!(page.delta_link().unwrap().starts_with("https://graph.contoso.com/v1.0/"));
}

#[test]
fn the_page_size_belongs_to_the_request_and_not_to_the_token() {
    let mut client = Client::new();
    for day in 1..=9 {
        client.create("/me", &march(day));
    }
    let one = client.get_preferring(&initial(), "odata.maxpagesize=1").ok();
    assert_eq!(one.items().len(), 1);
    assert_eq!(one.header("preference-applied"), "odata.track-changes, odata.maxpagesize=1");
    let three = client.get_preferring(&one.next_link().unwrap(), "odata.maxpagesize=3").ok();
    assert_eq!(three.items().len(), 3);
    let rest = client.get(&three.next_link().unwrap()).ok();
    assert_eq!(rest.items().len(), 5);
    assert_eq!(rest.header("preference-applied"), "odata.track-changes");
}

#[test]
fn a_token_keeps_its_window_whatever_is_written_beside_it() {
    let mut client = Client::new();
    let delta = client.drain(&initial(), ALL).1;
    let id = client.create("/me", &june());
    let link = format!("{delta}&startDateTime=2026-06-01T00:00:00Z&endDateTime=2026-07-01T00:00:00Z");
    assert_eq!(client.get(&link).ok().items(), [tombstone(&id)]);
}

#[test]
fn what_moves_out_of_the_window_is_removed_and_what_moves_in_comes_whole() {
    let mut client = Client::new();
    let leaving = client.create("/me", &march(3));
    let coming = client.create("/me", &june());
    let (items, delta) = client.drain(&initial(), ALL);
    assert_eq!(items.iter().map(id).collect::<Vec<_>>(), [&leaving]);
    client.patch(&format!("/me/events/{leaving}"), &june());
    client.patch(&format!("/me/events/{coming}"), &march(4));
    let page = client.get(&delta).ok();
    assert_eq!(page.items()[0], tombstone(&leaving));
    let mut listed = client.get(&format!("/me/calendarView?{WINDOW}")).ok().items()[0].clone();
    listed["@odata.type"] = json!("#microsoft.graph.event");
    assert_eq!(page.items()[1], listed);
}

#[test]
fn changes_outside_the_window_come_as_removals() {
    let mut client = Client::new();
    let [updated, deleted] = [client.create("/me", &june()), client.create("/me", &june())];
    let delta = client.drain(&initial(), ALL).1;
    let created = client.create("/me", &june());
    client.patch(&format!("/me/events/{updated}"), &json!({"subject": "new"}));
    client.delete(&format!("/me/events/{deleted}"));
    let expected = [tombstone(&created), tombstone(&updated), tombstone(&deleted)];
    assert_eq!(client.get(&delta).ok().items(), expected);
}

#[test]
fn another_calendars_changes_are_not_told() {
    let mut client = Client::new();
    let other = calendar_ids(&mut client).remove(1);
    let delta = client.drain(&initial(), ALL).1;
    client.create(&format!("/me/calendars/{other}"), &march(3));
    assert!(client.get(&delta).ok().items().is_empty());
}

#[test]
fn a_short_life_leaves_nothing_unless_the_quirk_says_so() {
    for short_lived_tombstones in [false, true] {
        let mut client = Client::with_quirks(Quirks { short_lived_tombstones, ..Quirks::default() });
        let delta = client.drain(&initial(), ALL).1;
        let id = client.create("/me", &march(3));
        client.delete(&format!("/me/events/{id}"));
        let expected = if short_lived_tombstones { vec![tombstone(&id)] } else { vec![] };
        assert_eq!(client.get(&delta).ok().items(), expected);
    }
}

#[test]
fn what_was_told_in_a_round_and_then_deleted_is_removed_in_that_round() {
    let mut client = Client::new();
    let delta = client.drain(&initial(), ALL).1;
    let first = client.create("/me", &march(3));
    client.create("/me", &march(4));
    let page = client.get_preferring(&delta, "odata.maxpagesize=1").ok();
    assert_eq!(id(&page.items()[0]), first);
    client.delete(&format!("/me/events/{first}"));
    let (rest, _) = client.drain(&page.next_link().unwrap(), ALL);
    assert_eq!(rest.last(), Some(&tombstone(&first)));
}

#[test]
fn an_id_that_came_back_and_went_again_is_removed() {
    let mut client = Client::new();
    client.simulator.load(client.now(), &seeds::five_events()).unwrap();
    let (start, end) = (seeds::WINDOW_START, seeds::WINDOW_END);
    let url = format!("/me/calendarView/delta?startDateTime={start}&endDateTime={end}");
    let delta = client.drain(&url, ALL).1;
    let first = seeds::FIVE_IDS[0];
    client.delete(&format!("/me/events/{first}"));
    client.simulator.load(client.now(), &seeds::five_events()).unwrap();
    for id in seeds::FIVE_IDS {
        client.delete(&format!("/me/events/{id}"));
    }
    assert_eq!(client.get(&delta).ok().items(), seeds::FIVE_IDS.map(tombstone));
}

#[test]
fn an_empty_calendar_is_one_empty_page() {
    let page = Client::new().get(&initial()).ok();
    assert!(page.items().is_empty() && page.delta_link().is_some());
}

#[test]
fn quirks_change_the_shape_and_not_the_meaning() {
    let quirks = Quirks { empty_first_page: true, bare_tombstones: true, encoded_links: true, ..Quirks::default() };
    let mut client = Client::with_quirks(quirks);
    let event = client.create("/me", &march(3));
    let first = client.get(&initial()).ok();
    assert!(first.items().is_empty());
    let second = client.get(&first.next_link().unwrap()).ok();
    assert_eq!(second.items().len(), 1);
    let link = second.delta_link().unwrap();
    assert!(link.contains("?%24deltatoken="), "{link}");
    client.delete(&format!("/me/events/{event}"));
    assert_eq!(client.get(&link).ok().items(), [json!({"id": event, "@removed": {"reason": "deleted"}})]);
}

#[test]
fn ids_come_in_the_form_that_was_asked_for_and_are_taken_in_both() {
    let mut client = Client::with_quirks(Quirks { distinct_immutable_ids: true, ..Quirks::default() });
    let default = client.create("/me", &march(3));
    let prefer = r#"IdType="ImmutableId", odata.maxpagesize=5"#;
    let page = client.get_preferring(&initial(), prefer).ok();
    assert!(page.header("preference-applied").contains(r#"IdType="ImmutableId""#));
    let immutable = id(&page.items()[0]).to_owned();
    assert_ne!(immutable, default);
    let delta = page.delta_link().unwrap();
    for id in [&default, &immutable] {
        assert_eq!(client.get(&format!("/me/events/{id}")).ok().body["id"], default.as_str());
    }
    assert_eq!(client.delete(&format!("/me/events/{immutable}")).status, 204);
    assert_eq!(client.get(&delta).ok().items(), [tombstone(&default)]);
    assert_eq!(client.get_preferring(&delta, prefer).ok().items(), [tombstone(&immutable)]);
}

#[test]
fn only_three_generations_are_kept() {
    let mut client = Client::new();
    let links = delta_links(&mut client, &initial(), 4);
    let gone = client.get(&links[0]);
    assert_eq!(
        gone.error(),
        (410, "SyncStateNotFound", "The sync state generation is not found; generation=1;[highest=4][4][2][3].")
    );
    assert!(gone.header("location").is_empty());
    for link in &links[1..] {
        assert_eq!(client.get(link).status, 200);
    }
}

#[test]
fn a_token_that_is_used_again_and_again_does_not_expire_by_that() {
    let mut client = Client::new();
    let links = delta_links(&mut client, &initial(), 2);
    for _ in 0..10 {
        assert_eq!(client.get(&links[0]).status, 200);
        assert_eq!(client.get(&links[1]).status, 200);
    }
}

#[test]
fn next_links_expire_while_a_long_round_goes_on() {
    let mut client = Client::new();
    for day in 1..=6 {
        client.create("/me", &march(day));
    }
    let mut page = client.get_preferring(&initial(), "odata.maxpagesize=1").ok();
    let first = page.next_link().unwrap();
    for _ in 0..3 {
        page = client.get_preferring(&page.next_link().unwrap(), "odata.maxpagesize=1").ok();
    }
    assert_eq!(client.get(&first).error().1, "SyncStateNotFound");
    assert_eq!(client.get(&page.next_link().unwrap()).status, 200);
}

#[test]
fn streams_push_each_other_out_where_they_share_a_ring() {
    let other = "/me/calendars/OTHER/calendarView/delta";
    for (scope, same_calendar, same_mailbox) in [
        (GenerationScope::Stream, 200, 200),
        (GenerationScope::Calendar, 410, 200),
        (GenerationScope::Mailbox, 410, 410),
    ] {
        let quirks = Quirks { generation_scope: scope, ..Quirks::default() };
        let mut client = Client::with_quirks(quirks);
        let calendar = calendar_ids(&mut client).remove(1);
        let link = client.drain(&initial(), ALL).1;
        delta_links(&mut client, &format!("{}?{WINDOW}", other.replace("OTHER", &calendar)), 4);
        assert_eq!(client.get(&link).status, same_mailbox, "{scope:?}");
        let link = client.drain(&initial(), ALL).1;
        delta_links(&mut client, &initial(), 4);
        assert_eq!(client.get(&link).status, same_calendar, "{scope:?}");
    }
}

#[test]
fn a_token_is_good_for_its_own_mailbox_calendar_and_view_only() {
    let mut client = Client::new();
    let other = calendar_ids(&mut client).remove(1);
    let delta = client.drain(&initial(), ALL).1;
    let token = token(&delta).to_owned();
    let events = token_of_events(&mut client);
    let garbled = format!("{}{}", &token[..20], token[20..].to_uppercase());
    for (path, token) in [
        (format!("/me/calendars/{other}/calendarView/delta?$deltatoken"), token.as_str()),
        ("/me/events/delta?$deltatoken".to_owned(), &token),
        ("/me/calendarView/delta?$deltatoken".to_owned(), &events),
        ("/me/calendar/events/delta?$deltatoken".to_owned(), &events),
        ("/me/calendarView/delta?$skiptoken".to_owned(), &token),
        ("/me/calendarView/delta?$deltatoken".to_owned(), &garbled),
        ("/me/calendarView/delta?$deltatoken".to_owned(), "latest"),
    ] {
        assert_eq!(
            client.get(&format!("{path}={token}")).error(),
            (400, "BadRequest", "Badly formed token."),
            "{path}"
        );
    }
    let empty = client.get("/me/calendarView/delta?$deltatoken=");
    assert_eq!(empty.error().1, "ErrorInvalidParameter");
    let stranger = Client::with(graph_sim::SimulatorOptions::new().seed(9)).get(&delta);
    assert_eq!(stranger.error().2, "Badly formed token.");
    let reborn = Client::new().get(&delta);
    assert_eq!(reborn.error().1, "SyncStateNotFound");
}

fn token_of_events(client: &mut Client) -> String {
    let delta = client.drain("/me/events/delta", ALL).1;
    token(&delta).to_owned()
}

#[test]
fn unsupported_options_are_refused_in_graphs_words() {
    let mut client = Client::new();
    for option in ["$select=id", "$FILTER=x", "%24orderby=x", "$expand=x", "$search=x"] {
        for (path, resource) in [("calendarView", "CalendarView"), ("events", "SyncEvents")] {
            let refused = client.get(&format!("/me/{path}/delta?{WINDOW}&{option}"));
            let message = format!(
                "The following parameters are not supported with change tracking over the '{resource}' resource: \
                 '$orderby, $filter, $select, $expand, $search'."
            );
            assert_eq!(refused.error(), (400, "ErrorInvalidUrlQuery", message.as_str()), "{option}");
        }
    }
    let top = client.get(&format!("{}&$top=5", initial()));
    assert_eq!(top.error().1, "ErrorInvalidUrlQuery");
    assert!(
        top.error().2.starts_with("The '$top' parameter is not supported with change tracking over the 'CalendarView'")
    );
}

#[test]
fn a_bad_window_is_refused_in_graphs_words() {
    let mut client = Client::new();
    for (query, code, message) in [
        (
            "",
            "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
        ),
        (
            "?startDateTime=&endDateTime=2026-01-01",
            "ErrorInvalidParameter",
            "The value '' of parameter 'StartDateTime' is invalid.",
        ),
        (
            "?startDateTime=2026-03-01T00:00:00+01:00&endDateTime=2026-04-01",
            "ErrorInvalidParameter",
            "The value '2026-03-01T00:00:00 01:00' of parameter 'StartDateTime' is invalid.",
        ),
        (
            "?startDateTime=2026-04-01&endDateTime=2026-03-01",
            "ErrorInvalidParameter",
            "The value of parameter 'EndDateTime' must not be earlier than the value of 'StartDateTime'.",
        ),
        (
            "?startDateTime=2020-01-01&endDateTime=2026-01-01",
            "ErrorInvalidRequest",
            "Your request can't be completed. The range between the start and end dates is greater than the allowed \
             range. Maximum number of days: 1825",
        ),
    ] {
        for path in ["/me/calendarView/delta", "/me/calendarView"] {
            assert_eq!(client.get(&format!("{path}{query}")).error(), (400, code, message), "{path}{query}");
        }
    }
}

#[test]
fn groups_have_a_calendar_view_and_no_events_delta() {
    let mut client = Client::new();
    let sailing = load_group(&mut client);
    let group = format!("/groups/{sailing}");
    let made = client.create(&group, &march(3));
    for path in ["calendarView", "calendar/calendarView"] {
        let (items, _) = client.drain(&format!("{group}/{path}/delta?{WINDOW}"), ALL);
        assert_eq!(items.iter().map(id).collect::<Vec<_>>(), [&made]);
    }
    let refused = client.get(&format!("{BETA}{group}/events/delta"));
    assert_eq!(refused.error().0, 400);
    assert!(refused.error().2.contains("Change tracking is not supported"));
    let misplaced = client.get(&format!("/users/{sailing}/calendarView/delta?{WINDOW}"));
    assert_eq!(misplaced.error().1, "ErrorGroupIsUsedInNonGroupURI");
}

/// Loads the group "Sailing" and returns its id.
fn load_group(client: &mut Client) -> String {
    let document =
        br#"{"groups": [{"id": "0b1f2a7c-sailing", "displayName": "Sailing", "mail": "sailing@contoso.com"}]}"#;
    client.simulator.load(client.now(), &graph_sim::Population::from_json(document).unwrap()).unwrap();
    "0b1f2a7c-sailing".to_owned()
}

#[test]
fn events_delta_is_sparse_and_knows_no_end() {
    let mut client = Client::new();
    let other = calendar_ids(&mut client).remove(1);
    client.create("/me", &june());
    client.create(&format!("/me/calendars/{other}"), &march(3));
    let page = client.get(&format!("{BETA}/me/events/delta")).ok();
    assert_eq!(page.items().len(), 2);
    assert_eq!(names(&page.items()[0]), ["@odata.etag", "@odata.type", "end", "id", "start", "type"]);
    assert!(page.body.get("@odata.context").is_none());
    for (path, count) in [
        ("/me/calendar/events/delta".to_owned(), 1),
        (format!("/me/calendars/{other}/events/delta"), 1),
        ("/me/events/delta?startDateTime=2026-06-01T09:00:00Z".to_owned(), 1),
        ("/me/events/delta()?StartDateTime=2026-06-01T09:00:01Z".to_owned(), 0),
    ] {
        assert_eq!(client.get(&format!("{BETA}{path}")).ok().items().len(), count, "{path}");
    }
    let with_end = client.get(&format!("{BETA}/me/events/delta?{WINDOW}"));
    assert_eq!(with_end.error().1, "ErrorInvalidUrlQuery");
    let empty = client.get(&format!("{BETA}/me/events/delta?startDateTime="));
    assert_eq!(empty.error().2, "The value '' of parameter 'StartDateTime' is invalid.");
}

#[test]
fn events_delta_may_be_missing_in_v1_and_may_write_its_times_in_pascal_case() {
    let quirks = Quirks { events_delta_in_v1: false, pascal_case_times: true, ..Quirks::default() };
    let mut client = Client::with_quirks(quirks);
    client.create("/me", &march(3));
    assert_eq!(client.get("/me/events/delta").error().0, 400);
    let page = client.get(&format!("{BETA}/me/events/delta")).ok();
    assert_eq!(page.items()[0]["start"], json!({"DateTime": "2026-03-03T09:00:00.0000000", "TimeZone": "UTC"}));
}

#[test]
fn a_deleted_calendar_ends_its_streams_and_its_events() {
    let mut client = Client::new();
    let other = calendar_ids(&mut client).remove(1);
    let event = client.create(&format!("/me/calendars/{other}"), &march(3));
    let view = client.drain(&format!("/me/calendars/{other}/calendarView/delta?{WINDOW}"), ALL).1;
    let all = client.drain("/me/events/delta", ALL).1;
    assert_eq!(client.delete(&format!("/me/calendars/{other}")).status, 204);
    assert_eq!(client.get(&view).error().1, "ErrorItemNotFound");
    assert_eq!(client.get(&all).ok().items(), [tombstone(&event)]);
}
