//! Many mailboxes at once: what a fleet promises, against one simulator that throttles.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use delta_core::{Cloud, Failure, Resource, ServiceRoot, Timestamp};
use futures_util::future::{Either, select};
use graph_sim::{FaultPlan, MailboxLimits, Population, Simulator, SimulatorOptions};
use http::{Method, Request, Response};
use serde_json::{Value, json};
use store::MemoryStore;
use sync::{
    AccessToken, Discovery, Error, Fleet, KnownCalendar, Limits, Pace, Replica, SyncReport, Synchronizer, Timer,
    Transport, Verdict, lane,
};

use crate::virtual_time::Clock;
use crate::world::{ROOT, plain, visible};

const WINDOW: &str = "2026-03-01..2026-04-01";

/// Many mailboxes, and the line to them, on which everything takes its time.
#[derive(Clone)]
struct Town {
    simulator: Arc<Mutex<Simulator>>,
    clock: Clock,
    requests: Arc<Mutex<u64>>,
}

#[async_trait]
impl Transport for Town {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        let mut request = request.map(Bytes::from);
        let under_way = self.simulator.lock().unwrap().arrive(self.clock.system_time(), &mut request);
        let number = {
            let mut requests = self.requests.lock().unwrap();
            *requests += 1;
            *requests
        };
        let latency = Duration::from_millis(50 + number * 7919 % 400);
        self.clock.sleep(latency).await;
        let mut simulator = self.simulator.lock().unwrap();
        let answer = simulator.handle(self.clock.system_time(), request);
        simulator.leave(under_way);
        Ok(answer)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Job {
    List(String),
    Copy(String),
}

/// What a client has: a store for each target, and what each mailbox was found to have.
#[derive(Default)]
struct Client {
    stores: Mutex<BTreeMap<String, Arc<MemoryStore>>>,
    known: Mutex<BTreeMap<String, Vec<KnownCalendar>>>,
}

type Outcome = Result<Option<SyncReport>, Error>;

fn user(number: usize) -> String {
    format!("user{number}@contoso.com")
}

impl Town {
    /// So many mailboxes with three calendars each, one of which somebody else has shared, with so many events each.
    fn new(mailboxes: usize, events: usize, options: SimulatorOptions) -> Self {
        let clock = Clock::at("2026-03-01T00:00:00Z");
        let event = |number: usize, kind: &str| {
            let at = |hour: usize| json!({"dateTime": format!("2026-03-{:02}T{hour:02}:00:00", 1 + number % 28), "timeZone": "UTC"});
            json!({"subject": format!("{kind} {number}"), "start": at(9), "end": at(10)})
        };
        let events = |kind: &str| (0..events).map(|number| event(number, kind)).collect::<Vec<_>>();
        let users: Vec<Value> = (0..mailboxes)
            .map(|number| {
                json!({"displayName": format!("User {number}"), "userPrincipalName": user(number), "calendars": [
                    {"isDefaultCalendar": true, "events": events("Meeting")},
                    {"name": "Travel", "events": events("Trip")},
                    {"name": "Room", "owner": {"name": "Alex", "address": "alexd@contoso.com"}, "events": events("Booking")},
                ]})
            })
            .collect();
        let mut simulator = Simulator::empty(options);
        let population = Population::from_json(json!({"users": users}).to_string().as_bytes()).unwrap();
        simulator.load(clock.system_time(), &population).unwrap();
        Self { simulator: Arc::new(Mutex::new(simulator)), clock, requests: Arc::default() }
    }

    /// One request past the client, in which nothing goes wrong.
    fn call(&self, method: Method, url: &str, body: &Value) -> Value {
        let url = if url.starts_with("https://") { url.to_owned() } else { format!("{ROOT}/v1.0/{url}") };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", "Bearer any")
            .header("content-type", "application/json")
            .header("prefer", "outlook.timezone=\"UTC\", IdType=\"ImmutableId\"")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let answer = self.simulator.lock().unwrap().handle_honestly(self.clock.system_time(), request);
        assert!(answer.status().is_success(), "{:?}", answer.body());
        serde_json::from_slice(answer.body()).unwrap_or_default()
    }

