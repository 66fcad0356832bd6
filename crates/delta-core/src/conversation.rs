//! What the smaller conversations have in common: requests that are made one after the other, and answers to them.

use http::{Request, Response};

use crate::challenge::Challenge;
use crate::error::{Error, Failure};
use crate::step::Wait;

/// What a response, or its absence, means for a conversation. Exhaustive on purpose, like [`Step`](crate::Step).
#[derive(Debug)]
#[must_use = "a reply says what to do with the answer and what to do next"]
pub enum Reply<T> {
    /// It is answered. There may be more to ask.
    Answer(T),
    /// Send nothing before this time is over, then ask for the request again.
    Wait(Wait),
    /// Get another access token, then ask for the request again.
    Authenticate(Challenge),
}

impl<T> Reply<T> {
    pub(crate) fn map<U>(self, read: impl FnOnce(T) -> U) -> Reply<U> {
        match self {
            Self::Answer(answer) => Reply::Answer(read(answer)),
            Self::Wait(wait) => Reply::Wait(wait),
            Self::Authenticate(challenge) => Reply::Authenticate(challenge),
        }
    }
}

/// Requests that are made one after the other. Asking is pure, telling is fallible, as with [`Round`](crate::Round).
pub trait Conversation {
    /// What an answer is, in a body of type `B`.
    type Answer<B>;

    /// The request that is due, without its token; none once everything was answered.
    fn request(&self) -> Option<Request<Vec<u8>>>;

    /// Tells it of the response.
    ///
    /// # Errors
    /// An error is final.
    fn receive<B: AsRef<[u8]>>(&mut self, response: Response<B>) -> Result<Reply<Self::Answer<B>>, Error>;

    /// Tells it that there was no response.
    ///
    /// # Errors
    /// [`Error::NoResponse`] if trying again won't help or was tried often enough.
    fn fail<B: AsRef<[u8]>>(&mut self, failure: Failure) -> Result<Reply<Self::Answer<B>>, Error>;
}
