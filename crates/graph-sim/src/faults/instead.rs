//! Answers that come instead of the right one. The request is not carried out.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::hostile;
use super::kinds::Fault;
use super::refusals::{Challenge, ClaimsForm, ErrorBody, Gone, GoneLocation, RetryAfter, StatusFault};
use super::visit::{Context, Visit};
use crate::base64;
use crate::simulator::CHALLENGE;
use crate::time::{self, Instant};

const PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Please sign in.</p></body></html>";
const NO_JSON: &str = "the calendar service is having a rest";
/// No UTF-8, and no JSON.
const GARBAGE: &[u8] = &[0x00, 0xff, 0xfe, b'{', b'"', 0xc3, 0x28, 0x80, b'}'];

/// The answer, if the fault is one of these.
pub(super) fn strike(fault: &Fault, visit: &mut Visit<'_>) -> Option<Response<Bytes>> {
    Some(match fault {
        Fault::Status(fault) => status(fault, visit.context),
        Fault::Challenge(challenge) => self::challenge(challenge, visit.context),
        Fault::Gone(gone) => self::gone(gone, visit),
        Fault::Redirect { status, location } => {
            let (path, query) = (visit.original.path(), visit.original.query().unwrap_or_default());
            let hostile = || hostile::link(visit.dice, visit.host, path, query);
            let location = location.clone().unwrap_or_else(hostile);
            let mut answer = with_status(*status, "", "");
            put(&mut answer, LOCATION, &location);
            answer
        }
        Fault::Html => with_status(200, "text/html; charset=utf-8", PAGE),
        Fault::NonJson => with_status(200, "application/json", NO_JSON),
        _ => return None,
    })
}

pub(super) fn status(fault: &StatusFault, context: &Context<'_>) -> Response<Bytes> {
    let mut answer = match fault.body {
        ErrorBody::Graph => {
            let code = fault.code.as_deref().unwrap_or_else(|| usual_code(fault.status));
            let mut inner = inner_error(context);
            if let (Some(code), Some(inner)) = (&fault.inner_code, inner.as_object_mut()) {
                inner.insert("code".to_owned(), Value::from(code.as_str()));
            }
            graph(fault.status, code, fault.message.as_deref().unwrap_or_default(), inner)
        }
        ErrorBody::Empty => with_status(fault.status, "", ""),
        ErrorBody::Html => with_status(fault.status, "text/html", PAGE),
        ErrorBody::Garbage => with_status(fault.status, "application/octet-stream", GARBAGE),
    };
    for line in &fault.retry_after {
        let line = match line {
            RetryAfter::Line(line) => line.clone(),
            RetryAfter::Date { http_date } => time::http_date(after(context.now, *http_date)),
        };
        if let Ok(line) = HeaderValue::from_str(&line) {
            answer.headers_mut().append(RETRY_AFTER, line);
        }
    }
    answer
}

fn challenge(challenge: &Challenge, context: &Context<'_>) -> Response<Bytes> {
    let mut inner = inner_error(context);
    let (claims, in_body) = (challenge.claims.as_deref(), challenge.form == ClaimsForm::Body);
    if let (Some(claims), true, Some(inner)) = (claims, in_body, inner.as_object_mut()) {
        inner.insert("claims".to_owned(), Value::from(claims));
    }
    let code = match (claims, in_body) {
        (Some(_), true) => "ClaimsChallengeRequiredException",
        _ => usual_code(challenge.status),
    };
    let mut answer = graph(challenge.status, code, "Access token has expired or is not yet valid.", inner);
    let encoded = claims.and_then(|claims| match challenge.form {
        ClaimsForm::Base64 => Some(base64::standard(claims.as_bytes())),
        ClaimsForm::Base64Url => Some(base64::url_safe(claims.as_bytes())),
        ClaimsForm::Body => None,
    });
    let header = match encoded {
        Some(claims) => format!("{CHALLENGE}, error=\"insufficient_claims\", claims=\"{claims}\""),
        None => CHALLENGE.to_owned(),
    };
    put(&mut answer, WWW_AUTHENTICATE, &header);
    answer
}

fn gone(gone: &Gone, visit: &mut Visit<'_>) -> Response<Bytes> {
    let code = gone.code.as_deref().unwrap_or("SyncStateNotFound");
    let message = "The sync state generation is not found; generation=3;[highest=9][9][7][8].";
    let mut answer = graph(410, code, message, inner_error(visit.context));
    let path = visit.original.path();
    match gone.location {
        GoneLocation::None => {}
        GoneLocation::EmptyToken => put(&mut answer, LOCATION, &format!("{}?$deltatoken=", here(visit.original))),
        GoneLocation::Foreign => {
            put(&mut answer, LOCATION, &hostile::link(visit.dice, visit.host, path, "$deltatoken="))
        }
    }
    answer
}

/// The resource that was asked for, as absolute as the request's own URI.
fn here(uri: &Uri) -> String {
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}{}", uri.path()),
        _ => uri.path().to_owned(),
    }
}

fn graph(status: u16, code: &str, message: &str, inner: Value) -> Response<Bytes> {
    let body = json!({"error": {"code": code, "message": message, "innerError": inner}});
    with_status(status, "application/json", body.to_string())
}

fn inner_error(context: &Context<'_>) -> Value {
    json!({
        "date": time::to_the_second(context.now),
        "request-id": context.request_id,
        "client-request-id": context.client_request_id,
    })
}

/// What Graph says most often with this status.
fn usual_code(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "InvalidAuthenticationToken",
        403 => "ErrorAccessDenied",
        404 => "ErrorItemNotFound",
        409 => "ErrorMailboxMoveInProgress",
        410 => "SyncStateNotFound",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        501 => "NotImplemented",
        503 => "serviceNotAvailable",
        507 => "ErrorQuotaExceeded",
        _ => "UnknownError",
    }
}

/// That many seconds later, whole ones, as a date in a header has it.
pub(super) fn after(now: Instant, seconds: i64) -> Instant {
    let span = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { now.saturating_sub(span) } else { now.saturating_add(span) }
}

fn with_status(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        put(&mut answer, CONTENT_TYPE, content_type);
    }
    answer
}

/// Sets a header; a value that cannot stand in one is left out.
fn put(answer: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
