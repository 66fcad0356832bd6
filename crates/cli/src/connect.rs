//! What a sync needs to talk to Graph: a transport, a token provider, a clock.

use delta_core::{Cloud, ServiceRoot};
use sync::{AccessToken, Observer, Synchronizer, TokenProvider};
use transport_reqwest::{CertificateDer, Options, ReqwestTransport};

use crate::args;
use crate::exit::{Code, Failure};
use crate::timer::SystemTimer;
use crate::tokens::{TokenCommand, TokenFile};

/// The token for a service on this machine when none was given: only a simulator can be there, and it takes any.
const LOOPBACK_TOKEN: &str = "caldelta-on-loopback";

/// Where Graph is, by the command line.
pub(crate) fn root(args: &args::Sync) -> ServiceRoot {
    args.graph_root.clone().unwrap_or_else(|| Cloud::from(args.cloud).into())
}

/// A synchroniser for the command line's wishes.
pub(crate) fn synchronizer(
    args: &args::Sync,
    root: &ServiceRoot,
    observer: impl Observer + 'static,
) -> Result<Synchronizer, Failure> {
    let transport = transport(root, args.ca_file.as_deref())?;
    Ok(Synchronizer::new(transport, tokens(args, root)?, SystemTimer, seed()?).with_observer(observer))
}

/// A transport for a root. Proxies are for the network: what is on this machine is reached without.
pub(crate) fn transport(root: &ServiceRoot, ca_file: Option<&std::path::Path>) -> Result<ReqwestTransport, Failure> {
    let extra_roots = match ca_file {
        Some(path) => certificates(path)?,
        None => Vec::new(),
    };
    let options = Options { extra_roots, use_proxies: !root.is_loopback(), ..Options::default() };
    ReqwestTransport::new(options).map_err(|error| Failure::new(Code::Operator, error))
}

fn certificates(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let failed = |why: String| Failure::new(Code::Operator, format!("the CA file {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let certificates = transport_reqwest::certificates_from_pem(&pem).map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("there is no PEM certificate in it".to_owned()));
    }
    Ok(certificates)
}

fn tokens(args: &args::Sync, root: &ServiceRoot) -> Result<Box<dyn TokenProvider>, Failure> {
    match (&args.token_file, &args.token_command) {
        (Some(path), _) => Ok(Box::new(TokenFile(path.clone()))),
        (None, Some(command)) => Ok(Box::new(TokenCommand::new(command.clone()))),
        (None, None) if root.is_loopback() => Ok(Box::new(loopback_token()?)),
        (None, None) => {
            Err(Failure::new(Code::Login, "there is no access token: give --token-file FILE or --token-command CMD"))
        }
    }
}

/// The token for a simulator on this machine.
pub(crate) fn loopback_token() -> Result<AccessToken, Failure> {
    AccessToken::new(LOOPBACK_TOKEN).map_err(|error| Failure::new(Code::Login, error))
}

/// What ids and jitter come from.
pub(crate) fn seed() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::new(Code::Failure, format!("the system has no randomness: {error}")))
}
