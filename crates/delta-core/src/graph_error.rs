//! Graph's error body: `{"error": {"code", "message", "innerError": {…}}}`.

use std::fmt;

use http::HeaderMap;
use serde::Deserialize;

/// How much of a server's message is kept: it ends up on terminals and in logs.
const MAX_TEXT: usize = 300;

/// How many codes are kept. Graph nests two or three.
const MAX_CODES: usize = 8;

/// What Graph said when it refused a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphError {
    /// The codes, from the outermost to the innermost. The innermost are the most specific (Graph's documentation,
    /// «error responses»). Compare them without regard to case: both `syncStateNotFound` and `SyncStateNotFound`
    /// were observed.
    pub codes: Vec<String>,
    /// The message, shortened, without anything that looks like a link or a token.
    pub message: Option<String>,
    /// The ids to give to Microsoft's support.
    pub ids: RequestIds,
}

impl GraphError {
    /// Reads a response that is an error. Whatever can't be read is left out.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut error = Self { ids: RequestIds::of(headers), ..Self::default() };
        let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else { return error };
        error.message = envelope.error.message.as_deref().map(scrub).filter(|message| !message.is_empty());
        error.take(envelope.error);
        error
    }

    /// Whether one of the codes is `code`, in any case.
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|found| found.eq_ignore_ascii_case(code))
    }

    fn take(&mut self, body: Body) {
        let mut next = Some(body);
        while let Some(body) = next {
            self.codes.extend(body.code.as_deref().map(scrub).filter(|code| !code.is_empty()));
            if self.codes.len() > MAX_CODES {
                // The outermost and the innermost say most.
                self.codes.remove(MAX_CODES / 2);
            }
            self.ids.fill(body.request_id, body.client_request_id);
            next = body.inner_error.map(|inner| *inner);
        }
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.codes.as_slice() {
            [] => f.write_str("no error code")?,
            codes => f.write_str(&codes.join(" / "))?,
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        write!(f, "{}", self.ids)
    }
}

/// The ids that Microsoft's support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestIds {
    /// `request-id`, given by the server.
    pub request_id: Option<String>,
    /// `client-request-id`, given by us.
    pub client_request_id: Option<String>,
}

impl RequestIds {
    /// The ids of a response, as far as it has any.
    pub fn of(headers: &HeaderMap) -> Self {
        let read = |name: &str| headers.get(name)?.to_str().ok().map(scrub).filter(|id| !id.is_empty());
        Self { request_id: read("request-id"), client_request_id: read("client-request-id") }
    }

    fn fill(&mut self, request_id: Option<String>, client_request_id: Option<String>) {
        let fill = |slot: &mut Option<String>, id: Option<String>| *slot = slot.take().or(id.as_deref().map(scrub));
        fill(&mut self.request_id, request_id);
        fill(&mut self.client_request_id, client_request_id);
    }
}

impl fmt::Display for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.request_id {
            Some(id) => write!(f, " (request-id {id})"),
            None => Ok(()),
        }
    }
}

/// A text of the server's, fit to be printed: short, without control characters, and with «…» in place of every word
/// that is or may be a token or a link.
pub(crate) fn scrub(text: &str) -> String {
    let mut clean = String::new();
    let mut announced = false;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let shown = if announced || is_secret(word) { "…" } else { word };
        announced = announces_secret(word);
        if clean.len() + shown.len() > MAX_TEXT {
            clean.push('…');
            break;
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(shown);
    }
    clean
}

/// Whether a word is long enough to be a token, or looks like a link, a part of one, or a named token.
fn is_secret(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let names_value = ["=", "%3d", "('", ":"].iter().any(|mark| lower.contains(mark));
    let in_link = lower.contains("://") || lower.contains("%24") || (lower.contains('/') && lower.contains('?'));
    word.len() > 64 || in_link || (lower.contains("token") && names_value && !lower.ends_with(':'))
}

/// Whether the next word is likely to be a token.
fn announces_secret(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    lower == "bearer" || lower == "bearer:" || lower.ends_with("token:") || lower.ends_with("token=")
}

#[derive(Deserialize)]
struct Envelope {
    error: Body,
}

/// The inner error nests to any depth, and is spelt in two ways.
#[derive(Deserialize)]
struct Body {
    code: Option<String>,
    message: Option<String>,
    #[serde(alias = "innererror", rename = "innerError")]
    inner_error: Option<Box<Self>>,
    #[serde(rename = "request-id")]
    request_id: Option<String>,
    #[serde(rename = "client-request-id")]
    client_request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_at_any_depth_and_ids_are_kept() {
        let body = br#"{"error":{"code":"BadRequest","message":"The sync state generation is not found; generation=149;",
            "innerError":{"code":"SyncStateNotFound","date":"2026-01-01T00:00:00","request-id":"r-1","client-request-id":"c-1",
            "innererror":{"code":"deeper"}}}}"#;
        let error = GraphError::read(&HeaderMap::new(), body);
        assert_eq!(error.codes, ["BadRequest", "SyncStateNotFound", "deeper"]);
        assert!(error.has_code("syncstatenotfound") && !error.has_code("sync"));
        assert_eq!(error.ids.request_id.as_deref(), Some("r-1"));
        assert_eq!(
            error.to_string(),
            "BadRequest / SyncStateNotFound / deeper: The sync state generation is not found; generation=149; (request-id r-1)"
        );
    }

    #[test]
    fn a_body_that_is_not_graphs_leaves_the_headers() {
        let mut headers = HeaderMap::new();
        headers.insert("request-id", "r-2".parse().unwrap());
        for body in [&b""[..], b"<html>", b"{\"error\":\"no\"}", b"{\"error\":{\"code\":5}}", b"\xff"] {
            let error = GraphError::read(&headers, body);
            assert_eq!((error.codes.len(), error.ids.request_id.as_deref()), (0, Some("r-2")));
        }
    }

    #[test]
    fn secrets_never_print() {
        let token = "e".repeat(65);
        let body = format!(
            r#"{{"error":{{"code":"X","message":"at https://graph.microsoft.com/?a=b with {token} and $deltatoken=abc\u001b[2J ok"}}}}"#
        );
        let printed = GraphError::read(&HeaderMap::new(), body.as_bytes()).to_string();
        assert_eq!(printed, "X: at … with … and … [2J ok");
        for (text, clean) in [
            ("at /v1.0/me/delta?%24deltatoken%3DSECRET end", "at … end"),
            ("delta(deltatoken='SECRET') %24skiptoken=SECRET", "… …"),
            ("Bearer SECRET token: SECRET, DeltaToken:SECRET.", "Bearer … token: … …"),
            (
                "Access token is empty; generation=149;[highest=157]",
                "Access token is empty; generation=149;[highest=157]",
            ),
        ] {
            assert_eq!(scrub(text), clean);
        }
    }
}
