//! The bodies of answers, also of those that a fault breaks off.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::FaultEffect;

/// A body that is sent in up to two parts. Its length, which the headers tell, is that of both.
#[derive(Debug)]
pub(super) struct Answer {
    first: Bytes,
    then: Then,
    rest: Bytes,
}

/// What happens between the parts.
#[derive(Debug)]
enum Then {
    GoOn,
    /// The connection breaks, once the first part has left.
    Break {
        sent: bool,
    },
    /// Nothing happens for a time, or for ever.
    Wait(Option<Pin<Box<Sleep>>>),
}

impl Answer {
    /// A body with what a fault does to it.
    pub(super) fn new(mut body: Bytes, effect: Option<FaultEffect>) -> Self {
        let (after, then) = match effect {
            None | Some(FaultEffect::Delay(_)) => (body.len(), Then::GoOn),
            Some(FaultEffect::Cut { after }) => (after, Then::Break { sent: false }),
            Some(FaultEffect::Stall { after, pause }) => (after, Then::Wait(pause.map(|pause| Box::pin(sleep(pause))))),
        };
        let rest = body.split_off(after.min(body.len()));
        Self { first: body, then, rest }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        match &mut self.then {
            Then::GoOn => {}
            Then::Break { sent: true } => return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            // What was handed over is only flushed while there is nothing more to hand over.
            Then::Break { sent } => {
                *sent = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Then::Wait(None) => return Poll::Pending,
            Then::Wait(Some(pause)) => {
                ready!(pause.as_mut().poll(context));
                self.then = Then::GoOn;
            }
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.first.len().saturating_add(self.rest.len())) as u64)
    }
}
