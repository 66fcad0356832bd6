//! Authorities that fail, and things that are none.

use std::time::Duration;

use auth::{Error, Flow, Grant, Redemption, Refusal, Step};
use delta_core::{Failure, FailureKind, Timestamp};
use http::Response;
use proptest::prelude::*;

use crate::world::{delegated, public, refused};

fn now() -> Timestamp {
    Timestamp::from_seconds(1_764_000_000)
}

fn flow() -> Redemption {
    Redemption::new(&public(), Grant::RefreshToken("refresh-token".into()), &delegated(), None, now(), [1; 16]).unwrap()
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Vec<u8>> {
    let response = headers.iter().fold(Response::builder().status(status), |r, (name, value)| r.header(*name, *value));
    response.body(body.as_bytes().to_vec()).unwrap()
}

#[test]
fn what_passes_is_tried_again_and_not_for_ever() {
    let mut flow = flow();
    let mut waits = Vec::new();
    let error = loop {
        assert!(flow.request().is_some());
        match flow.receive(&answer(503, &[], ""), now()) {
            Ok(Step::Wait(wait)) => waits.push(wait.as_secs()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(waits, [1, 2, 4, 8]);
    assert!(matches!(error, Error::Unavailable { status: 503, attempts: 5 }), "{error:?}");
    assert!(flow.request().is_none(), "it is over");
}

#[test]
fn the_servers_wait_is_kept_within_reason() {
    for (asked, kept) in [("7", 7), ("0", 1), ("86400", 60)] {
        match flow().receive(&answer(429, &[("retry-after", asked)], ""), now()) {
            Ok(Step::Wait(wait)) => assert_eq!(wait, Duration::from_secs(kept)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_failure_that_does_not_pass_ends_it_at_once() {
    for (kind, passes) in [
        (FailureKind::Connect, true),
        (FailureKind::Timeout, true),
        (FailureKind::Interrupted, true),
        (FailureKind::Tls, false),
        (FailureKind::BodyTooLarge, false),
    ] {
        assert_eq!(flow().fail(Failure::new(kind, "")).is_ok(), passes, "{kind:?}");
    }
}

#[test]
fn what_is_no_authority_is_told_apart() {
    for (status, body) in [
        (200, "<html>"),
        (200, "{}"),
        (200, r#"{"access_token":"","expires_in":1}"#),
        (200, r#"{"access_token":"a"}"#),
        (200, r#"{"access_token":"a","expires_in":"soon"}"#),
        (200, r#"{"access_token":"a","expires_in":1,"token_type":"pop"}"#),
        (302, ""),
        (404, "<html>"),
        (400, r#"{"error":{"code":"BadRequest"}}"#),
    ] {
        let done = flow().receive(&answer(status, &[], body), now());
        assert!(matches!(done, Err(Error::NotAnAnswer { .. })), "{status} {body}: {done:?}");
    }
}

#[test]
fn lifetimes_are_read_in_both_forms() {
    for body in [r#"{"access_token":"a","expires_in":60}"#, r#"{"access_token":"a","expires_in":"60"}"#] {
        let Ok(Step::Tokens(tokens)) = flow().receive(&answer(200, &[], body), now()) else { panic!("{body}") };
        assert_eq!(tokens.expires_at, now().plus_seconds(60));
        assert_eq!(tokens.permissions, ["Calendars.Read", "openid", "profile", "offline_access"], "as was asked for");
    }
}

#[test]
fn a_refusal_without_a_number_is_understood_by_its_error() {
    for (error, refusal) in [
        ("invalid_grant", Refusal::Interaction),
        ("interaction_required", Refusal::Interaction),
        ("consent_required", Refusal::Consent),
        ("invalid_client", Refusal::Credential),
        ("unauthorized_client", Refusal::Registration),
        ("access_denied", Refusal::Declined),
        ("brand_new", Refusal::Other),
    ] {
        let body = format!(r#"{{"error":"{error}","error_description":"Something"}}"#);
        assert_eq!(refused(flow().receive(&answer(400, &[], &body), now())).refusal, refusal, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_answer_is_survived(status in 100u16..600, body in ".{0,80}", json: bool) {
        let body = if json { format!(r#"{{"error":{body:?},"error_description":{body:?}}}"#) } else { body };
        let mut flow = flow();
        let said = format!("{:?}", flow.receive(&answer(status, &[], &body), now()));
        prop_assert!(!said.contains("refresh-token"));
    }
}
