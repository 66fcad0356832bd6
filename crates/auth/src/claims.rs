//! What a server asks of the next token, read and made ready for the authority.
//!
//! `delta-core` hands a challenge's claims on as they came: base64 or base64url, padded or not, escaped for a URL, or JSON
//! as it is. The authority wants JSON, as the parameter `claims`. With it goes what this client can do: `cp1` says that it
//! understands such challenges (Microsoft's documentation of continuous access evaluation).

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value, json};

/// Both alphabets are made one; padding and spare bits are nobody's concern.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Claims that the next token must have.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the claims of a challenge, in any of the forms in which they come.
    ///
    /// # Errors
    /// [`ClaimsError`] if no JSON object is in it.
    pub fn of_challenge(text: &str) -> Result<Self, ClaimsError> {
        // As it came first: an escape inside of JSON is part of a value.
        let (text, unescaped) = (text.trim(), unescape(text));
        if let Some(claims) = [text, unescaped.as_str()].into_iter().find_map(|text| serde_json::from_str(text).ok()) {
            return Ok(Self(claims));
        }
        let base64: String = unescaped.chars().filter(|c| !c.is_whitespace()).map(url_safe).collect();
        let bytes = LENIENT.decode(base64.trim_end_matches('=')).map_err(|_| ClaimsError)?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(claims)) => Ok(Self(claims)),
            _ => Err(ClaimsError),
        }
    }

    /// As JSON, to be kept for later.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(…)")
    }
}

/// The parameter `claims`: what the client can do, and what was asked for.
pub(crate) fn parameter(claims: Option<&Claims>) -> String {
    let mut all = json!({"access_token": {"xms_cc": {"values": ["cp1"]}}});
    if let Some(claims) = claims {
        merge(&mut all, &Value::Object(claims.0.clone()));
    }
    all.to_string()
}

/// Objects are joined; anything else takes the place of what was there.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// `%3D` is how some gateways write a padding sign.
fn unescape(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    // As the value of a form's parameter, in which `+` would be a space.
    let form = text.replace('+', "%2B").replace('&', "%26");
    form_urlencoded::parse(format!("claims={form}").as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

fn url_safe(symbol: char) -> char {
    match symbol {
        '+' => '-',
        '/' => '_',
        other => other,
    }
}

/// The claims of a challenge can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimsError;

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server asks for claims that can't be read: they are neither JSON nor base64 of it")
    }
}

impl std::error::Error for ClaimsError {}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "e", "[]", "W10=", "nonsense!", "eyJ", "\"{}\"", "%", "%7B"] {
            assert_eq!(Claims::of_challenge(text), Err(ClaimsError), "{text:?}");
        }
    }

    #[test]
    fn what_was_asked_for_joins_what_the_client_can_do() {
        let asked =
            Claims::of_challenge(r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#).unwrap();
        let all: Value = serde_json::from_str(&parameter(Some(&asked))).unwrap();
        assert_eq!(all["access_token"]["xms_cc"]["values"][0], "cp1");
        assert_eq!(all["access_token"]["nbf"]["value"], "1604106651");
        assert_eq!(parameter(None), r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#);
    }

    #[test]
    fn an_escape_inside_of_json_is_part_of_a_value() {
        assert!(Claims::of_challenge(r#"{"a":"%41"}"#).unwrap().to_json().contains("%41"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn claims_are_read_in_every_form(value in "[ -~]{0,24}", space: bool) {
            let json = json!({"access_token": {"nbf": {"value": value}}}).to_string();
            let expected = Claims::of_challenge(&json);
            prop_assert!(expected.is_ok());
            let padded = BASE64_STANDARD.encode(&json);
            for text in [
                padded.replace('=', "%3D").replace('+', "%2B"),
                BASE64_STANDARD_NO_PAD.encode(&json),
                BASE64_URL_SAFE.encode(&json),
                BASE64_URL_SAFE_NO_PAD.encode(&json),
                if space { format!(" {padded}\n") } else { padded },
            ] {
                prop_assert_eq!(Claims::of_challenge(&text), expected.clone(), "{}", text);
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = Claims::of_challenge(&text);
        }
    }
}
