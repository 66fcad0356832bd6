//! What a response's status and codes ask for. One table, one place.
//!
//! The first row that fits counts. Codes are looked for at every depth of the error, and compared without regard to
//! case: both `syncStateNotFound` and `SyncStateNotFound` were observed. Where Graph's documentation and what was
//! observed differ, both are rows. An unknown 4xx is a bad request, an unknown 5xx may pass.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::challenge::Challenge;
use crate::graph_error::GraphError;
use crate::refusal::Refusal;
use crate::retry_after::retry_after;

/// What to do about a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Read it.
    Accept,
    /// Refuse to follow it.
    Redirect,
    /// Send the request again, not before the given time if the server named one. If that does not help, it was `Refusal`.
    Wait(Option<Duration>, Refusal),
    /// Send the request again with another token.
    Authenticate(Challenge),
    /// Give up this request.
    Refuse(Refusal),
}

impl Verdict {
    /// What it amounts to if nothing is done about it.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::Wait(_, refusal) | Self::Refuse(refusal) => *refusal,
            Self::Authenticate(_) => Refusal::Unauthenticated,
            Self::Accept | Self::Redirect => Refusal::Unexpected,
        }
    }
}

/// A row's verdict.
#[derive(Clone, Copy)]
enum Do {
    Accept,
    Redirect,
    Wait(Refusal),
    Authenticate,
    Refuse(Refusal),
}

struct Row {
    statuses: RangeInclusive<u16>,
    /// None means any code, or none.
    hint: Hint,
    action: Do,
}

/// What must be in a response beside its status.
#[derive(Clone, Copy)]
enum Hint {
    Any,
    Codes(&'static [&'static str]),
    /// Words of the message. Graph's documentation forbids to depend on them; there is nothing else in these two.
    Message(&'static str),
    /// Claims that the next token must have.
    Claims,
}

/// Codes that say that a token is too old to go on from. The directory of codes is longer than what calendars were
/// seen to send (`SyncStateNotFound`), and Graph's documentation promises a status of the 40X series only.
const RESYNC: &[&str] = &[
    "syncStateNotFound",
    "syncStateInvalid",
    "resyncRequired",
    "fullSyncRequired",
    "resyncApplyDifferences",
    "resyncChangesApplyDifferences",
    "resyncUploadDifferences",
    "resyncChangesUploadDifferences",
    "ErrorInvalidSyncStateData",
];

const NO_MAILBOX: &[&str] =
    &["MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI", "ErrorMailboxMoveInProgress"];

/// Codes of throttling, which were also observed with 503.
const THROTTLED: &[&str] = &["TooManyRequests", "ApplicationThrottled", "activityLimitReached"];

const fn row(statuses: RangeInclusive<u16>, hint: Hint, action: Do) -> Row {
    Row { statuses, hint, action }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    row(200..=200, Hint::Any,                                      Do::Accept),
    row(300..=399, Hint::Any,                                      Do::Redirect),
    row(401..=401, Hint::Any,                                      Do::Authenticate),
    row(403..=403, Hint::Claims,                                   Do::Authenticate),
    row(403..=403, Hint::Codes(&["insufficient_claims"]),          Do::Authenticate),
    row(410..=410, Hint::Any,                                      Do::Refuse(Refusal::Forgotten)),
    row(400..=499, Hint::Codes(RESYNC),                            Do::Refuse(Refusal::Forgotten)),
    row(400..=599, Hint::Codes(&["ErrorQuotaExceeded"]),           Do::Refuse(Refusal::QuotaExceeded)),
    row(507..=507, Hint::Any,                                      Do::Refuse(Refusal::QuotaExceeded)),
    row(400..=599, Hint::Codes(NO_MAILBOX),                        Do::Refuse(Refusal::MailboxUnavailable)),
    row(400..=499, Hint::Message("'DeltaToken' not supported"),    Do::Refuse(Refusal::NoDelta)),
    row(400..=599, Hint::Message("Change tracking is not supp"),   Do::Refuse(Refusal::NoDelta)),
    row(400..=599, Hint::Codes(&["cannotSnapshotTree"]),           Do::Wait(Refusal::Unavailable)),
    row(400..=599, Hint::Codes(THROTTLED),                         Do::Wait(Refusal::Throttled)),
    row(403..=403, Hint::Any,                                      Do::Refuse(Refusal::Forbidden)),
    row(404..=404, Hint::Any,                                      Do::Refuse(Refusal::NotFound)),
    row(405..=406, Hint::Any,                                      Do::Refuse(Refusal::NoDelta)),
    row(415..=415, Hint::Any,                                      Do::Refuse(Refusal::NoDelta)),
    row(501..=501, Hint::Any,                                      Do::Refuse(Refusal::NoDelta)),
    row(408..=409, Hint::Any,                                      Do::Wait(Refusal::Unavailable)),
    row(423..=423, Hint::Any,                                      Do::Wait(Refusal::Unavailable)),
    row(425..=425, Hint::Any,                                      Do::Wait(Refusal::Unavailable)),
    row(429..=429, Hint::Any,                                      Do::Wait(Refusal::Throttled)),
    row(509..=509, Hint::Any,                                      Do::Wait(Refusal::Throttled)),
    row(503..=504, Hint::Any,                                      Do::Wait(Refusal::Overloaded)),
    row(500..=599, Hint::Any,                                      Do::Wait(Refusal::Unavailable)),
    row(400..=499, Hint::Any,                                      Do::Refuse(Refusal::BadRequest)),
];

