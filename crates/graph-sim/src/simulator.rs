//! The simulator: from request to response, and nothing beside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::authority::{Authority, Bearer, LoginPolicy, Person, Rejected, Subject};
use crate::batch::{self, Answers, Batch};
use crate::call::{Call, Reply};
use crate::delta::Delta;
use crate::error::GraphError;
use crate::faults::{self, FaultPlan, Faults, Identity, Strike};
use crate::mailbox::{Directory, Kind, Mailbox};
use crate::population::{LoadError, Population};
use crate::quirks::Quirks;
use crate::random::Random;
use crate::route::{Owner, Resource, Route};
use crate::sync_state::SyncStates;
use crate::time::{self, Instant};
use crate::traffic::{Arrived, InFlight, MailboxLimits, TooMuch, Traffic};
use crate::{calendars, events, instances, seeds};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// What Graph answers those without a token: where to get one.
pub(crate) const CHALLENGE: &str = r#"Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000""#;

/// How many parts of a batch Graph answers at a time (Graph's documentation, «Outlook service limits»).
const PARTS_AT_A_TIME: usize = 4;

/// How a simulator is to behave.
#[derive(Clone, Default)]
pub struct SimulatorOptions {
    seed: u64,
    quirks: Quirks,
    tokens: Option<BTreeSet<String>>,
    login: LoginPolicy,
    limits: Option<MailboxLimits>,
}

impl SimulatorOptions {
    /// The default: seed 0, the observed behaviour, any bearer token welcome.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the seed, from which all ids, tokens and request ids follow.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how the simulator behaves where Graph's behaviour is uncertain.
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// Sets how logins go at the authority beside Graph, and whether Graph wants its tokens.
    pub fn login(mut self, policy: LoginPolicy) -> Self {
        self.login = policy;
        self
    }

    /// Throttles each mailbox like this. By default nothing is throttled but by faults.
    pub fn limits(mut self, limits: MailboxLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Accepts these bearer tokens and no others.
    pub fn accept_only<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.tokens = Some(tokens.into_iter().map(Into::into).collect());
        self
    }
}

impl fmt::Debug for SimulatorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = self.tokens.as_ref().map(|tokens| format!("{} accepted", tokens.len()));
        f.debug_struct("SimulatorOptions")
            .field("seed", &self.seed)
            .field("quirks", &self.quirks)
            .field("tokens", &tokens)
            .field("login", &self.login)
            .field("limits", &self.limits)
            .finish()
    }
}

/// A Graph without a network: mailboxes, their changes, and the sync states of those who follow them.
///
/// The same options and the same calls give the same bytes. Time is what the caller says it is.
#[derive(Debug)]
pub struct Simulator {
    options: SimulatorOptions,
    directory: Directory,
    states: SyncStates,
    random: Random,
    faults: Faults,
    authority: Authority,
    traffic: Traffic,
}

impl Simulator {
    /// A simulator with somebody in it: the user Samantha Booth (`samanthab@contoso.com`) with an empty default
    /// calendar "Calendar" and another, "Travel", in the calendar group "My Calendars"; and the group "Planning"
    /// (`planning@contoso.com`).
    pub fn new(options: SimulatorOptions) -> Self {
        let mut simulator = Self::empty(options);
        let random = &mut simulator.random;
        let mut samantha = Mailbox::new(Kind::User, seeds::NAME, seeds::ADDRESS, None, random);
        let group = samantha.calendar_groups.first().map(|group| group.id.clone()).unwrap_or_default();
        samantha.add_calendar("Travel", None, &group, random);
        simulator.directory.add(samantha);
        let planning = Mailbox::new(Kind::Group, "Planning", "planning@contoso.com", None, random);
        simulator.directory.add(planning);
        simulator
    }

    /// A simulator with nobody in it, for [`Simulator::load`].
    pub fn empty(options: SimulatorOptions) -> Self {
        let random = Random::new(options.seed);
        let authority = Authority::new(options.login.clone(), options.seed);
        let (directory, states, faults) = (Directory::default(), SyncStates::default(), Faults::default());
        Self { options, directory, states, random, faults, authority, traffic: Traffic::default() }
    }

    /// Adds a population to what is there, as changes made at `now` that delta queries report. Users and groups that
    /// exist by their address, and calendars that exist by their id or name, are filled up; an event with the id of an
    /// existing one takes its place.
    ///
    /// # Errors
    ///
    /// If an id is in use elsewhere. Then nothing is loaded.
    pub fn load(&mut self, now: SystemTime, population: &Population) -> Result<(), LoadError> {
        population.load(time::from_system(now), &mut self.directory, &mut self.random)
    }

