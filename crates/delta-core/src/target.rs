//! What one delta token tracks: a calendar of a mailbox, seen through a view, at a service root.
//!
//! A target that cannot be requested cannot be built. There is no way to add `$select`, `$filter`, `$top` or any other
//! query option: Graph answers 400 to them on delta requests (Graph's documentation, `event: delta`).

use std::fmt;
use std::num::NonZeroU32;

use http::Uri;

use crate::link::{self, DeltaLink, LinkError};
use crate::resource::{Calendar, Mailbox, Resource, ViewKind};
use crate::root::ServiceRoot;
use crate::timestamp::Timestamp;
use crate::window::Window;

/// The two versions of Graph's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiVersion {
    /// `v1.0`, the default for calendar views.
    V1,
    /// `beta`, the default for events views: their delta function is documented there only.
    Beta,
}

impl ApiVersion {
    /// The version as it stands in a path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the events of a calendar are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// `calendarView/delta`: single events, occurrences and exceptions within a window, with their properties.
    CalendarView(Window),
    /// `events/delta`: single events and series, without an end, with id, type, start and end only.
    Events {
        /// Only events that start at this instant or later, if given.
        start: Option<Timestamp>,
    },
}

/// What one delta token tracks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    root: ServiceRoot,
    version: ApiVersion,
    resource: Resource,
    view: View,
    initial: Uri,
}

impl Target {
    /// A calendar view of a resource within a window, at the API version v1.0.
    pub fn calendar_view(root: ServiceRoot, resource: Resource, window: Window) -> Result<Self, TargetError> {
        Self::new(root, resource, View::CalendarView(window), ApiVersion::V1)
    }

    /// The events view of a resource, from `start` on if given, at the API version beta.
    pub fn events(root: ServiceRoot, resource: Resource, start: Option<Timestamp>) -> Result<Self, TargetError> {
        Self::new(root, resource, View::Events { start }, ApiVersion::Beta)
    }

    /// The same target at another API version.
    pub fn with_version(self, version: ApiVersion) -> Result<Self, TargetError> {
        Self::new(self.root, self.resource, self.view, version)
    }

    fn new(root: ServiceRoot, resource: Resource, view: View, version: ApiVersion) -> Result<Self, TargetError> {
        let kind = match view {
            View::CalendarView(_) => ViewKind::CalendarView,
            View::Events { .. } => ViewKind::Events,
        };
        if resource.view() != kind {
            return Err(TargetError::OtherView { resource: resource.to_string() });
        }
        let query = match view {
            View::CalendarView(window) => format!("?startDateTime={}&endDateTime={}", window.start(), window.end()),
            View::Events { start: Some(start) } => format!("?startDateTime={start}"),
            View::Events { start: None } => String::new(),
        };
        let path = format!("/{version}/{}/delta{query}", resource.path());
        let initial = link::build(root.origin(), &path).ok_or(TargetError::TooLong)?;
        Ok(Self { root, version, resource, view, initial })
    }

    /// Where Graph is.
    pub fn root(&self) -> &ServiceRoot {
        &self.root
    }

    /// The API version.
    pub fn version(&self) -> ApiVersion {
        self.version
    }

    /// The mailbox, the calendar and the kind of view.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The view.
    pub fn view(&self) -> View {
        self.view
    }

    /// The URI of the request that begins a full round.
    pub fn initial_uri(&self) -> &Uri {
        &self.initial
    }

    /// The URI of a plain listing of the same events, in pages of a size; none for an events view that begins at a date:
    /// there is no listing that would agree with it about series.
    pub(crate) fn listing_uri(&self, page_size: Option<NonZeroU32>) -> Option<Uri> {
        let top = page_size.map(|size| format!("$top={size}"));
        let query = match self.view {
            View::CalendarView(window) => {
                Some(format!("startDateTime={}&endDateTime={}", window.start(), window.end()))
            }
            View::Events { start: None } => None,
            View::Events { start: Some(_) } => return None,
        };
        let query: Vec<String> = query.into_iter().chain(top).collect();
        let path = format!("/{}/{}?{}", self.version, self.resource.path(), query.join("&"));
        link::build(self.root.origin(), path.trim_end_matches('?'))
    }

    /// The URI of the listing of a series' instances.
    pub(crate) fn instances_uri(&self, series: &str, window: Window, page_size: Option<NonZeroU32>) -> Option<Uri> {
        let (version, series) = (self.version, self.resource.event_path(series));
        let top = page_size.map(|size| format!("&$top={size}")).unwrap_or_default();
        let query = format!("startDateTime={}&endDateTime={}{top}", window.start(), window.end());
        link::build(self.root.origin(), &format!("/{version}/{series}/instances?{query}"))
    }

    /// The URI of the JSON batch that this target's events are asked for in.
    pub(crate) fn batch_uri(&self) -> Option<Uri> {
        link::build(self.root.origin(), &format!("/{}/$batch", self.version))
    }

