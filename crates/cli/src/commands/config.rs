//! `caldelta config`, `completions` and `man`: what is around the commands.

use std::path::Path;

use clap::CommandFactory;

use crate::args::{self, Cli};
use crate::config::{self, Entry, File};
use crate::exit::{Code, Failure};
use crate::output;

pub(crate) fn run(command: args::Config) -> Result<(), Failure> {
    // Where the file is was said in front of the command.
    let matches = config::command().get_matches();
    let place = config::path(&matches);
    match command {
        args::Config::Path => match place.0 {
            Some(path) => output::line(path.display()),
            None => Err(Failure::new(Code::Operator, "there is no home directory: name a file with --config FILE")),
        },
        args::Config::Show => match File::load(place)? {
            Some(file) => file.entries.iter().try_for_each(|entry| output::line(line(entry))),
            None => {
                output::say("there is no configuration file: `caldelta config path` says where one is looked for");
                Ok(())
            }
        },
        args::Config::Schema => output::line(format!("{:#}", config::schema::schema(&config::command()))),
        args::Config::Validate(args) => {
            let place = args.file.map_or(place, |file| (Some(file), true));
            let file = File::load(place.clone())?.ok_or_else(|| no_file(place.0.as_deref()))?;
            let keys = output::count(u64::try_from(file.entries.len()).unwrap_or_default(), "key");
            output::line(format!("{}: {keys}, no mistake", file.path.display()))
        }
    }
}

fn no_file(usual: Option<&Path>) -> Failure {
    let usual = usual.map(|path| format!(" at {}", path.display())).unwrap_or_default();
    Failure::new(Code::Operator, format!("there is no configuration file{usual}: make one there, or name it"))
}

/// A key with its value, and what is used instead of it. Commands may have secrets in them, and do not show.
fn line(entry: &Entry) -> String {
    let name = [entry.place.as_slice(), std::slice::from_ref(&entry.key)].concat().join(".");
    let secret = entry.key.ends_with("-command");
    let values: Vec<String> =
        entry.values.iter().map(|value| if secret { "\"…\"".to_owned() } else { format!("{value:?}") }).collect();
    let value = if let [value] = values.as_slice() { value.clone() } else { format!("[{}]", values.join(", ")) };
    let instead = entry.variable.as_ref().filter(|variable| std::env::var_os(variable).is_some());
    let instead = instead.map(|variable| format!("; {variable} goes before it")).unwrap_or_default();
    output::clean(&format!("{name} = {value}  # line {}{instead}", entry.line))
}

pub(crate) fn completions(args: &args::Completions) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "caldelta", &mut text);
    print(&text)
}

pub(crate) fn man(args: &args::Man) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::Failure, format!("the manual pages: {error}"));
    match &args.to {
        Some(path) => {
            std::fs::create_dir_all(path).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), path).map_err(failed)
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
            print(&page)
        }
    }
}

fn print(text: &[u8]) -> Result<(), Failure> {
    output::line(String::from_utf8_lossy(text).trim_end())
}
