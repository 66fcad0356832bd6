//! What a sync needs to talk to Graph: a transport, a token provider, a clock.

use std::path::Path;

use delta_core::{Cloud, ServiceRoot};
use sync::{Synchronizer, TokenProvider, Transport};
use transport_common::{BuildError, CertificateDer, Options, Proxies, certificates_from_pem};
use transport_hyper::HyperTransport;
use transport_reqwest::ReqwestTransport;

use crate::accounts::{self, AccountTokens, Chosen};
use crate::args::{ConnectArgs, ServerArgs, TransportArg};
use crate::exit::{Code, Failure};
use crate::timer::SystemTimer;
use crate::tokens::{LoopbackToken, TokenCommand, TokenFile};

/// Where Graph is: by the command line, or where the account is.
pub(crate) fn root(args: &ConnectArgs) -> Result<ServiceRoot, Failure> {
    if let Some(root) = server(&args.server) {
        return Ok(root);
    }
    let account = if wants_account(args) { accounts::chosen(&args.account)? } else { None };
    Ok(account.map_or_else(|| Cloud::default().into(), |chosen| chosen.account.graph_root))
}

/// The server that was named.
pub(crate) fn server(args: &ServerArgs) -> Option<ServiceRoot> {
    args.graph_root.clone().or_else(|| args.cloud.map(|cloud| Cloud::from(cloud).into()))
}

fn wants_account(args: &ConnectArgs) -> bool {
    args.token_file.is_none() && args.token_command.is_none()
}

/// A synchroniser for the command line's wishes.
pub(crate) fn synchronizer(args: &ConnectArgs, root: &ServiceRoot) -> Result<Synchronizer, Failure> {
    let transport = transport(args.server.transport, root, args.server.ca_file.as_deref())?;
    Ok(Synchronizer::new(transport, tokens(args, root)?, SystemTimer, seed()?))
}

/// A transport for a root. Proxies are for the network: what is on this machine is reached without.
pub(crate) fn transport(
    which: TransportArg,
    root: &ServiceRoot,
    ca_file: Option<&Path>,
) -> Result<Box<dyn Transport>, Failure> {
    let extra_roots = match ca_file {
        Some(path) => certificates(path)?,
        None => Vec::new(),
    };
    let proxies = if root.is_loopback() { Proxies::None } else { Proxies::Environment };
    let options = Options { extra_roots, proxies, ..Options::default() };
    let made: Result<Box<dyn Transport>, BuildError> = match which {
        TransportArg::Reqwest => ReqwestTransport::new(options).map(|transport| Box::new(transport) as _),
        TransportArg::Hyper => HyperTransport::new(options).map(|transport| Box::new(transport) as _),
    };
    made.map_err(|error| Failure::new(Code::Operator, error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let failed = |why: String| Failure::new(Code::Operator, format!("the CA file {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let certificates = certificates_from_pem(&pem).map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("there is no PEM certificate in it".to_owned()));
    }
    Ok(certificates)
}

/// The access tokens of whom the command line names.
pub(crate) fn tokens(args: &ConnectArgs, root: &ServiceRoot) -> Result<Box<dyn TokenProvider>, Failure> {
    match (&args.token_file, &args.token_command) {
        (Some(path), _) => return Ok(Box::new(TokenFile(path.clone()))),
        (None, Some(command)) => return Ok(Box::new(TokenCommand::new(command.clone()))),
        (None, None) => {}
    }
    let account = accounts::chosen(&args.account)?;
    match account {
        // An account that nobody named does not have to be meant where none is needed.
        Some(chosen) if args.account.account.is_none() && root.is_loopback() && chosen.account.graph_root != *root => {
            Ok(Box::new(LoopbackToken))
        }
        Some(chosen) => {
            chosen.check(root)?;
            Ok(Box::new(account_tokens(chosen, &args.server)?))
        }
        None if root.is_loopback() => Ok(Box::new(LoopbackToken)),
        None => Err(Failure::new(
            Code::Login,
            "there is no access token: log in with `caldelta login`, or give --token-file FILE or --token-command CMD",
        )),
    }
}

/// The access tokens of an account.
pub(crate) fn account_tokens(chosen: Chosen, args: &ServerArgs) -> Result<AccountTokens, Failure> {
    let transport = transport(args.transport, chosen.account.authority.root(), args.ca_file.as_deref())?;
    Ok(AccountTokens::new(chosen, transport))
}

/// What ids and jitter come from.
pub(crate) fn seed() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::new(Code::Failure, format!("the system has no randomness: {error}")))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use graph_sim::server::{Server, ServerOptions};
    use graph_sim::{Simulator, SimulatorOptions};

    use super::*;

    #[tokio::test]
    async fn each_transport_reaches_a_simulator_with_a_certificate_of_its_own() {
        let options = ServerOptions::new().tls_self_signed();
        let server = Server::bind("127.0.0.1:0", Simulator::new(SimulatorOptions::new()), options).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let ca_file = directory.path().join("ca.pem");
        std::fs::write(&ca_file, server.certificate_pem().unwrap()).unwrap();
        let root: ServiceRoot = server.graph_root().parse().unwrap();
        for which in TransportArg::value_variants() {
            let request = || http::Request::get(format!("{root}/v1.0/me")).body(Vec::new()).unwrap();
            let trusting = transport(*which, &root, Some(&ca_file)).unwrap();
            assert!(trusting.send(request()).await.is_ok(), "{which:?}");
            let wary = transport(*which, &root, None).unwrap();
            assert_eq!(wary.send(request()).await.unwrap_err().kind, delta_core::FailureKind::Tls, "{which:?}");
        }
    }
}
