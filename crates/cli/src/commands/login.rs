//! `caldelta login`: get tokens, and keep them as an account.

use std::path::{Path, PathBuf};

use auth::cache::{Account, CredentialSource};
use auth::{
    AccountKind, Authority, Authorization, Client, DeviceLogin, Entropy, Grant, Prompt, Redemption, Scopes, Tenant,
    Tokens,
};
use delta_core::{Cloud, ServiceRoot};
use sync::{Timer, Transport};

use crate::accounts::{self, Chosen};
use crate::args;
use crate::callback::Callback;
use crate::commands::accounts::Row;
use crate::connect;
use crate::exit::{Code, Failure};
use crate::oauth;
use crate::output::{self, Tagged};
use crate::signal::Stop;
use crate::timer::SystemTimer;

/// What is asked for when nobody says: enough for calendars of one's own, with everything that is in an event.
const PERMISSION: &str = "Calendars.Read";

pub(crate) async fn run(args: args::Login) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let cache = accounts::cache(&args.account.directory)?;
    let name = args.account.account.clone().unwrap_or_default();
    let plan = Plan::make(&args, cache.read(&name)?.as_ref())?;
    let transport =
        connect::transport(args.server.transport, plan.client.authority().root(), args.server.ca_file.as_deref())?;
    let work = async {
        tokio::time::timeout(args.timeout, plan.log_in(&args, transport.as_ref())).await.unwrap_or_else(|_| {
            let seconds = args.timeout.as_secs();
            Err(Failure::new(Code::Login, format!("nobody logged in within {seconds} s: try again, or see --timeout")))
        })
    };
    let tokens = tokio::select! {
        tokens = work => tokens?,
        code = stop.wait() => return Err(Failure::new(code, "stopped; nobody is logged in")),
    };
    let account = plan.account(&tokens);
    cache.lock(&name)?.write(&account)?;
    say(&Chosen { cache, name, account }, args.json)
}

fn say(chosen: &Chosen, json: bool) -> Result<(), Failure> {
    let row = Row::of(&chosen.name, &chosen.account, SystemTimer.now());
    if json {
        return output::report(output::json(&Tagged { schema: "account/1", value: row })?);
    }
    let who = row.who();
    output::report(format!("logged in: the account {} is {who}, with {}", chosen.name, row.granted()))
}

/// Who logs in where, and how.
struct Plan {
    client: Client,
    credential: CredentialSource,
    graph_root: ServiceRoot,
    scopes: Scopes,
    flow: How,
    wanted: Option<auth::Claims>,
}

#[derive(Clone, Copy)]
enum How {
    Browser,
    DeviceCode,
    ClientCredentials,
}

impl Plan {
    /// By the command line; what that leaves open is as in the login before.
    fn make(args: &args::Login, before: Option<&Account>) -> Result<Self, Failure> {
        let given = connect::server(&args.server);
        let before = before.filter(|account| given.as_ref().is_none_or(|root| *root == account.graph_root));
        let graph_root = given.clone().or_else(|| before.map(|account| account.graph_root.clone()));
        let graph_root = graph_root.unwrap_or_else(|| Cloud::default().into());
        let authority = authority(args, before, &graph_root)?;
        let client_id = args.client_id.clone().or_else(|| before.map(|account| account.client_id.clone()));
        let client_id = client_id.ok_or_else(no_client_id)?;
        let credential = match credential(args)? {
            CredentialSource::None => before.map(|account| account.credential.clone()).unwrap_or_default(),
            given => given,
        };
        let was_application = before.is_some_and(|account| account.kind == AccountKind::Application);
        let flow = match (args.device_code, args.client_credentials) {
            (true, _) => How::DeviceCode,
            (_, true) => How::ClientCredentials,
            _ if was_application && args.scopes.is_empty() => How::ClientCredentials,
            _ => How::Browser,
        };
        if matches!(flow, How::ClientCredentials) && authority.tenant().is_shared() {
            let tenant = authority.tenant();
            let why = format!("an application logs in to a tenant of its own: give --tenant; {tenant} is none");
            return Err(Failure::usage(why));
        }
        let scopes = match (flow, before) {
            (How::ClientCredentials, _) => Scopes::application(&graph_root),
            (_, Some(account)) if args.scopes.is_empty() && !was_application => account.scopes.clone(),
            _ if args.scopes.is_empty() => Scopes::delegated(&graph_root, [PERMISSION]),
            _ => Scopes::delegated(&graph_root, args.scopes.iter().map(String::as_str)),
        };
        let secret = credential.load().map_err(|error| Failure::new(Code::Operator, error))?;
        let client = Client::new(authority, &client_id, secret);
        let wanted = before.and_then(Account::wanted_claims);
        Ok(Self { client, credential, graph_root, scopes, flow, wanted })
    }

