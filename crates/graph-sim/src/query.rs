//! Percent-encoding and query strings.

/// Decodes `%XX`; what is no valid escape stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes everything but unreserved characters, for one path segment or one query value.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A query string. Names are compared without case, as Graph does; of two equal ones the first counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    parameters: Vec<Parameter>,
}

#[derive(Debug, Clone)]
struct Parameter {
    raw: String,
    name: String,
    value: String,
}

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        let parameters = query.split('&').filter(|raw| !raw.is_empty()).map(|raw| {
            let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
            Parameter {
                raw: raw.to_owned(),
                name: percent_decode(name).to_ascii_lowercase(),
                value: percent_decode(&value.replace('+', " ")),
            }
        });
        Self { parameters: parameters.collect() }
    }

    /// The value of the parameter with this name, which must be given in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.value.as_str())
    }

    /// The query string as it came, without the parameter of this lower-case name and with another at its end.
    pub(crate) fn replaced(&self, name: &str, addition: &str) -> String {
        let kept = self.parameters.iter().filter(|parameter| parameter.name != name);
        let mut parts: Vec<&str> = kept.map(|parameter| parameter.raw.as_str()).collect();
        parts.push(addition);
        parts.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_match_in_any_case_and_with_an_encoded_dollar() {
        let query = Query::parse("StartDateTime=2026-01-01T00%3A00%3A00Z&%24SkipToken=a%2Bb&flag");
        assert_eq!(query.get("startdatetime"), Some("2026-01-01T00:00:00Z"));
        assert_eq!(query.get("$skiptoken"), Some("a+b"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("$deltatoken"), None);
    }

    #[test]
    fn a_literal_plus_is_a_space() {
        assert_eq!(Query::parse("a=1+2").get("a"), Some("1 2"));
    }

    #[test]
    fn replacing_keeps_the_other_parameters_as_they_came() {
        let query = Query::parse("startDateTime=a%3Ab&$skip=10&$top=5");
        assert_eq!(query.replaced("$skip", "$skip=15"), "startDateTime=a%3Ab&$top=5&$skip=15");
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes(text: String) {
            prop_assert_eq!(percent_decode(&percent_encode(&text)), text);
        }

        #[test]
        fn no_query_string_panics(text: String) {
            Query::parse(&text);
        }
    }
}
