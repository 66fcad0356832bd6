//! Runs the examples, and checks that they print the same.

use std::process::Command;

const EXAMPLES: [&str; 4] = ["by_hand", "blocking_ureq", "smol_without_tokio", "axum_service"];

pub(super) fn run() -> Result<(), String> {
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

/// What an example prints.
fn output(example: &str) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--locked", "--package", "examples", "--example", example]);
    let output = command.output().map_err(|error| format!("{command:?} did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
