//! What a server asks of the next access token: the `claims` of a challenge, wherever they stand.
//!
//! With continuous access evaluation and conditional access, a 401 or 403 says which claims the next token must have
//! (Graph's documentation). They come in the `WWW-Authenticate` header, in base64 or base64url, padded or not; some
//! gateways put them into the body. They are handed on as received: what they mean is the token provider's business.

use std::fmt;

use http::{HeaderMap, header};

use crate::json::Walker;

/// What the server asks of the next access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The `claims` of the challenge, as received (mostly base64 or base64url; JSON where a body held them so); to be
    /// handed to the token provider. Without, a refreshed token is enough.
    pub claims: Option<String>,
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge").field("claims", &self.claims.as_ref().map(|_| "…")).finish()
    }
}

/// The claims that a response asks for, in its headers or in its body.
pub(crate) fn claims(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let lines = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(in_header).next().or_else(|| in_body(body)).filter(|claims| !claims.is_empty())
}

/// The value of the parameter `claims`, quoted or not. Base64 ends with `=` signs, so these are part of the value.
fn in_header(line: &str) -> Option<String> {
    let mut rest = line;
    loop {
        let (before, after) = rest.split_once('=')?;
        let name = before.rsplit([' ', ',', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
        let (value, next) = value(after.trim_start());
        if name.eq_ignore_ascii_case("claims") {
            return Some(value);
        }
        rest = next;
    }
}

/// A parameter's value, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next() {
            None | Some('"') => return (value, characters.as_str()),
            Some('\\') => value.extend(characters.next()),
            Some(other) => value.push(other),
        }
    }
}

/// `claims` beside an OAuth error, or at any depth of Graph's, in any case.
fn in_body(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let mut found = None;
    Walker::new(&text).members(|_, name, mut value| {
        if found.is_none() && name.decode().is_some_and(|name| name.eq_ignore_ascii_case("claims")) {
            found = claims_at(&mut value);
        }
    });
    found
}

/// A text is taken out of its quotes, an object stays as it is.
fn claims_at(value: &mut Walker<'_>) -> Option<String> {
    match value.peek()? {
        b'"' => Some(value.text().ok()??.decode()?.into_owned()),
        b'{' => Some(value.skip().ok().map(|place| value.slice(place))?.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(line: &str) -> Option<String> {
        claims(&[(header::WWW_AUTHENTICATE, line.parse().unwrap())].into_iter().collect(), b"")
    }

    #[test]
    fn claims_are_found_in_every_form_of_header() {
        for (line, found) in [
            (r#"Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ==", x="y""#, Some("eyJhIjoxfQ==")),
            (r#"Bearer error="insufficient_claims",claims="eyJh_-xfQ""#, Some("eyJh_-xfQ")),
            (r#"Bearer Claims = "eyJhIjoxfQ=""#, Some("eyJhIjoxfQ=")),
            ("Bearer claims=eyJhIjoxfQ==, x=y", Some("eyJhIjoxfQ==")),
            (r#"Bearer authorization_uri="https://l.example/?claims=no", claims="yes""#, Some("yes")),
            (r#"Bearer error_description="say \"claims=\" and, claims=no", claims="yes""#, Some("yes")),
            (r#"PoP x="y", Bearer claims="{\"a\":1}""#, Some(r#"{"a":1}"#)),
            (r#"Bearer claims="unfinished"#, Some("unfinished")),
            (r#"Bearer claims="""#, None),
            (r#"Bearer xclaims="no", realm="claims""#, None),
            ("Bearer", None),
            ("", None),
        ] {
            assert_eq!(header(line).as_deref(), found, "{line}");
        }
    }

    #[test]
    fn claims_are_found_in_bodies() {
        for (body, found) in [
            (r#"{"error":"interaction_required","claims":"eyJhIjoxfQ=="}"#, Some("eyJhIjoxfQ==")),
            (r#"{"error":{"code":"ClaimsChallengeRequiredException","claims":"{\"a\":1}"}}"#, Some(r#"{"a":1}"#)),
            (r#"{"error":{"code":"X","innerError":{"claims":{"a": 1}}}}"#, Some(r#"{"a": 1}"#)),
            (r#"{"error":{"code":"X","innererror":{"innerError":{"claims":"yes"}}}}"#, Some("yes")),
            (r#"{"error":{"code":5,"innerError":{},"innererror":{"Claims":"yes"}}}"#, Some("yes")),
            (r#"{"claims":null,"error":{"claims":"yes"},"details":"cut o"#, Some("yes")),
            (r#"{"error":{"code":"X"}}"#, None),
            (r#"{"claims":["no"],"error":{"claims":5}}"#, None),
            (r#"{"claims":""}"#, None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(claims(&HeaderMap::new(), body.as_bytes()).as_deref(), found, "{body}");
        }
    }

    #[test]
    fn every_header_line_is_looked_at() {
        let lines = ["Negotiate", r#"Bearer claims="a""#];
        let headers = lines.iter().map(|line| (header::WWW_AUTHENTICATE, line.parse().unwrap())).collect();
        assert_eq!(claims(&headers, br#"{"claims":"b"}"#).as_deref(), Some("a"));
    }

    #[test]
    fn secrets_never_print() {
        assert!(!format!("{:?}", Challenge { claims: Some("eyJ".into()) }).contains("eyJ"));
    }
}
