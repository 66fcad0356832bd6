//! Strings as they stand in JSON, decoded when they are asked for.

use std::borrow::Cow;
use std::ops::Range;

/// A string of a JSON text: what is between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    /// Where that begins.
    pub(super) at: usize,
    /// With its escapes, which are known to be well-formed.
    pub(super) encoded: &'a str,
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// Its place in the JSON text, without the quotes.
    pub(crate) fn range(&self) -> Range<usize> {
        self.at..self.at + self.encoded.len()
    }

    /// Whether it can be decoded: whether it has no lone surrogate.
    pub(crate) fn is_text(&self) -> bool {
        !self.escaped || !self.encoded.contains(r"\u") || self.decode().is_some()
    }

    /// The string, if it stands there as it is.
    pub(crate) fn plain(&self) -> Option<&'a str> {
        (!self.escaped).then_some(self.encoded)
    }

    /// The string. A lone surrogate makes it none.
    pub(crate) fn decode(&self) -> Option<Cow<'a, str>> {
        if let Some(plain) = self.plain() {
            return Some(Cow::Borrowed(plain));
        }
        let mut decoded = String::with_capacity(self.encoded.len());
        self.decode_into(&mut decoded).then_some(Cow::Owned(decoded))
    }

    /// Adds the string to others. It is nothing that can be used if it has a lone surrogate.
    #[must_use]
    pub(crate) fn decode_into(&self, decoded: &mut String) -> bool {
        let mut rest = self.encoded;
        while let Some((plain, escape)) = rest.split_once('\\') {
            decoded.push_str(plain);
            let simple = match escape.as_bytes().first() {
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'u') => match unicode(&mut rest, escape) {
                    Some(char) => {
                        decoded.push(char);
                        continue;
                    }
                    None => return false,
                },
                Some(byte) => char::from(*byte),
                None => return false,
            };
            decoded.push(simple);
            rest = escape.get(1..).unwrap_or_default();
        }
        decoded.push_str(rest);
        true
    }
}

/// What a `\u` stands for, together with a second one if it is the first half of a pair.
fn unicode<'a>(rest: &mut &'a str, escape: &'a str) -> Option<char> {
    let unit = |at: usize| u16::from_str_radix(escape.get(at..at + 4)?, 16).ok();
    let first = unit(1)?;
    let second = if escape.get(5..7) == Some(r"\u") { unit(7) } else { None };
    let char = char::decode_utf16([first].into_iter().chain(second)).next()?.ok()?;
    *rest = escape.get(if char.len_utf16() == 1 { 5 } else { 11 }..)?;
    Some(char)
}
