//! What `caldelta doctor` looks at. Each check says what it found, and what to do; none of them changes anything.

use std::time::Duration;

use auth::{AccountKind, Granted, Secret};
use delta_core::{Conversation, Permissions, Reply, Resource, ServiceRoot, Snapshot, Target, Timestamp, Window};
use http::header::{AUTHORIZATION, DATE, HeaderMap};
use http::{HeaderValue, Request};
use serde::Serialize;
use store::Library;
use sync::{Timer, TokenProvider, Transport, Want};

use crate::accounts::{self, Chosen};
use crate::args;
use crate::connect;
use crate::exit::{Code, Failure};
use crate::output;
use crate::paths;
use crate::timer::SystemTimer;

/// How far clocks may be apart before it is worth a word, and before logins fail for it (Microsoft allows five minutes).
const NOTABLE: u64 = 60;
const HARMFUL: u64 = 300;
/// What the clock is compared within: long enough for a slow answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Ok,
    Warn,
    Fail,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) check: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<&'static str>,
    #[serde(skip)]
    pub(crate) code: Code,
}

impl Check {
    fn new(check: &'static str, outcome: Outcome, message: impl ToString) -> Self {
        Self { check, outcome, message: redact(&message.to_string()), advice: None, code: Code::Failure }
    }

    fn ok(check: &'static str, message: impl ToString) -> Self {
        Self::new(check, Outcome::Ok, message)
    }

    fn warn(check: &'static str, message: impl ToString, advice: &'static str) -> Self {
        Self { advice: Some(advice), ..Self::new(check, Outcome::Warn, message) }
    }

    fn fail(check: &'static str, failure: &Failure, advice: Option<&'static str>) -> Self {
        Self { advice, code: failure.code, ..Self::new(check, Outcome::Fail, failure) }
    }
}

