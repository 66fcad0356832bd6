//! `cargo xtask`: the project's chores, the same ones on every machine. It is never part of what is shipped.
//!
//! - `cargo xtask bench [--json] [--quick] [PART…]` measures, and says so beside what the machine can do.
//! - `cargo xtask ci [STEP…] [--skip STEP…]` runs what CI runs, in order, and stops at the first failure.
//! - `cargo xtask diagram [--check]` draws the round's state diagram into the docs, or says whether it stands there.
//! - `cargo xtask docs [--check]` writes `docs/reference.md`, or says whether it stands there.
//! - `cargo xtask fixtures [--check]` writes `fixtures/rounds`, or says what in it is not as it would be written.
//! - `cargo xtask schemas [--check]` writes the schemas of what the command line prints, or says whether they stand there.
//! - `cargo xtask zones [--check]` writes the tables of Windows' time zones, or says whether they stand there.

mod bench;
mod ci;
mod diagram;
mod docs;
mod fixtures;
mod schemas;
mod zones;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, rest)) if command == "bench" => bench::run(rest),
        Some((command, rest)) if command == "ci" => ci::run(rest),
        Some((command, rest)) if command == "diagram" => diagram::run(rest),
        Some((command, rest)) if command == "docs" => docs::run(rest),
        Some((command, rest)) if command == "fixtures" => fixtures::run(rest),
        Some((command, rest)) if command == "schemas" => schemas::run(rest),
        Some((command, rest)) if command == "zones" => zones::run(rest),
        _ => {
            let others = ["diagram", "docs", "fixtures", "schemas", "zones"]
                .map(|name| format!("\nor: cargo xtask {name} [--check]"));
            Err(ci::usage() + bench::USAGE + &others.concat())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The directory of the repository.
fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Cargo, as if it had been called by hand. What `cargo xtask` says of this package would make build scripts that look
/// at it run again, and with them everything that depends on them.
fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command to its success.
fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{} did not start: {error}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", line(command))) }
}

/// A command as one would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
