//! `caldelta sim`: serve the simulator.

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use graph_sim::server::{Access, Server, ServerOptions};
use graph_sim::{FaultPlan, LoginPolicy, Population, Simulator, SimulatorOptions};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::args;
use crate::exit::{Code, Failure};
use crate::output::{self, Tagged};
use crate::signal::Stop;

/// The body of `sim/1`.
#[derive(Serialize)]
struct Announcement<'a> {
    graph_root: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<&'a Path>,
}

pub(crate) async fn run(args: args::Sim) -> Result<(), Failure> {
    let mut login = LoginPolicy::default();
    login.required = args.require_login;
    let options = SimulatorOptions::new().seed(args.seed).login(login);
    let mut simulator = match &args.load {
        Some(path) => load(path, options)?,
        None => Simulator::new(options),
    };
    simulator.set_faults(args.faults.as_deref().map(faults).transpose()?);
    let mut options = ServerOptions::new().observer(log);
    if args.tls_self_signed {
        options = options.tls_self_signed();
    }
    let refused = |error| Failure::new(Code::Operator, format!("can't listen at {}: {error}", args.listen));
    let server = Server::bind(args.listen, simulator, options).await.map_err(refused)?;
    let authority = server.certificate_pem().map(certificate_file).transpose()?;
    let announcement =
        Announcement { graph_root: &server.graph_root(), ca_file: authority.as_ref().map(|file| file.path()) };
    // Before the announcement: whoever reads it may stop the simulator at once.
    let mut stop = Stop::listen()?;
    output::report(output::json(&Tagged { schema: "sim/1", value: announcement })?)?;
    let code = stop.wait().await;
    server.shutdown().await;
    Err(Failure::new(code, "stopped"))
}

/// A simulator with what a file says is there, and nothing else.
fn load(path: &Path, options: SimulatorOptions) -> Result<Simulator, Failure> {
    let failed = |why: String| Failure::new(Code::Operator, format!("the population {}: {why}", path.display()));
    let json = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let population = Population::from_json(&json).map_err(|error| failed(error.to_string()))?;
    let mut simulator = Simulator::empty(options);
    simulator.load(SystemTime::now(), &population).map_err(|error| failed(error.to_string()))?;
    Ok(simulator)
}

/// What shall go wrong, from a file.
fn faults(path: &Path) -> Result<FaultPlan, Failure> {
    let failed = |why: String| Failure::new(Code::Operator, format!("the faults {}: {why}", path.display()));
    let json = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    FaultPlan::from_json(&json).map_err(|error| failed(error.to_string()))
}

/// The authority's certificate, in a file that goes when the simulator ends.
fn certificate_file(pem: &str) -> Result<NamedTempFile, Failure> {
    let failed = |error| Failure::new(Code::Failure, format!("the certificate can't be written: {error}"));
    let mut file = tempfile::Builder::new().prefix("caldelta-sim-").suffix(".pem").tempfile().map_err(failed)?;
    file.write_all(pem.as_bytes()).map_err(failed)?;
    Ok(file)
}

fn log(access: &Access) {
    let Access { method, path, status, fault } = access;
    let fault = fault.as_ref().map(|strike| format!(" fault {} of rule {}", strike.fault, strike.rule));
    output::say(format_args!("{method} {} {}{}", output::clean(path), status.as_u16(), fault.unwrap_or_default()));
}
