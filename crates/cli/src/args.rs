//! The command line's words.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use delta_core::{ApiVersion, Cloud, Resource, ServiceRoot, Timestamp};
use sync::WindowPolicy;

/// Keep an exact, read-only local copy of Outlook calendars with Microsoft Graph delta queries.
#[derive(Debug, Parser)]
#[command(name = "caldelta", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Start with `caldelta demo`: it needs no account and no network.
Data goes to stdout, everything else to stderr.

Exit codes:
  0   done
  1   failure
  2   the command line is wrong
  3   some targets failed, the rest is published
  65  Graph broke the contract, or the store is damaged
  69  unreachable after retries
  75  throttled for too long, or the store is locked: try again later
  77  login or consent needed
  78  an operator must decide
  130, 143  stopped by Ctrl-C or SIGTERM; nothing is lost";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch a calendar being synchronised, offline: simulator, full round, changes, incremental round
    Demo(Demo),
    /// Serve a simulator of Graph's calendar API
    Sim(Sim),
    /// Bring the local copy up to date, once
    Sync(Sync),
    /// Read events from the local copy
    Events {
        /// What to read.
        #[command(subcommand)]
        command: Events,
    },
    /// Read what changed in the local copy, from its journal
    Changes(Changes),
    /// Show the state of the local copy
    Status(Status),
    /// Look after the files of the local copy
    Store {
        /// What to do with them.
        #[command(subcommand)]
        command: Store,
    },
}

/// Where the local copy is.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The directory of the local copy [default: caldelta in the state directory of your system]
    #[arg(long, env = "CALDELTA_STORE", hide_env_values = true, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the demo's copy in this directory, which must be empty or new [default: a new temporary directory]
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// The address to listen at; a port of 0 picks a free one
    #[arg(long, env = "CALDELTA_LISTEN", hide_env_values = true, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// Serve https with a certificate made at start; prints the path of the authority's certificate
    #[arg(long)]
    pub(crate) tls_self_signed: bool,
    /// What ids and tokens are made from: the same seed and the same requests give the same answers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Load mailboxes, calendars and events from this JSON file
    #[arg(long, value_name = "FILE")]
    pub(crate) load: Option<PathBuf>,
    /// Let go wrong what this JSON file says (faults/1)
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// What to copy: me, me/calendars/ID, me/calendarGroups/G/calendars/ID, the same under users/UPN, or groups/ID;
    /// with /events behind it for the beta events view
    #[arg(value_name = "TARGET", default_value = "me")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Where Graph is, such as http://127.0.0.1:8080 for a simulator
    #[arg(long, env = "CALDELTA_GRAPH_ROOT", hide_env_values = true, value_name = "URL", conflicts_with = "cloud")]
    pub(crate) graph_root: Option<ServiceRoot>,
    /// Which of Microsoft's clouds
    #[arg(long, env = "CALDELTA_CLOUD", hide_env_values = true, value_name = "NAME", value_enum, default_value_t = CloudArg::Global)]
    pub(crate) cloud: CloudArg,
    /// The API version [default: v1.0, and beta for events views]
    #[arg(long, env = "CALDELTA_API", hide_env_values = true, value_name = "VERSION", value_enum)]
    pub(crate) api: Option<ApiArg>,
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
    /// The window of calendar views: offsets from today, or two dates or instants
    #[arg(
        long,
        env = "CALDELTA_WINDOW",
        hide_env_values = true,
        value_name = "FROM..TO",
        default_value_t,
        allow_hyphen_values = true
    )]
    pub(crate) window: WindowPolicy,
    /// Events views: leave out what starts before this date or instant
    #[arg(long, env = "CALDELTA_START", hide_env_values = true, value_name = "INSTANT")]
    pub(crate) start: Option<Timestamp>,
    /// How many items to ask for per page, 1 to 1000
    #[arg(long, env = "CALDELTA_PAGE_SIZE", hide_env_values = true, value_name = "N", default_value = "200", value_parser = page_size)]
    pub(crate) page_size: NonZeroU32,
    /// Print one JSON object per target (sync-report/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// List events by time
    List(EventsList),
    /// Show one event
    Show(EventsShow),
}

#[derive(Debug, Args)]
pub(crate) struct EventsList {
    /// Whose events [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Leave out what ends at or before this date or instant
    #[arg(long, value_name = "INSTANT")]
    pub(crate) from: Option<Timestamp>,
    /// Leave out what starts at or after this date or instant
    #[arg(long, value_name = "INSTANT")]
    pub(crate) to: Option<Timestamp>,
    /// Print one JSON object per event (event/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EventsShow {
    /// The event's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print one JSON object (event/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Whose changes [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Only changes after this number [default: all that the journal still has]
    #[arg(long, value_name = "SEQ")]
    pub(crate) since: Option<u64>,
    /// Go on with what is published from now on, until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// Print one JSON object per change (change/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Print everything that is in the local copy but cursors, as lines of JSON (store-dump/1)
    Dump(StoreDump),
    /// Read every byte of the local copy and check it
    Verify(StoreVerify),
    /// Copy what can be read of a damaged local copy into a new one
    Salvage(StoreSalvage),
}

#[derive(Debug, Args)]
pub(crate) struct StoreDump {
    /// Which targets [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StoreVerify {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print one JSON object per target (store-verify/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreSalvage {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The directory of the new copy; it must be empty or new
    #[arg(long, value_name = "PATH")]
    pub(crate) to: PathBuf,
    /// Print one JSON object per target (store-salvage/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Which targets [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Fail if a target was last synced longer ago than this, such as 90s, 15m, 2h or 1d
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) max_age: Option<Duration>,
    /// Print one JSON object per target (status/1)
    #[arg(long)]
    pub(crate) json: bool,
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

/// The API versions, as they are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ApiArg {
    #[value(name = "v1.0")]
    V1,
    Beta,
}

impl From<ApiArg> for ApiVersion {
    fn from(api: ApiArg) -> Self {
        match api {
            ApiArg::V1 => Self::V1,
            ApiArg::Beta => Self::Beta,
        }
    }
}

fn page_size(text: &str) -> Result<NonZeroU32, String> {
    let size = text.parse::<NonZeroU32>().ok().filter(|size| size.get() <= 1000);
    size.ok_or_else(|| "a page has 1 to 1000 items".to_owned())
}

/// A number of seconds, minutes, hours or days.
fn age(text: &str) -> Result<Duration, String> {
    let read = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
    };
    read().ok_or_else(|| "an age is a number and s, m, h or d, such as 15m".to_owned())
}
