//! The configuration file: wishes that need not be typed.
//!
//! It knows no key by itself. Its keys are the command line's options, and what a key says becomes the option's default:
//! a flag goes before its variable, and that before the file, because that is how defaults are. An option that is added to
//! a command is a key from then on, a variable, and a part of the schema.

mod file;
mod keys;
pub(crate) mod schema;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

pub(crate) use self::file::{Entry, File};
use crate::args::Cli;
use crate::exit::Failure;
use crate::paths;

/// The command line, with what the configuration file says. Usage errors and help end the process here.
pub(crate) fn parse() -> Result<Cli, Failure> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut command = command();
    // What is wrong with the command line is said below, when it is read for good.
    let first = command.clone().ignore_errors(true).try_get_matches_from(&arguments);
    if let Ok(first) = first
        // The file may be what is looked for, or looked at.
        && !matches!(first.subcommand_name(), None | Some("config" | "completions" | "man"))
        && let Some(file) = File::load(path(&first))?
    {
        command = with_defaults(command, &first, &file);
    }
    let matches = command.get_matches_from(arguments);
    Cli::from_arg_matches(&matches).map_err(Failure::usage)
}

/// Where the file is: as given, by the environment, or the usual place.
pub(crate) fn path(matches: &ArgMatches) -> (Option<PathBuf>, bool) {
    let given = matches.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    let named = given.is_some();
    (given.or_else(paths::config), named)
}

/// The command line's words, in which every option has a variable: its own, or one that is made of the command's name and
/// the option's, such as `CALDELTA_SYNC_JSON`.
pub(crate) fn command() -> Command {
    fn with_variables(command: Command, prefix: &str) -> Command {
        let name = |arg: &Arg| Some(format!("{prefix}_{}", variable(arg.get_long()?)));
        let command = command.mut_args(|arg| match name(&arg) {
            Some(name) if arg.get_env().is_none() => {
                let flag = matches!(arg.get_action(), ArgAction::SetTrue);
                let arg = if flag { arg.value_parser(FalseyValueParser::new()) } else { arg };
                arg.env(name).hide_env(true)
            }
            _ => arg,
        });
        let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        names.into_iter().fold(command, |command, name| {
            let prefix = format!("{prefix}_{}", variable(&name));
            command.mut_subcommand(name, |sub| with_variables(sub, &prefix))
        })
    }
    with_variables(Cli::command(), "CALDELTA")
}

fn variable(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// The command with the file's words as defaults of the subcommand that was chosen.
fn with_defaults(command: Command, first: &ArgMatches, file: &File) -> Command {
    fn at(command: Command, matches: &ArgMatches, file: &File, place: &mut Vec<String>) -> Command {
        let Some((name, inner)) = matches.subcommand() else {
            let account = account(matches, file);
            let open: Vec<String> = command
                .get_arguments()
                .filter(|arg| is_open(&command, matches, arg))
                .map(|arg| arg.get_id().to_string())
                .collect();
            let said = |arg: &Arg| file.entry(place, arg, account.as_deref()).filter(|entry| entry.is_said());
            // What is said closer to the command goes before what that excludes.
            let nearer = |arg: &Arg, entry: &Entry| {
                let near = |other: &&Arg| said(other).is_some_and(|said| said.place.len() > entry.place.len());
                command.get_arguments().filter(near).any(|other| keys::exclude(&command, arg, other))
            };
            let defaults: Vec<(String, Vec<String>)> = command
                .get_arguments()
                .filter(|arg| open.contains(&arg.get_id().to_string()))
                .filter_map(|arg| {
                    let entry = file.entry(place, arg, account.as_deref()).filter(|entry| !nearer(arg, entry))?;
                    Some((arg.get_id().to_string(), entry.values.clone()))
                })
                .collect();
            return command.mut_args(|arg| match defaults.iter().find(|(id, _)| arg.get_id() == id.as_str()) {
                Some((_, values)) => arg.required(false).default_values(values.clone()),
                None => arg,
            });
        };
        place.push(name.to_owned());
        command.mut_subcommand(name, |sub| at(sub, inner, file, place))
    }
    at(command, first, file, &mut Vec::new())
}

/// Whether nobody has said otherwise: neither with this option nor with one that excludes it.
fn is_open(command: &Command, matches: &ArgMatches, arg: &Arg) -> bool {
    let said = |arg: &Arg| {
        let source = matches.value_source(arg.get_id().as_str());
        matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    };
    !said(arg) && !command.get_arguments().any(|other| said(other) && keys::exclude(command, other, arg))
}

/// Whose section of `[accounts]` counts.
fn account(matches: &ArgMatches, file: &File) -> Option<String> {
    let given = matches.try_get_one::<auth::cache::AccountName>("account").ok()?;
    Some(given.map(ToString::to_string).or_else(|| file.account()).unwrap_or_else(|| "default".to_owned()))
}