    fn items(&self, url: &str) -> Vec<Value> {
        let (mut items, mut url) = (Vec::new(), url.to_owned());
        loop {
            let page = self.call(Method::GET, &url, &Value::Null);
            items.extend(page["value"].as_array().unwrap().iter().cloned());
            match page["@odata.nextLink"].as_str() {
                Some(next) => url = next.to_owned(),
                None => return items,
            }
        }
    }

    /// What is true of a target.
    fn listing(&self, target: &str) -> BTreeMap<String, Value> {
        let url = format!("{target}/calendarView?startDateTime=2026-03-01&endDateTime=2026-04-01&$top=1000");
        self.items(&url).iter().map(|event| (event["id"].as_str().unwrap().to_owned(), plain(event))).collect()
    }

    /// Brings everything that these mailboxes have up to date, once. Gives what came of each job in the end.
    fn sync(&self, client: &Client, mailboxes: &[String], lanes: usize, seed: u64) -> BTreeMap<Job, Outcome> {
        let engine = Synchronizer::new(self.clone(), AccessToken::new("secret").unwrap(), self.clock.clone(), seed);
        // Fewer than there are targets of a mailbox: they have to share.
        let engine = engine.with_limits(Limits { in_flight: 2, ..Limits::default() }).giving_way();
        let pace = Pace { lanes, per_lane: 3, patience: Duration::from_secs(900) };
        let fleet = Fleet::new(pace, seed);
        for mailbox in mailboxes {
            fleet.add(Job::List(mailbox.clone()), &lane(&mailbox.parse().unwrap()), None, self.clock.now());
        }
        let work = async |job: &Job| match job {
            Job::List(mailbox) => self.list(client, &engine, &fleet, mailbox).await,
            Job::Copy(target) => self.copy(client, &engine, target).await,
        };
        let mut outcomes = BTreeMap::new();
        self.clock.block_on(fleet.drive(&self.clock, work, |job, outcome, due| {
            if due.is_none() {
                outcomes.insert(job.clone(), outcome);
            }
        }));
        outcomes
    }

    async fn list(
        &self,
        client: &Client,
        engine: &Synchronizer,
        fleet: &Fleet<Job>,
        mailbox: &str,
    ) -> (Verdict, Outcome) {
        let owner = mailbox.parse::<Resource>().unwrap().mailbox().clone();
        let list = match engine.calendars(&ServiceRoot::cloud(Cloud::Global), &owner).await {
            Ok(list) => list,
            Err(error) => return (Verdict::of_error(&error, false), Err(error)),
        };
        let mut known = client.known.lock().unwrap();
        let known = known.entry(mailbox.to_owned()).or_default();
        let discovery = Discovery::new(&owner, known, &list, self.clock.now());
        for calendar in discovery.targets() {
            let target = &calendar.target;
            fleet.add(Job::Copy(target.to_string()), &lane(target), None, self.clock.now());
        }
        *known = discovery.calendars;
        (Verdict::Done { news: false }, Ok(None))
    }

    async fn copy(&self, client: &Client, engine: &Synchronizer, target: &str) -> (Verdict, Outcome) {
        let store = client.stores.lock().unwrap().entry(target.to_owned()).or_default().clone();
        let replica = Replica {
            window: WINDOW.parse().unwrap(),
            page_size: std::num::NonZeroU32::new(2),
            ..Replica::new(Cloud::Global.into(), target.parse().unwrap())
        };
        let (verdict, result) = engine.turn(&replica, store.as_ref()).await;
        (verdict, result.map(Some))
    }

    /// Checks that a target is as the server has it.
    fn check_one(&self, client: &Client, target: &str) {
        assert_eq!(visible(client.stores.lock().unwrap()[target].as_ref()), self.listing(target), "{target}");
    }

