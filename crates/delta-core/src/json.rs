//! Walking JSON text once, value by value, without decoding what nobody asked for.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// How deep arrays and objects may nest. Graph's events stay below ten; serde_json skips any depth, readers further
/// down may not.
pub(crate) const MAX_DEPTH: usize = 64;

/// The offset of the first bracket that nests deeper than [`MAX_DEPTH`], if there is one.
///
/// The text need not be valid JSON: in text that is not, the answer only has to end.
pub(crate) fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(offset);
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The text is not JSON, from this offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotJson(pub(crate) usize);

/// A position in a JSON text.
#[derive(Clone, Copy)]
pub(crate) struct Walker<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Skips a byte order mark. RFC 8259 forbids to send one and allows to ignore it.
    pub(crate) fn skip_bom(&mut self) {
        if self.rest().starts_with('\u{feff}') {
            self.at += '\u{feff}'.len_utf8();
        }
    }

    /// The next byte that is not white space, without consuming it.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.rest().bytes().next()
    }

    /// Consumes `byte`, if it comes next.
    pub(crate) fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Consumes `byte`, which must come next.
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.accept(byte) { Ok(()) } else { Err(NotJson(self.at)) }
    }

    /// Reads the next value as a `T` and gives its place in the text. An error moves nothing.
    pub(crate) fn value<T: Deserialize<'a>>(&mut self) -> Result<(T, Range<usize>), serde_json::Error> {
        self.peek();
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<T>();
        let value = values.next().unwrap_or_else(|| Err(serde::de::Error::custom("the text ends")))?;
        let range = self.at..self.at + values.byte_offset();
        self.at = range.end;
        Ok((value, range))
    }

    /// Skips the next value, whatever it is, and gives its place in the text.
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, NotJson> {
        let start = self.at;
        self.value::<IgnoredAny>().map(|(_, range)| range).map_err(|_| NotJson(start))
    }

    /// Calls `element` at each element of the array that comes next; it must consume just that element.
    pub(crate) fn array<E: From<NotJson>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'[')?;
        if self.accept(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.accept(b',') {
                return Ok(self.expect(b']')?);
            }
        }
    }

    /// Calls `member` with each key of the object that comes next; it must consume just the value of that key.
    pub(crate) fn object<E: From<NotJson>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'{')?;
        if self.accept(b'}') {
            return Ok(());
        }
        loop {
            let (key, _) = self.value::<Text<'a>>().map_err(|_| NotJson(self.at))?;
            self.expect(b':')?;
            member(self, key)?;
            if !self.accept(b',') {
                return Ok(self.expect(b'}')?);
            }
        }
    }

    /// Makes sure that nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), NotJson> {
        if self.peek().is_none() { Ok(()) } else { Err(NotJson(self.at)) }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// A JSON string, borrowed from the text unless it has escapes. (A bare `Option<Cow<str>>` never borrows.)
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) std::borrow::Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_strings_only() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(too_deep(&nested(MAX_DEPTH)), None);
        assert_eq!(too_deep(&nested(MAX_DEPTH + 1)), Some(MAX_DEPTH));
        assert_eq!(too_deep(&nested(100_000)), Some(MAX_DEPTH));
        assert_eq!(too_deep(&format!("\"{}\\\"{}\"", "[".repeat(99), "{".repeat(99))), None);
        assert_eq!(too_deep(&"[],".repeat(1_000)), None);
    }
}
