//! `caldelta`: an exact, read-only local copy of Outlook calendars, on the command line.
// `output` prints: `println!` and `eprintln!` panic when nobody is at the other end.
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod accounts;
mod args;
mod callback;
mod catalogue;
mod checks;
mod commands;
mod config;
mod connect;
mod crew;
mod exit;
mod notes;
mod oauth;
mod output;
mod paths;
mod planned;
mod progress;
mod replicas;
mod service;
mod signal;
mod state;
mod tell;
mod timer;
mod tokens;
mod watch_note;

use std::process::ExitCode;

use args::Command;
use exit::{Code, Failure};

fn main() -> ExitCode {
    match config::parse().and_then(|cli| run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::say(format_args!("caldelta: {failure}"));
            failure.code.into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Failure, format!("no runtime: {error}")))?;
    let done = runtime.block_on(async {
        match command {
            Command::Demo(args) => commands::demo::run(args).await,
            Command::Sim(args) => commands::sim::run(args).await,
            Command::Login(args) => commands::login::run(*args).await,
            Command::Logout(args) => commands::logout::run(&args),
            Command::Accounts(args) => commands::accounts::run(&args),
            Command::Doctor(args) => commands::doctor::run(args).await,
            Command::Sync(args) => commands::sync::run(args).await,
            Command::Watch(args) => commands::watch::run(args).await,
            Command::Agenda(args) => commands::agenda::run(args).await,
            Command::Events { command } => commands::events::run(command).await,
            Command::Changes(args) => commands::changes::run(args).await,
            Command::Export { command } => commands::export::run(command).await,
            Command::Tap(args) => commands::tap::run(args).await,
            Command::Status(args) => commands::status::run(args).await,
            Command::Config { command } => commands::config::run(command),
            Command::Completions(args) => commands::config::completions(&args),
            Command::Man(args) => commands::config::man(&args),
            Command::Verify(args) => commands::verify::run(args).await,
            Command::Store { command } => commands::store::run(command).await,
        }
    });
    // What still blocks, such as reading a token file that is a pipe, is no reason to stay.
    runtime.shutdown_background();
    done
}
