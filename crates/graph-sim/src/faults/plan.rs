//! The plan: what shall go wrong, at which requests, how often.

use std::error::Error;
use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};

use http::Method;
use serde::{Deserialize, Deserializer, Serialize};

use super::kinds::Fault;

/// What shall go wrong: a list of rules, and the seed of everything in it that is left to chance.
///
/// For each request the rules are tried in their order; the first one that strikes decides, and those behind it do not
/// see that request. The same plan and the same requests give the same bytes. As JSON, where unknown keys are refused:
///
/// ```
/// let plan = graph_sim::FaultPlan::from_json(br#"{
///   "schema": "faults/1",
///   "seed": 7,
///   "rules": [
///     {"on": {"kind": "nextLink"}, "when": {"skip": 1, "times": 2}, "fault": {"status": {"status": 429, "retryAfter": ["0,120"]}}},
///     {"on": {"pageSizeBelow": 104}, "fault": {"msgraph-sdk-dotnet-3070": {"group": 104}}},
///     {"fault": "reorder"}
///   ]
/// }"#)?;
/// assert_eq!(plan.rules().len(), 3);
/// # Ok::<(), graph_sim::FaultPlanError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    schema: Schema,
    #[serde(default)]
    seed: u64,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Schema {
    #[serde(rename = "faults/1")]
    One,
}

impl FaultPlan {
    /// A plan without rules.
    pub fn new(seed: u64) -> Self {
        Self { schema: Schema::One, seed, rules: Vec::new() }
    }

    /// Adds a rule behind the others.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Reads a plan.
    ///
    /// # Errors
    ///
    /// If it is no JSON, or no plan. The error names the field.
    pub fn from_json(json: &[u8]) -> Result<Self, FaultPlanError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let plan = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| FaultPlanError { field: error.path().to_string(), source: error.into_inner() })?;
        reader.end().map_err(|source| FaultPlanError { field: ".".to_owned(), source })?;
        Ok(plan)
    }

    /// The plan as JSON, for whoever wants to see the one that was drawn.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// Why a fault plan cannot be read.
#[derive(Debug)]
pub struct FaultPlanError {
    field: String,
    source: serde_json::Error,
}

impl FaultPlanError {
    /// Where in the plan, such as `rules[0].when.skip`; `.` is the whole of it.
    pub fn field(&self) -> &str {
        &self.field
    }
}

impl fmt::Display for FaultPlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the fault plan can't be read at {}: {}", self.field, self.source)
    }
}

impl Error for FaultPlanError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// At which requests.
    #[serde(default)]
    pub on: On,
    /// At how many of them.
    #[serde(default)]
    pub when: When,
    /// What.
    pub fault: Fault,
}

impl Rule {
    /// A fault at every request.
    pub fn new(fault: Fault) -> Self {
        Self { on: On::default(), when: When::default(), fault }
    }

    /// At these requests only.
    pub fn on(mut self, on: On) -> Self {
        self.on = on;
        self
    }

    /// At requests of this kind only.
    pub fn on_kind(mut self, kind: RequestKind) -> Self {
        self.on.kind = kind;
        self
    }

    /// Not before this many of them have passed.
    pub fn skip(mut self, requests: u64) -> Self {
        self.when.skip = requests;
        self
    }

    /// This many times and never again.
    pub fn times(mut self, times: u64) -> Self {
        self.when.times = Some(times);
        self
    }

    /// With this probability, from 0 to 1, each time.
    pub fn probability(mut self, probability: f64) -> Self {
        self.when.probability = probability;
        self
    }
}

/// At which requests a rule strikes: those that everything given here fits. A request without an acceptable access
/// token is never struck.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct On {
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none", with = "method")]
    pub method: Option<Method>,
    /// The whole path as the client writes it, in any case, such as `/v1.0/me/calendarView/delta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A part of the path, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
    /// What the request asks for.
    pub kind: RequestKind,
    /// The page size that the request prefers (`odata.maxpagesize`) is smaller than this. Requests that prefer none are
    /// struck too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size_below: Option<NonZeroUsize>,
    /// The request names a window of more days than this. One that names none, as links don't, is not struck.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_days_above: Option<u32>,
    /// The mailbox, by id or address; the signed-in user's for paths that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
}

impl From<RequestKind> for On {
    fn from(kind: RequestKind) -> Self {
        Self { kind, ..Self::default() }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestKind {
    /// Anything.
    #[default]
    Any,
    /// Any request of a delta round.
    Delta,
    /// The first request of a first round: a delta query without a state token.
    Initial,
    /// A page of a round that has begun: a delta query with `$skiptoken`.
    NextLink,
    /// The first page of a later round: a delta query with `$deltatoken`.
    DeltaLink,
    /// A plain collection: calendars, events or a calendar view.
    Listing,
    /// The instances of one series.
    Instances,
    /// One object.
    Object,
    /// A JSON batch.
    Batch,
    /// Whatever changes something: all methods but GET, batches aside.
    Write,
}

/// How often a rule strikes, counted in requests that fit its [`On`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// This many pass first.
    pub skip: u64,
    /// It strikes this often and never again; for ever without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Then it strikes the first of them, and every one that comes so many after it: 1 is all of them.
    pub every: NonZeroU64,
    /// With this probability, from 0 to 1.
    #[serde(deserialize_with = "probability")]
    pub probability: f64,
}

impl Default for When {
    fn default() -> Self {
        Self { skip: 0, times: None, every: NonZeroU64::MIN, probability: 1.0 }
    }
}

fn probability<'de, D: Deserializer<'de>>(reader: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(reader)?;
    let message = || serde::de::Error::custom(format!("{number} is no probability: it must be from 0 to 1"));
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(message()) }
}

/// A method as text.
mod method {
    use http::Method;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(method: &Option<Method>, writer: S) -> Result<S::Ok, S::Error> {
        match method {
            Some(method) => writer.serialize_str(method.as_str()),
            None => writer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Method>, D::Error> {
        let text = String::deserialize(reader)?;
        let known = [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE];
        let message =
            || serde::de::Error::custom(format!("{text:?} is no method: use GET, POST, PATCH, PUT or DELETE"));
        known.into_iter().find(|method| method.as_str() == text).map(Some).ok_or_else(message)
    }
}
