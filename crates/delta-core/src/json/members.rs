//! Members at any depth of a text that is meant to be JSON: what there is to read of an error, whatever its shape is.

use super::{Text, Walker};

impl<'a> Walker<'a> {
    /// Calls `found` with each name in what is left of the text, how many brackets are open there, and a walker at its
    /// value. Nothing has to be whole: it is one pass over strings and brackets, and it ends where a string does not.
    pub(crate) fn members(mut self, mut found: impl FnMut(usize, Text<'a>, Self)) {
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let Ok(Some(text)) = self.text() else { return };
                    if self.accept(b':') {
                        found(open, text, self);
                    }
                    continue;
                }
                b'{' | b'[' => open = open.saturating_add(1),
                b'}' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Vec<(usize, String)> {
        let mut all = Vec::new();
        Walker::new(text).members(|open, name, mut value| {
            let value = value.text().ok().flatten().and_then(|text| text.decode()).unwrap_or_default();
            all.push((open, format!("{}={value}", name.decode().unwrap())));
        });
        all
    }

    #[test]
    fn names_are_found_at_any_depth_of_any_text() {
        let found =
            |all: &[(usize, &str)]| all.iter().map(|(open, text)| (*open, (*text).to_owned())).collect::<Vec<_>>();
        assert_eq!(
            members(r#"{"a" : "b: \"c\"", "d":[{"e":"é\u0041"}], "f": 1}"#),
            found(&[(1, r#"a=b: "c""#), (1, "d="), (3, "e=éA"), (1, "f="),])
        );
        assert_eq!(members(r#"é { "a": nonsense, }}} "b":"c" "d" "e": "#), found(&[(1, "a="), (0, "b=c"), (0, "e=")]));
        assert_eq!(members(r#"{"a":"b","c":"cut o"#), found(&[(1, "a=b"), (1, "c=")]));
        for text in ["", "{", "\"", "\"a", "\"a\"", "[[\"\\", "\u{feff}"] {
            assert_eq!(members(text), [], "{text:?}");
        }
    }

    /// As deep as a body can be, in one pass.
    #[test]
    fn depth_is_no_matter() {
        let text = r#"{"a":"#.repeat(100_000);
        let mut deepest = 0;
        Walker::new(&text).members(|open, _, _| deepest = open);
        assert_eq!(deepest, 100_000);
    }
}
