//! `cargo xtask bench`: builds and runs `bench/`, a workspace of its own, so that what it compares with (SQLite and all)
//! is built by those who measure and by nobody else.

use std::process::Command;

use crate::{cargo, run as run_command, workspace};

pub(crate) const USAGE: &str = "\nor: cargo xtask bench [--json] [--quick] [parse|store|scale|transfer|rounds…]";

/// Runs the measurements; `arguments` are theirs: `--json`, `--quick`, and the parts that are wanted.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let target = workspace().join("target").join("bench");
    let manifest = workspace().join("bench").join("Cargo.toml");
    let build = ["build", "--release", "--bins", "--locked", "--quiet"];
    run_command(cargo().args(build).arg("--manifest-path").arg(manifest).arg("--target-dir").arg(&target))?;
    run_command(Command::new(target.join("release").join("bench")).args(arguments))
}
