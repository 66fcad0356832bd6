//! Asking a mailbox for the list of its calendars: the same care as in a run, without a replica to write anything down in.

use std::time::Duration;

use bytes::Bytes;
use delta_core::{
    Calendar, Calendars, Conversation, Mailbox as Owner, Preferences, Reply, RequestIds, RequestLine, Resource,
    ServiceRoot, Timestamp, ViewKind, Wait, retry_after,
};
use http::header::AUTHORIZATION;
use http::{Request, Response};

use crate::body::exchange;
use crate::discovery::CalendarList;
use crate::error::Error;
use crate::line::LONGEST_FENCE;
use crate::mailbox::Mailbox;
use crate::observer::Notice;
use crate::run::later;
use crate::synchronizer::Synchronizer;
use crate::token::Want;

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
        let asking = Asking { engine: self, mailbox: &self.mailboxes.of(root, &resource, &self.limits) };
        let mut all = CalendarList::default();
        let mut want = Want::Good;
        while let Some(request) = list.request() {
            let reply = match asking.send(request, &want).await? {
                Ok(response) => list.receive(response)?,
                Err(failure) => list.fail::<Bytes>(failure)?,
            };
            want = Want::Good;
            match reply {
                Reply::Answer(page) => {
                    all.unreadable += page.unreadable;
                    all.calendars.extend(page.calendars);
                }
                Reply::Wait(wait) => asking.wait(&wait).await?,
                Reply::Authenticate(challenge) => {
                    self.observer.notice(&Notice::Authenticate);
                    want = challenge.claims.map_or(Want::Fresh, Want::WithClaims);
                }
            }
        }
        Ok(all)
    }
}

struct Asking<'a> {
    engine: &'a Synchronizer,
    mailbox: &'a Mailbox,
}

impl Asking<'_> {
    async fn send(
        &self,
        mut request: Request<Vec<u8>>,
        want: &Want,
    ) -> Result<Result<Response<Bytes>, delta_core::Failure>, Error> {
        let _permit = self.mailbox.enter(false).await;
        let engine = self.engine;
        engine.observer.notice(&Notice::Request(&RequestLine::of(&request)));
        let token = engine.tokens.token(want).await?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        while let Err(until) = self.mailbox.send(engine.timer.now(), 1) {
            self.pause(until, engine.mailbox_patience(), "the mailbox may not be asked yet", &RequestIds::default())
                .await?;
        }
        let outcome = exchange(&engine.transport, request, &engine.bodies).await;
        if let Ok(response) = &outcome {
            let (status, bytes) = (response.status(), response.body().len());
            engine.observer.notice(&Notice::Response { status, bytes });
            if let Some(asked) = retry_after(response.headers()) {
                self.close(asked);
            }
        }
        Ok(outcome)
    }

    async fn wait(&self, wait: &Wait) -> Result<(), Error> {
        let patience = if wait.of_mailbox {
            self.close(wait.duration);
            self.engine.mailbox_patience()
        } else {
            self.engine.limits.max_wait
        };
        self.engine.observer.notice(&Notice::Wait(wait));
        let until = later(self.engine.timer.now(), wait.duration.min(LONGEST_FENCE));
        self.pause(until, patience, &wait.reason, &wait.ids).await
    }

    fn close(&self, asked: Duration) {
        let now = self.engine.timer.now();
        self.mailbox.close(now, later(now, asked.min(LONGEST_FENCE)));
    }

    async fn pause(&self, until: Timestamp, patience: Duration, reason: &str, ids: &RequestIds) -> Result<(), Error> {
        let now = self.engine.timer.now();
        if until > later(now, patience) {
            return Err(Error::Throttled { retry_at: until, reason: reason.to_owned(), ids: ids.clone() });
        }
        let ticks = u64::try_from(until.ticks().saturating_sub(now.ticks())).unwrap_or_default();
        self.engine.timer.sleep(Duration::from_nanos(ticks.saturating_mul(100))).await;
        Ok(())
    }
}
