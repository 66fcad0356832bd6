//! Requests, fit to be printed.

use std::fmt;

use http::Request;

/// Prints a request's method, path and query with «…» in place of every value but the window's bounds.
///
/// ```
/// use delta_core::RequestLine;
///
/// let request = http::Request::get("https://graph.microsoft.com/v1.0/me/calendarView/delta?$skiptoken=secret").body(())?;
/// assert_eq!(RequestLine::of(&request).to_string(), "GET /v1.0/me/calendarView/delta?$skiptoken=…");
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine(String);

impl RequestLine {
    /// The line of a request.
    pub fn of<T>(request: &Request<T>) -> Self {
        let (method, uri) = (request.method(), request.uri());
        let query: Vec<String> = uri.query().into_iter().flat_map(|query| query.split('&')).map(parameter).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        Self(format!("{method} {}{mark}{}", uri.path(), query.join("&")))
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if ["startDateTime", "endDateTime"].iter().any(|known| name.eq_ignore_ascii_case(known)) => {
            parameter.to_owned()
        }
        Some((name, _)) if name.len() <= 32 => format!("{name}=…"),
        _ => "…".to_owned(),
    }
}
