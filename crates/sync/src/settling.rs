//! How much a synchroniser asks before it publishes.

/// What is asked about a round before it is published. Whatever is switched off here, what can't be understood, or was
/// told of in part, is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// Ask which members a series has, before one goes without an `@removed` of its own, and where only the master came.
    /// Otherwise what came is trusted: a member that did not come with its series is gone, and a master alone says
    /// nothing of its members.
    pub series: bool,
    /// Ask whether events that go are deleted or only outside of the window. It costs a request for twenty of them.
    pub removals: bool,
    /// Fetch the events of an events view, which come with four properties. It costs a request for twenty of them.
    pub events: bool,
}

impl Default for Settling {
    /// Series and removals are asked about; events views stay sparse.
    fn default() -> Self {
        Self { series: true, removals: true, events: false }
    }
}
