//! Faults: what a client must survive, struck according to a plan.
//!
//! A [`FaultPlan`] is data. Here it is carried out: a request goes past the rules, and the first one that strikes makes
//! the answer. All that a fault withholds can be had afterwards: a fault lies, it never loses anything.
//!
//! | modules | know |
//! |---|---|
//! | `plan`, `kinds`, `forms`, `refusals` | the words of a plan |
//! | `asked` | which requests a rule is for |
//! | `visit` | one request on its way past the rules |
//! | `instead` | answers that replace the right one |
//! | `livelock`, `holds`, `page` | rounds that do not end, links to what was withheld |
//! | `edits`, `text`, `hostile` | right answers made wrong |
//! | `parts` | batches of which one part fails |
//! | `effect` | what the wire is to do |
//! | `throttle` | whether clients wait as they were told |
//! | `draw`, `dice` | plans at random, chance in a plan |

mod asked;
mod dice;
mod draw;
mod edits;
mod effect;
mod forms;
mod holds;
mod hostile;
mod instead;
mod kinds;
mod livelock;
mod page;
mod parts;
mod plan;
mod refusals;
mod text;
mod throttle;
mod visit;

use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Request, Response};

pub use effect::FaultEffect;
pub use forms::{BadLink, BadValue, CorruptItem, MalformedItem, PageKey, Spot, Within};
pub use kinds::Fault;
pub use plan::{FaultPlan, FaultPlanError, On, RequestKind, Rule, When};
pub use refusals::{Challenge, ClaimsForm, ErrorBody, Gone, GoneLocation, RetryAfter, StatusFault};

pub(crate) use asked::Identity;
pub(crate) use visit::{Context, Honest};

use asked::Asked;
use dice::Dice;
use holds::Holds;
use page::Page;
use throttle::Throttle;
use visit::Visit;

use crate::traffic::Arrived;

/// That a rule struck; the response has it among its [extensions](Response::extensions).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// The rule's place in the plan, from 0.
    pub rule: usize,
    /// The number of the request, from 1, counted over the simulator's life.
    pub request: u64,
    /// The fault's name, as a plan has it.
    pub fault: String,
}

/// The plan in force, and what is left of earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    active: Option<Active>,
    holds: Holds,
    throttle: Throttle,
    strikes: Vec<Strike>,
    requests: u64,
}

/// A plan on its way.
#[derive(Debug)]
struct Active {
    rules: Vec<Running>,
    dice: Dice,
}

/// A rule, and how far it has come.
#[derive(Debug)]
struct Running {
    rule: Rule,
    name: String,
    seen: u64,
    struck: u64,
}

impl Faults {
    /// Puts a plan into force in place of the one before, whose livelocks end.
    pub(crate) fn set(&mut self, plan: Option<FaultPlan>) {
        self.holds.release();
        if plan.is_some() {
            self.strikes.clear();
        }
        self.active = plan.map(|plan| Active {
            dice: Dice::new(plan.seed()),
            rules: plan.rules().iter().cloned().map(Running::new).collect(),
        });
    }

    pub(crate) fn strikes(&self) -> &[Strike] {
        &self.strikes
    }

    pub(crate) fn early_requests(&self) -> u64 {
        self.throttle.early()
    }

    /// A request for this mailbox has come.
    pub(crate) fn arrived(&mut self, mailbox: &str, now: SystemTime) {
        self.throttle.arrived(mailbox, now);
    }

    /// The answer to a request.
    pub(crate) fn answer(
        &mut self,
        now: SystemTime,
        request: Request<Bytes>,
        mailbox: Identity,
        context: &Context<'_>,
        honest: &mut Honest<'_>,
    ) -> Response<Bytes> {
        self.requests = self.requests.saturating_add(1);
        let (id, batch) = (mailbox.id.clone(), asked::is_batch(&request));
        if request.extensions().get::<Arrived>().is_none() {
            self.arrived(&id, now);
        }
        let answer = if context.welcome { self.pass(request, mailbox, context, honest) } else { honest(&request) };
        self.throttle.answered(&id, now, answer.headers());
        if batch {
            parts::retry_after(&answer).iter().for_each(|line| self.throttle.told(&id, now, line));
        }
        answer
    }

    /// Takes a request past the rules.
    fn pass(
        &mut self,
        mut request: Request<Bytes>,
        mailbox: Identity,
        context: &Context<'_>,
        honest: &mut Honest<'_>,
    ) -> Response<Bytes> {
        let asked = Asked::read(&request, mailbox);
        let original = request.uri().clone();
        let followed = self.holds.resolve(&mut request);
        let mut idle = Dice::new(0);
        let (rules, dice) = match &mut self.active {
            Some(active) => (active.rules.as_mut_slice(), &mut active.dice),
            None => (&mut [][..], &mut idle),
        };
        let holds = &mut self.holds;
        let mut visit = Visit {
            asked: &asked,
            original: &original,
            host: original.host().unwrap_or("graph.microsoft.com"),
            request: &request,
            followed,
            context,
            holds,
            dice,
            honest,
            answer: None,
        };
        for (number, running) in rules.iter_mut().enumerate() {
            if let Some(mut answer) = running.strike(number, &mut visit) {
                let strike = Strike { rule: number, request: self.requests, fault: running.name.clone() };
                answer.extensions_mut().insert(strike.clone());
                self.strikes.push(strike);
                return answer;
            }
        }
        visit.into_honest()
    }
}

impl Running {
    fn new(rule: Rule) -> Self {
        let name = rule.fault.name();
        Self { rule, name, seen: 0, struck: 0 }
    }

    /// The answer, if the rule is for this request, its time has come, and there is something to break.
    fn strike(&mut self, number: usize, visit: &mut Visit<'_>) -> Option<Response<Bytes>> {
        let Rule { on, when, fault } = &self.rule;
        let hold = visit.followed.and_then(|followed| visit.holds.get(followed.hold));
        let in_livelock = hold.is_some_and(|hold| hold.rule == Some(number));
        if !visit.asked.fits(on, in_livelock) || when.times.is_some_and(|times| self.struck >= times) {
            return None;
        }
        let turn = self.seen.checked_sub(when.skip);
        self.seen = self.seen.saturating_add(1);
        if turn?.checked_rem(when.every.get()) != Some(0) || !visit.dice.happens(when.probability) {
            return None;
        }
        let answer = strike(fault, number, visit)?;
        self.struck = self.struck.saturating_add(1);
        Some(answer)
    }
}

/// The answer with the fault in it, unless there is nothing that it could be done to.
fn strike(fault: &Fault, rule: usize, visit: &mut Visit<'_>) -> Option<Response<Bytes>> {
    if let Fault::BatchPart(error) = fault {
        return parts::strike(error, visit);
    }
    if let Some(answer) = instead::strike(fault, visit).or_else(|| effect::strike(fault, visit)) {
        return Some(answer);
    }
    // Whatever else is wrong is wrong with a page.
    if visit.asked.method != Method::GET {
        return None;
    }
    let page = |visit: &mut Visit<'_>| livelock::strike(fault, rule, visit).or_else(|| edits::strike(fault, visit));
    let answer = page(visit).map(Page::into_answer).or_else(|| text::strike(fault, visit))?;
    Some(text::finish(fault, answer))
}