    /// Checks that each target of these mailboxes is as the server has it.
    fn check(&self, client: &Client, mailboxes: &[String]) {
        let stores = client.stores.lock().unwrap();
        for mailbox in mailboxes {
            for calendar in self.items(&format!("{mailbox}/calendars?$top=100")) {
                let target = match calendar["isDefaultCalendar"].as_bool() {
                    Some(true) => mailbox.clone(),
                    _ => format!("{mailbox}/calendars/{}", calendar["id"].as_str().unwrap()),
                };
                let store = stores.get(&target).unwrap_or_else(|| panic!("there is no copy of {target}"));
                assert_eq!(visible(store.as_ref()), self.listing(&target), "{target}");
            }
        }
    }
}

fn users(mailboxes: usize) -> Vec<String> {
    (0..mailboxes).map(|number| format!("users/{}", user(number))).collect()
}

fn all_is_well(outcomes: &BTreeMap<Job, Outcome>) {
    for (job, outcome) in outcomes {
        assert!(outcome.is_ok(), "{job:?}: {outcome:?}");
    }
}

/// A service that throttles by itself, and now and then for no reason that one could see.
fn throttling() -> (SimulatorOptions, FaultPlan) {
    let limits = MailboxLimits { in_flight: 4, requests: 8, span: Duration::from_secs(60) };
    let plan = json!({"schema": "faults/1", "seed": 3, "rules": [
        {"when": {"probability": 0.04}, "fault": {"status": {"status": 429, "retryAfter": ["0,20"]}}},
        {"when": {"probability": 0.02}, "fault": {"status": {"status": 503, "retryAfter": ["2.128", {"httpDate": 30}]}}},
    ]});
    (SimulatorOptions::new().limits(limits), FaultPlan::from_json(plan.to_string().as_bytes()).unwrap())
}

#[test]
fn two_hundred_mailboxes_converge_within_what_each_of_them_allows() {
    let (options, plan) = throttling();
    let town = Town::new(200, 4, options);
    town.simulator.lock().unwrap().set_faults(Some(plan));
    let (client, mailboxes) = (Client::default(), users(200));
    let outcomes = town.sync(&client, &mailboxes, 16, 1);
    assert_eq!(outcomes.len(), 200 + 600);
    all_is_well(&outcomes);
    town.check(&client, &mailboxes);

    for (number, mailbox) in mailboxes.iter().enumerate().filter(|(number, _)| number % 3 == 0) {
        let events = town.items(&format!("{mailbox}/events?$top=100"));
        let id = events[number % events.len()]["id"].as_str().unwrap();
        town.call(Method::PATCH, &format!("{mailbox}/events/{id}"), &json!({"subject": "Moved"}));
    }
    all_is_well(&town.sync(&client, &mailboxes, 16, 2));
    town.check(&client, &mailboxes);

    let simulator = town.simulator.lock().unwrap();
    assert!(simulator.faults_struck().len() > 50, "{}", simulator.faults_struck().len());
    assert_eq!(simulator.early_requests(), 0, "waits are kept");
    assert_eq!(simulator.most_in_flight(), 2, "each mailbox was asked by as many at once as may, and no more");
}

/// What is in each store: its events, and what its journal says happened to which.
fn everything(client: &Client) -> BTreeMap<String, (BTreeMap<String, Value>, Vec<String>)> {
    let journal = |store: &MemoryStore| {
        let view = pollster::block_on(store::Store::view(store)).unwrap();
        let entries = pollster::block_on(view.journal(0, 1000)).unwrap();
        entries.iter().map(|entry| format!("{:?} {}", entry.note.what, entry.note.id)).collect()
    };
    let stores = client.stores.lock().unwrap();
    stores.iter().map(|(target, store)| (target.clone(), (visible(store.as_ref()), journal(store)))).collect()
}

#[test]
fn results_do_not_depend_on_how_many_are_served_at_a_time_or_in_which_order() {
    let run = |lanes: usize, seed: u64, backwards: bool| {
        let (options, plan) = throttling();
        let town = Town::new(6, 3, options);
        if seed > 0 {
            town.simulator.lock().unwrap().set_faults(Some(plan));
        }
        let (client, mut mailboxes) = (Client::default(), users(6));
        if backwards {
            mailboxes.reverse();
        }
        all_is_well(&town.sync(&client, &mailboxes, lanes, seed));
        everything(&client)
    };
    let one_after_the_other = run(1, 0, false);
    assert_eq!(one_after_the_other.len(), 18);
    for (lanes, seed, backwards) in [(1, 1, true), (2, 2, false), (6, 3, true), (100, 4, false)] {
        assert_eq!(run(lanes, seed, backwards), one_after_the_other, "{lanes} lanes, seed {seed}");
    }
}

#[test]
fn one_mailbox_that_fails_stops_no_other() {
    let town = Town::new(4, 2, SimulatorOptions::new());
    let plan = json!({"schema": "faults/1", "seed": 1, "rules": [
        {"on": {"mailbox": user(1)}, "fault": {"status": {"status": 403, "code": "ErrorAccessDenied"}}},
        {"on": {"mailbox": user(2), "kind": "initial"}, "fault": {"status": {"status": 500}}},
    ]});
    let plan = FaultPlan::from_json(plan.to_string().as_bytes()).unwrap();
    town.simulator.lock().unwrap().set_faults(Some(plan));
    let client = Client::default();
    let outcomes = town.sync(&client, &[users(4), vec!["users/nobody@contoso.com".to_owned()]].concat(), 2, 1);
    let failed: Vec<&Job> = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).map(|(job, _)| job).collect();
    let list = |mailbox: &str| Job::List(format!("users/{mailbox}"));
    assert_eq!(failed[..2], [&list("nobody@contoso.com"), &list(&user(1))]);
    assert_eq!(failed.len(), 2 + 3, "{failed:?}");
    assert!(failed[2..].iter().all(|job| matches!(job, Job::Copy(target) if target.contains(&user(2)))), "{failed:?}");
    town.check(&client, &[users(1), users(4)[3..].to_vec()].concat());
}