    /// The login server beside Graph.
    pub fn authority(&mut self) -> &mut Authority {
        &mut self.authority
    }

    /// Puts a plan into force: from the next request on, what it says goes wrong. The plan before it ends, and so do
    /// its livelocks: their links lead on to the pages that they withheld.
    pub fn set_faults(&mut self, plan: Option<FaultPlan>) {
        self.faults.set(plan);
    }

    /// Ends the plan in force.
    pub fn clear_faults(&mut self) {
        self.set_faults(None);
    }

    /// Answers a request as if no fault had ever been planned and nothing were throttled, and counts it nowhere: what is true, for a test to compare
    /// with what a client was told.
    pub fn handle_honestly(&mut self, now: SystemTime, request: Request<Bytes>) -> Response<Bytes> {
        let (faults, limits) = (std::mem::take(&mut self.faults), self.options.limits.take());
        let response = self.handle(now, request);
        (self.faults, self.options.limits) = (faults, limits);
        response
    }

    /// Which rules of the latest plan struck, in order. A rule that found nothing to break is not among them.
    pub fn faults_struck(&self) -> &[Strike] {
        self.faults.strikes()
    }

    /// How many requests came for a mailbox before the `Retry-After` of an earlier answer for it was over. Of all values
    /// that were sent the longest counts.
    pub fn early_requests(&self) -> u64 {
        self.faults.early_requests()
    }

    /// Tells that a request is under way, until it [leaves](Self::leave): for those who let time pass between a request and
    /// its answer. A batch counts as its parts do, of which Graph answers four at a time. Whether a request is
    /// [early](Self::early_requests) is a matter of when it arrived, and not of when it is answered.
    pub fn arrive(&mut self, now: SystemTime, request: &mut Request<Bytes>) -> InFlight {
        let weight = if batch::is_batch(request.uri().path()) {
            Batch::read(request).map_or(1, |batch| batch.parts.len().clamp(1, PARTS_AT_A_TIME))
        } else {
            1
        };
        let mailbox = self.mailbox(request.uri().path()).id;
        self.faults.arrived(&mailbox, now);
        request.extensions_mut().insert(Arrived);
        self.traffic.arrive(mailbox, weight)
    }

    /// Tells that a request is answered.
    pub fn leave(&mut self, request: InFlight) {
        self.traffic.leave(&request);
    }

    /// The most requests that were ever under way at one mailbox, by [`arrive`](Self::arrive) and [`leave`](Self::leave).
    pub fn most_in_flight(&self) -> usize {
        self.traffic.most()
    }

    /// Answers a request as Graph would at `now`, or as the plan of faults will have it.
    ///
    /// The request's URI may be absolute; if it is not, its `Host` header says where the links in answers lead.
    pub fn handle(&mut self, now: SystemTime, request: Request<Bytes>) -> Response<Bytes> {
        if Authority::serves(request.uri().path()) {
            return self.log_in(now, &request);
        }
        let (clock, now) = (now, time::from_system(now));
        let request_id = self.random.guid();
        let client_request_id =
            request.headers().get(CLIENT_REQUEST_ID).cloned().or_else(|| HeaderValue::from_str(&request_id).ok());
        let client = client_request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or(&request_id);
        let welcome = self.authorize(clock, &request);
        let context =
            faults::Context { welcome: welcome.is_ok(), now, request_id: &request_id, client_request_id: client };
        let mailbox = self.mailbox(request.uri().path());
        // They may ask for the honest answer, in which nothing goes wrong.
        let mut faults = std::mem::take(&mut self.faults);
        let mut honest = |request: &Request<Bytes>| {
            if let (Ok(_), Some(answer)) = (&welcome, self.throttle(clock, request)) {
                return answer;
            }
            let reply = welcome.clone().and_then(|bearer| self.respond(clock, request, bearer.as_ref()));
            reply.map_or_else(|error| failure(&error, now, &request_id, client), success)
        };
        let mut response = faults.answer(clock, request, mailbox, &context, &mut honest);
        self.faults = faults;
        let headers = response.headers_mut();
        put(headers, REQUEST_ID, &request_id);
        headers.extend(client_request_id.map(|id| (CLIENT_REQUEST_ID, id)));
        put(headers, DATE, &time::http_date(now));
        put(headers, CACHE_CONTROL, "private");
        response
    }

    /// Answers a request to the authority. No fault strikes it: what logins do by themselves is the policy's.
    fn log_in(&mut self, now: SystemTime, request: &Request<Bytes>) -> Response<Bytes> {
        let people: Vec<Person> = self.directory.people().collect();
        let mut response = self.authority.answer(now, request, &people);
        let headers = response.headers_mut();
        put(headers, DATE, &time::http_date(time::from_system(now)));
        put(headers, CACHE_CONTROL, "no-store, no-cache");
        response
    }

