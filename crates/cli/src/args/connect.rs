//! How Graph is reached, and by whom: the words of every command that uses the network.

use std::path::PathBuf;

use auth::cache::AccountName;
use clap::{Args, ValueEnum};
use delta_core::{Cloud, ServiceRoot};

/// How Graph is reached, and whose token it is given.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Read the access token from this file
    #[arg(
        long,
        env = "CALDELTA_TOKEN_FILE",
        hide_env_values = true,
        value_name = "FILE",
        conflicts_with_all = ["token_command", "account"]
    )]
    pub(crate) token_file: Option<PathBuf>,
    /// Get the access token from what this shell command prints
    #[arg(
        long,
        env = "CALDELTA_TOKEN_COMMAND",
        hide_env_values = true,
        value_name = "CMD",
        conflicts_with = "account"
    )]
    pub(crate) token_command: Option<String>,
}

/// Which servers, and how.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where Graph is, such as http://127.0.0.1:8080 for a simulator
    #[arg(long, env = "CALDELTA_GRAPH_ROOT", hide_env_values = true, value_name = "URL", conflicts_with = "cloud")]
    pub(crate) graph_root: Option<ServiceRoot>,
    /// Which of Microsoft's clouds [default: the account's, or else global]
    #[arg(long, env = "CALDELTA_CLOUD", hide_env_values = true, value_name = "NAME", value_enum)]
    pub(crate) cloud: Option<CloudArg>,
    /// Trust this certificate authority too (PEM)
    #[arg(long, env = "CALDELTA_CA_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Which HTTP client sends the requests
    #[arg(long, env = "CALDELTA_TRANSPORT", hide_env_values = true, value_enum, default_value_t)]
    pub(crate) transport: TransportArg,
}

/// Which account, and where accounts are.
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    /// The account's name, one of your own choice [default: the only account, or the one called default]
    #[arg(long, env = "CALDELTA_ACCOUNT", hide_env_values = true, value_name = "NAME")]
    pub(crate) account: Option<AccountName>,
    #[command(flatten)]
    pub(crate) directory: AccountsDir,
}

/// Where accounts are.
#[derive(Debug, Args)]
pub(crate) struct AccountsDir {
    /// The directory of the accounts [default: caldelta/accounts in the data directory of your system]
    #[arg(long, env = "CALDELTA_ACCOUNTS", hide_env_values = true, value_name = "PATH")]
    pub(crate) accounts: Option<PathBuf>,
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
