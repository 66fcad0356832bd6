//! Texts that never print.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A token, a code, a key or a password. Its `Debug` shows nothing of it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text, without the white space around it: secrets come out of files that end with a newline.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text, to be sent and not to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A server's words without the secrets that were sent to it, should it repeat them.
pub(crate) fn scrub(text: &str, secrets: &[String]) -> String {
    // What is shorter than any secret stands in texts for reasons of its own.
    let long = secrets.iter().filter(|secret| secret.len() >= 6);
    long.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "…"))
}