    async fn log_in(&self, args: &args::Login, transport: &dyn Transport) -> Result<Tokens, Failure> {
        match self.flow {
            How::Browser => self.by_browser(args, transport).await,
            How::DeviceCode => {
                let mut flow = DeviceLogin::new(&self.client, &self.scopes, oauth::random()?);
                Ok(oauth::drive(transport, &mut flow, show).await?)
            }
            How::ClientCredentials => {
                let (now, ids) = (SystemTimer.now(), oauth::random()?);
                let wanted = self.wanted.as_ref();
                let grant = Grant::ClientCredentials;
                let mut flow = Redemption::new(&self.client, grant, &self.scopes, wanted, now, ids)?;
                Ok(oauth::drive(transport, &mut flow, |_| ()).await?)
            }
        }
    }

    async fn by_browser(&self, args: &args::Login, transport: &dyn Transport) -> Result<Tokens, Failure> {
        let callback = Callback::listen(args.redirect_port).await.map_err(|error| {
            Failure::new(
                Code::Operator,
                format!("can't listen for the browser at port {}: {error}", args.redirect_port),
            )
        })?;
        let entropy = Entropy { verifier: oauth::random()?, state: oauth::random()?, ids: oauth::random()? };
        let login = Authorization::new(&self.client, &self.scopes, &callback.redirect_uri(), &entropy)
            .with_claims(self.wanted.clone())
            .with_login_hint(args.login_hint.clone());
        let url = login.url();
        if args.no_browser || open::that_detached(&url).is_err() {
            output::say(format_args!("Open this address in a browser on this machine, and log in:\n{url}"));
        } else {
            output::say("A browser opens, in which you log in; if none does, try again with --no-browser.");
        }
        let mut redemption = callback.wait(&login).await?;
        Ok(oauth::drive(transport, &mut redemption, |_| ()).await?)
    }

    fn account(&self, tokens: &Tokens) -> Account {
        let (credential, root, scopes) = (self.credential.clone(), self.graph_root.clone(), self.scopes.clone());
        Account::new(&self.client, credential, root, scopes, tokens, SystemTimer.now())
    }
}

fn no_client_id() -> Failure {
    Failure::usage(
        "there is no client id: caldelta has none of its own; register an application, as docs/login.md says, and give \
         its client id with --client-id ID",
    )
}

/// The login server: as given, the one of the login before, the cloud's; for a simulator the simulator.
fn authority(args: &args::Login, before: Option<&Account>, graph: &ServiceRoot) -> Result<Authority, Failure> {
    let before = before.map(|account| &account.authority);
    let tenant = args.tenant.clone().or_else(|| before.map(|authority| authority.tenant().clone()));
    let tenant: Tenant = tenant.unwrap_or_default();
    let at = |root: &ServiceRoot| Authority::parse(&root.to_string(), tenant.clone()).map_err(Failure::usage);
    if let Some(root) = args.authority.as_ref().or(before.map(Authority::root)) {
        return at(root);
    }
    let clouds = [Cloud::Global, Cloud::UsGov, Cloud::UsGovDod, Cloud::China];
    match clouds.into_iter().find(|cloud| ServiceRoot::cloud(*cloud) == *graph) {
        Some(cloud) => Ok(Authority::cloud(cloud, tenant.clone())),
        None if graph.is_loopback() => at(graph),
        None => {
            Err(Failure::usage(format!("whose login server gives tokens for {graph}? Say so with --authority URL")))
        }
    }
}

/// Where the credential is, which is remembered as an absolute path: later commands run elsewhere.
fn credential(args: &args::Login) -> Result<CredentialSource, Failure> {
    if let Some(path) = &args.client_secret_file {
        return Ok(CredentialSource::SecretFile(absolute(path)?));
    }
    if let Some(path) = &args.client_certificate {
        return Ok(CredentialSource::CertificateFile { path: absolute(path)?, signing: args.signing.into() });
    }
    match &args.federated_token_file {
        Some(path) => Ok(CredentialSource::FederatedTokenFile(absolute(path)?)),
        None => Ok(CredentialSource::None),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::new(Code::Operator, format!("{}: {error}", path.display())))
}

/// What a person has to do elsewhere.
fn show(prompt: &Prompt) {
    let (uri, code) = (output::clean(&prompt.verification_uri), output::clean(&prompt.user_code));
    output::say(format_args!("Open {uri} on any machine, and enter the code {code}"));
}
