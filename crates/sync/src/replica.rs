//! What a run keeps a copy of.

use std::num::{NonZeroU8, NonZeroU32};

use delta_core::{ApiVersion, BodyType, IdFormat, Preferences, Resource, ServiceRoot, Target, Timestamp, ViewKind};
use store::{Identity, Tile};

use crate::error::Error;
use crate::policy::WindowPolicy;

/// One calendar, seen through one view: what a store holds a copy of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Where Graph is.
    pub root: ServiceRoot,
    /// The API version; `None` is v1.0 for calendar views and beta for events views.
    pub version: Option<ApiVersion>,
    /// The mailbox, the calendar and the kind of view.
    pub resource: Resource,
    /// The calendar's own id, where it is known: what is stored under another one is not mixed with it.
    pub calendar: Option<String>,
    /// The window, of a calendar view.
    pub window: WindowPolicy,
    /// How many tiles that is made of, at most 12: each has a round of its own. `docs/windows.md` says what they cost.
    pub tiles: NonZeroU8,
    /// The first instant, of an events view.
    pub start: Option<Timestamp>,
    /// How many items a page should have.
    pub page_size: Option<NonZeroU32>,
    /// The form of ids. It can't be changed later.
    pub ids: IdFormat,
    /// The form of bodies. It can't be changed later.
    pub body: Option<BodyType>,
}

impl Replica {
    /// A replica of a resource with the default window in one tile, and the default page size, ids and bodies.
    pub fn new(root: ServiceRoot, resource: Resource) -> Self {
        let Preferences { page_size, ids, body, .. } = Preferences::default();
        Self {
            root,
            version: None,
            resource,
            calendar: None,
            window: WindowPolicy::default(),
            tiles: NonZeroU8::MIN,
            start: None,
            page_size,
            ids,
            body,
        }
    }

    /// What every request of a round prefers.
    pub(crate) fn preferences(&self) -> Preferences {
        Preferences { page_size: self.page_size, ids: self.ids, body: self.body, ..Preferences::default() }
    }

    /// What a tile's rounds are about.
    pub(crate) fn target(&self, tile: &Tile) -> Result<Target, Error> {
        let (root, resource) = (self.root.clone(), self.resource.clone());
        let target = match tile.window {
            Some(window) => Target::calendar_view(root, resource, window)?,
            None => Target::events(root, resource, self.start)?,
        };
        Ok(match self.version {
            Some(version) => target.with_version(version)?,
            None => target,
        })
    }

    /// Who the store says it is a copy of.
    pub(crate) fn identity(&self, target: &Target) -> Identity {
        Identity {
            origin: self.root.to_string(),
            api_version: target.version().to_string(),
            resource: self.resource.to_string(),
            calendar: self.calendar.clone(),
            id_type: format!("{:?}", self.ids),
            body_type: self.body.map_or_else(|| "default".to_owned(), |body| format!("{body:?}")),
        }
    }

    /// The text that tells whether a tile was begun under the same policy, for so many tiles.
    pub(crate) fn policy(&self, tiles: u8) -> String {
        match (self.resource.view(), self.start) {
            (ViewKind::CalendarView, _) if tiles > 1 => format!("{} in {tiles} tiles", self.window),
            (ViewKind::CalendarView, _) => self.window.to_string(),
            (ViewKind::Events, Some(start)) => format!("{start}.."),
            (ViewKind::Events, None) => "..".to_owned(),
        }
    }
}
