//! Answers that come instead of the right one, and what happens to it on the wire.

use bytes::Bytes;
use graph_sim::{
    Challenge, ClaimsForm, ErrorBody, Fault, FaultEffect, Gone, GoneLocation, RequestKind, Rule, StatusFault,
};
use http::Request;
use serde_json::Value;

use crate::common::event;
use crate::{Answer, INITIAL, OWN, Raw, assert_comes_right, common, header, json, listing, struck, subjects};

#[test]
fn an_error_has_the_status_code_and_body_that_the_plan_says() {
    let fault = StatusFault {
        inner_code: Some("resyncRequired".to_owned()),
        message: Some("No.".to_owned()),
        ..StatusFault::new(400).code("UnknownCode")
    };
    let (mut raw, answer) = struck(Fault::Status(fault));
    assert_eq!(answer.status(), 400);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((&body["error"]["code"], &body["error"]["message"]), (&"UnknownCode".into(), &"No.".into()));
    let inner = &body["error"]["innerError"];
    assert_eq!(inner["code"], "resyncRequired");
    assert_eq!(inner["request-id"].as_str().unwrap(), header(&answer, "request-id"));
    assert_comes_right(&mut raw);

    for (form, content_type, first) in [
        (ErrorBody::Empty, "", ""),
        (ErrorBody::Html, "text/html", "<!DOCTYPE"),
        (ErrorBody::Garbage, "application/octet-stream", "\0"),
    ] {
        let (mut raw, answer) = struck(Fault::Status(StatusFault::new(503).body(form)));
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (503, content_type));
        assert!(answer.body().starts_with(first.as_bytes()) && answer.body().is_empty() == first.is_empty());
        assert!(serde_json::from_slice::<Value>(answer.body()).is_err());
        assert_comes_right(&mut raw);
    }
}

#[test]
fn a_retry_after_has_each_line_that_the_plan_says() {
    let fault = StatusFault::new(429).retry_after("2.128").retry_after("0,120").retry_at(30).retry_at(-30);
    let (raw, answer) = struck(Fault::Status(fault));
    let lines: Vec<&str> = answer.headers().get_all("retry-after").iter().map(|line| line.to_str().unwrap()).collect();
    assert_eq!(header(&answer, "date"), "Thu, 24 Nov 2016 15:06:46 GMT");
    assert_eq!(lines, ["2.128", "0,120", "Thu, 24 Nov 2016 15:07:16 GMT", "Thu, 24 Nov 2016 15:06:16 GMT"]);
    assert_eq!(raw.client.simulator.early_requests(), 0);
}

#[test]
fn who_comes_before_the_longest_wait_is_over_is_counted() {
    let (mut raw, _) = struck(Fault::Status(StatusFault::new(429).retry_after("1").retry_after("0,120").retry_at(30)));
    raw.client.simulator.clear_faults();
    raw.client.seconds += 118;
    raw.get("/groups/none");
    assert_eq!(raw.client.simulator.early_requests(), 0);
    raw.client.seconds -= 1;
    raw.get("/me");
    assert_eq!(raw.client.simulator.early_requests(), 1);
    raw.get("/users/SamanthaB@contoso.com");
    assert_eq!(raw.client.simulator.early_requests(), 1);
    raw.client.seconds -= 10;
    raw.send(Request::get(format!("{}/me", common::ROOT)).body(Bytes::new()).unwrap());
    assert_eq!(raw.client.simulator.early_requests(), 2);
}

#[test]
fn a_challenge_has_its_claims_where_the_plan_says() {
    let claims = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;
    let (mut raw, answer) = struck(Fault::Challenge(Challenge::expired()));
    assert_eq!(answer.status(), 401);
    assert!(!header(&answer, "www-authenticate").contains("claims"));
    assert_comes_right(&mut raw);

    let padded = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ==";
    for (form, text) in [(ClaimsForm::Base64, padded), (ClaimsForm::Base64Url, padded.trim_end_matches('='))] {
        let (_, answer) = struck(Fault::Challenge(Challenge::claims(claims, form)));
        let expected = format!("error=\"insufficient_claims\", claims=\"{text}\"");
        assert!(header(&answer, "www-authenticate").ends_with(&expected), "{answer:?}");
    }
    let challenge = Challenge { status: 403, ..Challenge::claims(claims, ClaimsForm::Body) };
    let (_, answer) = struck(Fault::Challenge(challenge));
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((answer.status().as_u16(), &body["error"]["code"]), (403, &"ClaimsChallengeRequiredException".into()));
    assert_eq!(body["error"]["innerError"]["claims"], claims);
    assert!(!header(&answer, "www-authenticate").contains("claims"));
}