/// Looks a response up. `error` and `claims` are what it says beside its status.
pub(crate) fn classify(status: StatusCode, headers: &HeaderMap, error: &GraphError, claims: Option<String>) -> Verdict {
    let fits = |row: &&Row| row.statuses.contains(&status.as_u16()) && row.hint.is_in(error, claims.as_deref());
    match TABLE.iter().find(fits).map(|row| row.action) {
        Some(Do::Accept) => Verdict::Accept,
        Some(Do::Redirect) => Verdict::Redirect,
        Some(Do::Wait(refusal)) => Verdict::Wait(retry_after(headers), refusal),
        Some(Do::Authenticate) => Verdict::Authenticate(Challenge { claims }),
        Some(Do::Refuse(refusal)) => Verdict::Refuse(refusal),
        None => Verdict::Refuse(Refusal::Unexpected),
    }
}

impl Hint {
    fn is_in(self, error: &GraphError, claims: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Codes(codes) => codes.iter().any(|code| error.has_code(code)),
            Self::Message(words) => error.message.as_deref().is_some_and(|message| message.contains(words)),
            Self::Claims => claims.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn look_up(status: u16, code: &str, message: &str) -> Verdict {
        let error = GraphError {
            codes: vec!["outer".into(), code.into()],
            message: Some(message.into()),
            ..GraphError::default()
        };
        classify(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), &error, None)
    }

