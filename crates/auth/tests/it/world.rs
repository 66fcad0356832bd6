//! An authority and a Graph without a network, on a clock that only moves when somebody waits.

use std::time::{Duration, SystemTime};

use auth::{Authority, Client, Credential, Error, Flow, Grant, Redemption, Refusal, Refused, Scopes, Step, Tokens};
use bytes::Bytes;
use delta_core::{Cloud, Timestamp};
use graph_sim::{LoginPolicy, Simulator, SimulatorOptions};
use http::{Request, Response};

pub(crate) const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const GRAPH: &str = "https://graph.microsoft.com";

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) seconds: u64,
    pub(crate) requests: usize,
    /// How often somebody was told to slow down.
    pub(crate) slowed: usize,
    /// What is opened after so many waits.
    later: Option<(usize, String)>,
}

impl World {
    /// An authority that wants logins, with what `change` makes of its policy.
    pub(crate) fn new(change: impl FnOnce(&mut LoginPolicy)) -> Self {
        let mut policy = LoginPolicy::default();
        policy.required = true;
        change(&mut policy);
        let simulator = Simulator::new(SimulatorOptions::new().login(policy));
        Self { simulator, seconds: 1_764_000_000, requests: 0, slowed: 0, later: None }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_seconds(i64::try_from(self.seconds).unwrap())
    }

    pub(crate) fn wait(&mut self, duration: Duration) {
        self.seconds += duration.as_secs();
        match self.later.take() {
            Some((1, url)) => assert_eq!(self.get(&url).status(), 200),
            Some((waits, url)) => self.later = Some((waits - 1, url)),
            None => {}
        }
    }

    /// Opens a page after so many waits.
    pub(crate) fn open_later(&mut self, waits: usize, url: String) {
        self.later = Some((waits, url));
    }

    pub(crate) fn send(&mut self, request: Request<Vec<u8>>) -> Response<Bytes> {
        self.requests += 1;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(self.seconds);
        let response = self.simulator.handle(now, request.map(Bytes::from));
        self.slowed += usize::from(String::from_utf8_lossy(response.body()).contains("slow_down"));
        response
    }

    pub(crate) fn get(&mut self, url: &str) -> Response<Bytes> {
        self.send(Request::get(url).body(Vec::new()).unwrap())
    }

    /// Drives a flow to its end; `prompted` is what the person does who is asked for something.
    pub(crate) fn drive_with(
        &mut self,
        flow: &mut impl Flow,
        mut prompted: impl FnMut(&mut Self, &auth::Prompt),
    ) -> Result<Tokens, Error> {
        loop {
            let request = flow.request().expect("a flow that is not over has a request");
            let response = self.send(request);
            match flow.receive(&response, self.now())? {
                Step::Wait(wait) => self.wait(wait),
                Step::Prompt(prompt) => {
                    prompted(self, &prompt);
                    self.wait(prompt.wait);
                }
                Step::Tokens(tokens) => {
                    assert!(flow.request().is_none(), "it is over");
                    return Ok(*tokens);
                }
            }
        }
    }

    pub(crate) fn drive(&mut self, flow: &mut impl Flow) -> Result<Tokens, Error> {
        self.drive_with(flow, |_, _| ())
    }

    /// What the browser brings back: the query of where it was sent.
    pub(crate) fn browse(&mut self, url: &str) -> String {
        let response = self.get(url);
        assert_eq!(response.status(), 302, "{response:?}");
        let location = response.headers()["location"].to_str().unwrap();
        location.split_once('?').unwrap().1.to_owned()
    }

    /// What Graph answers to this token.
    pub(crate) fn graph(&mut self, path: &str, tokens: &Tokens) -> Response<Bytes> {
        let bearer = format!("Bearer {}", tokens.access_token.expose());
        let request = Request::get(format!("{GRAPH}/v1.0/{path}")).header("authorization", bearer);
        self.send(request.body(Vec::new()).unwrap())
    }

    pub(crate) fn refresh(&mut self, tokens: &Tokens, claims: Option<&auth::Claims>) -> Result<Tokens, Error> {
        let token = tokens.refresh_token.clone().expect("it can be refreshed");
        let scopes = delegated();
        let mut flow =
            Redemption::new(&public(), Grant::RefreshToken(token), &scopes, claims, self.now(), [3; 16]).unwrap();
        self.drive(&mut flow)
    }
}

pub(crate) fn client(credential: Credential) -> Client {
    let authority = Authority::cloud(Cloud::Global, "contoso.onmicrosoft.com".parse().unwrap());
    Client::new(authority, CLIENT_ID, credential)
}

pub(crate) fn public() -> Client {
    client(Credential::None)
}

pub(crate) fn delegated() -> Scopes {
    Scopes::delegated(&Cloud::Global.into(), ["Calendars.Read"])
}

/// The refusal of an error that is one.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Refused {
    match result {
        Err(Error::Refused(refused)) => *refused,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    refused(result).refusal
}
