//! Walking JSON text once, value by value, without decoding what nobody asked for.
//!
//! The grammar is checked to its last byte, as serde_json does it: the fuzz target `page` and a property compare the two.
//! What is decoded beyond a string is decoded by serde_json, elsewhere.

mod members;
mod probe;
mod scan;
mod text;

use std::ops::Range;

use probe::Specials;
pub(crate) use text::Text;

/// How deep arrays and objects may nest. Graph's events stay below ten; readers further down may recurse.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why a text can't be walked, and the offset where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotJson {
    /// It is not JSON.
    Syntax(usize),
    /// It nests deeper than [`MAX_DEPTH`].
    TooDeep(usize),
}

impl From<usize> for NotJson {
    fn from(at: usize) -> Self {
        Self::Syntax(at)
    }
}

/// A position in a JSON text.
#[derive(Clone, Copy)]
pub(crate) struct Walker<'a> {
    text: &'a str,
    at: usize,
    /// The arrays and objects around this position that were entered with this walker.
    depth: usize,
    specials: Specials,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, specials: Specials::NONE }
    }

    /// Skips a byte order mark. RFC 8259 forbids to send one and allows to ignore it.
    pub(crate) fn skip_bom(&mut self) {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with('\u{feff}')) {
            self.at += '\u{feff}'.len_utf8();
        }
    }

    /// The next byte that is not white space, without consuming it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.at = scan::space(self.text.as_bytes(), self.at);
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips the next value, whatever it is, and gives its place in the text.
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, NotJson> {
        self.peek();
        let start = self.at;
        self.at = scan::value(self.text.as_bytes(), &mut self.specials, start, self.depth)?;
        Ok(start..self.at)
    }

    /// Reads the next value if it is a string; otherwise nothing is consumed.
    #[inline(always)]
    pub(crate) fn text(&mut self) -> Result<Option<Text<'a>>, NotJson> {
        if self.peek() != Some(b'"') {
            return Ok(None);
        }
        let (at, bytes) = (self.at + 1, self.text.as_bytes());
        let plain = self.specials.find(bytes, at);
        let escaped = bytes.get(plain) != Some(&b'"');
        self.at = if escaped { scan::escaped(bytes, &mut self.specials, plain)? } else { plain + 1 };
        Ok(Some(Text { at, encoded: self.slice(at..self.at - 1), escaped }))
    }

    /// Calls `element` at each element of the array that comes next; it must consume just that element.
    pub(crate) fn array<E: From<NotJson>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.enter(b'[')?;
        if !self.accept(b']') {
            loop {
                element(self)?;
                if !self.accept(b',') {
                    self.expect(b']')?;
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Calls `member` with each key of the object that comes next; it must consume just the value of that key.
    pub(crate) fn object<E: From<NotJson>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.enter(b'{')?;
        if !self.accept(b'}') {
            loop {
                let key = self.key()?;
                member(self, key)?;
                if !self.accept(b',') {
                    self.expect(b'}')?;
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Makes sure that nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), NotJson> {
        if self.peek().is_none() { Ok(()) } else { Err(self.syntax()) }
    }

    /// How many bytes were consumed.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The text at a place that the walker gave.
    pub(crate) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    fn syntax(&self) -> NotJson {
        NotJson::Syntax(self.at)
    }

    /// Consumes `byte`, if it comes next.
    #[inline]
    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Consumes `byte`, which must come next.
    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.accept(byte) { Ok(()) } else { Err(self.syntax()) }
    }

    /// Consumes the bracket that must come next, and is one level deeper.
    fn enter(&mut self, bracket: u8) -> Result<(), NotJson> {
        self.expect(bracket)?;
        if self.depth >= MAX_DEPTH {
            return Err(NotJson::TooDeep(self.at - 1));
        }
        self.depth += 1;
        Ok(())
    }

    /// Reads a name and its colon.
    #[inline]
    fn key(&mut self) -> Result<Text<'a>, NotJson> {
        let key = self.text()?.ok_or(self.syntax())?;
        self.at = scan::colon(self.text.as_bytes(), self.at)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Other<'a>(#[serde(borrow)] &'a RawValue);

    fn walk(text: &str) -> Result<&str, NotJson> {
        let mut walker = Walker::new(text);
        let range = walker.skip()?;
        walker.end().map(|()| &text[range])
    }

    /// Whether another reader says the same, and where it finds the value.
    fn check(text: &str) {
        let ours = walk(text);
        let theirs = serde_json::from_str::<Other<'_>>(text);
        match ours {
            Err(NotJson::TooDeep(at)) => assert!("[{".contains(&text[at..=at])),
            Err(NotJson::Syntax(_)) => assert!(theirs.is_err(), "{text}"),
            Ok(raw) => assert_eq!(theirs.unwrap().0.get(), raw),
        }
    }

    #[test]
    fn depth_is_counted_outside_of_strings_only() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(walk(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(walk(&nested(MAX_DEPTH + 1)), Err(NotJson::TooDeep(MAX_DEPTH)));
        assert_eq!(walk(&nested(1_000_000)), Err(NotJson::TooDeep(MAX_DEPTH)));
        assert!(walk(&format!("\"{}\\\"{}\"", "[".repeat(99), "{".repeat(99))).is_ok());
        assert!(walk(&format!("[{}[]]", "[],{},".repeat(1_000))).is_ok());
        let mixed = |depth: usize| format!("{}1{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
        assert!(walk(&mixed(MAX_DEPTH / 2)).is_ok());
        assert_eq!(walk(&mixed(MAX_DEPTH / 2 + 1)), Err(NotJson::TooDeep(MAX_DEPTH / 2 * 6)));
    }

    /// What other readers of JSON were seen to take or to trip over (JSONTestSuite has most of it).
    #[test]
    fn the_grammar_is_kept_to_the_letter() {
        let odd = r#"
            0|-0|01|-|-01|1.|.5|1.5|1e5|1E+5|1e-5|1e|1e+|+1|1.5e3.2|--1|0x1|1_0|NaN|Infinity|-Infinity|1e999|00
            true|tru|truee|True|false|fals|null|nul|nulL|nullx|""|"a|a"|'a'|"\"|"\x"|"\u"|"\u12"|"\u12G4"|"\u1234"|"\ud800"
            "\ud83d\ude00"|"\\"|"\/"|"\b\f\n\r\t"|"\a"|"\0"|"a"b|[]|[|]|[1|[1,|[1,]|[,1]|[1 2]|[1,2]|[[]]|[[]|[]]|[1}|{1]|[{]}
            {}|{|}|{"a"}|{"a":}|{"a":1|{"a":1,}|{,}|{"a":1,"b"}|{"a" 1}|{a:1}|{1:1}|{"a":1,"a":2}|{"a":{"b":[{}]}}|{"a"::1}
            {"a":1 "b":2}|{"a":1,,"b":2}|[1,,2]|[1]2|{}{}|[]//x|/**/[]|[1]#|{"a":[}]|[{"a":1]}|{"a\u0022":1}|{"\":1}
        "#;
        for text in odd.lines().flat_map(|line| line.split('|')).chain(["", " ", "\u{b}1", "1\u{a0}", "\u{feff}1"]) {
            check(text);
            check(&format!(" [ {text} ]\r\n"));
            check(&format!("{{\"a\"\t: {text}}}"));
            check(&format!("[{text},{text}]"));
        }
        for byte in 0..=0x7f_u8 {
            check(&format!("\"{}\"", char::from(byte)));
            check(&format!("\"\\{}\"", char::from(byte)));
            check(&format!("[1{}]", char::from(byte)));
            check(&format!("{}1", char::from(byte)));
        }
    }

    proptest! {
        #[test]
        fn texts_are_judged_as_by_serde_json(text in r#"([\[\]{}:,"\\]|"[a-zé\\"\[\]{}]{0,20}"|\\u[0-9a-f]{4}|[ \n\t]|[-+.eE019]|null|true|false|"a":){0,30}"#) {
            check(&text);
        }

        #[test]
        fn a_byte_more_or_less_is_judged_as_by_serde_json(
            text in json(), at in any::<prop::sample::Index>(), with in prop::option::of(r#"[\[\]{}:,"\\ué \n0-]"#),
        ) {
            check(&text);
            let at = text.char_indices().map(|(at, _)| at).nth(at.index(text.chars().count())).unwrap();
            let (before, behind) = text.split_at(at);
            check(before);
            check(&format!("{before}{}{}", with.unwrap_or_default(), behind.get(1..).unwrap_or_default()));
        }

        #[test]
        fn strings_are_decoded_as_by_serde_json(
            encoded in r#"([a-zé ]{0,20}|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\ud8[0-9a-f]{2}|\\udc[0-9a-f]{2}){0,12}"#,
        ) {
            let quoted = format!("\"{encoded}\"");
            let text = Walker::new(&quoted).text().unwrap().unwrap();
            let theirs = serde_json::from_str::<String>(&quoted).ok();
            prop_assert_eq!(text.decode().map(Cow::into_owned), theirs);
            prop_assert!(text.plain().is_none_or(|plain| plain == encoded && !encoded.contains('\\')));
        }
    }

    /// JSON with spaces in it.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("-1.5e+3".to_owned()),
            r#""([ -!#-\[\]-~é]|\\["\\/bfnrt]|\\u[0-9a-f]{4}){0,40}""#.prop_map(String::from),
        ];
        leaf.prop_recursive(6, 60, 6, |inner| {
            let list = prop::collection::vec(inner, 0..6);
            (list, any::<bool>(), " ?").prop_map(|(items, object, space)| {
                let member = |(at, item): (usize, &String)| {
                    if object { format!("\"k{at}\"{space}:{item}") } else { item.clone() }
                };
                let members: Vec<_> = items.iter().enumerate().map(member).collect();
                let members = members.join(&format!("{space},"));
                if object { format!("{{{space}{members}}}") } else { format!("[{members}{space}]") }
            })
        })
    }
}
