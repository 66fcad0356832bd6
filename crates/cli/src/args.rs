//! The command line's words: one file per command, and what they share in `connect`, `copy` and `values`.

mod agenda;
mod changes;
mod config;
mod connect;
mod copy;
mod demo;
mod doctor;
#[cfg(test)]
mod documented;
mod events;
mod export;
mod filter;
mod fleet;
mod login;
mod progress;
mod settling;
mod sim;
mod status;
mod store;
mod sync;
mod tap;
mod values;
mod verify;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::agenda::Agenda;
pub(crate) use self::changes::Changes;
pub(crate) use self::config::{Completions, Config, Man};
pub(crate) use self::connect::{AccountArgs, AccountsDir, ConnectArgs, ServerArgs, TransportArg};
pub(crate) use self::copy::CopyArgs;
pub(crate) use self::demo::Demo;
pub(crate) use self::doctor::Doctor;
pub(crate) use self::events::{Events, EventsList, EventsShow};
pub(crate) use self::export::Export;
pub(crate) use self::filter::FilterArgs;
pub(crate) use self::fleet::FleetArgs;
pub(crate) use self::login::{Accounts, Login, Logout};
pub(crate) use self::progress::{ProgressArg, ProgressArgs};
pub(crate) use self::settling::SettlingArgs;
pub(crate) use self::sim::Sim;
pub(crate) use self::status::Status;
pub(crate) use self::store::{Store, StoreDump, StoreMigrate, StoreSalvage, StoreVerify};
pub(crate) use self::sync::Sync;
pub(crate) use self::tap::Tap;
pub(crate) use self::verify::Verify;
pub(crate) use self::watch::Watch;

/// Keep an exact, read-only local copy of Outlook calendars with Microsoft Graph delta queries.
#[derive(Debug, Parser)]
#[command(name = "caldelta", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// The file of wishes that need not be typed [default: caldelta/config.toml in the configuration directory of your
    /// system]
    #[arg(long, env = "CALDELTA_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
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
    /// Log in, so that other commands have access tokens
    Login(Box<Login>),
    /// Forget an account
    Logout(Logout),
    /// List the accounts
    Accounts(Accounts),
    /// Check everything that a sync needs, and say what to do
    Doctor(Doctor),
    /// Bring the local copy up to date, once
    Sync(Sync),
    /// Show what is on, in your own time: today, tomorrow, this week, any days
    Agenda(Agenda),
    /// Keep the local copy up to date, until stopped
    Watch(Watch),
    /// Read events from the local copy
    Events {
        /// What to read.
        #[command(subcommand)]
        command: Events,
    },
    /// Read what changed in the local copy, from its journal
    Changes(Changes),
    /// Write events for other programs: iCalendar, vdir, lines of JSON, CSV
    Export {
        /// In which form.
        #[command(subcommand)]
        command: Export,
    },
    /// Tell events and what changed to a Singer target
    Tap(Tap),
    /// Show the state of the local copy
    Status(Status),
    /// Compare the local copy with what the server lists
    Verify(Verify),
    /// Look after the files of the local copy
    Store {
        /// What to do with them.
        #[command(subcommand)]
        command: Store,
    },
    /// Look at the configuration file
    Config {
        /// What of it.
        #[command(subcommand)]
        command: Config,
    },
    /// Print what a shell needs to complete command lines
    Completions(Completions),
    /// Print the manual page, or write those of all commands
    Man(Man),
}

/// Where the local copy is.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The directory of the local copy [default: caldelta in the state directory of your system]
    #[arg(long, env = "CALDELTA_STORE", hide_env_values = true, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
}