/// A server that never has time for one mailbox is not waited for by the others, and is given up in the end.
#[test]
fn a_throttled_mailbox_gives_its_place_to_others() {
    let town = Town::new(3, 2, SimulatorOptions::new());
    let plan = json!({"schema": "faults/1", "seed": 1, "rules": [
        {"on": {"mailbox": user(0)}, "fault": {"status": {"status": 429, "retryAfter": ["120"]}}},
    ]});
    let plan = FaultPlan::from_json(plan.to_string().as_bytes()).unwrap();
    town.simulator.lock().unwrap().set_faults(Some(plan));
    let client = Client::default();
    let began = town.clock.now();
    // One lane: if the first mailbox kept it, the others would come when it is given up.
    let published = Mutex::new(Vec::new());
    let outcomes = town.sync(&client, &users(3), 1, 1);
    for outcome in outcomes.values().flatten().flatten() {
        published.lock().unwrap().push(outcome.run.finished);
    }
    assert_eq!(published.lock().unwrap().len(), 6);
    let last = published.lock().unwrap().iter().max().copied().unwrap();
    assert!(last < began.plus_seconds(120), "{last}");
    let Some(Err(error)) = outcomes.get(&Job::List(format!("users/{}", user(0)))) else { panic!("{outcomes:?}") };
    assert!(matches!(error, Error::Throttled { .. }), "{error}");
    assert_eq!(town.simulator.lock().unwrap().early_requests(), 0);
}

