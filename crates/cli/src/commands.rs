//! What each command does.

pub(crate) mod agenda;
pub(crate) mod changes;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod sim;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod sync;