#[test]
fn a_token_that_is_gone_may_come_with_a_location() {
    let (mut raw, answer) = struck(Fault::Gone(Gone::default()));
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((answer.status().as_u16(), &body["error"]["code"]), (410, &"SyncStateNotFound".into()));
    assert_eq!(header(&answer, "location"), "");
    assert_comes_right(&mut raw);

    let gone = |location| Fault::Gone(Gone { code: Some("resyncRequired".to_owned()), location });
    let (_, answer) = struck(gone(GoneLocation::EmptyToken));
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["error"]["code"], "resyncRequired");
    assert_eq!(header(&answer, "location"), "https://graph.microsoft.com/v1.0/me/calendarView/delta?$deltatoken=");
    let (_, answer) = struck(gone(GoneLocation::Foreign));
    assert!(!header(&answer, "location").is_empty() && !header(&answer, "location").starts_with(OWN));
}

#[test]
fn a_redirect_leads_to_the_place_that_the_plan_says_or_to_a_hostile_one() {
    let there = "https://graph.microsoft.com/v1.0/elsewhere";
    let (mut raw, answer) = struck(Fault::Redirect { status: 307, location: Some(there.to_owned()) });
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (307, there));
    assert_comes_right(&mut raw);
    let (_, answer) = struck(Fault::Redirect { status: 302, location: None });
    assert!(!header(&answer, "location").is_empty() && !header(&answer, "location").starts_with(OWN));
}

#[test]
fn what_is_no_json_says_so_or_does_not() {
    for (fault, content_type) in [(Fault::Html, "text/html; charset=utf-8"), (Fault::NonJson, "application/json")] {
        let (mut raw, answer) = struck(fault);
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (200, content_type));
        assert!(serde_json::from_slice::<Value>(answer.body()).is_err());
        assert_comes_right(&mut raw);
    }
}

#[test]
fn effects_on_the_wire_are_told_beside_a_right_answer() {
    let effect = |answer: &Answer| answer.extensions().get::<FaultEffect>().copied();
    let (mut raw, late) = struck(Fault::Delay { milliseconds: 1500 });
    assert_eq!(effect(&late), Some(FaultEffect::Delay(std::time::Duration::from_millis(1500))));
    assert_eq!(subjects(&json(&late)), ["0", "1"]);
    assert_eq!(effect(&raw.get(INITIAL)), None);
    let (_, cut) = struck(Fault::Cut);
    assert!(matches!(effect(&cut), Some(FaultEffect::Cut { after }) if after < cut.body().len()));
    let (_, stalled) = struck(Fault::Stall { milliseconds: None });
    assert!(
        matches!(effect(&stalled), Some(FaultEffect::Stall { after, pause: None }) if after < stalled.body().len())
    );
    assert_eq!(subjects(&json(&stalled)), ["0", "1"]);
}

#[test]
fn a_write_whose_answer_is_cut_off_has_happened_and_one_that_is_refused_has_not() {
    for (fault, events) in [(Fault::Cut, 1), (Fault::Status(StatusFault::new(503)), 0)] {
        let mut raw = Raw::new(0).fault(Rule::new(fault).on_kind(RequestKind::Write).times(1));
        let body = event("event 0", "2026-03-01T10:00:00", "2026-03-01T11:00:00").to_string();
        let post = Request::post(format!("{}/me/events", common::ROOT)).header("authorization", "Bearer secret");
        raw.send(post.body(Bytes::from(body)).unwrap());
        assert_eq!(raw.struck(), 1);
        assert_eq!(listing(&mut raw).len(), events);
    }
}
