//! The way to the server: one request with its token, within what the mailbox allows; waiting; and asking until there is
//! an answer.

use std::time::Duration;

use bytes::Bytes;
use delta_core::{Challenge, Conversation, Failure, Reply, RequestIds, RequestLine, Timestamp, Wait, retry_after};
use http::header::AUTHORIZATION;
use http::{Method, Request, Response};

use crate::body::exchange;
use crate::error::Error;
use crate::observer::Notice;
use crate::run::{Run, later};
use crate::token::Want;

/// The most parts of a batch: what it counts as.
pub(crate) const BATCH_PARTS: usize = 20;

/// The longest that a mailbox is left alone on one answer's word, however long that wants: nobody asks for a year.
pub(crate) const LONGEST_FENCE: Duration = Duration::from_secs(24 * 60 * 60);

impl Run<'_> {
    /// Sends a request with a token, when the mailbox may be asked.
    ///
    /// # Errors
    /// [`Error::Throttled`], [`Error::OutOfTime`], [`Error::Token`]. That there was no response is no error here.
    pub(crate) async fn send(
        &self,
        mut request: Request<Vec<u8>>,
        want: &Want,
    ) -> Result<Result<Response<Bytes>, Failure>, Error> {
        let batch = request.method() == Method::POST;
        let mailbox = self.mailbox.clone();
        let _permit = mailbox.enter(batch).await;
        let engine = self.engine;
        engine.observer.notice(&Notice::Request(&RequestLine::of(&request)));
        let token = engine.tokens.token(want).await?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        // Last of all: while a token was being had, the mailbox may have been closed.
        self.pass(if batch { BATCH_PARTS } else { 1 }).await?;
        self.report().count_request();
        let outcome = exchange(&engine.transport, request, &engine.bodies).await;
        if let Ok(response) = &outcome {
            let (status, bytes) = (response.status(), response.body().len());
            self.report().count_response(&RequestIds::of(response.headers()), bytes);
            engine.observer.notice(&Notice::Response { status, bytes });
            if let Some(asked) = retry_after(response.headers()) {
                self.close_mailbox(asked).await?;
            }
        }
        Ok(outcome)
    }

    /// Waits until the mailbox may be asked so many times more.
    async fn pass(&self, requests: usize) -> Result<(), Error> {
        loop {
            let now = self.engine.timer.now();
            if now > self.deadline() {
                return Err(Error::OutOfTime { after: self.engine.limits.max_run });
            }
            let Err(until) = self.mailbox.send(now, requests) else { return Ok(()) };
            let reason = "the mailbox may not be asked yet";
            self.pause(until, self.engine.mailbox_patience(), reason, &RequestIds::default()).await?;
        }
    }

    /// Lets no request to the mailbox leave for a while, and writes that down: it also holds for a run that comes after this
    /// one was killed.
    async fn close_mailbox(&self, asked: Duration) -> Result<(), Error> {
        let now = self.engine.timer.now();
        let until = later(now, asked.min(LONGEST_FENCE));
        self.mailbox.close(now, until);
        let later = self.health().not_before < Some(until) && until > now;
        if later {
            self.health().not_before = Some(until);
            self.remember().await?;
        }
        Ok(())
    }

    /// Waits as the server, or the protocol, wants.
    pub(crate) async fn wait(&self, wait: &Wait) -> Result<(), Error> {
        let patience = if wait.of_mailbox {
            self.close_mailbox(wait.duration).await?;
            self.engine.mailbox_patience()
        } else {
            self.engine.limits.max_wait
        };
        let until = later(self.engine.timer.now(), wait.duration.min(LONGEST_FENCE));
        self.engine.observer.notice(&Notice::Wait(wait));
        self.pause(until, patience, &wait.reason, &wait.ids).await
    }

    async fn pause(&self, until: Timestamp, patience: Duration, reason: &str, ids: &RequestIds) -> Result<(), Error> {
        let now = self.engine.timer.now();
        if until > later(now, patience) || until > self.deadline() {
            return Err(Error::Throttled { retry_at: until, reason: reason.to_owned(), ids: ids.clone() });
        }
        let ticks = u64::try_from(until.ticks().saturating_sub(now.ticks())).unwrap_or_default();
        let duration = Duration::from_nanos(ticks.saturating_mul(100));
        self.report().count_wait(duration);
        self.engine.timer.sleep(duration).await;
        Ok(())
    }

    /// What the next token has to be.
    pub(crate) fn challenged(&self, challenge: Challenge) -> Want {
        self.engine.observer.notice(&Notice::Authenticate);
        challenge.claims.map_or(Want::Fresh, Want::WithClaims)
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
                Reply::Authenticate(challenge) => want = self.challenged(challenge),
            }
        }
        Ok(None)
    }
}
