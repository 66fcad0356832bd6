//! What the rules of a plan look at in a request.

use bytes::Bytes;
use http::{Method, Request};

use super::plan::{On, RequestKind};
use crate::prefer::Preferences;
use crate::query::{Query, percent_decode};
use crate::time;
use crate::window::Window;

/// Whose mailbox a request is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) address: String,
}

/// A request as it came, before any link in it is replaced.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    path: String,
    kind: RequestKind,
    page_size: Option<usize>,
    window: Option<Window>,
    mailbox: Identity,
}

impl Asked {
    pub(crate) fn read(request: &Request<Bytes>, mailbox: Identity) -> Self {
        let page_size = Preferences::parse(request.headers()).ok().and_then(|preferences| preferences.page_size);
        let window = Window::read(&Query::parse(request.uri().query().unwrap_or_default())).ok();
        let path = request.uri().path().to_owned();
        Self { method: request.method().clone(), kind: kind(request), path, page_size, window, mailbox }
    }

    /// Whether the rule is for this request. Who follows a livelock's own link is in it, whatever kind of request once
    /// began it.
    pub(crate) fn fits(&self, on: &On, in_livelock: bool) -> bool {
        let path = self.path.to_ascii_lowercase();
        let part = |part: &String| path.contains(&part.to_ascii_lowercase());
        let mailbox = |name: &String| self.mailbox.id == *name || self.mailbox.address.eq_ignore_ascii_case(name);
        on.method.as_ref().is_none_or(|method| *method == self.method)
            && on.path.as_ref().is_none_or(|whole| path == whole.to_ascii_lowercase())
            && on.path_contains.as_ref().is_none_or(part)
            && (in_livelock || self.is(on.kind))
            && on.page_size_below.is_none_or(|limit| self.prefers_less_than(limit.get()))
            && on.window_days_above.is_none_or(|days| in_livelock || self.is_wider_than(days))
            && on.mailbox.as_ref().is_none_or(mailbox)
    }

    /// Whether smaller pages than this are asked for, or no size at all.
    pub(crate) fn prefers_less_than(&self, size: usize) -> bool {
        self.page_size.is_none_or(|preferred| preferred < size)
    }

    fn is_wider_than(&self, days: u32) -> bool {
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        self.window.is_some_and(|window| time::longer_than(window.start, window.end, days))
    }

    pub(crate) fn is_of_a_round(&self) -> bool {
        matches!(self.kind, RequestKind::Initial | RequestKind::NextLink | RequestKind::DeltaLink)
    }

    fn is(&self, kind: RequestKind) -> bool {
        match kind {
            RequestKind::Any => true,
            RequestKind::Delta => self.is_of_a_round(),
            kind => self.kind == kind,
        }
    }
}

pub(crate) fn is_batch(request: &Request<Bytes>) -> bool {
    kind(request) == RequestKind::Batch
}

fn kind(request: &Request<Bytes>) -> RequestKind {
    let path = percent_decode(request.uri().path().trim_end_matches('/')).to_ascii_lowercase();
    let last = path.rsplit('/').next().unwrap_or_default();
    let last = last.strip_suffix("()").unwrap_or(last);
    let query = Query::parse(request.uri().query().unwrap_or_default());
    match last {
        "$batch" => RequestKind::Batch,
        _ if request.method() != Method::GET => RequestKind::Write,
        "delta" | "microsoft.graph.delta" if query.get("$deltatoken").is_some() => RequestKind::DeltaLink,
        "delta" | "microsoft.graph.delta" if query.get("$skiptoken").is_some() => RequestKind::NextLink,
        "delta" | "microsoft.graph.delta" => RequestKind::Initial,
        "instances" => RequestKind::Instances,
        "events" | "calendarview" | "calendars" | "calendargroups" => RequestKind::Listing,
        _ => RequestKind::Object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, path: &str) -> Asked {
        let request = Request::builder().method(method).uri(format!("https://graph.microsoft.com/v1.0{path}"));
        let mailbox = Identity { id: "1".to_owned(), address: "samanthab@contoso.com".to_owned() };
        Asked::read(&request.header("prefer", "odata.maxpagesize=50").body(Bytes::new()).unwrap(), mailbox)
    }

    #[test]
    fn every_request_is_of_one_kind() {
        for (method, path, kind) in [
            ("GET", "/me/calendarView/delta?startDateTime=x", RequestKind::Initial),
            ("GET", "/me/calendarView/microsoft.graph.delta()?%24skiptoken=x", RequestKind::NextLink),
            ("GET", "/me/events/Delta?$deltaToken=x", RequestKind::DeltaLink),
            ("GET", "/me/calendarView?startDateTime=x", RequestKind::Listing),
            ("GET", "/me/events/", RequestKind::Listing),
            ("GET", "/me/events/a/instances?startDateTime=x", RequestKind::Instances),
            ("GET", "/me/events/a", RequestKind::Object),
            ("POST", "/me/events", RequestKind::Write),
            ("DELETE", "/me/events/a", RequestKind::Write),
            ("POST", "/$batch", RequestKind::Batch),
            ("POST", "/%24Batch", RequestKind::Batch),
        ] {
            assert_eq!(asked(method, path).kind, kind, "{method} {path}");
        }
    }

    #[test]
    fn all_that_a_rule_asks_for_must_fit() {
        let asked = asked("GET", "/me/calendarView/delta");
        let on = |json: &str| serde_json::from_str::<On>(json).unwrap();
        for fitting in [
            "{}",
            r#"{"kind": "any"}"#,
            r#"{"kind": "delta", "method": "GET"}"#,
            r#"{"kind": "initial", "pathContains": "CALENDARVIEW"}"#,
            r#"{"path": "/v1.0/me/calendarview/delta"}"#,
            r#"{"pageSizeBelow": 51}"#,
            r#"{"mailbox": "SamanthaB@contoso.com"}"#,
            r#"{"mailbox": "1"}"#,
        ] {
            assert!(asked.fits(&on(fitting), false), "{fitting}");
        }
        for other in [
            r#"{"kind": "deltaLink"}"#,
            r#"{"method": "POST"}"#,
            r#"{"path": "/v1.0/me/calendarView"}"#,
            r#"{"pathContains": "events"}"#,
            r#"{"kind": "initial", "pageSizeBelow": 50}"#,
            r#"{"mailbox": "planning@contoso.com"}"#,
        ] {
            assert!(!asked.fits(&on(other), false), "{other}");
        }
        assert!(asked.fits(&on(r#"{"kind": "deltaLink"}"#), true));
        assert!(!asked.fits(&on(r#"{"kind": "deltaLink", "pageSizeBelow": 50}"#), true));
    }
}
