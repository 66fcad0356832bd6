//! How Graph is reached: the words of every command that uses the network.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use delta_core::{Cloud, ServiceRoot};

/// How Graph is reached.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Where Graph is, such as http://127.0.0.1:8080 for a simulator
    #[arg(long, env = "CALDELTA_GRAPH_ROOT", hide_env_values = true, value_name = "URL", conflicts_with = "cloud")]
    pub(crate) graph_root: Option<ServiceRoot>,
    /// Which of Microsoft's clouds
    #[arg(long, env = "CALDELTA_CLOUD", hide_env_values = true, value_name = "NAME", value_enum, default_value_t = CloudArg::Global)]
    pub(crate) cloud: CloudArg,
    /// Read the access token from this file
    #[arg(
        long,
        env = "CALDELTA_TOKEN_FILE",
        hide_env_values = true,
        value_name = "FILE",
        conflicts_with = "token_command"
    )]
    pub(crate) token_file: Option<PathBuf>,
    /// Get the access token from what this shell command prints
    #[arg(long, env = "CALDELTA_TOKEN_COMMAND", hide_env_values = true, value_name = "CMD")]
    pub(crate) token_command: Option<String>,
    /// Trust this certificate authority too (PEM)
    #[arg(long, env = "CALDELTA_CA_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Which HTTP client sends the requests
    #[arg(long, env = "CALDELTA_TRANSPORT", hide_env_values = true, value_enum, default_value_t)]
    pub(crate) transport: TransportArg,
}

/// Microsoft's clouds, as they are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CloudArg {
    Global,
    Usgov,
    UsgovDod,
    China,
}

impl From<CloudArg> for Cloud {
    fn from(cloud: CloudArg) -> Self {
        match cloud {
            CloudArg::Global => Self::Global,
            CloudArg::Usgov => Self::UsGov,
            CloudArg::UsgovDod => Self::UsGovDod,
            CloudArg::China => Self::China,
        }
    }
}

/// The transports, as they are written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum TransportArg {
    #[default]
    Reqwest,
    Hyper,
}
