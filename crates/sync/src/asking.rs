//! Asking a mailbox with the same care as in a run, without a replica to write anything down in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use delta_core::{
    Conversation, Failure, Reply, RequestIds, RequestLine, Resource, ServiceRoot, Timestamp, Wait, retry_after,
};
use http::header::AUTHORIZATION;
use http::{Method, Request, Response};

use crate::body::exchange;
use crate::error::Error;
use crate::line::{BATCH_PARTS, LONGEST_FENCE};
use crate::mailbox::Mailbox;
use crate::observer::Notice;
use crate::run::later;
use crate::synchronizer::Synchronizer;
use crate::token::Want;

/// A mailbox, and who asks it.
pub(crate) struct Asking<'a> {
    pub(crate) engine: &'a Synchronizer,
    mailbox: Arc<Mailbox>,
    requests: AtomicU32,
}

impl<'a> Asking<'a> {
    /// Whoever has the resource.
    pub(crate) fn of(engine: &'a Synchronizer, root: &ServiceRoot, resource: &Resource) -> Self {
        let mailbox = engine.mailboxes.of(root, resource, &engine.limits);
        Self { engine, mailbox, requests: AtomicU32::new(0) }
    }

    /// How many requests were sent.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Lets no request leave before an instant.
    pub(crate) fn close_until(&self, until: Timestamp) {
        self.mailbox.close(self.engine.timer.now(), until);
    }

    /// Goes on with a conversation until its next answer; none if everything was answered.
    pub(crate) async fn ask<C: Conversation>(&self, conversation: &mut C) -> Result<Option<C::Answer<Bytes>>, Error> {
        let mut want = Want::Good;
        while let Some(request) = conversation.request() {
            let reply = match self.send(request, &want).await? {
                Ok(response) => conversation.receive(response)?,
                Err(failure) => conversation.fail(failure)?,
            };
            want = Want::Good;
            match reply {
                Reply::Answer(answer) => return Ok(Some(answer)),
                Reply::Wait(wait) => self.wait(&wait).await?,
                Reply::Authenticate(challenge) => {
                    self.engine.observer.notice(&Notice::Authenticate);
                    want = challenge.claims.map_or(Want::Fresh, Want::WithClaims);
                }
            }
        }
        Ok(None)
    }

    async fn send(
        &self,
        mut request: Request<Vec<u8>>,
        want: &Want,
    ) -> Result<Result<Response<Bytes>, Failure>, Error> {
        let batch = request.method() == Method::POST;
        let _permit = self.mailbox.enter(batch).await;
        let engine = self.engine;
        engine.observer.notice(&Notice::Request(&RequestLine::of(&request)));
        let token = engine.tokens.token(want).await?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        let parts = if batch { BATCH_PARTS } else { 1 };
        while let Err(until) = self.mailbox.send(engine.timer.now(), parts) {
            self.pause(until, engine.mailbox_patience(), "the mailbox may not be asked yet", &RequestIds::default())
                .await?;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
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

    /// Waits as the server, or the protocol, wants.
    pub(crate) async fn wait(&self, wait: &Wait) -> Result<(), Error> {
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
