//! Chance, as the plan's seed has it.

use crate::random::Random;

/// A source of chance. The same seed gives the same throws.
#[derive(Debug)]
pub(crate) struct Dice(Random);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// A number below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let wide = u128::from(self.0.number()) * (limit as u128);
        usize::try_from(wide >> 64).unwrap_or_default()
    }

    /// A number from `first` to `last`.
    pub(crate) fn between(&mut self, first: usize, last: usize) -> usize {
        first.saturating_add(self.below(last.saturating_sub(first).saturating_add(1)))
    }

    /// Whether something of this probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        const STEPS: u64 = 1 << 53;
        let throw = (self.0.number() % STEPS) as f64 / STEPS as f64;
        throw < probability
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// Puts them in another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_stay_within_their_limits_and_reach_all_of_them() {
        let mut dice = Dice::new(1);
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[dice.between(1, 6) - 1] += 1;
        }
        assert!(seen.iter().all(|times| *times > 50), "{seen:?}");
        assert_eq!(dice.below(0), 0);
        assert!(dice.pick::<u8>(&[]).is_none());
    }

    #[test]
    fn certainty_always_happens_and_impossibility_never_does() {
        let mut dice = Dice::new(1);
        assert!((0..100).all(|_| dice.happens(1.0) && !dice.happens(0.0)));
        assert!((0..100).filter(|_| dice.happens(0.5)).count() > 25);
    }
}