    /// The answer to a request that is too much for its mailbox. A batch is never: its parts may be.
    fn throttle(&mut self, now: SystemTime, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let limits = self.options.limits?;
        if batch::is_batch(request.uri().path()) {
            return None;
        }
        let mailbox = self.mailbox(request.uri().path()).id;
        let too_much = self.traffic.admit(&mailbox, now, &limits).err()?;
        let (error, seconds) = match too_much {
            TooMuch::AtATime => (GraphError::mailbox_concurrency(), 1 + self.random.number() % 10),
            TooMuch::Lately(wait) => (GraphError::too_many_requests(), wait.as_secs_f64().ceil() as u64),
        };
        let mut answer = self.refuse(now, &error);
        put(answer.headers_mut(), RETRY_AFTER, &seconds.max(1).to_string());
        Some(answer)
    }

    fn respond(
        &mut self,
        now: SystemTime,
        request: &Request<Bytes>,
        bearer: Option<&Bearer>,
    ) -> Result<Reply, GraphError> {
        if batch::is_batch(request.uri().path()) {
            self.answer_batch(now, request)
        } else {
            self.answer(time::from_system(now), request, bearer)
        }
    }

    /// Whose mailbox a path is about; the signed-in user's if it names none.
    fn mailbox(&mut self, path: &str) -> Identity {
        let owner = Route::parse(path).map_or(Owner::Me, |route| route.owner);
        let mailbox = self.directory.find(&owner);
        mailbox.map(|mailbox| Identity { id: mailbox.id.clone(), address: mailbox.address.clone() }).unwrap_or_default()
    }

    fn answer(&mut self, now: Instant, request: &Request<Bytes>, bearer: Option<&Bearer>) -> Result<Reply, GraphError> {
        let mut route = Route::parse(request.uri().path())?;
        if let Some(bearer) = bearer {
            admit(&mut route.owner, bearer)?;
        }
        let call = Call::read(now, request, route.version, self.options.quirks)?;
        let mailbox = self.directory.find(&route.owner)?;
        let delta = Delta { states: &mut self.states, random: &mut self.random, key: self.options.seed };
        let mut reply = dispatch(mailbox, &route.resource, &call, delta)?;
        reply.applied.extend_from_slice(call.view.preferences.applied());
        Ok(reply)
    }

    /// Handles one part after the other, each as a request of its own.
    fn answer_batch(&mut self, now: SystemTime, request: &Request<Bytes>) -> Result<Reply, GraphError> {
        self.authorize(now, request)?;
        let mut answers = Answers::default();
        let mut load: BTreeMap<String, usize> = BTreeMap::new();
        for part in Batch::read(request)?.parts {
            let mailbox = self.mailbox_of(&part.request);
            let load = load.entry(mailbox).or_default();
            *load += 1;
            let answer = if !answers.succeeded(&part.depends_on) {
                self.refuse(now, &GraphError::failed_dependency())
            } else if self.options.quirks.batch_concurrency.is_some_and(|most| *load > most) {
                let mut answer = self.refuse(now, &GraphError::mailbox_concurrency());
                let seconds = 1 + self.random.number() % 10;
                put(answer.headers_mut(), RETRY_AFTER, &seconds.to_string());
                answer
            } else {
                self.handle(now, part.request)
            };
            answers.push(part.id, answer);
        }
        Ok(answers.reply(&mut self.random))
    }

    /// The id of the mailbox that a request is for; requests for none are all for the same.
    fn mailbox_of(&mut self, request: &Request<Bytes>) -> String {
        let owner = Route::parse(request.uri().path()).map(|route| route.owner);
        let mailbox = owner.and_then(|owner| self.directory.find(&owner));
        mailbox.map(|mailbox| mailbox.id.clone()).unwrap_or_default()
    }

    /// A part's error that its resource has nothing to do with.
    fn refuse(&mut self, now: SystemTime, error: &GraphError) -> Response<Bytes> {
        let id = self.random.guid();
        failure(error, time::from_system(now), &id, &id)
    }

    /// Whose token a request has, where that is of interest.
    fn authorize(&self, now: SystemTime, request: &Request<Bytes>) -> Result<Option<Bearer>, GraphError> {
        let header = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok()).unwrap_or_default();
        let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(GraphError::unauthenticated("Access token is empty."));
        }
        match &self.options.tokens {
            Some(accepted) if !accepted.contains(token) => {
                Err(GraphError::unauthenticated("Access token has expired or is not yet valid."))
            }
            _ if !self.authority.is_required() => Ok(None),
            _ => match self.authority.bearer(token, now) {
                Ok(bearer) => Ok(Some(bearer)),
                Err(Rejected::Invalid(why)) => Err(GraphError::unauthenticated(why)),
                Err(Rejected::Claims(claims)) => Err(GraphError::claims_wanted(claims)),
            },
        }
    }
}

