//! Content lines: escaped, folded, and ended as RFC 5545 § 3.1 wants them.

/// How many octets a line may have, its end not counted.
const WIDTH: usize = 75;

/// Lines of an iCalendar file.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    /// What was written so far; nothing is left.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.0)
    }

    /// A line whose value is written as it is, but for control characters. `name` may have parameters behind it.
    pub(super) fn line(&mut self, name: &str, value: &str) {
        let mut room = WIDTH;
        let characters = name.chars().chain([':']).chain(value.chars()).filter(|c| !c.is_control() || *c == '\t');
        for character in characters {
            if character.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = WIDTH - 1;
            }
            room = room.saturating_sub(character.len_utf8());
            self.0.push(character);
        }
        self.0.push_str("\r\n");
    }

    /// A line whose value is text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.line(name, &escape(value));
    }

    /// The same, if there is any.
    pub(super) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
            self.text(name, value);
        }
    }
}

/// Text as it stands in a value.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' | '\r' => escaped.push_str("\\n"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text as the quoted value of a parameter, which can't hold quotes.
pub(super) fn quoted(text: &str) -> String {
    let inner: String = text.trim().chars().map(|c| if c == '"' { '\'' } else { c }).collect();
    format!("\"{inner}\"")
}

/// A URI, which can't hold white space.
pub(super) fn uri(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_cannot_end_its_line() {
        let mut lines = Lines::default();
        lines.text("SUMMARY", "a\r\nATTENDEE:b\rc\nd;e,f\\g\u{7}");
        lines.line("URL", "https://contoso.com/\r\nX:1");
        assert_eq!(lines.take(), "SUMMARY:a\\nATTENDEE:b\\nc\\nd\\;e\\,f\\\\g\r\nURL:https://contoso.com/X:1\r\n");
    }

    proptest! {
        #[test]
        fn folded_lines_are_short_and_whole(value in "(\\PC|é|🗓| |;){0,300}") {
            let mut lines = Lines::default();
            lines.text("SUMMARY", &value);
            let text = lines.take();
            prop_assert!(text.split("\r\n").all(|line| line.len() <= WIDTH && !line.contains(['\r', '\n'])), "{}", text);
            let expected = format!("SUMMARY:{}\r\n", escape(&value).replace(|c: char| c.is_control(), ""));
            prop_assert_eq!(text.replace("\r\n ", ""), expected);
        }
    }
}
