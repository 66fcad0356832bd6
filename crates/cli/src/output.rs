//! Data on stdout, everything else on stderr, and what it means when nobody is at the other end.

use std::fmt::Display;
use std::io::{self, Write};

use delta_core::Timestamp;
use serde::Serialize;

use crate::exit::{Code, Failure};

/// Prints one line of what was asked for. A reader that goes away ends the program quietly, as it does any filter.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    if print(text)? == Reader::Gone {
        std::process::exit(0);
    }
    Ok(())
}

/// Prints one line about what the command does beside printing. That goes on, and decides how the command ends, whether
/// anybody reads about it or not.
pub(crate) fn report(text: impl Display) -> Result<(), Failure> {
    print(text).map(|_| ())
}

/// Prints whose lines the next ones are.
pub(crate) fn heading(target: &str) -> Result<(), Failure> {
    line(format!("{}:", clean(target)))
}

/// Says something on stderr. Where nobody hears it, the exit code still tells.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A JSON object on one line.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::new(Code::Failure, error))
}

/// Whether there is still somebody at the other end of stdout.
#[derive(PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

fn print(text: impl Display) -> Result<Reader, Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::new(Code::Failure, format!("stdout: {error}"))),
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