    #[test]
    fn each_answer_has_its_verdict() {
        use Refusal::*;
        let refuse = Verdict::Refuse;
        let wait = |refusal| Verdict::Wait(None, refusal);
        for (status, code, verdict) in [
            (200, "", Verdict::Accept),
            (302, "", Verdict::Redirect),
            (304, "", Verdict::Redirect),
            (400, "ErrorInvalidUrlQuery", refuse(BadRequest)),
            (400, "ErrorInvalidParameter", refuse(BadRequest)),
            (400, "ErrorInvalidRequest", refuse(BadRequest)),
            (400, "ErrorInvalidIdMalformed", refuse(BadRequest)),
            (400, "BadRequest", refuse(BadRequest)),
            (400, "SyncStateNotFound", refuse(Forgotten)),
            (400, "ErrorInvalidSyncStateData", refuse(Forgotten)),
            (401, "InvalidAuthenticationToken", Verdict::Authenticate(Challenge { claims: None })),
            (403, "insufficient_claims", Verdict::Authenticate(Challenge { claims: None })),
            (403, "ErrorAccessDenied", refuse(Forbidden)),
            (403, "AccessDenied", refuse(Forbidden)),
            (403, "Authorization_RequestDenied", refuse(Forbidden)),
            (403, "errorquotaexceeded", refuse(QuotaExceeded)),
            (404, "ErrorItemNotFound", refuse(NotFound)),
            (404, "ErrorFolderNotFound", refuse(NotFound)),
            (404, "ErrorSyncFolderNotFound", refuse(NotFound)),
            (404, "Request_ResourceNotFound", refuse(NotFound)),
            (404, "ResourceNotFound", refuse(NotFound)),
            (404, "ErrorInvalidUser", refuse(NotFound)),
            (404, "", refuse(NotFound)),
            (404, "MailboxNotEnabledForRESTAPI", refuse(MailboxUnavailable)),
            (404, "MailboxNotSupportedForRESTAPI", refuse(MailboxUnavailable)),
            (404, "RESYNCREQUIRED", refuse(Forgotten)),
            (405, "", refuse(NoDelta)),
            (406, "", refuse(NoDelta)),
            (415, "", refuse(NoDelta)),
            (501, "NotImplemented", refuse(NoDelta)),
            (408, "", wait(Unavailable)),
            (409, "", wait(Unavailable)),
            (409, "nameAlreadyExists", wait(Unavailable)),
            (409, "ErrorIrresolvableConflict", wait(Unavailable)),
            (409, "ErrorMailboxMoveInProgress", refuse(MailboxUnavailable)),
            (503, "ErrorMailboxMoveInProgress", refuse(MailboxUnavailable)),
            (410, "whatever", refuse(Forgotten)),
            (410, "", refuse(Forgotten)),
            (412, "ErrorIrresolvableConflict", refuse(BadRequest)),
            (412, "resourceModified", refuse(BadRequest)),
            (418, "", refuse(BadRequest)),
            (423, "locked", wait(Unavailable)),
            (425, "", wait(Unavailable)),
            (429, "TooManyRequests", wait(Throttled)),
            (429, "ApplicationThrottled", wait(Throttled)),
            (429, "activityLimitReached", wait(Throttled)),
            (500, "UnknownError", wait(Unavailable)),
            (500, "InternalServerError", wait(Unavailable)),
            (500, "ErrorInternalServerError", wait(Unavailable)),
            (500, "cannotSnapshotTree", wait(Unavailable)),
            (502, "", wait(Unavailable)),
            (503, "", wait(Overloaded)),
            (504, "", wait(Overloaded)),
            (503, "ApplicationThrottled", wait(Throttled)),
            (503, "serviceNotAvailable", wait(Overloaded)),
            (503, "ErrorServerBusy", wait(Overloaded)),
            (504, "UnknownError", wait(Overloaded)),
            (507, "", refuse(QuotaExceeded)),
            (509, "", wait(Throttled)),
            (599, "", wait(Unavailable)),
            (100, "", refuse(Unexpected)),
            (204, "", refuse(Unexpected)),
            (206, "", refuse(Unexpected)),
            (600, "", refuse(Unexpected)),
        ] {
            assert_eq!(look_up(status, code, ""), verdict, "{status} {code}");
        }
        for code in RESYNC {
            for code in [code.to_ascii_uppercase(), code.to_ascii_lowercase()] {
                for status in [400, 404, 409, 410, 429] {
                    assert_eq!(look_up(status, &code, ""), refuse(Forgotten), "{status} {code}");
                }
            }
        }
    }

    /// Nothing but these messages tells these cases apart from others.
    #[test]
    fn delta_that_is_not_there_is_told_apart() {
        let message = "Parameter 'DeltaToken' not supported for this request.";
        assert_eq!(look_up(400, "ErrorInvalidUrlQuery", message), Verdict::Refuse(Refusal::NoDelta));
        let message = "Change tracking is not supported against 'microsoft.graph.event'.";
        assert_eq!(look_up(400, "ErrorInvalidRequest", message), Verdict::Refuse(Refusal::NoDelta));
    }

    #[test]
    fn every_status_has_a_verdict_and_only_one_accepts() {
        for status in 100..=999 {
            let verdict = look_up(status, "", "");
            assert_eq!(verdict == Verdict::Accept, status == 200, "{status}");
        }
    }

    #[test]
    fn the_server_says_how_long_to_wait() {
        let headers = [(header::RETRY_AFTER, "2.5".parse().unwrap())].into_iter().collect();
        let verdict = classify(StatusCode::TOO_MANY_REQUESTS, &headers, &GraphError::default(), None);
        assert_eq!(verdict, Verdict::Wait(Some(Duration::from_millis(2500)), Refusal::Throttled));
    }

    #[test]
    fn claims_make_a_challenge_of_a_403() {
        let claims = Some("eyJhIjoxfQ==".to_owned());
        let challenge = Verdict::Authenticate(Challenge { claims: claims.clone() });
        for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
            assert_eq!(classify(status, &HeaderMap::new(), &GraphError::default(), claims.clone()), challenge);
        }
    }
}
