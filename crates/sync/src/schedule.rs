//! What is due, and what is next: when each of many jobs is to be done, as a state machine without I/O and without a
//! clock. [`Fleet`](crate::Fleet) is the loop around it.
//!
//! A job belongs to a *lane*, which is a mailbox: so many lanes are served at a time, and so many jobs of a lane. Of what
//! is due, that comes first whose lane was served longest ago, so a lane with much to do holds nobody up. A lane that the
//! server wants left alone gives its place to others, and none of its jobs is started before that is over.
//!
//! | a job ends with | and is due again |
//! |---|---|
//! | [`Verdict::Done`] | after its interval, give or take a tenth; never, if it has none |
//! | [`Verdict::Later`] | at that time; never, if it has no interval and was told so too often or for too long |
//! | [`Verdict::Failed`] | after its interval, doubled with each failure in a row, up to [`LONGEST`]; never, if it has none |
//! | [`Verdict::Stuck`] | after the longest interval; never, if it has none |
//! | [`Verdict::Gone`] | never |
//!
//! A [hint](Schedule::hint) says that something has changed. Hints that come together are one. Since notifications run
//! ahead of delta queries (Graph's documentation: look again after a while), a hint leads to more than one look, at
//! [`LOOKS`]: an answer that brings something leaves one more look, an empty one ends nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use delta_core::Timestamp;

use crate::error::Error;
use crate::run::later;

/// When a job is looked at after a hint, in seconds. The first pause lets hints that come together be one.
const LOOKS: [i64; 3] = [2, 30, 150];
/// The longest that failures put a job off, or its interval if that is longer.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// How often in a row a job without an interval may be told to come back later, without having got anywhere.
const TURNS: u32 = 8;

/// How many are served at a time, and how long one may be put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many lanes are served at a time. At least 1.
    pub lanes: usize,
    /// How many jobs of a lane are done at a time. At least 1.
    pub per_lane: usize,
    /// The longest that a job without an interval waits when it is told to come back later.
    pub patience: Duration,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was done.
    Done {
        /// Whether it brought something new.
        news: bool,
    },
    /// The server wants the lane left alone until then.
    Later {
        /// Until when.
        at: Timestamp,
        /// Whether the job got anywhere before it was told so.
        moved: bool,
    },
    /// It failed, and may do better by itself.
    Failed,
    /// It failed, and somebody has to do something about it.
    Stuck,
    /// There is nothing to do any more.
    Gone,
}

impl Verdict {
    /// What a run, or another conversation, means for when it is due again. `moved` says whether it got anywhere.
    pub fn of_error(error: &Error, moved: bool) -> Self {
        match error {
            Error::Throttled { retry_at, .. } => Self::Later { at: *retry_at, moved },
            Error::Store(store::Error::Damaged { .. } | store::Error::Identity { .. } | store::Error::Newer { .. }) => {
                Self::Stuck
            }
            Error::Window(_) | Error::Target(_) | Error::TooManyDeletes { .. } => Self::Stuck,
            Error::Partial { error, .. } => Self::of_error(error, true),
            _ => Self::Failed,
        }
    }
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<K> {
    /// This is to be started now. It counts as under way until it is [finished](Schedule::finished).
    Start(K),
    /// Nothing, before this time, or before something is finished.
    At(Timestamp),
    /// Nothing, before something is finished.
    Nothing,
}

/// Jobs, their lanes and their times.
#[derive(Clone, Debug)]
pub struct Schedule<K> {
    pace: Pace,
    seed: u64,
    jobs: BTreeMap<K, Job>,
    lanes: BTreeMap<String, Lane>,
    /// Counts what is started, to know what was served longest ago.
    turn: u64,
}

#[derive(Clone, Debug)]
struct Job {
    lane: String,
    every: Option<Duration>,
    due: Option<Timestamp>,
    running: bool,
    /// It was taken away while it was under way.
    leaving: bool,
    /// Failures in a row.
    failures: u32,
    /// How often in a row it was told to come back later, without having got anywhere.
    turned_away: u32,
    /// Looks after a hint that are still to be taken.
    looks: VecDeque<Timestamp>,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    running: usize,
    not_before: Option<Timestamp>,
    served: u64,
}

impl<K: Ord + Clone> Schedule<K> {
    /// Nothing to do yet. The seed spreads the jobs over their intervals.
    pub fn new(pace: Pace, seed: u64) -> Self {
        Self { pace, seed, jobs: BTreeMap::new(), lanes: BTreeMap::new(), turn: 0 }
    }

    /// Adds a job that is due now, and then each `every`, or once. One that is known stays as it is.
    pub fn add(&mut self, key: K, lane: &str, every: Option<Duration>, now: Timestamp) {
        self.lanes.entry(lane.to_owned()).or_default();
        let job = self.jobs.entry(key).or_insert_with(|| Job {
            lane: lane.to_owned(),
            every,
            due: Some(now),
            running: false,
            leaving: false,
            failures: 0,
            turned_away: 0,
            looks: VecDeque::new(),
        });
        job.leaving = false;
    }

