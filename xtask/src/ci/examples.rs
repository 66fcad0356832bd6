//! Runs the examples, and checks that they print the same.

use std::env::consts::EXE_SUFFIX;
use std::process::Command;

const EXAMPLES: [&str; 4] = ["by_hand", "blocking_ureq", "smol_without_tokio", "axum_service"];

pub(super) fn run() -> Result<(), String> {
    // All of the workspace, as the tests build it: for one package alone Cargo would build the dependencies once more.
    super::cargo(&["build", "--workspace", "--examples", "--locked"])?;
    let mut first: Option<String> = None;
    for example in EXAMPLES {
        let printed = output(example)?;
        let expected = first.get_or_insert_with(|| printed.clone());
        if printed.is_empty() || printed != *expected {
            return Err(format!("the example {example} prints\n{printed}and not\n{expected}"));
        }
    }
    print!("{}", first.unwrap_or_default());
    Ok(())
}

/// What an example prints. Cargo puts it into a folder beside this program.
fn output(example: &str) -> Result<String, String> {
    let this = std::env::current_exe().map_err(|error| format!("this program is nowhere: {error}"))?;
    let mut command = Command::new(this.with_file_name("examples").join(format!("{example}{EXE_SUFFIX}")));
    let output = command.output().map_err(|error| format!("{command:?} did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
