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
        Self(format!("{method} {}{mark}{}", path(uri.path()), query.join("&")))
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path with «…» in place of what a function is called with: it may be a token.
fn path(path: &str) -> String {
    let lower = path.to_ascii_lowercase();
    let call = [lower.find('('), lower.find("%28")].into_iter().flatten().min();
    match call.and_then(|at| path.split_at_checked(at)) {
        Some((function, rest)) if rest != "()" => format!("{function}(…)"),
        _ => path.to_owned(),
    }
}

/// Parameters whose names are shown; a name that nobody knows may be anything.
const NAMES: [&str; 8] =
    ["$skiptoken", "%24skiptoken", "$deltatoken", "%24deltatoken", "$top", "$skip", "startDateTime", "endDateTime"];

fn parameter(parameter: &str) -> String {
    let Some((name, value)) = parameter.split_once('=') else { return "…".to_owned() };
    match NAMES.iter().find(|known| name.eq_ignore_ascii_case(known)) {
        Some(known) if known.ends_with("DateTime") && is_bound(value) => format!("{name}={value}"),
        Some(_) => format!("{name}=…"),
        None => "…".to_owned(),
    }
}

/// Whether this is a date and a time, as far as letters go. A link is Graph's and may have anything there.
fn is_bound(value: &str) -> bool {
    value.len() <= 40 && value.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZ".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_print() {
        for (uri, line) in [
            ("/v1.0/me/calendarView/delta()?%24skipToken=SECRET", "GET /v1.0/me/calendarView/delta()?%24skipToken=…"),
            ("/v1.0/me/events/delta(deltatoken='SECRET')", "GET /v1.0/me/events/delta(…)"),
            ("/v1.0/me/events/delta%28deltatoken='SECRET'%29", "GET /v1.0/me/events/delta(…)"),
            ("/v1.0/me/events/delta()SECRET", "GET /v1.0/me/events/delta(…)"),
            ("/v1.0/me/events/delta?startDateTime=SECRET", "GET /v1.0/me/events/delta?startDateTime=…"),
            (
                "/v1.0/me/events/delta?SECRET=x&SECRET&startDateTime=2026-01-01",
                "GET /v1.0/me/events/delta?…&…&startDateTime=2026-01-01",
            ),
        ] {
            assert_eq!(RequestLine::of(&Request::get(uri).body(()).unwrap()).to_string(), line);
        }
    }
}
