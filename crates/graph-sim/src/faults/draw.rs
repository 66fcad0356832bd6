//! Plans at random, for properties: whatever is drawn, a client must come through it.

use std::num::{NonZeroU64, NonZeroUsize};

use super::dice::Dice;
use super::forms::{BadLink, BadValue, CorruptItem, MalformedItem, PageKey, Spot, Within};
use super::kinds::Fault;
use super::plan::{FaultPlan, On, RequestKind, Rule, When};
use super::refusals::{Challenge, ClaimsForm, ErrorBody, Gone, GoneLocation, StatusFault};

/// As continuous access evaluation sends them; their length leaves padding in base64.
const CLAIMS: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;

/// Draws one fault of a sort.
type Draw = fn(&mut Dice) -> Fault;

/// Every sort of fault once; those that are met most often in life more than once.
const DRAWS: [Draw; 45] = [
    throttled,
    throttled,
    throttled,
    unavailable,
    unavailable,
    refused,
    refused,
    challenged,
    challenged,
    gone,
    gone,
    redirected,
    batch_part,
    |_| Fault::Html,
    |_| Fault::NonJson,
    |dice| Fault::Delay { milliseconds: number(dice, 1, 5000) },
    |_| Fault::Cut,
    |dice| Fault::Stall { milliseconds: dice.happens(0.5).then(|| number(dice, 1, 5000)) },
    |_| Fault::Dotnet3082,
    |_| Fault::Dotnet3082,
    |dice| Fault::Dotnet3070 { group: size(dice, 2, 200), repeated: dice.happens(0.5).then(|| size(dice, 1, 5)) },
    |dice| Fault::Dotnet3070 { group: size(dice, 2, 20), repeated: None },
    |dice| Fault::PageCycle { period: size(dice, 1, 5) },
    |dice| Fault::ShiftingPages { pages: size(dice, 1, 4) },
    |_| Fault::EmptyPages,
    |_| Fault::SameLink,
    |_| Fault::RepeatPage,
    |_| Fault::Duplicates { within: Within::Page },
    |_| Fault::Duplicates { within: Within::NextPage },
    |_| Fault::Reorder,
    |dice| Fault::PageSize { size: size(dice, 1, 20) },
    |dice| Fault::ForeignLink { link: dice.happens(0.2).then(|| "https://links.contoso.com/v1.0/me".to_owned()) },
    |_| Fault::BothLinks,
    |_| Fault::NoLink,
    bad_link,
    malformed_item,
    corrupt_item,
    bad_value,
    |_| Fault::Truncated,
    |dice| Fault::ContentType { value: one(dice, &[Some("text/plain"), Some("text/html"), None]).map(str::to_owned) },
    |_| Fault::Bom,
    |dice| Fault::DuplicateKey { key: one(dice, &[PageKey::Value, PageKey::Link]) },
    |dice| Fault::InvalidUtf8 { place: spot(dice) },
    odd_text,
    |dice| Fault::DeepNesting { depth: NonZeroU64::MIN.saturating_add(number(dice, 0, 200)), place: spot(dice) },
];

impl FaultPlan {
    /// Draws a plan of one to six rules over all faults, those of every day and hostile ones. Each has a number of
    /// times, so that the faults end. The same seed draws the same plan.
    pub fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let rules = dice.between(1, 6);
        (0..rules).fold(Self::new(seed), |plan, _| plan.rule(rule(&mut dice)))
    }
}

fn rule(dice: &mut Dice) -> Rule {
    let fault = dice.pick(&DRAWS).map_or(Fault::Reorder, |draw| draw(dice));
    Rule { on: on(dice, &fault), when: when(dice, &fault), fault }
}

fn on(dice: &mut Dice, fault: &Fault) -> On {
    use RequestKind::{Any, Batch, Delta, DeltaLink, Initial, Instances, Listing, NextLink, Object};
    let kinds = [Any, Any, Delta, Delta, Delta, Initial, NextLink, NextLink, DeltaLink, DeltaLink];
    let others = [Listing, Instances, Object, Batch];
    let kind = if matches!(fault, Fault::BatchPart(_)) {
        Batch
    } else if dice.happens(0.85) {
        one(dice, &kinds)
    } else {
        one(dice, &others)
    };
    let page_size_below = dice.happens(0.1).then(|| size(dice, 2, 300));
    On { kind, page_size_below, ..On::default() }
}

fn when(dice: &mut Dice, fault: &Fault) -> When {
    let endless = matches!(
        fault,
        Fault::Dotnet3082
            | Fault::Dotnet3070 { .. }
            | Fault::PageCycle { .. }
            | Fault::ShiftingPages { .. }
            | Fault::EmptyPages
            | Fault::SameLink
    );
    When {
        skip: number(dice, 0, 4),
        times: Some(if endless { number(dice, 1, 24) } else { number(dice, 1, 4) }),
        every: NonZeroU64::MIN.saturating_add(if dice.happens(0.2) { number(dice, 1, 2) } else { 0 }),
        probability: if dice.happens(0.2) { 0.5 } else { 1.0 },
    }
}

