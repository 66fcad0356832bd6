//! What a response's status and codes ask for. One table, one place.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use crate::graph_error::GraphError;
use crate::step::Challenge;

/// What to do about a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Read it as a page.
    Accept,
    /// Refuse to follow it.
    Redirect,
    /// Send the request again, not before the given time if the server named one.
    Wait(Option<Duration>),
    /// Send the request again with another token.
    Authenticate(Challenge),
    /// Begin the round anew.
    Restart,
    /// Give up.
    Fail,
}

/// Codes that say that a token is too old to go on from. The directory of codes is longer than what calendars were
/// seen to send (`SyncStateNotFound`), and Graph's documentation promises a status of the 40X series only.
const RESYNC_CODES: [&str; 6] = [
    "syncStateNotFound",
    "syncStateInvalid",
    "resyncRequired",
    "fullSyncRequired",
    "resyncApplyDifferences",
    "resyncChangesApplyDifferences",
];

/// Looks a response up. `error` is what its body says.
pub(crate) fn classify(status: StatusCode, headers: &HeaderMap, error: &GraphError) -> Verdict {
    match status.as_u16() {
        200 => Verdict::Accept,
        300..=399 => Verdict::Redirect,
        401 => Verdict::Authenticate(Challenge { claims: claims(headers) }),
        410 => Verdict::Restart,
        400..=499 if RESYNC_CODES.iter().any(|code| error.has_code(code)) => Verdict::Restart,
        _ if is_temporary(status) => Verdict::Wait(retry_after(headers)),
        _ => Verdict::Fail,
    }
}

/// Whether the same request may be answered later.
pub(crate) fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// `Retry-After` in seconds, whole or with a fraction (both are in Graph's documentation).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    let sensible = seconds.is_finite() && seconds >= 0.0;
    // What does not fit is a very long time, and not none.
    sensible.then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// The `claims` parameter of a `WWW-Authenticate` header.
fn claims(headers: &HeaderMap) -> Option<String> {
    headers.get_all(header::WWW_AUTHENTICATE).iter().find_map(|value| {
        let (_, rest) = value.to_str().ok()?.split_once("claims=\"")?;
        let (claims, _) = rest.split_once('"')?;
        (!claims.is_empty()).then(|| claims.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up(status: u16, headers: &[(header::HeaderName, &str)], code: &str) -> Verdict {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let error = GraphError { codes: vec!["outer".into(), code.into()], ..GraphError::default() };
        classify(StatusCode::from_u16(status).unwrap(), &headers, &error)
    }

    #[test]
    fn each_answer_has_its_verdict() {
        use Verdict::*;
        assert_eq!(look_up(200, &[], ""), Accept);
        assert_eq!(look_up(302, &[(header::LOCATION, "https://evil.example/")], ""), Redirect);
        assert_eq!(look_up(410, &[], "whatever"), Restart);
        assert_eq!(look_up(400, &[], "SyncStateNotFound"), Restart);
        assert_eq!(look_up(404, &[], "RESYNCREQUIRED"), Restart);
        assert_eq!(look_up(400, &[], "ErrorInvalidUrlQuery"), Fail);
        assert_eq!(look_up(403, &[], "ErrorAccessDenied"), Fail);
        assert_eq!(look_up(204, &[], ""), Fail);
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(look_up(status, &[], ""), Wait(None));
        }
    }

    #[test]
    fn the_server_says_how_long_to_wait() {
        let wait = |value| look_up(429, &[(header::RETRY_AFTER, value)], "");
        assert_eq!(wait("120"), Verdict::Wait(Some(Duration::from_secs(120))));
        assert_eq!(wait(" 2.5 "), Verdict::Wait(Some(Duration::from_millis(2500))));
        assert_eq!(wait("99999999999999999999"), Verdict::Wait(Some(Duration::MAX)));
        for garbage in ["", "soon", "-1", "NaN", "inf"] {
            assert_eq!(wait(garbage), Verdict::Wait(None), "{garbage}");
        }
    }

    #[test]
    fn claims_reach_the_token_provider_as_received_and_never_print() {
        let header = r#"Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ==", x="y""#;
        let Verdict::Authenticate(challenge) = look_up(401, &[(header::WWW_AUTHENTICATE, header)], "") else {
            panic!()
        };
        assert_eq!(challenge.claims.as_deref(), Some("eyJhIjoxfQ=="));
        assert!(!format!("{challenge:?}").contains("eyJ"));
        assert_eq!(look_up(401, &[], ""), Verdict::Authenticate(Challenge { claims: None }));
    }
}
