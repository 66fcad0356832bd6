//! What an event's body says, as plain text.

use delta_core::Event;

/// The body without its markup, or the preview where there is no body; none where nothing is said.
pub(crate) fn of_body(event: &Event<'_>) -> Option<String> {
    let body = event.body().unwrap_or_default();
    let is_html = body.content_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("html"));
    let text = match (body.content, event.body_preview()) {
        (Some(html), _) if is_html => of_html(&html),
        (Some(text), _) | (None, Some(text)) => text.replace("\r\n", "\n").trim().to_owned(),
        (None, None) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The text of an HTML document: as much of HTML as mail bodies are made of, and whatever the rest looks like, no panic.
fn of_html(html: &str) -> String {
    let mut text = Text::default();
    let mut rest = html;
    while let Some((before, behind)) = rest.split_once('<') {
        text.add(before);
        if let Some(comment) = behind.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
        } else if behind.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            let (tag, after) = behind.split_once('>').unwrap_or((behind, ""));
            let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
            let name = name.to_ascii_lowercase();
            text.tag(&name);
            rest = if HIDDEN.contains(&name.as_str()) { behind_end(after, &name) } else { after };
        } else {
            // What does not look like a tag is a sign like any other.
            text.add("&lt;");
            rest = behind;
        }
    }
    text.add(rest);
    text.finish()
}

/// What follows the content of an element.
fn behind_end<'h>(html: &'h str, name: &str) -> &'h str {
    let end = format!("</{name}");
    let found = html.as_bytes().windows(end.len()).position(|part| part.eq_ignore_ascii_case(end.as_bytes()));
    found.and_then(|at| html.get(at..)?.split_once('>')).map_or("", |(_, rest)| rest)
}

/// Elements whose content is not for reading.
const HIDDEN: [&str; 4] = ["head", "script", "style", "title"];

/// Elements that begin a line of their own, and end one.
const BLOCKS: [&str; 17] = [
    "address",
    "blockquote",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "tr",
    "ul",
];

/// Text with its white space as HTML means it.
#[derive(Default)]
struct Text {
    text: String,
    /// White space has come that only counts if something follows on the same line.
    space: bool,
}

impl Text {
    fn add(&mut self, source: &str) {
        let mut rest = source;
        while let Some(c) = rest.chars().next() {
            let (c, length) = entity(rest).unwrap_or((c, c.len_utf8()));
            rest = rest.get(length..).unwrap_or_default();
            if c.is_whitespace() || c == '\u{a0}' {
                self.space = true;
            } else if !c.is_control() {
                if self.space && !self.text.is_empty() && !self.text.ends_with('\n') {
                    self.text.push(' ');
                }
                self.space = false;
                self.text.push(c);
            }
        }
    }

    fn tag(&mut self, name: &str) {
        let element = name.trim_start_matches('/').trim_end_matches('/');
        match element {
            "br" => self.line(),
            "td" | "th" => self.space = true,
            _ if BLOCKS.contains(&element) => {
                if !self.text.is_empty() && !self.text.ends_with('\n') {
                    self.line();
                }
                if name == "li" {
                    self.text.push_str("- ");
                } else if name == "/p" {
                    self.line();
                }
            }
            _ => {}
        }
    }

    /// Ends the line; one empty line is enough.
    fn line(&mut self) {
        self.space = false;
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn finish(self) -> String {
        self.text.trim().to_owned()
    }
}

/// The character that an entity at the beginning of a text stands for, and how many bytes the entity has.
fn entity(text: &str) -> Option<(char, usize)> {
    /// The ones that mail programs write; the rest they write as the characters themselves.
    const NAMED: [(&str, char); 15] = [
        ("amp", '&'),
        ("apos", '\''),
        ("bull", '•'),
        ("copy", '©'),
        ("euro", '€'),
        ("gt", '>'),
        ("hellip", '…'),
        ("ldquo", '“'),
        ("lt", '<'),
        ("mdash", '—'),
        ("nbsp", '\u{a0}'),
        ("ndash", '–'),
        ("quot", '"'),
        ("rdquo", '”'),
        ("rsquo", '’'),
    ];
    const LONGEST: usize = 10;
    let inner = text.strip_prefix('&')?;
    let end = inner.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = inner.get(..end)?;
    let c = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((c, end.saturating_add(2)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_goes_and_lines_stay() {
        for (html, text) in [
            ("<html><head><style>p{}</style></head><body><p>Let's get <b>food</b></p></body></html>", "Let's get food"),
            ("<div>one</div><div>two<br>three</div>", "one\ntwo\nthree"),
            ("<p>one</p>\r\n<p>two</p>", "one\n\ntwo"),
            ("<ul><li>eggs</li><li>milk</li></ul>done", "- eggs\n- milk\ndone"),
            ("a  \n b&nbsp;&amp;&#43;&#x20ac;&bogus;", "a b &+€&bogus;"),
            ("1 < 2 & 3 > 2 <!-- not <b>this</b> --> <script>if (a<b) {}</script>yes", "1 < 2 & 3 > 2 yes"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            ("unfinished <b", "unfinished"),
            ("", ""),
        ] {
            assert_eq!(of_html(html), text, "{html}");
        }
    }

    #[test]
    fn a_text_is_taken_as_it_is_and_a_preview_stands_in() {
        let of = |json: &str| of_body(&Event::parse(json).unwrap());
        assert_eq!(of(r#"{"body":{"contentType":"text","content":"a <b>\r\n"}}"#).as_deref(), Some("a <b>"));
        assert_eq!(of(r#"{"bodyPreview":"b"}"#).as_deref(), Some("b"));
        assert_eq!(of(r#"{"body":{"contentType":"html","content":"<html></html>"}}"#), None);
        assert_eq!(of("{}"), None);
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(html in "(<|>|/|!--|--|&|#|;|x|p|br|li|style|é|\u{a0}| |\n|[a-z0-9]){0,40}") {
            let text = of_html(&html);
            prop_assert_eq!(text.trim(), &text);
            prop_assert!(!text.contains("\n\n\n"));
        }
    }
}
