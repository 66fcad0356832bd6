//! Data on stdout. A reader that goes away ends the program quietly, as it does any filter.

use std::io::{self, Write};

use delta_core::Timestamp;
use serde::Serialize;

use crate::exit::{Code, Failure};

/// Prints one line.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    end_quietly(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints whose lines the next ones are.
pub(crate) fn heading(target: &str) -> Result<(), Failure> {
    line(format!("{}:", clean(target)))
}

/// Prints one JSON object on a line.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::new(Code::Failure, error))?;
    line(text)
}

fn end_quietly(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(Code::Failure, format!("stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// A JSON object with its schema in front.
#[derive(Serialize)]
pub(crate) struct Tagged<T: Serialize> {
    pub(crate) schema: &'static str,
    #[serde(flatten)]
    pub(crate) value: T,
}

/// A text of somebody else's, fit for a terminal: control characters, which could move the cursor, become spaces.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An instant for people: to the second, in UTC.
pub(crate) fn instant(at: Timestamp) -> String {
    at.to_string().chars().take(19).collect::<String>().replace('T', " ")
}

/// A number of things, in words: `1 request`, `2 requests`.
pub(crate) fn count(number: impl Into<u64>, thing: &str) -> String {
    match number.into() {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}