fn throttled(dice: &mut Dice) -> Fault {
    let fault = StatusFault::new(one(dice, &[429, 429, 503]));
    let fault = fault.code(one(dice, &["TooManyRequests", "ApplicationThrottled", "activityLimitReached"]));
    let fault = fault.body(one(dice, &[ErrorBody::Graph, ErrorBody::Graph, ErrorBody::Empty]));
    Fault::Status(match dice.below(8) {
        0 => fault,
        1 => fault.retry_after("2.128"),
        2 => fault.retry_after("0,12"),
        3 => fault.retry_after("30, 5"),
        4 => fault.retry_at(7),
        5 => fault.retry_after("3").retry_after("11").retry_at(-60),
        6 => fault.retry_after(one(dice, &["soon", "-1", "", "0", "5, soon"])),
        _ => fault.retry_after(dice.between(1, 20).to_string()),
    })
}

fn batch_part(dice: &mut Dice) -> Fault {
    let draw: Draw = one(dice, &[throttled as Draw, unavailable, refused]);
    match draw(dice) {
        Fault::Status(error) => Fault::BatchPart(error),
        other => other,
    }
}

fn unavailable(dice: &mut Dice) -> Fault {
    let fault = StatusFault::new(one(dice, &[408, 500, 502, 503, 504, 509]));
    Fault::Status(fault.body(one(dice, &[ErrorBody::Graph, ErrorBody::Empty, ErrorBody::Html, ErrorBody::Garbage])))
}

fn refused(dice: &mut Dice) -> Fault {
    let refusals = [
        (400, "UnknownCode"),
        (400, "ErrorInvalidUrlQuery"),
        (400, "SyncStateInvalid"),
        (403, "ErrorAccessDenied"),
        (403, "ErrorQuotaExceeded"),
        (404, "ErrorItemNotFound"),
        (404, "ErrorSyncFolderNotFound"),
        (404, "MailboxNotEnabledForRESTAPI"),
        (404, "syncStateNotFound"),
        (405, "UnknownError"),
        (409, "ErrorMailboxMoveInProgress"),
        (418, ""),
        (423, "notAllowed"),
        (501, "NotImplemented"),
        (507, "ErrorQuotaExceeded"),
    ];
    let (status, code) = one(dice, &refusals);
    let mut fault = StatusFault::new(status).code(code);
    fault.inner_code = dice.happens(0.2).then(|| "resyncRequired".to_owned());
    Fault::Status(fault)
}

fn challenged(dice: &mut Dice) -> Fault {
    let form = one(dice, &[ClaimsForm::Base64, ClaimsForm::Base64Url, ClaimsForm::Body]);
    let challenge = if dice.happens(0.3) { Challenge::expired() } else { Challenge::claims(CLAIMS, form) };
    Fault::Challenge(Challenge { status: one(dice, &[401, 401, 401, 403]), ..challenge })
}

fn gone(dice: &mut Dice) -> Fault {
    let codes = ["SyncStateNotFound", "syncStateNotFound", "resyncRequired", "ResyncChangesApplyDifferences", "Other"];
    Fault::Gone(Gone {
        code: dice.happens(0.7).then(|| one(dice, &codes).to_owned()),
        location: one(dice, &[GoneLocation::None, GoneLocation::EmptyToken, GoneLocation::Foreign]),
    })
}

fn redirected(dice: &mut Dice) -> Fault {
    let near = "https://graph.microsoft.com/v1.0/me".to_owned();
    Fault::Redirect { status: one(dice, &[301, 302, 303, 307, 308]), location: dice.happens(0.3).then_some(near) }
}

fn bad_link(dice: &mut Dice) -> Fault {
    let forms = [BadLink::Null, BadLink::Number, BadLink::Object, BadLink::Empty, BadLink::Relative];
    Fault::BadLink { form: one(dice, &forms) }
}

fn malformed_item(dice: &mut Dice) -> Fault {
    use MalformedItem::{EmptyId, NoId, Null, NullId, NumberId, Text};
    Fault::MalformedItem { form: one(dice, &[NoId, NullId, EmptyId, NumberId, Null, Text]) }
}

fn corrupt_item(dice: &mut Dice) -> Fault {
    use CorruptItem::{DuplicateKey, NumberType, ObjectEtag, TextRemoved};
    Fault::CorruptItem { form: one(dice, &[NumberType, ObjectEtag, TextRemoved, DuplicateKey]) }
}

fn bad_value(dice: &mut Dice) -> Fault {
    Fault::BadValue { form: one(dice, &[BadValue::Missing, BadValue::Null, BadValue::Object, BadValue::Text]) }
}

fn odd_text(dice: &mut Dice) -> Fault {
    let place = spot(dice);
    if dice.happens(0.5) { Fault::LoneSurrogate { place } } else { Fault::HugeNumber { place } }
}

fn spot(dice: &mut Dice) -> Spot {
    one(dice, &[Spot::Page, Spot::Item])
}

fn number(dice: &mut Dice, first: usize, last: usize) -> u64 {
    dice.between(first, last) as u64
}

fn size(dice: &mut Dice, first: usize, last: usize) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(dice.between(first, last).saturating_sub(1))
}

/// One of at least one.
fn one<T: Copy, const N: usize>(dice: &mut Dice, choices: &[T; N]) -> T {
    const { assert!(N > 0, "there must be something to choose from") };
    #[expect(clippy::indexing_slicing, reason = "the number is below N")]
    choices[dice.below(N)]
}