/// A text fit for an issue: no addresses of people, and not whose home directory it is.
pub(crate) fn redact(text: &str) -> String {
    let home = std::env::home_dir().and_then(|home| home.to_str().map(str::to_owned)).filter(|home| home.len() > 1);
    let text = home.map_or_else(|| text.to_owned(), |home| text.replace(&home, "~"));
    let words = text.split_whitespace().map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// All checks, in the order in which a sync would meet what they look at.
pub(crate) async fn all(args: &args::Doctor) -> Vec<Check> {
    let mut checks = vec![store(&args.store)];
    let account = match accounts::chosen(&args.connect.account) {
        Ok(account) => account,
        Err(failure) => {
            checks.push(Check::fail("account", &failure, None));
            None
        }
    };
    let root = match connect::root(&args.connect) {
        Ok(root) => root,
        Err(failure) => {
            checks.push(Check::fail("graph", &failure, None));
            return checks;
        }
    };
    if let Some(chosen) = account.as_ref().filter(|chosen| uses(args, chosen, &root)) {
        checks.extend(login_server(args, chosen).await);
    }
    checks.extend(graph(args, &root, account.as_ref()).await);
    checks
}

/// Whether an account's tokens would be used.
fn uses(args: &args::Doctor, chosen: &Chosen, root: &ServiceRoot) -> bool {
    let connect = &args.connect;
    connect.token_file.is_none() && connect.token_command.is_none() && chosen.account.graph_root == *root
}

fn store(args: &args::StoreArgs) -> Check {
    let found = paths::store(args).and_then(|path| Ok((Library::open(&path)?.replicas()?.len(), path)));
    match found {
        Ok((0, path)) => {
            Check::warn("store", format!("there is no local copy in {}", path.display()), "run `caldelta sync`")
        }
        Ok((replicas, path)) => {
            Check::ok("store", format!("copies of {} in {}", output::count(replicas as u64, "target"), path.display()))
        }
        Err(failure) => Check::fail("store", &failure, None),
    }
}

/// Whether the login server is reached, and whether it is one.
async fn login_server(args: &args::Doctor, chosen: &Chosen) -> Vec<Check> {
    const NAME: &str = "login_server";
    let authority = &chosen.account.authority;
    let server = &args.connect.server;
    let sent = async {
        let transport = connect::transport(server.transport, authority.root(), server.ca_file.as_deref())?;
        let request = Request::get(authority.configuration()).body(Vec::new());
        let request = request.map_err(|error| Failure::new(Code::Failure, error))?;
        transport.send(request).await.map_err(|failure| Failure::new(Code::Unavailable, failure))
    };
    match sent.await {
        Ok(response) if response.status().is_success() => {
            let reached = Check::ok(NAME, format!("{} answers", authority.root()));
            [vec![reached], clock(response.headers())].concat()
        }
        Ok(response) => {
            let why = format!("{} answers {} for the tenant", authority.root(), response.status());
            vec![Check::fail(
                NAME,
                &Failure::new(Code::Operator, why),
                Some("check the tenant with `caldelta accounts`"),
            )]
        }
        Err(failure) => vec![Check::fail(NAME, &failure, Some("check the network, HTTPS_PROXY and --ca-file"))],
    }
}

/// The token, what it may do, and whether Graph takes it for the target.
async fn graph(args: &args::Doctor, root: &ServiceRoot, account: Option<&Chosen>) -> Vec<Check> {
    let server = &args.connect.server;
    let made = connect::tokens(&args.connect, root)
        .and_then(|tokens| Ok((tokens, connect::transport(server.transport, root, server.ca_file.as_deref())?)));
    let (tokens, transport) = match made {
        Ok(made) => made,
        Err(failure) => return vec![Check::fail("token", &failure, None)],
    };
    let token = match tokens.token(&Want::Good).await {
        Ok(token) => token.header(),
        Err(error) => return vec![Check::fail("token", &Failure::from(sync::Error::Token(error)), None)],
    };
    let mut checks = vec![Check::ok("token", "there is an access token")];
    let account = account.filter(|chosen| uses(args, chosen, root));
    // It may have been renewed just now.
    let account = account.and_then(|chosen| chosen.cache.read(&chosen.name).ok().flatten());
    match listing(root, &args.target) {
        Ok((target, snapshot)) => {
            checks.push(permissions(&target.required_permissions(), account.as_ref(), &token, root));
            checks.extend(asked(transport.as_ref(), snapshot, token, root).await);
        }
        Err(failure) => checks.push(Check::fail("target", &failure, None)),
    }
    checks
}

/// A request for a day of the target's calendar: it leaves no state behind, as the first request of a round would.
fn listing(root: &ServiceRoot, target: &Resource) -> Result<(Target, Snapshot), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::usage(error);
    let name = target.to_string();
    let calendar = name.strip_suffix("/events").unwrap_or(&name);
    let calendar = calendar.strip_suffix("/calendar").unwrap_or(calendar);
    let resource: Resource = calendar.parse().map_err(|error| failed(&error))?;
    let today = SystemTimer.now().midnight();
    let window = Window::new(today, today.plus_days(1)).map_err(|error| failed(&error))?;
    let target = Target::calendar_view(root.clone(), resource, window).map_err(|error| failed(&error))?;
    let snapshot = Snapshot::new(target.clone(), Default::default());
    Ok((target, snapshot.ok_or_else(|| Failure::usage("there is no listing of this target"))?))
}

