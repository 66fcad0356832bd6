//! Asking a mailbox for the list of its calendars.

use delta_core::{Calendar, Calendars, Mailbox as Owner, Preferences, Resource, ServiceRoot, ViewKind};

use crate::asking::Asking;
use crate::discovery::CalendarList;
use crate::error::Error;
use crate::synchronizer::Synchronizer;

impl Synchronizer {
    /// The calendars that a mailbox lists, those that others have shared with it included. A Microsoft 365 group has one
    /// calendar and no list: it is as if it listed nothing.
    ///
    /// # Errors
    /// Whatever ended the listing: what came before is of no use without the rest.
    pub async fn calendars(&self, root: &ServiceRoot, owner: &Owner) -> Result<CalendarList, Error> {
        let options = self.options(Preferences::default());
        let resource = Resource::new(owner.clone(), Calendar::Default, ViewKind::CalendarView);
        let list = Calendars::new(root.clone(), owner.clone(), options);
        let (Some(mut list), Ok(resource)) = (list, resource) else { return Ok(CalendarList::default()) };
        let asking = Asking::of(self, root, &resource);
        let mut all = CalendarList::default();
        while let Some(page) = asking.ask(&mut list).await? {
            all.unreadable += page.unreadable;
            all.calendars.extend(page.calendars);
        }
        Ok(all)
    }
}