/// Whose mailbox is meant, and whether the token may read it.
fn admit(owner: &mut Owner, bearer: &Bearer) -> Result<(), GraphError> {
    match (&*owner, &bearer.subject) {
        (Owner::Me, Subject::User(person)) => *owner = Owner::User(person.address.clone()),
        (Owner::Me, Subject::Application) => return Err(GraphError::no_me()),
        _ => {}
    }
    let groups = matches!(owner, Owner::Group(_));
    // Groups' calendars are not there for applications (Graph's documentation of permissions).
    let unsupported = groups && bearer.subject == Subject::Application;
    if unsupported || !bearer.may_read(groups) { Err(GraphError::access_denied()) } else { Ok(()) }
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new(SimulatorOptions::default())
    }
}

fn dispatch(
    mailbox: &mut Mailbox,
    resource: &Resource,
    call: &Call,
    mut delta: Delta<'_>,
) -> Result<Reply, GraphError> {
    let method = match call.method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => return Err(GraphError::method_not_allowed()),
    };
    match (resource, method) {
        (Resource::Owner, "GET") => Ok(calendars::owner(mailbox, call)),
        (Resource::Calendars, "GET") => calendars::list(mailbox, None, call),
        (Resource::Calendars, "POST") => calendars::create(mailbox, None, call, delta.random),
        (Resource::CalendarsOfGroup(group), "GET") => calendars::list(mailbox, Some(group), call),
        (Resource::CalendarsOfGroup(group), "POST") => calendars::create(mailbox, Some(group), call, delta.random),
        (Resource::Calendar(path), "GET") => calendars::get(mailbox, path, call),
        (Resource::Calendar(path), "PATCH") => calendars::update(mailbox, path, call),
        (Resource::Calendar(path), "DELETE") => calendars::delete(mailbox, path),
        (Resource::CalendarGroups, "GET") => calendars::list_groups(mailbox, call),
        (Resource::CalendarGroups, "POST") => calendars::create_group(mailbox, call, delta.random),
        (Resource::CalendarGroup(id), "GET") => calendars::get_group(mailbox, id, call),
        (Resource::Events(place), "GET") => events::list(mailbox, place, call),
        (Resource::Events(place), "POST") => events::create(mailbox, place, call, delta.random),
        (Resource::Event(place, id), "GET") => events::get(mailbox, place, id, call),
        (Resource::Event(place, id), "PATCH") => events::update(mailbox, place, id, call),
        (Resource::Event(place, id), "DELETE") => events::delete(mailbox, place, id, call),
        (Resource::Instances(place, id), "GET") => instances::list(mailbox, place, id, call),
        (Resource::CalendarView(path), "GET") => events::view(mailbox, path, call),
        (Resource::CalendarViewDelta(path), "GET") => delta.calendar_view(mailbox, path, call),
        (Resource::EventsDelta(place), "GET") => delta.events(mailbox, place, call),
        _ => Err(GraphError::method_not_allowed()),
    }
}

fn success(reply: Reply) -> Response<Bytes> {
    let body = reply.body.map(|body| body.to_string()).unwrap_or_default();
    let mut response = with_body(reply.status, body);
    for (name, value) in reply.headers {
        put(response.headers_mut(), name, &value);
    }
    if !reply.applied.is_empty() {
        put(response.headers_mut(), PREFERENCE_APPLIED, &reply.applied.join(", "));
    }
    response
}

fn failure(error: &GraphError, now: Instant, request_id: &str, client_request_id: &str) -> Response<Bytes> {
    let mut response = with_body(error.status, error.body(now, request_id, client_request_id).to_string());
    if error.status == StatusCode::UNAUTHORIZED {
        let claims = error.claims.as_ref();
        let asked = claims.map(|claims| format!(r#"{CHALLENGE}, error="insufficient_claims", claims="{claims}""#));
        put(response.headers_mut(), WWW_AUTHENTICATE, asked.as_deref().unwrap_or(CHALLENGE));
    }
    response
}

fn with_body(status: StatusCode, body: String) -> Response<Bytes> {
    let empty = body.is_empty();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    if !empty {
        put(response.headers_mut(), CONTENT_TYPE, "application/json");
    }
    response
}

/// Sets a header; a value that cannot stand in one is left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
