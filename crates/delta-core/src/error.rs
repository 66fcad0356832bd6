//! What can end a round, and what a driver can tell it of a request that got no response.

use std::fmt;

use http::StatusCode;

use crate::checkpoint::CheckpointError;
use crate::graph_error::{GraphError, RequestIds};
use crate::link::LinkError;
use crate::page::PageError;
use crate::refusal::Refusal;
use crate::stall::Stall;

/// Why a round ended without its delta link. The round has not moved: its last checkpoint is still good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Graph refused the request, and trying again won't help or was tried often enough.
    Refused {
        /// The status of the response.
        status: StatusCode,
        /// What that means.
        refusal: Refusal,
        /// What Graph said.
        error: GraphError,
        /// How often the request was sent, for whatever reasons.
        attempts: u32,
    },
    /// The request got no response, `attempts` times.
    NoResponse {
        /// The last failure.
        failure: Failure,
        /// How often the request was sent.
        attempts: u32,
    },
    /// The response is not a page of a delta query.
    NotAPage {
        /// What is wrong with the body.
        error: PageError,
        /// The response's `Content-Type`.
        content_type: Option<String>,
        /// The response's ids.
        ids: RequestIds,
    },
    /// The response is not that of a JSON batch.
    NotABatch {
        /// The response's ids.
        ids: RequestIds,
    },
    /// A page has neither a next link nor a delta link. It is not the end of the round: nothing may be published.
    NoLink {
        /// The response's ids.
        ids: RequestIds,
    },
    /// The server redirects. Graph's delta query doesn't, and a token must not follow.
    Redirected {
        /// The status of the response.
        status: StatusCode,
        /// The response's ids.
        ids: RequestIds,
    },
    /// A link was refused. Nothing was sent to it.
    Link(LinkError),
    /// A checkpoint can't be resumed.
    Checkpoint(CheckpointError),
    /// The round is going nowhere, whatever was tried.
    Stalled {
        /// How it shows.
        stall: Stall,
        /// How many pages were read, since the round last began anew.
        pages: u32,
        /// The last response's ids.
        ids: RequestIds,
    },
    /// The round was told of a response after it had ended.
    Finished,
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Trying again won't help: something else must change first.
    Permanent,
    /// Trying again may help.
    Temporary,
    /// It was temporary, and was tried again until the budget was spent.
    Persistent,
}

impl Error {
    /// What to do about it.
    pub fn status(&self) -> Status {
        match self {
            // Later the server may remember for long enough.
            Self::Refused { refusal: Refusal::Forgotten, .. } => Status::Temporary,
            Self::Refused { refusal, .. } if refusal.is_temporary() => Status::Persistent,
            Self::NoResponse { failure, .. } if failure.kind.is_temporary() => Status::Persistent,
            Self::Stalled { .. } => Status::Persistent,
            // Something in between may have answered in Graph's place.
            Self::NotAPage { .. } | Self::NotABatch { .. } | Self::NoLink { .. } => Status::Temporary,
            Self::Refused { .. }
            | Self::NoResponse { .. }
            | Self::Redirected { .. }
            | Self::Link(_)
            | Self::Checkpoint(_)
            | Self::Finished => Status::Permanent,
        }
    }
}

impl Error {
    /// Whether a plain listing of the window may get through where this round does not: see
    /// [`Snapshot`](crate::Snapshot).
    pub fn escapes_to_snapshot(&self) -> bool {
        match self {
            Self::Stalled { .. } => true,
            Self::Refused { refusal, .. } => refusal.escapes(),
            Self::NoResponse { failure, .. } => failure.kind == FailureKind::Timeout,
            _ => false,
        }
    }

    /// The ids of the response that it is about, to be given to Microsoft's support.
    pub fn ids(&self) -> Option<&RequestIds> {
        match self {
            Self::Refused { error, .. } => Some(&error.ids),
            Self::NotAPage { ids, .. }
            | Self::NotABatch { ids }
            | Self::NoLink { ids }
            | Self::Redirected { ids, .. }
            | Self::Stalled { ids, .. } => Some(ids),
            Self::NoResponse { .. } | Self::Link(_) | Self::Checkpoint(_) | Self::Finished => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, refusal, error, attempts } => {
                let attempts = if refusal.is_temporary() { *attempts } else { 1 };
                write!(f, "the server answered {status}{}: {error}", times(attempts))?;
                refusal.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
            }
            Self::NoResponse { failure, attempts } => write!(f, "no response{}: {failure}", times(*attempts)),
            Self::NotAPage { error, content_type, ids } => {
                let kind = content_type.as_deref().unwrap_or("no content type");
                write!(f, "the answer ({kind}) is not a page of a delta query, {error}: is this Microsoft Graph?{ids}")
            }
            Self::NotABatch { ids } => {
                write!(f, "the answer is not that of a JSON batch: is this Microsoft Graph?{ids}")
            }
            Self::NoLink { ids } => {
                write!(f, "a page has neither @odata.nextLink nor @odata.deltaLink, so the round can't go on{ids}")
            }
            Self::Redirected { status, ids } => {
                write!(f, "the server redirects ({status}), and a token must not follow: check the graph root{ids}")
            }
            Self::Link(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
            Self::Stalled { stall, pages, ids } => {
                write!(f, "the server goes on and on: after {pages} pages, {stall}{ids}")
            }
            Self::Finished => f.write_str("the round has ended: start a new one from its delta link"),
        }
    }
}

impl std::error::Error for Error {}

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<CheckpointError> for Error {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

fn times(attempts: u32) -> String {
    if attempts > 1 { format!(" {attempts} times") } else { String::new() }
}

/// A request that got no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which kind it was: it decides whether trying again makes sense.
    pub kind: FailureKind,
    /// The client's own words, without URLs and tokens.
    pub message: String,
}

impl Failure {
    /// A failure of a kind. `message` must not hold the URL or the token.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.message.is_empty() {
            write!(f, " ({})", self.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No connection could be made. Tried again.
    Connect,
    /// The server's certificate was refused, or TLS failed otherwise. Not tried again.
    Tls,
    /// The server did not answer in time. Tried again.
    Timeout,
    /// The connection broke before the response was complete. Tried again.
    Interrupted,
    /// The body is larger than allowed. Not tried again.
    BodyTooLarge,
    /// The body could not be inflated. Tried again.
    Decode,
    /// The request could not be made. Not tried again.
    Request,
}

impl FailureKind {
    /// Whether sending the same request again may help.
    pub fn is_temporary(self) -> bool {
        match self {
            Self::Connect | Self::Timeout | Self::Interrupted | Self::Decode => true,
            Self::Tls | Self::BodyTooLarge | Self::Request => false,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "the server can't be reached",
            Self::Tls => "no secure connection could be made",
            Self::Timeout => "the server did not answer in time",
            Self::Interrupted => "the connection broke",
            Self::BodyTooLarge => "the body is larger than allowed",
            Self::Decode => "the body can't be inflated",
            Self::Request => "the request can't be made",
        })
    }
}
