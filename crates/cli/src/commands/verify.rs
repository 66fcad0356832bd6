//! `caldelta verify`: compare the local copy with the server.

use std::sync::{Arc, Mutex};

use delta_core::ServiceRoot;
use serde::Serialize;
use sync::{Difference, Differs, Notice, Observer, Replica, Synchronizer, Verification};

use crate::exit::{Code, Failure};
use crate::output::{self, Tagged};
use crate::replicas::{self, Opened};
use crate::signal::Stop;
use crate::{args, connect};

/// The body of `difference/1`.
#[derive(Serialize)]
struct Told<'a> {
    target: &'a str,
    #[serde(flatten)]
    difference: &'a Difference,
}

/// The body of `verify/1`.
#[derive(Serialize)]
struct Verified {
    equal: bool,
    #[serde(flatten)]
    result: Verification,
}

pub(crate) async fn run(args: args::Verify) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let root = connect::root(&args.connect)?;
    let synchronizer = connect::synchronizer(&args.connect, &root)?;
    let mut unequal = 0_u32;
    for opened in replicas::open(&args.store, &args.targets).await? {
        let target = opened.target.clone();
        let verified = stop.or(one(&root, &synchronizer, &opened, args.json)).await;
        unequal += u32::from(!verified.map_err(|failure| failure.about(&target))?);
    }
    match unequal {
        0 => Ok(()),
        _ => Err(Failure::new(
            Code::Failure,
            "the local copy is not what the server lists; what changed since the last sync counts as well: sync, and \
             verify again",
        )),
    }
}

/// Compares one replica, and says whether it is equal.
async fn one(root: &ServiceRoot, synchronizer: &Synchronizer, opened: &Opened, json: bool) -> Result<bool, Failure> {
    let printer = Arc::new(Printer { target: opened.target.clone(), json, failed: Mutex::new(None) });
    let replica = replica(root, opened)?;
    let result = synchronizer.clone().with_observer(printer.clone()).verify(&replica, opened.store()).await?;
    if let Some(failure) = printer.failed.lock().ok().and_then(|mut failed| failed.take()) {
        return Err(failure);
    }
    let equal = result.differences() == 0 && result.unanswered == 0;
    if json {
        output::report(output::json(&Tagged { schema: "verify/1", value: Verified { equal, result } })?)?;
    } else {
        output::report(line(&result))?;
    }
    Ok(equal)
}

/// What was copied, as the copy itself says.
fn replica(root: &ServiceRoot, opened: &Opened) -> Result<Replica, Failure> {
    let damaged = || Failure::new(Code::Data, "the local copy does not say what it is of");
    let identity = opened.view.identity().ok_or_else(damaged)?;
    let replica = Replica::new(root.clone(), identity.resource.parse().map_err(|_| damaged())?);
    let start = opened.view.tiles().first().and_then(|tile| tile.policy.as_deref()?.strip_suffix("..")?.parse().ok());
    let version = match identity.api_version.as_str() {
        "v1.0" => delta_core::ApiVersion::V1,
        "beta" => delta_core::ApiVersion::Beta,
        _ => return Err(damaged()),
    };
    Ok(Replica { version: Some(version), start, ..replica })
}

/// Prints the differences.
struct Printer {
    target: String,
    json: bool,
    /// What went wrong with printing.
    failed: Mutex<Option<Failure>>,
}

impl Printer {
    fn print(&self, difference: &Difference) -> Result<(), Failure> {
        if self.json {
            let value = Told { target: &self.target, difference };
            return output::report(output::json(&Tagged { schema: "difference/1", value })?);
        }
        let what = match difference.what {
            Differs::Missing => "missing".to_owned(),
            Differs::Extra => "extra".to_owned(),
            Differs::Properties => format!("differs in {}", difference.properties.join(", ")),
        };
        let subject = difference.subject.as_deref().unwrap_or_default();
        let since = if difference.since_sync == Some(true) { " (changed since the last sync)" } else { "" };
        let line = format!("{}: {}  {subject}  {what}{since}", self.target, difference.id);
        output::report(output::clean(&line))
    }
}

impl Observer for Printer {
    fn notice(&self, notice: &Notice<'_>) {
        let (Notice::Difference(difference), Ok(mut failed)) = (notice, self.failed.lock()) else { return };
        if failed.is_none() {
            *failed = self.print(difference).err();
        }
    }
}

fn line(result: &Verification) -> String {
    let synced = result.synced_at.map(|at| format!(" of {} UTC", output::instant(at))).unwrap_or_default();
    let compared = output::count(result.compared, "event");
    if result.differences() == 0 && result.unanswered == 0 {
        return format!("{}: equal, {compared}; the copy is that{synced}", result.target);
    }
    let mut line = format!(
        "{}: {} missing, {} extra, {} of {compared} differ",
        result.target, result.missing, result.extra, result.differing
    );
    if result.since_sync > 0 {
        line.push_str(&format!("; {} were changed since the last sync", output::count(result.since_sync, "event")));
    }
    if result.unanswered > 0 {
        line.push_str(&format!("; the server gave no answer about {}", output::count(result.unanswered, "event")));
    }
    format!("{line}; the copy is that{synced}")
}
