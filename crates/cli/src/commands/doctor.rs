//! `caldelta doctor`: everything that a sync needs, looked at once. What it prints can be attached to an issue.

use serde::Serialize;

use crate::args;
use crate::checks::{self, Check, Outcome};
use crate::exit::Failure;
use crate::output::{self, Tagged};
use crate::signal::Stop;

/// The body of `doctor/1`.
#[derive(Serialize)]
struct Report {
    version: &'static str,
    system: String,
    checks: Vec<Check>,
}

pub(crate) async fn run(args: args::Doctor) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let checks = tokio::select! {
        checks = checks::all(&args) => checks,
        code = stop.wait() => return Err(Failure::new(code, "stopped")),
    };
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let report = Report { version: env!("CARGO_PKG_VERSION"), system, checks };
    if args.json {
        output::report(output::json(&Tagged { schema: "doctor/1", value: &report })?)?;
    } else {
        print(&report)?;
    }
    let failed: Vec<&Check> = report.checks.iter().filter(|check| check.outcome == Outcome::Fail).collect();
    match failed.first() {
        None => Ok(()),
        Some(first) => {
            let why = format!(
                "{} of {} checks failed, the first of them: {}",
                failed.len(),
                report.checks.len(),
                first.check
            );
            Err(Failure::new(first.code, why))
        }
    }
}

fn print(report: &Report) -> Result<(), Failure> {
    output::report(format!("caldelta {} on {}", report.version, report.system))?;
    for check in &report.checks {
        let outcome = match check.outcome {
            Outcome::Ok => "ok  ",
            Outcome::Warn => "warn",
            Outcome::Fail => "FAIL",
        };
        output::report(format!("{outcome}  {:<13} {}", check.check, output::clean(&check.message)))?;
        if let Some(advice) = check.advice {
            output::report(format!("      {:<13} -> {advice}", ""))?;
        }
    }
    Ok(())
}