    /// Whether a delta link can be this target's: it points to the same origin and API version.
    pub fn owns(&self, link: &DeltaLink) -> bool {
        self.follow(link.expose()).is_ok()
    }

    /// Checks a link, and gives the URI to request in its place.
    pub(crate) fn follow(&self, link: &str) -> Result<Uri, LinkError> {
        link::pin(link, self.root.origin(), self.version)
    }

    /// The permissions that Graph's documentation asks for, least privileged first.
    pub fn required_permissions(&self) -> Permissions {
        match (self.resource.mailbox(), self.resource.calendar()) {
            // «List calendarView of a group»: no application permission, and none for personal accounts.
            (Mailbox::Group(_), _) => Permissions {
                delegated_work: &["Group.Read.All", "Group.ReadWrite.All"],
                delegated_personal: &[],
                application: &[],
            },
            (
                Mailbox::Me | Mailbox::User(_),
                Calendar::Default | Calendar::Id(_) | Calendar::InGroup { .. } | Calendar::All,
            ) => Permissions {
                delegated_work: &["Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"],
                delegated_personal: &["Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"],
                application: &["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"],
            },
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}/{}/{} {:?})", self.root, self.version, self.resource, self.view)
    }
}

/// The permissions of which a token needs one, for each kind of token; none means that Graph does not support it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Delegated, work or school account.
    pub delegated_work: &'static [&'static str],
    /// Delegated, personal Microsoft account.
    pub delegated_personal: &'static [&'static str],
    /// Application.
    pub application: &'static [&'static str],
}

/// Why a target can't be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// The resource names the other kind of view.
    OtherView {
        /// The resource.
        resource: String,
    },
    /// Its URL would be longer than a URL may be.
    TooLong,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherView { resource } => {
                write!(f, "{resource:?} is not seen that way: a calendar view needs a window, an events view has none")
            }
            Self::TooLong => f.write_str("the target's URL would be too long"),
        }
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Cloud;

    fn window() -> Window {
        Window::parse("2016-12-01", "2016-12-30").unwrap()
    }

    fn url(resource: &str) -> String {
        let resource: Resource = resource.parse().unwrap();
        let root = ServiceRoot::cloud(Cloud::Global);
        let target = match resource.view() {
            ViewKind::CalendarView => Target::calendar_view(root, resource, window()),
            ViewKind::Events => Target::events(root, resource, None),
        };
        target.unwrap().initial_uri().to_string().replace("https://graph.microsoft.com", "")
    }

    /// Every URL shape of Graph's documentation.
    #[test]
    fn every_documented_url_can_be_asked_for() {
        let query = "?startDateTime=2016-12-01T00:00:00Z&endDateTime=2016-12-30T00:00:00Z";
        for (resource, path) in [
            ("me", "me/calendarView"),
            ("users/samanthab@contoso.com", "users/samanthab@contoso.com/calendarView"),
            ("me/calendars/AAMkADI5M1BbeAAA=", "me/calendars/AAMkADI5M1BbeAAA=/calendarView"),
            ("users/U/calendars/C", "users/U/calendars/C/calendarView"),
            ("me/calendarGroups/G/calendars/C", "me/calendarGroups/G/calendars/C/calendarView"),
            ("groups/G", "groups/G/calendarView"),
        ] {
            assert_eq!(url(resource), format!("/v1.0/{path}/delta{query}"));
        }
        for path in [
            "me/events",
            "users/U/events",
            "me/calendar/events",
            "users/U/calendar/events",
            "me/calendars/C/events",
            "users/U/calendars/C/events",
            "me/calendarGroups/G/calendars/C/events",
            "users/U/calendarGroups/G/calendars/C/events",
        ] {
            assert_eq!(url(path), format!("/beta/{path}/delta"));
        }
    }

    #[test]
    fn names_are_escaped_and_versions_and_starts_are_settable() {
        let resource: Resource = "users/adele+x#EXT#'s@contoso.com/events".parse().unwrap();
        let start = Timestamp::parse("2020-06-12T01:00:00+01:00").unwrap();
        let target =
            Target::events(Cloud::China.into(), resource, Some(start)).unwrap().with_version(ApiVersion::V1).unwrap();
        assert_eq!(
            target.initial_uri().to_string(),
            "https://microsoftgraph.chinacloudapi.cn/v1.0/users/adele%2Bx%23EXT%23%27s@contoso.com/events/delta?startDateTime=2020-06-12T00:00:00Z"
        );
    }

    #[test]
    fn a_target_that_cannot_be_requested_cannot_be_built() {
        let root = ServiceRoot::cloud(Cloud::Global);
        assert!(Target::calendar_view(root.clone(), "me/events".parse().unwrap(), window()).is_err());
        assert!(Target::events(root, "me".parse().unwrap(), None).is_err());
    }
}
