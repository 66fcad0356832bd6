//! The words of `caldelta login`, `logout` and `accounts`.

use std::path::PathBuf;
use std::time::Duration;

use auth::Tenant;
use clap::{Args, ValueEnum};
use delta_core::ServiceRoot;

use super::values::age;
use super::{AccountArgs, AccountsDir, ServerArgs};

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The client id of your application's registration; docs/login.md says how to make one
    #[arg(long, env = "CALDELTA_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The tenant: its id, one of its domains, common, organizations or consumers [default: common]
    #[arg(long, env = "CALDELTA_TENANT", hide_env_values = true, value_name = "TENANT")]
    pub(crate) tenant: Option<Tenant>,
    /// The login server [default: the cloud's, or the graph root where that is a simulator]
    #[arg(long, env = "CALDELTA_AUTHORITY", hide_env_values = true, value_name = "URL", value_parser = authority)]
    pub(crate) authority: Option<ServiceRoot>,
    /// Show a code to enter on another machine, instead of opening a browser on this one
    #[arg(long, conflicts_with = "client_credentials")]
    pub(crate) device_code: bool,
    /// Log in as an application, without a person; needs a secret, a certificate or a federated token
    #[arg(long, requires = "credential")]
    pub(crate) client_credentials: bool,
    /// The application's secret is in this file
    #[arg(
        long,
        env = "CALDELTA_CLIENT_SECRET_FILE",
        hide_env_values = true,
        value_name = "FILE",
        group = "credential"
    )]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// The application's certificate and its RSA key are in this file (PEM)
    #[arg(
        long,
        env = "CALDELTA_CLIENT_CERTIFICATE",
        hide_env_values = true,
        value_name = "FILE",
        group = "credential"
    )]
    pub(crate) client_certificate: Option<PathBuf>,
    /// How the certificate's key signs
    #[arg(long, value_name = "HOW", value_enum, default_value_t, requires = "client_certificate")]
    pub(crate) signing: SigningArg,
    /// A token of another identity provider, which the registration trusts, is in this file
    #[arg(
        long,
        env = "CALDELTA_FEDERATED_TOKEN_FILE",
        hide_env_values = true,
        value_name = "FILE",
        group = "credential"
    )]
    pub(crate) federated_token_file: Option<PathBuf>,
    /// A permission to ask for; may be given again [default: Calendars.Read]
    #[arg(long = "scope", value_name = "PERMISSION", conflicts_with = "client_credentials")]
    pub(crate) scopes: Vec<String>,
    /// Who is going to log in, such as samanthab@contoso.com
    #[arg(long, value_name = "UPN")]
    pub(crate) login_hint: Option<String>,
    /// Print the address to open, instead of opening a browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// The port at which the browser's answer is waited for; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) redirect_port: u16,
    /// How long to wait for a person, such as 90s or 5m
    #[arg(long, value_name = "AGE", default_value = "5m", value_parser = age)]
    pub(crate) timeout: Duration,
    /// Print the account as a JSON object (account/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Forget all accounts
    #[arg(long, conflicts_with = "account")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Accounts {
    #[command(flatten)]
    pub(crate) directory: AccountsDir,
    /// Print one JSON object per account (account/1)
    #[arg(long)]
    pub(crate) json: bool,
}

/// How assertions are signed, as it is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum SigningArg {
    /// RSA-PSS, which Microsoft recommends.
    #[default]
    Ps256,
    /// RSA PKCS#1.
    Rs256,
}

impl From<SigningArg> for auth::Signing {
    fn from(signing: SigningArg) -> Self {
        match signing {
            SigningArg::Ps256 => Self::Ps256,
            SigningArg::Rs256 => Self::Rs256,
        }
    }
}

fn authority(text: &str) -> Result<ServiceRoot, String> {
    ServiceRoot::parse(text).map_err(|_| auth::AuthorityError::NotAnOrigin.to_string())
}
