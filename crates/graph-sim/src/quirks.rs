//! Switches for what nobody is sure about.
//!
//! Graph's documentation and what people see differ, and some things have only been seen once. A client is right when
//! it is right under every setting; the default is what was observed most.

use crate::random::Random;

/// How Graph may behave. Every switch stands for an uncertain or an occasional fact, with its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirks {
    /// Which events a window holds. It rules `calendarView` and its delta alike.
    pub membership: Membership,
    /// Who shares one ring of sync-state generations. Graph does not say; captured 410s fit all three.
    pub generation_scope: GenerationScope,
    /// How many sync-state generations a ring keeps; 0 counts as 1. Four captures of `SyncStateNotFound`
    /// (microsoft-graph-docs#2350, #2839, #2877 and Odoo's pull request 142153) name exactly three.
    pub kept_generations: usize,
    /// Immutable ids differ from default ids, as Graph's documentation has it. Both are accepted in paths, always.
    /// Off, an event has one id, which is simpler to read.
    pub distinct_immutable_ids: bool,
    /// A first round begins with an empty page and a next link (observed in microsoft-graph-docs#2839).
    pub empty_first_page: bool,
    /// What was created and deleted between two requests leaves a tombstone. Off, it leaves nothing, as observed in
    /// microsoft-graph-docs#5301.
    pub short_lived_tombstones: bool,
    /// Tombstones carry no `@odata.type`: clients report both shapes.
    pub bare_tombstones: bool,
    /// Links say `%24deltatoken` and `%24skiptoken` instead of `$deltatoken` and `$skiptoken` (observed in Odoo's pull
    /// request 142153).
    pub encoded_links: bool,
    /// `events/delta` answers in v1.0 too (observed in msgraph-sdk-dotnet#3130). Off, it says that change tracking is
    /// not supported (observed in msgraph-metadata#608). In beta, where it is documented, it always answers.
    pub events_delta_in_v1: bool,
    /// `events/delta` writes `DateTime` and `TimeZone`, as the sample in Graph's documentation does, instead of
    /// `dateTime` and `timeZone`.
    pub pascal_case_times: bool,
    /// How many parts of one `$batch` a mailbox answers; those beyond get 429 with a `Retry-After` among the headers
    /// of the part. Four, wherever it was observed (microsoft-graph-docs#8760); `None` answers all of them.
    pub batch_concurrency: Option<usize>,
    /// A calendar view's delta tells of a single event that was there before only what was updated since, which is all
    /// that Graph's documentation of delta queries promises. Off, it tells the whole event, as everybody reports.
    pub partial_updates: bool,
    /// What was deleted can still be read by its id, though no listing has it. Nobody has reported it; but a client
    /// that asks whether something is gone should not rest on this one answer.
    pub reads_after_deletion: bool,
    /// Occurrences come with all of their properties, as Graph's documentation has it. Off, they are stubs (observed in
    /// microsoft-graph-docs#7632 and #22197).
    pub whole_occurrences: bool,
    /// Whether the master of a series comes along with its instances.
    pub master_delivery: MasterDelivery,
    /// Of a series that was there before and changed comes its master and nothing else (reported in 2026 by one
    /// author). Off, the whole series in the window comes again, whatever changed in it (observed in
    /// microsoft-graph-docs#6353 and in Stack Overflow 55641502).
    pub master_only: bool,
    /// A series that changed and has no instance in the window comes as its master alone. Off, it is `@removed`, as
    /// Graph's documentation has it for events that change outside of the window. Nobody has reported either.
    pub lone_masters: bool,
    /// An occurrence that was deleted, and an exception that left the window, have a tombstone of their own, besides
    /// what comes of their series. Off, nothing says that they are gone (observed in microsoft-graph-docs#2963, #5951
    /// and #10036).
    pub occurrence_tombstones: bool,
    /// A series that was deleted or got another rule has a tombstone for each instance that it had in the window. Off,
    /// a deleted one has a tombstone for its master alone, and the former instances of one with another rule are
    /// passed over. Clients prepare for both.
    pub instance_tombstones: bool,
    /// `events/delta` tells of exceptions too. Graph's documentation names single events and masters only.
    pub exceptions_in_events_delta: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            membership: Membership::Overlap,
            generation_scope: GenerationScope::Stream,
            kept_generations: 3,
            distinct_immutable_ids: false,
            empty_first_page: false,
            short_lived_tombstones: false,
            bare_tombstones: false,
            encoded_links: false,
            events_delta_in_v1: true,
            pascal_case_times: false,
            batch_concurrency: None,
            partial_updates: false,
            reads_after_deletion: false,
            whole_occurrences: false,
            master_delivery: MasterDelivery::Always,
            master_only: false,
            lone_masters: false,
            occurrence_tombstones: false,
            instance_tombstones: false,
            exceptions_in_events_delta: false,
        }
    }
}

impl Quirks {
    /// Draws every switch. The same seed draws the same quirks.
    pub fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut below = |limit: u64| random.number() % limit;
        let membership = if below(2) == 0 { Membership::Overlap } else { Membership::StartInWindow };
        let generation_scope = match below(3) {
            0 => GenerationScope::Stream,
            1 => GenerationScope::Calendar,
            _ => GenerationScope::Mailbox,
        };
        let kept_generations = usize::try_from(below(5)).unwrap_or_default();
        let master_delivery = match below(3) {
            0 => MasterDelivery::Always,
            1 => MasterDelivery::InWindow,
            _ => MasterDelivery::Never,
        };
        let mut switch = || below(2) == 0;
        Self {
            membership,
            generation_scope,
            kept_generations,
            distinct_immutable_ids: switch(),
            empty_first_page: switch(),
            short_lived_tombstones: switch(),
            bare_tombstones: switch(),
            encoded_links: switch(),
            events_delta_in_v1: switch(),
            pascal_case_times: switch(),
            batch_concurrency: switch().then_some(4),
            partial_updates: switch(),
            reads_after_deletion: switch(),
            whole_occurrences: switch(),
            master_delivery,
            master_only: switch(),
            lone_masters: switch(),
            occurrence_tombstones: switch(),
            instance_tombstones: switch(),
            exceptions_in_events_delta: switch(),
        }
    }
}

/// Which events belong to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Those that overlap it, as Graph's documentation of `calendarView` has it. An event that ends when the window
    /// starts, or starts when it ends, is outside.
    Overlap,
    /// Those that start in it: the other reading, never confirmed.
    StartInWindow,
}

/// What a ring of sync-state generations belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationScope {
    /// To one stream: everything that follows from one initial request.
    Stream,
    /// To a calendar: its streams push out each other's tokens.
    Calendar,
    /// To a mailbox: all of its streams do.
    Mailbox,
}

/// When a calendar view delta tells of the master of a series that has instances in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterDelivery {
    /// Always, also when the master's own times are outside of the window (observed in Stack Overflow 55641502 and by
    /// the authors of keeper.sh).
    Always,
    /// When its own times, those of the first occurrence, are in the window; later it is `@removed` when it changes,
    /// as Graph's documentation has it for all events that change outside of the window.
    InWindow,
    /// Never: clients must ask for it by the `seriesMasterId` of its instances (reported for some series in
    /// microsoft-graph-docs#2182). [`Quirks::master_only`] counts more.
    Never,
}
