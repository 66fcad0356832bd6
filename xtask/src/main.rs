//! `cargo xtask`: the project's chores, the same ones on every machine.
//!
//! `cargo xtask ci [STEP…] [--skip STEP…]` runs what CI runs, in this order, and stops at the first failure.
//! `cargo xtask diagram [--check]` draws the round's state diagram into the docs.

mod diagram;
mod examples;

use std::process::{Command, ExitCode};

/// One thing that CI checks.
struct Step {
    name: &'static str,
    run: fn() -> Result<(), String>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", run: fmt },
    Step { name: "clippy", run: clippy },
    Step { name: "tests", run: tests },
    Step { name: "doc", run: doc },
    Step { name: "purity", run: purity },
    Step { name: "diagram", run: diagram::check },
    Step { name: "examples", run: examples::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, rest)) if command == "ci" => ci(rest),
        Some((command, rest)) if command == "diagram" => diagram::run(rest),
        _ => Err(usage()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    format!(
        "usage: cargo xtask ci [STEP…] [--skip STEP…], where STEP is one of {}; or cargo xtask diagram [--check]",
        names.join(", ")
    )
}

/// Runs the named steps, or all, without those after `--skip`.
fn ci(arguments: &[String]) -> Result<(), String> {
    let known = |name: &&String| STEPS.iter().any(|step| step.name == name.as_str());
    if arguments.iter().filter(|a| *a != "--skip").any(|a| !known(&a)) {
        return Err(usage());
    }
    let (only, skip) = match arguments.iter().position(|a| a == "--skip") {
        Some(at) => arguments.split_at(at),
        None => (arguments, Default::default()),
    };
    let wanted = |step: &&Step| {
        (only.is_empty() || only.iter().any(|name| name == step.name)) && !skip.iter().any(|name| name == step.name)
    };
    for step in STEPS.iter().filter(wanted) {
        eprintln!("==> {}", step.name);
        (step.run)().map_err(|why| format!("{} failed: {why}", step.name))?;
    }
    Ok(())
}

fn fmt() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"])
}

fn clippy() -> Result<(), String> {
    for features in [&[][..], &["--no-default-features"], &["--all-features"]] {
        let mut arguments = vec!["clippy", "--workspace", "--all-targets", "--locked"];
        arguments.extend_from_slice(features);
        arguments.extend_from_slice(&["--", "-D", "warnings"]);
        cargo(&arguments)?;
    }
    Ok(())
}

fn tests() -> Result<(), String> {
    cargo(&["test", "--workspace", "--locked"])
}

fn doc() -> Result<(), String> {
    run(Command::new(env!("CARGO"))
        .args(["doc", "--workspace", "--no-deps", "--all-features", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings"))
}

/// What a crate may depend on is part of the design: the core can be embedded anywhere because it needs next to nothing.
fn purity() -> Result<(), String> {
    let direct = dependencies("delta-core", &["--depth", "1"])?;
    if direct != ["http", "serde", "serde_json"] {
        return Err(format!("delta-core depends on {direct:?}, and may on http, serde and serde_json only"));
    }
    Ok(())
}

/// The names of the packages that `package` needs in a build, itself left out.
fn dependencies(package: &str, more: &[&str]) -> Result<Vec<String>, String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", package, "-e", "normal", "--prefix", "none"])
        .args(more)
        .output()
        .map_err(|error| format!("cargo tree did not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut names: Vec<String> =
        text.lines().filter_map(|line| line.split(' ').next()).filter(|n| *n != package).map(String::from).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    run(Command::new(env!("CARGO")).args(arguments))
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?} did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}