    /// Takes a job away. If it is under way, that is its last time.
    pub fn remove(&mut self, key: &K) {
        match self.jobs.get_mut(key) {
            Some(job) if job.running => job.leaving = true,
            _ => drop(self.jobs.remove(key)),
        }
    }

    /// The jobs that there are.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.jobs.keys()
    }

    /// When a job is next due; none if it is under way or unknown.
    pub fn due(&self, key: &K) -> Option<Timestamp> {
        let job = self.jobs.get(key).filter(|job| !job.running)?;
        let not_before = self.lanes.get(&job.lane).and_then(|lane| lane.not_before);
        job.next_look().max(not_before)
    }

    /// Something may have changed: a job is to be looked at soon, and again after that. Says whether there is such a job.
    pub fn hint(&mut self, key: &K, now: Timestamp) -> bool {
        let Some(job) = self.jobs.get_mut(key) else { return false };
        let first = job.looks.front().copied().filter(|look| *look > now && !job.running);
        job.looks = LOOKS.iter().map(|seconds| now.plus_seconds(*seconds)).collect();
        // What was hinted at before is not put off by what is hinted at now.
        if let (Some(first), Some(look)) = (first, job.looks.front_mut()) {
            *look = first.min(*look);
        }
        true
    }

    /// Everything is due now, but for lanes that are to be left alone.
    pub fn hurry(&mut self, now: Timestamp) {
        for job in self.jobs.values_mut().filter(|job| job.every.is_some()) {
            job.due = Some(now);
        }
    }

    /// What is next. What is to be started counts as under way from now on.
    pub fn next(&mut self, now: Timestamp) -> Next<K> {
        let served = self.lanes.values().filter(|lane| lane.running > 0).count();
        let mut first: Option<((u64, Timestamp), &K)> = None;
        let mut soonest: Option<Timestamp> = None;
        for (key, job) in self.jobs.iter().filter(|(_, job)| !job.running) {
            let (Some(due), Some(lane)) = (job.next_look(), self.lanes.get(&job.lane)) else { continue };
            let due = lane.not_before.map_or(due, |not_before| due.max(not_before));
            if due > now {
                soonest = Some(soonest.map_or(due, |soonest| soonest.min(due)));
                continue;
            }
            let has_place = if lane.running > 0 {
                lane.running < self.pace.per_lane.max(1)
            } else {
                served < self.pace.lanes.max(1)
            };
            let rank = (lane.served, due);
            if has_place && first.as_ref().is_none_or(|(best, _)| rank < *best) {
                first = Some((rank, key));
            }
        }
        match (first.map(|(_, key)| key.clone()), soonest) {
            (Some(key), _) => {
                self.start(&key, now);
                Next::Start(key)
            }
            (None, Some(at)) => Next::At(at),
            (None, None) => Next::Nothing,
        }
    }

    fn start(&mut self, key: &K, now: Timestamp) {
        let Some(job) = self.jobs.get_mut(key) else { return };
        job.running = true;
        job.looks.retain(|look| *look > now);
        self.turn += 1;
        if let Some(lane) = self.lanes.get_mut(&job.lane) {
            lane.running += 1;
            lane.served = self.turn;
        }
    }

    /// Tells how a job ended. Gives the time at which it is due again; none if that was its last time.
    pub fn finished(&mut self, key: &K, now: Timestamp, verdict: Verdict) -> Option<Timestamp> {
        let job = self.jobs.get_mut(key)?;
        job.running = false;
        if let Some(lane) = self.lanes.get_mut(&job.lane) {
            lane.running = lane.running.saturating_sub(1);
            if let Verdict::Later { at, .. } = verdict {
                lane.not_before = lane.not_before.max(Some(at));
            }
            lane.not_before = lane.not_before.filter(|until| *until > now);
        }
        let due = job.after(verdict, now, &self.pace, || jitter(self.seed, self.turn));
        job.due = due.filter(|_| !job.leaving);
        if let Verdict::Done { news: true } = verdict {
            // There may be more where this came from, once.
            job.looks.truncate(1);
        }
        if job.due.is_none() {
            self.jobs.remove(key);
        }
        self.due(key)
    }
}

impl Job {
    /// When it is to be looked at: when it is due, or sooner, after a hint.
    fn next_look(&self) -> Option<Timestamp> {
        match (self.due, self.looks.front()) {
            (Some(due), Some(look)) => Some(due.min(*look)),
            (due, _) => due,
        }
    }

