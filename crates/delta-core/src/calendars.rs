//! The list of a mailbox's calendars, for those who want all of them.
//!
//! `GET …/calendars` lists the calendars of all calendar groups, also those that others have shared with the mailbox's
//! owner: these have another `owner`, and an id that is good in this mailbox only (Graph's documentation, «List
//! calendars», «Get Outlook events in a shared or delegated calendar»).

use std::num::NonZeroU32;

use http::{Request, Response, Uri};
use serde::{Deserialize, Serialize};

use crate::conversation::{Conversation, Reply};
use crate::error::{Error, Failure};
use crate::link::{self, LinkError};
use crate::page::Change;
use crate::paging::{Collection, Listed, Paging};
use crate::resource::{Calendar, Mailbox, Resource, ResourceError, ViewKind};
use crate::root::ServiceRoot;
use crate::round::RoundOptions;
use crate::target::ApiVersion;

/// The properties that are asked for.
const PROPERTIES: &str = "id,name,isDefaultCalendar,owner";

/// The listing of a mailbox's calendars, as a state machine without I/O. See [`Conversation`] for how it is driven.
#[derive(Clone)]
pub struct Calendars(Paging<Source>);

/// A calendar, as its mailbox lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarInfo {
    /// Its id. The documentation says that it never changes; it was observed to.
    pub id: String,
    /// What people call it. They may change that.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it is the mailbox's default calendar.
    #[serde(rename = "isDefaultCalendar", default)]
    pub is_default: bool,
    /// Whose calendar it is. Of a shared one, somebody else's.
    #[serde(default)]
    pub owner: Option<CalendarOwner>,
}

/// Whose calendar it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarOwner {
    /// Their name.
    #[serde(default)]
    pub name: Option<String>,
    /// Their mail address.
    #[serde(default)]
    pub address: Option<String>,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarPage {
    /// The calendars on it.
    pub calendars: Vec<CalendarInfo>,
    /// How many items could not be understood. What is not listed then need not be gone.
    pub unreadable: usize,
    /// Whether there is no other after it.
    pub last: bool,
}

impl Calendars {
    /// The list of a mailbox's calendars. A Microsoft 365 group has one calendar, and no list.
    pub fn new(root: ServiceRoot, mailbox: Mailbox, options: RoundOptions) -> Option<Self> {
        if matches!(mailbox, Mailbox::Group(_)) {
            return None;
        }
        let path = Resource::new(mailbox, Calendar::Default, ViewKind::CalendarView).ok()?.calendars_path();
        Paging::new(Source { root, path }, options).map(Self)
    }

    fn read<B: AsRef<[u8]>>(listed: &Listed<B>) -> CalendarPage {
        let read = |change: Change<'_>| match change {
            Change::Upsert(item) => serde_json::from_str::<CalendarInfo>(item.raw()).ok(),
            Change::Remove { .. } | Change::Malformed { .. } => None,
        };
        let calendars: Vec<CalendarInfo> = listed.page.changes().filter_map(read).collect();
        CalendarPage { unreadable: listed.page.len() - calendars.len(), calendars, last: listed.last }
    }
}

impl CalendarInfo {
    /// The calendar as a target. The default one is named as what it is, and not by its id: the copy that is made of it
    /// is the same that is made without a list.
    ///
    /// # Errors
    /// If the id can't be a part of a path.
    pub fn resource(&self, mailbox: Mailbox) -> Result<Resource, ResourceError> {
        let calendar = if self.is_default { Calendar::Default } else { Calendar::Id(self.id.clone()) };
        Resource::new(mailbox, calendar, ViewKind::CalendarView)
    }
}

/// Where the list is.
#[derive(Clone)]
struct Source {
    root: ServiceRoot,
    /// `me/calendars`, escaped.
    path: String,
}

impl Collection for Source {
    fn first(&self, page_size: Option<NonZeroU32>) -> Option<Uri> {
        let top = page_size.map(|size| format!("&$top={size}")).unwrap_or_default();
        link::build(self.root.origin(), &format!("/{}/{}?$select={PROPERTIES}{top}", ApiVersion::V1, self.path))
    }

    fn follow(&self, link: &str) -> Result<Uri, LinkError> {
        link::pin(link, self.root.origin(), ApiVersion::V1)
    }
}

impl Conversation for Calendars {
    type Answer<B> = CalendarPage;

    fn request(&self) -> Option<Request<Vec<u8>>> {
        self.0.request()
    }

    fn receive<B: AsRef<[u8]>>(&mut self, response: Response<B>) -> Result<Reply<CalendarPage>, Error> {
        self.0.receive(response).map(|reply| reply.map(|listed| Self::read(&listed)))
    }

    fn fail<B: AsRef<[u8]>>(&mut self, failure: Failure) -> Result<Reply<CalendarPage>, Error> {
        self.0.fail::<B>(failure).map(|reply| reply.map(|listed| Self::read(&listed)))
    }
}