#[test]
fn calendars_that_come_and_go_are_noticed_and_copies_of_what_is_gone_stay() {
    let town = Town::new(1, 2, SimulatorOptions::new());
    let (client, mailboxes) = (Client::default(), users(1));
    all_is_well(&town.sync(&client, &mailboxes, 1, 1));
    let calendars = town.items(&format!("{}/calendars?$top=100", mailboxes[0]));
    let path = |calendar: &Value| format!("{}/calendars/{}", mailboxes[0], calendar["id"].as_str().unwrap());
    let (travel, room) = (path(&calendars[1]), path(&calendars[2]));
    let copy = |target: &str| visible(client.stores.lock().unwrap()[target].as_ref());
    assert_eq!(copy(&room).len(), 2, "shared calendars are copied too");

    town.call(Method::PATCH, &path(&calendars[0]), &json!({"name": "Kalender"}));
    town.call(Method::DELETE, &travel, &Value::Null);
    let again = town.call(Method::POST, &format!("{}/calendars", mailboxes[0]), &json!({"name": "Travel"}));
    let outcomes = town.sync(&client, &mailboxes, 1, 2);
    all_is_well(&outcomes);
    assert!(!outcomes.contains_key(&Job::Copy(travel.clone())), "it is not asked for any more");
    assert_eq!(copy(&travel).len(), 2, "its copy stays");
    town.check(&client, &mailboxes);
    assert!(client.stores.lock().unwrap().contains_key(&path(&again)));
    let renamed = outcomes.get(&Job::Copy(mailboxes[0].clone())).unwrap().as_ref().unwrap().as_ref().unwrap();
    assert_eq!(renamed.round, delta_core::RoundKind::Incremental, "a renamed calendar is the same calendar");
}

/// A watched day on a clock that nobody waits for.
#[test]
fn a_watched_day_has_so_many_rounds_and_a_hint_brings_what_it_hints_at() {
    let town = Town::new(2, 2, SimulatorOptions::new());
    let (client, clock) = (Client::default(), town.clock.clone());
    let engine = Synchronizer::new(town.clone(), AccessToken::new("secret").unwrap(), clock.clone(), 5).giving_way();
    let pace = Pace { lanes: 2, per_lane: 3, patience: Duration::from_secs(900) };
    let fleet = Fleet::new(pace, 5);
    let watched = users(2);
    for mailbox in &watched {
        let every = Some(Duration::from_secs(900));
        fleet.add(Job::Copy(mailbox.clone()), &lane(&mailbox.parse().unwrap()), every, clock.now());
    }
    let seen = Mutex::new(BTreeMap::<String, Vec<(Verdict, Timestamp)>>::new());
    let work = async |job: &Job| match job {
        Job::Copy(target) => {
            let (verdict, outcome) = town.copy(&client, &engine, target).await;
            seen.lock().unwrap().entry(target.clone()).or_default().push((verdict, clock.now()));
            (verdict, outcome)
        }
        Job::List(_) => unreachable!("nothing is listed"),
    };
    let told = |job: &Job, outcome: Outcome, due: Option<_>| {
        assert!(outcome.is_ok() && due.is_some(), "{job:?}: {outcome:?}");
    };
    // Somebody makes a change, and a notification of it comes at once.
    let hinted = async {
        clock.sleep(Duration::from_secs(12 * 3600)).await;
        let events = town.items(&format!("{}/events?$top=100", watched[0]));
        let url = format!("{}/events/{}", watched[0], events[0]["id"].as_str().unwrap());
        town.call(Method::PATCH, &url, &json!({"subject": "Hinted at"}));
        let now = clock.now();
        assert!(fleet.hint(&Job::Copy(watched[0].clone()), now));
        clock.sleep(Duration::from_secs(12 * 3600)).await;
        now
    };
    let (driven, hinted) = (pin!(fleet.drive(&clock, work, told)), pin!(hinted));
    let Either::Right((hinted_at, _)) = clock.block_on(select(driven, hinted)) else { panic!("a watch ends") };

    let seen = seen.lock().unwrap();
    for target in &watched {
        let rounds = seen[target].len();
        assert!((90..=102).contains(&rounds), "{target}: {rounds} rounds in a day");
    }
    let news = seen[&watched[0]].iter().filter(|(verdict, _)| *verdict == Verdict::Done { news: true });
    let at: Vec<_> = news.map(|(_, at)| *at).collect();
    assert_eq!(at.len(), 2, "the first round and the change");
    assert!(at[1] < hinted_at.plus_seconds(10), "{} after {hinted_at}", at[1]);
    town.check_one(&client, &watched[0]);
}
