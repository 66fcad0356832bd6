//! The faults that a plan may have. These are words only: `instead`, `parts`, `effect`, `livelock`, `edits`
//! and `text` do it.

use std::num::{NonZeroU64, NonZeroUsize};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::forms::{BadLink, BadValue, CorruptItem, MalformedItem, PageKey, Spot, Within};
use super::refusals::{Challenge, Gone, StatusFault, between};

/// What goes wrong. In JSON a fault is its name, or an object with its name and what it needs to know:
/// `"reorder"`, `{"pageCycle": {"period": 3}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// An error instead of an answer. The request is not carried out.
    Status(StatusFault),
    /// A demand for another access token, with or without claims, instead of an answer.
    Challenge(Challenge),
    /// 410 instead of an answer.
    Gone(Gone),
    /// A redirect instead of an answer.
    Redirect {
        /// From 300 to 399.
        #[serde(default = "found", deserialize_with = "redirection")]
        status: u16,
        /// Where to; without, a hostile place drawn from the plan's seed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
    },
    /// 200 with a web page, as proxies and sign-in portals send it, instead of an answer.
    Html,
    /// 200 that says it is JSON, with a text that is none, instead of an answer.
    NonJson,

    /// An error instead of the answer to one part of a batch. All parts are carried out.
    BatchPart(StatusFault),

    /// The answer comes late: [`FaultEffect::Delay`](super::FaultEffect::Delay).
    Delay {
        /// How late.
        milliseconds: u64,
    },
    /// The connection breaks inside the body: [`FaultEffect::Cut`](super::FaultEffect::Cut).
    Cut,
    /// The body stops in the middle: [`FaultEffect::Stall`](super::FaultEffect::Stall).
    Stall {
        /// After so long it goes on; without, never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        milliseconds: Option<u64>,
    },

    /// A livelock: the identical page again and again, each time with another next link and never with a delta link,
    /// as reported in msgraph-sdk-dotnet#3082.
    #[serde(rename = "msgraph-sdk-dotnet-3082")]
    Dotnet3082,
    /// A livelock that lasts as long as the page size is smaller than a group of items that belong together: the first
    /// page is right, then a smaller set of duplicates comes for ever, as reported in msgraph-sdk-dotnet#3070.
    #[serde(rename = "msgraph-sdk-dotnet-3070")]
    Dotnet3070 {
        /// How many items belong together. A request for pages of at least this size is not struck.
        group: NonZeroUsize,
        /// How many duplicates come; half a page without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repeated: Option<NonZeroUsize>,
    },
    /// A livelock: after the pages A, B and C come A, B, C, A, …, each time with another next link.
    PageCycle {
        /// How many pages there are before they come again; fewer if the round has fewer.
        period: NonZeroUsize,
    },
    /// A livelock: the items of the first pages come again and again, divided in another way each time, with another
    /// next link each time.
    ShiftingPages {
        /// How many pages' items.
        pages: NonZeroUsize,
    },
    /// Pages without items, each with another next link: for ever, or as often as the rule strikes. Some are normal
    /// (Graph's documentation; msgraph-sdk-java#493).
    EmptyPages,
    /// A livelock: the page's next link is the very link that it was asked for with (microsoft-graph-docs#4897).
    SameLink,

    /// The page comes twice, then the round goes on.
    RepeatPage,
    /// Some items come twice.
    Duplicates {
        /// Where the second time.
        #[serde(default)]
        within: Within,
    },
    /// The page's items come in another order. A page that has an id twice is left alone.
    Reorder,
    /// The page has so many items, whatever size was asked for (microsoft-graph-docs#7352, msgraph-sdk-dotnet#1568).
    PageSize {
        /// How many.
        size: NonZeroUsize,
    },

    /// The page's link leads to another place.
    ForeignLink {
        /// The link; without, a hostile one drawn from the plan's seed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<String>,
    },
    /// The page has a next link and a delta link. Both lead on to where the right one would have.
    BothLinks,
    /// The page has neither link.
    NoLink,
    /// The page's link is no absolute URL.
    BadLink {
        /// What it is.
        form: BadLink,
    },

    /// The page has one item more, which has no readable id.
    MalformedItem {
        /// What is wrong with it.
        form: MalformedItem,
    },
    /// One of the page's items can't be read, though its id can. It is whole when it is asked for again.
    CorruptItem {
        /// What is wrong with it.
        form: CorruptItem,
    },
    /// The page's `value` is no array.
    BadValue {
        /// What it is.
        form: BadValue,
    },

    /// The body ends too early, and the connection does not break.
    Truncated,
    /// The answer is right, and its content type is not.
    ContentType {
        /// The content type; without, there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// A byte order mark in front of the body.
    Bom,
    /// A key of the page is there twice.
    DuplicateKey {
        /// Which.
        key: PageKey,
    },
    /// A string with bytes that are not UTF-8, in an annotation that means nothing.
    InvalidUtf8 {
        /// Where.
        #[serde(default)]
        place: Spot,
    },
    /// A string with half of a surrogate pair, in an annotation that means nothing.
    LoneSurrogate {
        /// Where.
        #[serde(default)]
        place: Spot,
    },
    /// A number that no machine type holds, in an annotation that means nothing.
    HugeNumber {
        /// Where.
        #[serde(default)]
        place: Spot,
    },
    /// Arrays in arrays, in an annotation that means nothing.
    DeepNesting {
        /// How many.
        depth: NonZeroU64,
        /// Where.
        #[serde(default)]
        place: Spot,
    },
}

impl Fault {
    /// The fault's name, as a plan has it.
    pub fn name(&self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::String(name)) => name,
            Ok(Value::Object(fault)) => fault.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }
}

fn found() -> u16 {
    302
}

fn redirection<'de, D: Deserializer<'de>>(reader: D) -> Result<u16, D::Error> {
    between(reader, 300, 399)
}
