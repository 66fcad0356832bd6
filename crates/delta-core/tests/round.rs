//! What a round does with what comes.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::num::NonZeroU32;

use delta_core::{
    BodyType, Change, Checkpoint, Cloud, DeltaLink, Error, Failure, FailureKind, Phase, Preferences, Refusal,
    RequestLine, Round, RoundKind, RoundOptions, ServiceRoot, Status, Step, Target, Window,
};
use http::{Request, Response};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

const ROOT: &str = "https://graph.microsoft.com";

fn target(resource: &str) -> Target {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    Target::calendar_view(ServiceRoot::cloud(Cloud::Global), resource.parse().unwrap(), window).unwrap()
}

fn full() -> Round {
    Round::full(target("me"))
}

fn link(token: &str) -> String {
    format!("{ROOT}/v1.0/me/calendarView/delta?{token}")
}

fn page(items: &str, link_name: &str, token: &str) -> Response<String> {
    Response::new(format!(r#"{{"value":[{items}],"@odata.{link_name}":"{}"}}"#, link(token)))
}

fn next(token: &str) -> Response<String> {
    page(r#"{"id":"A"}"#, "nextLink", token)
}

fn last(token: &str) -> Response<String> {
    page("", "deltaLink", token)
}

fn answer(status: u16, body: &str) -> Response<String> {
    Response::builder().status(status).header("request-id", "r-1").body(body.to_owned()).unwrap()
}

fn url(round: &Round) -> String {
    round.request().unwrap().uri().to_string()
}

#[test]
fn a_round_goes_from_initial_over_paging_to_complete() {
    let mut round = full();
    assert_eq!((round.phase(), round.kind()), (Phase::Initial, RoundKind::Full));
    assert_eq!(url(&round), link("startDateTime=2016-12-01T00:00:00Z&endDateTime=2016-12-30T00:00:00Z"));
    assert!(round.checkpoint().is_none());

    let Step::Page { page, checkpoint } = round.receive(next("$skiptoken=1")).unwrap() else { panic!() };
    assert_eq!((page.len(), checkpoint.page(), round.phase()), (1, 1, Phase::Paging));
    assert_eq!(url(&round), link("$skiptoken=1"));

    let Step::Complete { page, link: delta } = round.receive(last("$deltatoken=2")).unwrap() else { panic!() };
    assert_eq!((page.len(), delta.expose(), round.phase()), (0, link("$deltatoken=2").as_str(), Phase::Complete));
    assert!(round.request().is_none());
    assert_eq!(round.receive(last("$deltatoken=3")).unwrap_err(), Error::Finished);

    let round = Round::incremental(target("me"), &delta).unwrap();
    assert_eq!((round.kind(), url(&round)), (RoundKind::Incremental, link("$deltatoken=2")));
}

#[test]
fn every_request_carries_every_header() {
    let preferences =
        Preferences { page_size: NonZeroU32::new(2), body: Some(BodyType::Text), ..Preferences::default() };
    let mut round = full().with_options(RoundOptions { preferences, ..RoundOptions::default() });
    let mut ids = Vec::new();
    let mut check = |request: Request<Vec<u8>>| {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(request.method(), "GET");
        assert_eq!(header("accept"), "application/json");
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(
            header("prefer"),
            r#"odata.maxpagesize=2, outlook.timezone="UTC", IdType="ImmutableId", outlook.body-content-type="text""#
        );
        assert!(!request.headers().contains_key("authorization"));
        ids.push(header("client-request-id"));
    };
    check(round.request().unwrap());
    let _ = round.receive(next("$skiptoken=1")).unwrap();
    check(round.request().unwrap());
    let _ = round.receive(answer(429, "")).unwrap();
    check(round.request().unwrap());
    let Step::Page { checkpoint, .. } = round.receive(next("$skiptoken=2")).unwrap() else { panic!() };
    check(round.request().unwrap());
    let resumed = Round::resume(target("me"), &checkpoint).unwrap().with_options(RoundOptions {
        seed: 9,
        ..RoundOptions {
            preferences: Preferences {
                page_size: NonZeroU32::new(2),
                body: Some(BodyType::Text),
                ..Preferences::default()
            },
            ..RoundOptions::default()
        }
    });
    check(resumed.request().unwrap());
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "each request has an id of its own");
}

#[test]
fn with_both_links_the_next_one_is_followed_and_without_any_nothing_is_published() {
    let both = format!(
        r#"{{"value":[],"@odata.deltaLink":"{}","@odata.nextLink":"{}"}}"#,
        link("$deltatoken=1"),
        link("$skiptoken=1")
    );
    let mut round = full();
    assert!(matches!(round.receive(Response::new(both)).unwrap(), Step::Page { .. }));
    assert_eq!(url(&round), link("$skiptoken=1"));
    let error = round.receive(answer(200, r#"{"value":[]}"#)).unwrap_err();
    assert!(matches!(&error, Error::NoLink { ids } if ids.request_id.as_deref() == Some("r-1")));
    assert_eq!((round.phase(), url(&round)), (Phase::Paging, link("$skiptoken=1")));
}

#[test]
fn a_wait_asks_for_the_same_request_again_and_is_bounded() {
    let mut round = full();
    let asked = |seconds: &str| Response::builder().status(503).header("retry-after", seconds).body("").unwrap();
    let before = url(&round);
    for attempt in 1..8 {
        let Step::Wait(wait) = round.receive(asked("30")).unwrap() else { panic!() };
        assert!(wait.duration.as_secs() >= 30 && wait.attempt == attempt);
        assert_eq!(url(&round), before);
    }
    let overloaded = round.clone().receive(asked("30")).unwrap_err();
    assert!(matches!(overloaded, Error::Refused { refusal: Refusal::Overloaded, .. }), "{overloaded}");
    let error = round.receive(asked("soon")).unwrap_err();
    assert_eq!(error.status(), Status::Persistent);
    assert_eq!(
        error.to_string(),
        "the server answered 503 Service Unavailable 8 times: no error code; the request is too much for the server, or the server is down: try again later"
    );
}

#[test]
fn each_end_of_a_round_says_whether_trying_again_helps() {
    let refused = |status: u16| full().receive(answer(status, "{}")).unwrap_err().status();
    for status in [400, 403, 404, 418, 501] {
        assert_eq!(refused(status), Status::Permanent, "{status}");
    }
    let mut round = full();
    let _ = round.receive(answer(503, "")).unwrap();
    let error = round.receive(answer(404, "{}")).unwrap_err();
    assert_eq!(error.status(), Status::Permanent);
    assert_eq!(
        error.to_string(),
        "the server answered 404 Not Found: no error code (request-id r-1); the calendar or its owner is not there, or not any more"
    );
    let mut round = full().with_options(RoundOptions { full_restarts: 0, ..RoundOptions::default() });
    assert_eq!(round.receive(answer(410, "")).unwrap_err().status(), Status::Temporary);
    assert_eq!(full().receive(answer(200, "<html>")).unwrap_err().status(), Status::Temporary);
    assert_eq!(full().receive(answer(302, "")).unwrap_err().status(), Status::Permanent);
    for kind in [FailureKind::Tls, FailureKind::Request] {
        assert_eq!(full().fail::<Vec<u8>>(Failure::new(kind, "")).unwrap_err().status(), Status::Permanent);
    }
    let mut round = full();
    let error = loop {
        match round.fail::<Vec<u8>>(Failure::new(FailureKind::Timeout, "")) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.status(), Status::Persistent);
}

#[test]
fn a_connection_that_broke_is_tried_again_and_a_bad_certificate_is_not() {
    let mut round = full();
    let broke = || Failure::new(FailureKind::Interrupted, "reset");
    for _ in 1..8 {
        assert!(matches!(round.fail::<Vec<u8>>(broke()).unwrap(), Step::Wait(_)));
    }
    assert_eq!(round.fail::<Vec<u8>>(broke()).unwrap_err(), Error::NoResponse { failure: broke(), attempts: 8 });
    let tls = Failure::new(FailureKind::Tls, "unknown issuer");
    assert!(matches!(full().fail::<Vec<u8>>(tls).unwrap_err(), Error::NoResponse { attempts: 1, .. }));
}

#[test]
fn a_token_is_refreshed_once_per_request_in_the_middle_of_a_round() {
    let mut round = full();
    let refused = || answer(401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"expired"}}"#);
    assert!(matches!(round.receive(refused()).unwrap(), Step::Authenticate(_)));
    let _ = round.receive(next("$skiptoken=1")).unwrap();
    assert!(matches!(round.receive(refused()).unwrap(), Step::Authenticate(_)));
    assert_eq!(url(&round), link("$skiptoken=1"));
    let error = round.receive(refused()).unwrap_err();
    assert!(error.to_string().contains("InvalidAuthenticationToken"), "{error}");
}

#[test]
fn a_server_that_is_not_graph_is_told_so() {
    let html = Response::builder().header("content-type", "text/html; charset=utf-8").body("<html></html>").unwrap();
    assert_eq!(
        full().receive(html).unwrap_err().to_string(),
        "the answer (text/html; charset=utf-8) is not a page of a delta query, it is not a JSON object at byte 0: is this Microsoft Graph?"
    );
    let moved = Response::builder().status(302).header("location", "https://evil.example/").body("").unwrap();
    assert!(matches!(full().receive(moved).unwrap_err(), Error::Redirected { .. }));
    for body in [r#"{"@odata.deltaLink":"x"}"#, r#"{"value":null,"@odata.deltaLink":"x"}"#] {
        assert!(matches!(full().receive(Response::new(body)).unwrap_err(), Error::NotAPage { .. }), "{body}");
    }
}

#[test]
fn bearer_never_leaves_the_origin() {
    let foreign = "https://graph.microsoft.com.evil.example/v1.0/me/calendarView/delta?$deltatoken=SECRET";
    for name in ["nextLink", "deltaLink"] {
        let mut round = full();
        let before = url(&round);
        let error = round.receive(Response::new(format!(r#"{{"value":[],"@odata.{name}":"{foreign}"}}"#))).unwrap_err();
        assert!(matches!(error, Error::Link(_)) && !error.to_string().contains("SECRET"));
        assert_eq!((round.phase(), url(&round)), (Phase::Initial, before));
    }
    assert!(Round::incremental(target("me"), &DeltaLink::new(foreign)).is_err());
    let mut round = full();
    let Step::Page { checkpoint, .. } = round.receive(next("$skiptoken=1")).unwrap() else { panic!() };
    let tampered = serde_json::to_string(&checkpoint).unwrap().replace("microsoft.com", "microsoft.com.evil.example");
    let tampered: Checkpoint = serde_json::from_str(&tampered).unwrap();
    assert!(matches!(Round::resume(target("me"), &tampered).unwrap_err(), Error::Link(_)));
}

#[test]
fn a_checkpoint_is_taken_up_by_its_own_target_and_version_only() {
    let mut round = full();
    let Step::Page { checkpoint, .. } = round.receive(next("$skiptoken=1")).unwrap() else { panic!() };
    let stored = serde_json::to_string(&checkpoint).unwrap();
    assert!(stored.len() < 1024 + link("$skiptoken=1").len(), "{stored}");
    let read: Checkpoint = serde_json::from_str(&stored).unwrap();
    let resumed = Round::resume(target("me"), &read).unwrap();
    assert_eq!(
        (resumed.id(), resumed.page(), resumed.kind(), url(&resumed)),
        (round.id(), 1, RoundKind::Full, url(&round))
    );
    assert!(matches!(Round::resume(target("groups/G"), &read).unwrap_err(), Error::Checkpoint(_)));
    let newer: Checkpoint = serde_json::from_str(&stored.replace("\"version\":2", "\"version\":3")).unwrap();
    assert!(matches!(Round::resume(target("me"), &newer).unwrap_err(), Error::Checkpoint(_)));
}

#[test]
fn an_endless_round_ends() {
    let mut round = full().with_options(RoundOptions { max_pages: 3, ..RoundOptions::default() });
    let _ = round.receive(next("$skiptoken=1")).unwrap();
    let _ = round.receive(next("$skiptoken=2")).unwrap();
    assert!(matches!(round.receive(next("$skiptoken=3")).unwrap_err(), Error::Stalled { pages: 3, .. }));
    assert!(matches!(round.receive(last("$deltatoken=3")).unwrap(), Step::Complete { .. }));
}

#[test]
fn secrets_never_print() {
    let mut round = Round::incremental(target("me"), &DeltaLink::new(link("$deltatoken=SECRET1"))).unwrap();
    let step = round.receive(next("$skiptoken=SECRET2")).unwrap();
    let line = RequestLine::of(&round.request().unwrap());
    assert_eq!(line.to_string(), "GET /v1.0/me/calendarView/delta?$skiptoken=…");
    let printed = format!("{round:?} {step:?} {line:?} {:?}", round.checkpoint());
    assert!(!printed.contains("SECRET"), "{printed}");
}

/// A response as a hostile server would send it.
fn any_response() -> impl Strategy<Value = Response<String>> {
    let status = prop_oneof![4 => Just(200_u16), 1 => prop::sample::select(vec![204, 301, 400, 401, 403, 404, 410, 429, 500, 503])];
    let origin = prop_oneof![3 => Just(ROOT), 1 => Just("https://evil.example"), 1 => Just("")];
    let body = (prop::collection::vec(r#"\{"id":"[a-c]"\}|null|7"#, 0..4), origin, any::<(bool, bool, u8)>()).prop_map(
        |(items, origin, (next, delta, token))| {
            let link = |name: &str, there: bool| {
                let url = format!("{origin}/v1.0/me/calendarView/delta?t={token}");
                if there { format!(r#","@odata.{name}":"{url}""#) } else { String::new() }
            };
            format!(r#"{{"value":[{}]{}{}}}"#, items.join(","), link("nextLink", next), link("deltaLink", delta))
        },
    );
    let body = prop_oneof![4 => body, 1 => r#"\{"error":\{"code":"(SyncStateNotFound|X)"\}\}|.{0,20}"#];
    let retry_after = prop_oneof![Just("1"), Just("x"), Just("0,120")];
    (status, body, retry_after).prop_map(|(status, body, retry)| {
        Response::builder().status(status).header("retry-after", retry).body(body).unwrap()
    })
}

proptest! {
    #![proptest_config(config())]

    /// Whatever comes: no panic, no request off the origin, errors move nothing, asking twice gives the same.
    #[test]
    fn any_sequence_of_responses_is_survived(responses in prop::collection::vec(any_response(), 0..40), seed: u64) {
        let mut round = full().with_options(RoundOptions { seed, ..RoundOptions::default() });
        for response in responses {
            let Some(request) = round.request() else { break };
            let again = round.request().unwrap();
            prop_assert_eq!((request.uri(), request.headers()), (again.uri(), again.headers()));
            prop_assert_eq!(request.uri().scheme_str(), Some("https"));
            prop_assert_eq!(request.uri().authority().map(|authority| authority.as_str()), Some("graph.microsoft.com"));
            let before = format!("{round:?}");
            if round.receive(response).is_err() {
                prop_assert_eq!(before, format!("{round:?}"));
                let again = round.request().unwrap();
                prop_assert_eq!(request.uri(), again.uri());
            }
        }
    }

    /// However the same changes are cut into pages, and wherever the round is resumed, the same changes come out.
    #[test]
    fn repaging_and_resuming_change_nothing(sizes in prop::collection::vec(0_usize..4, 1..12), resumed in any::<u16>()) {
        let mut round = full();
        let mut seen = Vec::new();
        let mut id = 0;
        let pages = sizes.len();
        for (number, size) in sizes.into_iter().enumerate() {
            let items: Vec<String> = (id..id + size).map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
            id += size;
            let (name, token) = if number + 1 == pages { ("deltaLink", "$deltatoken=x") } else { ("nextLink", "$skiptoken=y") };
            let step = round.receive(page(&items.join(","), name, token)).unwrap();
            let page = match step {
                Step::Page { page, checkpoint } => {
                    if resumed & (1 << number) != 0 {
                        round = Round::resume(target("me"), &checkpoint).unwrap();
                    }
                    page
                }
                Step::Complete { page, .. } => page,
                step => panic!("{step:?}"),
            };
            seen.extend(page.changes().filter_map(|change: Change<'_>| change.id().map(str::to_owned)));
        }
        prop_assert_eq!(seen, (0..id).map(|id| id.to_string()).collect::<Vec<_>>());
        prop_assert_eq!(round.phase(), Phase::Complete);
    }
}

fn config() -> ProptestConfig {
    let cases = std::env::var("CALDELTA_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256);
    let regressions = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(regressions)), ..ProptestConfig::default() }
}