    /// When it is due after it ended like this; never, if there is no such time.
    fn after(
        &mut self,
        verdict: Verdict,
        now: Timestamp,
        pace: &Pace,
        jitter: impl FnOnce() -> f64,
    ) -> Option<Timestamp> {
        match verdict {
            Verdict::Done { .. } => (self.failures, self.turned_away) = (0, 0),
            Verdict::Later { moved: true, .. } => self.turned_away = 0,
            Verdict::Later { moved: false, .. } => self.turned_away = self.turned_away.saturating_add(1),
            Verdict::Failed | Verdict::Stuck => self.failures = self.failures.saturating_add(1),
            Verdict::Gone => return None,
        }
        if let Verdict::Later { at, .. } = verdict {
            let patient = self.turned_away < TURNS && at <= later(now, pace.patience);
            return (self.every.is_some() || patient).then_some(at);
        }
        let every = self.every?;
        let longest = LONGEST.max(every);
        let pause = match verdict {
            Verdict::Failed => every.saturating_mul(1 << (self.failures - 1).min(16)).min(longest),
            Verdict::Stuck => longest,
            _ => every,
        };
        // A hint does not hurry what fails.
        if !matches!(verdict, Verdict::Done { .. }) {
            self.looks.clear();
        }
        Some(later(now, pause.mul_f64(jitter())))
    }
}

