//! Snapshots: the tests agree with all of them, and each of them is looked at by a test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::workspace;

/// The modules that hold the tests about snapshots.
const TESTS: &str = "snapshots::";

pub(super) fn check() -> Result<(), String> {
    let seen = std::env::temp_dir().join(format!("caldelta-snapshots-{}", std::process::id()));
    let outcome = test(&seen);
    let referenced = std::fs::read_to_string(&seen).unwrap_or_default();
    // It may never have been written.
    let _ = std::fs::remove_file(&seen);
    outcome?;
    let referenced: BTreeSet<PathBuf> =
        referenced.lines().filter_map(|line| Path::new(line).canonicalize().ok()).collect();
    let mut lost = BTreeSet::new();
    for directory in ["crates", "fixtures", "xtask"] {
        collect(&workspace().join(directory), &referenced, &mut lost)?;
    }
    if lost.is_empty() {
        return Ok(());
    }
    let lost: Vec<String> = lost.iter().map(|path| format!("\n  {}", path.display())).collect();
    Err(format!("no test looks at these files; delete them, or accept what is new:{}", lost.concat()))
}

/// Runs the tests about snapshots, with a file that insta appends the path of each snapshot to that it compares. All
/// packages are named, so that nothing is built that the other tests have not built already.
fn test(seen: &Path) -> Result<(), String> {
    let output = crate::cargo()
        .args(["test", "--workspace", "--lib", "--bins", "--tests", "--locked", TESTS])
        .env("INSTA_UPDATE", "no")
        .env("INSTA_FORCE_PASS", "0")
        .env("INSTA_SNAPSHOT_REFERENCES_FILE", seen)
        .output()
        .map_err(|error| format!("cargo test did not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{err}{out}\nif the change is meant, run the tests with INSTA_UPDATE=always and read the diff"))
}

/// Finds accepted snapshots that are not referenced, and all that were never accepted.
fn collect(directory: &Path, referenced: &BTreeSet<PathBuf>, lost: &mut BTreeSet<PathBuf>) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(told)? {
        let path = entry.map_err(told)?.path();
        let name = path.to_string_lossy();
        if path.is_dir() {
            collect(&path, referenced, lost)?;
        } else if name.ends_with(".snap.new") {
            lost.insert(path);
        } else if name.ends_with(".snap") {
            let path = path.canonicalize().map_err(told)?;
            if !referenced.contains(&path) {
                lost.insert(path);
            }
        }
    }
    Ok(())
}
