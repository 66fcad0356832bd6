//! `cargo xtask ci`: what CI runs.

mod examples;
mod purity;
mod snapshots;

use std::process::{Command, Stdio};

use crate::{diagram, docs, fixtures, run as run_command, schemas, zones};

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
    Step { name: "fixtures", run: || fixtures::run(&["--check".to_owned()]) },
    Step { name: "snapshots", run: snapshots::check },
    Step { name: "purity", run: purity::check },
    Step { name: "diagram", run: diagram::check },
    Step { name: "schemas", run: schemas::check },
    Step { name: "docs", run: docs::check },
    Step { name: "zones", run: zones::check },
    Step { name: "examples", run: examples::run },
    Step { name: "msrv", run: msrv },
    Step { name: "deny", run: deny },
];

/// The oldest toolchain that has to do: `rust-version` in `Cargo.toml`.
const MSRV: &str = env!("CARGO_PKG_RUST_VERSION");

pub(crate) fn usage() -> String {
    let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    format!("usage: cargo xtask ci [STEP…] [--skip STEP…], where STEP is one of {}", names.join(", "))
}

/// Runs the named steps, or all, without those after `--skip`.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
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
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["fmt", "--manifest-path", "bench/Cargo.toml", "--check"])
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
    run_command(
        crate::cargo()
            .args(["doc", "--workspace", "--no-deps", "--all-features", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Builds with the oldest toolchain, where there is one.
fn msrv() -> Result<(), String> {
    if !succeeds(Command::new("rustup").args(["run", MSRV, "cargo", "--version"])) {
        eprintln!("skipped: the toolchain {MSRV} is not installed (rustup toolchain install {MSRV})");
        return Ok(());
    }
    let check = ["run", MSRV, "cargo", "check", "--workspace", "--all-features", "--locked"];
    // What this cargo says of its own toolchain is not for the other one.
    run_command(
        Command::new("rustup").args(check).env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC").env_remove("CARGO"),
    )
}

/// Checks the licences and the sources of all dependencies, where `cargo-deny` is installed.
fn deny() -> Result<(), String> {
    if !succeeds(Command::new("cargo-deny").arg("--version")) {
        eprintln!("skipped: cargo-deny is not installed (cargo install cargo-deny --locked)");
        return Ok(());
    }
    cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"])
}

/// Whether a command starts and succeeds, without a word.
fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    run_command(crate::cargo().args(arguments))
}
