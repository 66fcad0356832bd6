//! What each command does.

pub(crate) mod accounts;
pub(crate) mod agenda;
pub(crate) mod changes;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod sim;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod sync;
pub(crate) mod tap;
pub(crate) mod verify;
pub(crate) mod watch;
