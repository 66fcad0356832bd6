//! The words of `caldelta sim`.

use std::path::PathBuf;

use clap::Args;

use super::values;

#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// The address to listen at; a port of 0 picks a free one
    #[arg(long, env = "CALDELTA_LISTEN", hide_env_values = true, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = values::address)]
    pub(crate) listen: std::net::SocketAddr,
    /// Serve https with a certificate made at start; prints the path of the authority's certificate
    #[arg(long)]
    pub(crate) tls_self_signed: bool,
    /// What ids and tokens are made from: the same seed and the same requests give the same answers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Let Graph accept only tokens that the simulator's own login server gave
    #[arg(long)]
    pub(crate) require_login: bool,
    /// Load mailboxes, calendars and events from this JSON file
    #[arg(long, value_name = "FILE")]
    pub(crate) load: Option<PathBuf>,
    /// Let go wrong what this JSON file says (faults/1)
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
}
