//! Watching a run.

use std::sync::Arc;

use bytes::Bytes;
use delta_core::{Page, RequestLine, Restart, RoundKind, Wait, Window};
use http::StatusCode;

use crate::guard::Planned;
use crate::verify::Difference;

/// Is told what a run does, while it does it. Nothing that it is told holds a token or a link.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn notice(&self, notice: &Notice<'_>);
}

/// What happens in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// A round begins, or goes on where an earlier run was stopped.
    Round {
        /// Whether it replaces or merges.
        kind: RoundKind,
        /// The window, of a calendar view.
        window: Option<Window>,
        /// How many pages are staged already.
        staged: u32,
    },
    /// A plain listing begins, in place of a round.
    Listing {
        /// The window, of a calendar view.
        window: Option<Window>,
    },
    /// Something is done in another way than it was asked for, because that did not work.
    Degraded(&'a str),
    /// A request is sent.
    Request(&'a RequestLine),
    /// A response came.
    Response {
        /// Its status.
        status: StatusCode,
        /// The size of its body, inflated.
        bytes: usize,
    },
    /// A page was staged.
    Page {
        /// Its number within the round, from 1.
        number: u32,
        /// What it holds.
        page: &'a Page<Bytes>,
        /// Whether it ended the round.
        last: bool,
    },
    /// The next request has to wait.
    Wait(&'a Wait),
    /// The server asked for another token.
    Authenticate,
    /// The round begins anew.
    Restart(&'a Restart),
    /// A change that the run would make, if its [`Guard`](crate::Guard) let it.
    Planned(&'a Planned),
    /// A replica and the server differ in an event.
    Difference(&'a Difference),
}

/// Looks away.
impl Observer for () {
    fn notice(&self, _: &Notice<'_>) {}
}

/// Tells the one behind it.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn notice(&self, notice: &Notice<'_>) {
        (**self).notice(notice);
    }
}

/// Calls the function.
impl<F: Fn(&Notice<'_>) + Send + Sync> Observer for F {
    fn notice(&self, notice: &Notice<'_>) {
        self(notice);
    }
}