/// A factor between 0.9 and 1.1: what began together does not stay together.
fn jitter(seed: u64, turn: u64) -> f64 {
    let mut mixed = seed.wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    0.9 + 0.2 * ((mixed >> 40) as f64 / (1_u64 << 24) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(900);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn schedule(lanes: usize, per_lane: usize) -> Schedule<&'static str> {
        Schedule::new(Pace { lanes, per_lane, patience: EVERY }, 7)
    }

    /// A watched job that was done at 0.
    fn done() -> Schedule<&'static str> {
        let mut schedule = schedule(1, 1);
        schedule.add("a", "A", Some(EVERY), at(0));
        assert_eq!(schedule.next(at(0)), Next::Start("a"));
        schedule.finished(&"a", at(0), Verdict::Done { news: false });
        schedule
    }

    /// The pause before the next time, after having ended like this.
    fn pause(schedule: &mut Schedule<&'static str>, now: i64, verdict: Verdict) -> Option<i64> {
        schedule.jobs.get_mut("a").unwrap().due = Some(at(now));
        assert_eq!(schedule.next(at(now)), Next::Start("a"));
        schedule.finished(&"a", at(now), verdict).map(|due| due.seconds() - at(now).seconds())
    }

    #[test]
    fn what_is_done_once_is_not_due_again() {
        let mut schedule = schedule(1, 1);
        schedule.add("a", "A", None, at(0));
        assert_eq!((schedule.next(at(0)), schedule.next(at(0))), (Next::Start("a"), Next::Nothing));
        assert_eq!(schedule.finished(&"a", at(1), Verdict::Done { news: true }), None);
        assert_eq!((schedule.next(at(9)), schedule.keys().count()), (Next::Nothing, 0));
        schedule.add("a", "A", None, at(9));
        assert_eq!(schedule.next(at(9)), Next::Start("a"));
        assert_eq!(schedule.finished(&"a", at(9), Verdict::Failed), None, "it is told of, and that is all");
    }

    #[test]
    fn so_many_lanes_and_jobs_of_a_lane_are_served_at_a_time_and_the_longest_unserved_comes_first() {
        let mut schedule = schedule(2, 2);
        for key in ["a1", "a2", "a3", "b1", "b2", "c1"] {
            schedule.add(key, key.get(..1).unwrap(), None, at(0));
        }
        let started: Vec<_> = std::iter::from_fn(|| match schedule.next(at(0)) {
            Next::Start(key) => Some(key),
            _ => None,
        })
        .collect();
        assert_eq!(started, ["a1", "b1", "a2", "b2"]);
        schedule.finished(&"b1", at(1), Verdict::Done { news: false });
        assert_eq!(schedule.next(at(1)), Next::Nothing, "the lane of b is still being served");
        schedule.finished(&"b2", at(1), Verdict::Done { news: false });
        assert_eq!(schedule.next(at(1)), Next::Start("c1"), "and not a3");
    }

    #[test]
    fn a_lane_that_is_to_be_left_alone_gives_its_place_to_others() {
        let mut schedule = schedule(1, 1);
        for key in ["a1", "a2", "b1"] {
            schedule.add(key, key.get(..1).unwrap(), None, at(0));
        }
        assert_eq!(schedule.next(at(0)), Next::Start("a1"));
        let told = Verdict::Later { at: at(60), moved: true };
        assert_eq!(schedule.finished(&"a1", at(1), told), Some(at(60)));
        assert_eq!(schedule.next(at(1)), Next::Start("b1"));
        schedule.finished(&"b1", at(2), Verdict::Done { news: true });
        assert_eq!(schedule.next(at(2)), Next::At(at(60)), "a2 belongs to the same lane");
        schedule.hurry(at(3));
        assert_eq!(schedule.next(at(59)), Next::At(at(60)), "hurrying is no reason to ask");
        assert!(matches!(schedule.next(at(60)), Next::Start(_)));
    }

    #[test]
    fn who_is_turned_away_too_often_or_for_too_long_gives_up_unless_it_is_watched() {
        for (every, turns) in [(None, TURNS as usize - 1), (Some(EVERY), 100)] {
            let mut schedule = schedule(1, 1);
            schedule.add("a", "A", every, at(0));
            let told = (1..=100).take_while(|turn| {
                pause(&mut schedule, *turn, Verdict::Later { at: at(turn + 1), moved: false }).is_some()
            });
            assert_eq!(told.count(), turns);
        }
        let mut schedule = schedule(1, 1);
        schedule.add("a", "A", None, at(0));
        for _ in 0..100 {
            assert_eq!(pause(&mut schedule, 0, Verdict::Later { at: at(900), moved: true }), Some(900));
            schedule.lanes.clear();
            schedule.lanes.insert("A".to_owned(), Lane::default());
        }
        assert_eq!(pause(&mut schedule, 0, Verdict::Later { at: at(901), moved: true }), None);
    }

    #[test]
    fn intervals_are_spread_and_failures_double_them_up_to_an_hour() {
        let mut schedule = done();
        let mut pauses = Vec::new();
        for now in 0..100 {
            pauses.push(pause(&mut schedule, now, Verdict::Done { news: false }).unwrap());
        }
        assert!(pauses.iter().all(|pause| (809..=990).contains(pause)), "{pauses:?}");
        pauses.sort_unstable();
        pauses.dedup();
        assert!(pauses.len() > 30, "{pauses:?}");

        let mut failed = |now| pause(&mut schedule, now, Verdict::Failed).unwrap();
        let pauses = [failed(0), failed(0), failed(0), failed(0), failed(0)];
        for (pause, about) in pauses.into_iter().zip([900, 1800, 3600, 3600, 3600]) {
            assert!((about * 89 / 100..=about * 111 / 100).contains(&pause), "{pauses:?}");
        }
        assert!(pause(&mut schedule, 0, Verdict::Done { news: false }).unwrap() < 1000, "it is well again");
        assert!(pause(&mut schedule, 0, Verdict::Stuck).unwrap() > 3000);
        assert_eq!(pause(&mut schedule, 0, Verdict::Gone), None);
    }

    /// The times of the looks after a hint, with what each of them finds.
    fn looks(news: &[bool]) -> Vec<i64> {
        let mut schedule = done();
        assert!(schedule.hint(&"a", at(0)));
        let mut news = news.iter();
        let mut looks = Vec::new();
        let mut now = at(0);
        while let Next::At(due) = schedule.next(now)
            && due < at(700)
        {
            now = due;
            looks.push(now.seconds() - at(0).seconds());
            assert_eq!(schedule.next(now), Next::Start("a"));
            schedule.finished(&"a", now, Verdict::Done { news: *news.next().unwrap_or(&false) });
        }
        looks
    }

    #[test]
    fn a_hint_is_looked_at_more_than_once_because_notifications_run_ahead() {
        assert_eq!(looks(&[false, false, false]), [2, 30, 150], "an empty answer does not end the looking");
        assert_eq!(looks(&[true, false]), [2, 30], "an answer leaves one more look");
        assert_eq!(looks(&[false, true, false]), [2, 30, 150]);
    }

    #[test]
    fn hints_that_come_together_are_one_and_none_is_lost_during_a_run() {
        let mut schedule = done();
        assert!(schedule.hint(&"a", at(0)) && schedule.hint(&"a", at(1)));
        assert_eq!(schedule.next(at(1)), Next::At(at(2)), "the second does not put off the first");
        assert_eq!(schedule.next(at(2)), Next::Start("a"));
        assert!(schedule.hint(&"a", at(3)), "what it is told of now, the run may have missed");
        schedule.finished(&"a", at(4), Verdict::Done { news: true });
        assert_eq!(schedule.next(at(4)), Next::At(at(5)));
        assert!(!schedule.hint(&"nobody", at(0)));
    }

    #[test]
    fn hurry_makes_everything_due() {
        let mut schedule = done();
        assert!(matches!(schedule.next(at(1)), Next::At(_)));
        schedule.hurry(at(1));
        assert_eq!(schedule.next(at(1)), Next::Start("a"));
        schedule.remove(&"a");
        assert_eq!(schedule.finished(&"a", at(2), Verdict::Done { news: false }), None);
        assert_eq!(schedule.keys().count(), 0);
    }
}
