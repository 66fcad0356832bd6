//! Graph's error body: `{"error": {"code", "message", "innerError": {…}}}`.

use std::fmt;

use http::HeaderMap;

use crate::json::Walker;

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
    /// Reads a response that is an error: whatever has the name of what is looked for, at any depth and in any case. Errors
    /// nest in `innerError`, in `innererror` and in `details`; some are no JSON, or have something else under one of the
    /// names, and are still read as far as they can be.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let (mut codes, mut message) = (Vec::new(), Outermost::default());
        let (mut request_id, mut client_request_id) = (Outermost::default(), Outermost::default());
        Walker::new(&text).members(|depth, name, mut value| {
            let Some(name) = name.decode() else { return };
            let mut text = || Some(scrub(&value.text().ok()??.decode()?)).filter(|text| !text.is_empty());
            match name.to_ascii_lowercase().as_str() {
                "code" => codes.extend(text().map(|code| (depth, code))),
                "message" => message.take(depth, text),
                "request-id" => request_id.take(depth, text),
                "client-request-id" => client_request_id.take(depth, text),
                _ => {}
            }
            if codes.len() > MAX_CODES {
                // The first and the last say most.
                codes.remove(MAX_CODES / 2);
            }
        });
        codes.sort_by_key(|(depth, _)| *depth);
        let of_headers = RequestIds::of(headers);
        let ids = RequestIds {
            request_id: of_headers.request_id.or(request_id.text()),
            client_request_id: of_headers.client_request_id.or(client_request_id.text()),
        };
        Self { codes: codes.into_iter().map(|(_, code)| code).collect(), message: message.text(), ids }
    }

    /// Whether one of the codes is `code`, in any case.
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|found| found.eq_ignore_ascii_case(code))
    }
}

/// The text of a name that stands furthest out, and first.
#[derive(Default)]
struct Outermost(Option<(usize, String)>);

impl Outermost {
    fn take(&mut self, depth: usize, text: impl FnOnce() -> Option<String>) {
        if self.0.as_ref().is_none_or(|(known, _)| depth < *known)
            && let Some(text) = text()
        {
            self.0 = Some((depth, text));
        }
    }

    fn text(self) -> Option<String> {
        self.0.map(|(_, text)| text)
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
    fn codes_are_read_from_errors_of_any_shape() {
        let read = |body: &[u8]| GraphError::read(&HeaderMap::new(), body).codes;
        for (body, codes) in [
            (r#"{"error":{"code":"a","innerError":{"code":"b"},"innererror":{"code":"c"}}}"#, &["a", "b", "c"][..]),
            (r#"{"error":{"innerError":{"innererror":{"code":"c"},"code":"b"},"code":"a"}}"#, &["a", "b", "c"]),
            (r#"{"error":{"Code":"a","InnerError":{"CODE":"b"}}}"#, &["a", "b"]),
            (r#"{"error":{"code":"a","details":[{"code":"b","target":"x"},{"code":"c"}]}}"#, &["a", "b", "c"]),
            (r#"{"error":{"code":5,"innerError":{"code":null,"innerError":{"code":"c"}}}}"#, &["c"]),
            (r#"{"error":{"code":["x"],"message":{},"innerError":{"code":"b","request-id":7}}}"#, &["b"]),
            (r#"{"error":{"code":"a","code":"b"},"error":{"code":"c"}}"#, &["a", "b", "c"]),
            (
                r#"{"error":{"code":"","message":"\ud800","innerError":{"code":"\ud800"},"details":[{"code":"b"}]}}"#,
                &["b"],
            ),
            (r#"{"error":{"code":"a","message":"and then the line went de"#, &["a"]),
            (r#"{"code":"a","message":"of a gateway"}"#, &["a"]),
            (r#"[{"error":{"code":"a"}}]"#, &["a"]),
            ("\u{feff}{\"error\":{\"code\":\"a\"}}", &["a"]),
            (r#"{"error":{"message":"\"code\":\"no\"","x":"code"}}"#, &[]),
        ] {
            assert_eq!(read(body.as_bytes()), codes, "{body}");
        }
        assert_eq!(read(b"{\"error\":{\"message\":\"caf\xe9\",\"code\":\"a\"}}"), ["a"], "bytes that are not UTF-8");
        let deep = format!(r#"{{"error":{}"#, r#"{"code":"x","innerError":"#.repeat(10_000));
        assert_eq!(read(format!(r#"{deep}{{"code":"innermost"}}"#).as_bytes()).last().unwrap(), "innermost");
        let many = r#"{"code":"x"},"#.repeat(10_000);
        let codes =
            read(format!(r#"{{"error":{{"code":"a","details":[{many}],"innerError":{{"code":"b"}}}}}}"#).as_bytes());
        assert!(codes.len() == MAX_CODES && codes[0] == "a" && codes.contains(&"b".to_owned()), "{codes:?}");
    }

    /// Of messages and ids the outermost counts: it is the one that is meant for people.
    #[test]
    fn the_outermost_message_is_shown() {
        let body = r#"{"error":{"innerError":{"message":"inner","request-id":"r"},"Message":"outer","details":[{"message":"d"}]}}"#;
        let error = GraphError::read(&HeaderMap::new(), body.as_bytes());
        assert_eq!((error.message.as_deref(), error.ids.request_id.as_deref()), (Some("outer"), Some("r")));
        let inner = br#"{"error":{"code":"x","message":7,"innerError":{"message":"inner"}}}"#;
        assert_eq!(GraphError::read(&HeaderMap::new(), inner).message.as_deref(), Some("inner"));
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
