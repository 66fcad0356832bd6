//! What goes wrong on the wire: nothing that a response can show, so that it is only told beside it.

use std::time::Duration;

use bytes::Bytes;
use http::Response;

use super::kinds::Fault;
use super::visit::Visit;

/// What the connection is to do to a response: one of its [extensions](Response::extensions). Whoever brings responses
/// to a client has to obey it, as `server` does; the response itself is right and whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultEffect {
    /// Wait before the headers are sent.
    Delay(Duration),
    /// Send so many bytes of the body, and close the connection.
    Cut {
        /// How many bytes; fewer than the body has.
        after: usize,
    },
    /// Send so many bytes of the body, and wait.
    Stall {
        /// How many bytes; fewer than the body has.
        after: usize,
        /// How long, before the rest follows; without, for ever.
        pause: Option<Duration>,
    },
}

/// The answer with its effect, if the fault is one of these.
pub(super) fn strike(fault: &Fault, visit: &mut Visit<'_>) -> Option<Response<Bytes>> {
    if !matches!(fault, Fault::Delay { .. } | Fault::Cut | Fault::Stall { .. }) {
        return None;
    }
    let mut answer = visit.honest().clone();
    let length = answer.body().len();
    let effect = match fault {
        Fault::Delay { milliseconds } => FaultEffect::Delay(Duration::from_millis(*milliseconds)),
        _ if length == 0 => return None,
        Fault::Stall { milliseconds } => {
            FaultEffect::Stall { after: visit.dice.below(length), pause: milliseconds.map(Duration::from_millis) }
        }
        _ => FaultEffect::Cut { after: visit.dice.below(length) },
    };
    answer.extensions_mut().insert(effect);
    Some(answer)
}