/// Whether one of the permissions that Graph's documentation asks for has been granted.
fn permissions(
    required: &Permissions,
    account: Option<&auth::cache::Account>,
    token: &HeaderValue,
    root: &ServiceRoot,
) -> Check {
    const NAME: &str = "permissions";
    let (kind, granted) = match account {
        Some(account) => (account.kind, accounts::permissions(account)),
        None => {
            let token = token.to_str().unwrap_or_default().trim_start_matches("Bearer ");
            match Granted::of(&Secret::new(token)) {
                Some(granted) if granted.application.is_empty() => (AccountKind::Work, granted.delegated),
                Some(granted) => (AccountKind::Application, granted.application),
                None if root.is_loopback() => return Check::ok(NAME, "a simulator asks for none"),
                None => {
                    let why = "the token does not show what was granted";
                    return Check::warn(NAME, why, "the next check shows whether it is enough");
                }
            }
        }
    };
    let (wanted, whose) = match kind {
        AccountKind::Work => (required.delegated_work, "delegated"),
        AccountKind::Personal => (required.delegated_personal, "delegated"),
        AccountKind::Application => (required.application, "application"),
    };
    let has = if granted.is_empty() { "none".to_owned() } else { granted.join(", ") };
    let operator = |why: String| Failure::new(Code::Login, why);
    if wanted.is_empty() {
        let why = format!("Graph has no {whose} permission for such a target and this kind of account");
        return Check::fail(NAME, &operator(why), Some("use another kind of account: see docs/login.md"));
    }
    // A permission for shared calendars is one with a longer name.
    let enough =
        |name: &String| wanted.iter().any(|wanted| name == wanted || name.strip_suffix(".Shared") == Some(wanted));
    if granted.iter().any(enough) {
        return Check::ok(NAME, format!("granted ({whose}): {has}"));
    }
    let why = format!("granted ({whose}): {has}; missing: one of {}", wanted.join(", "));
    Check::fail(NAME, &operator(why), Some("add it to the application's registration, consent, and log in again"))
}

/// What Graph says to a request for the target.
async fn asked(
    transport: &dyn Transport,
    mut snapshot: Snapshot,
    token: HeaderValue,
    root: &ServiceRoot,
) -> Vec<Check> {
    const NAME: &str = "graph";
    let Some(mut request) = snapshot.request() else { return Vec::new() };
    request.headers_mut().insert(AUTHORIZATION, token);
    let sent = tokio::time::timeout(PATIENCE, transport.send(request)).await;
    let response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(failure)) => {
            let failure = Failure::new(Code::Unavailable, format!("{root}: {failure}"));
            return vec![Check::fail(NAME, &failure, Some("check the network, HTTPS_PROXY and --ca-file"))];
        }
        Err(_) => {
            let failure = Failure::new(Code::Unavailable, format!("{root} did not answer within 30 s"));
            return vec![Check::fail(NAME, &failure, Some("try again"))];
        }
    };
    let clock = clock(response.headers());
    let check = match snapshot.receive(response) {
        Ok(Reply::Answer(_)) => Check::ok(NAME, format!("{root} shows the calendar")),
        Ok(Reply::Wait(wait)) => {
            let why = format!("{root} wants no requests for {} s", wait.duration.as_secs());
            Check::warn(NAME, why, "nothing: a sync waits by itself")
        }
        Ok(Reply::Authenticate(_)) => {
            let failure = Failure::new(Code::Login, format!("{root} refuses the access token"));
            Check::fail(NAME, &failure, Some("log in again with `caldelta login`"))
        }
        Err(error) => Check::fail(NAME, &Failure::from(sync::Error::Round(error)), None),
    };
    [vec![check], clock].concat()
}

/// The clock here against the server's.
fn clock(headers: &HeaderMap) -> Vec<Check> {
    const NAME: &str = "clock";
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(there) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
        return vec![Check::warn(NAME, "the server does not say what time it is", "compare the clock by hand")];
    };
    let here: Timestamp = SystemTimer.now();
    let seconds = there.timestamp().as_second().abs_diff(here.seconds());
    let apart = format!("{seconds} s from the server's");
    let advice = "set the clock, such as by NTP";
    vec![if seconds <= NOTABLE {
        Check::ok(NAME, apart)
    } else if seconds <= HARMFUL {
        Check::warn(NAME, apart, advice)
    } else {
        Check::fail(NAME, &Failure::new(Code::Operator, format!("{apart}: logins fail for that")), Some(advice))
    }]
}
