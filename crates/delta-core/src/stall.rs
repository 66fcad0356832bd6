//! Whether a round still gets anywhere, judged by what its pages hold.
//!
//! Graph was seen to serve the same pages for hours, each with another next link (msgraph-sdk-dotnet#3070 and #3082,
//! 2026), so links tell nothing: only content does. An item is known by the hash of its bytes, so it does not matter
//! how many pages a cycle has or where their borders are.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use crate::seed::hash_bytes;

/// How many items are remembered. A longer cycle is left to the round's page budget.
const REMEMBERED: usize = 65_536;
/// How many pages with items, but without anything new, are one too many.
const STALE_PAGES: u32 = 3;
/// How many empty pages in a row are one too many. Some are normal (Graph's documentation; msgraph-sdk-java#493).
const EMPTY_PAGES: u32 = 1_000;

/// Why a round is going nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stall {
    /// Pages with items came one after the other and held nothing that the round had not seen.
    Repeating,
    /// A next link led back to where the round began. What is read from there on is another round, which does not tell
    /// what went since the first one began.
    Circle,
    /// Too many empty pages came one after the other.
    Empty,
    /// The round's budget of pages is spent.
    Pages,
    /// The round's budget of bytes is spent.
    Bytes,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeating => write!(f, "{STALE_PAGES} pages in a row brought nothing new"),
            Self::Circle => f.write_str("a next link leads back to the start of the round"),
            Self::Empty => write!(f, "{EMPTY_PAGES} pages in a row were empty"),
            Self::Pages => f.write_str("the round has more pages than it may have"),
            Self::Bytes => f.write_str("the round has more bytes than it may have"),
        }
    }
}

/// What a round has seen.
#[derive(Clone, Default)]
pub(crate) struct Guard {
    seen: HashSet<u64, BuildHasherDefault<AsItIs>>,
    order: VecDeque<u64>,
    stale: u32,
    empty: u32,
}

impl Guard {
    /// Looks at a page's items. Says so if the round is going nowhere.
    pub(crate) fn look<'a>(&mut self, items: impl Iterator<Item = &'a [u8]>) -> Option<Stall> {
        let (mut any, mut new) = (false, false);
        for item in items {
            any = true;
            new |= self.remember(hash_bytes(item));
        }
        self.empty = if any { 0 } else { self.empty.saturating_add(1) };
        match (any, new) {
            (true, true) => self.stale = 0,
            (true, false) => self.stale = self.stale.saturating_add(1),
            // Empty pages between repeated ones don't make these any newer.
            (false, _) => {}
        }
        if self.stale >= STALE_PAGES {
            Some(Stall::Repeating)
        } else {
            (self.empty >= EMPTY_PAGES).then_some(Stall::Empty)
        }
    }

    /// Whether the hash is new.
    fn remember(&mut self, hash: u64) -> bool {
        if !self.seen.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

/// Hashes are hashed already. Unlike the standard library's hasher, this one has no randomness of its own.
#[derive(Clone, Copy, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash_bytes(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn look(guard: &mut Guard, page: &[String]) -> Option<Stall> {
        guard.look(page.iter().map(String::as_bytes))
    }

    proptest! {
        /// A cycle of any period, cut into pages anywhere, is noticed three pages with items after its first turn.
        #[test]
        fn a_cycle_is_noticed_whatever_its_period_and_page_borders(
            items in prop::collection::vec("[a-z]{1,8}", 1..40),
            sizes in prop::collection::vec(0_usize..7, 1..20),
        ) {
            prop_assume!(sizes.iter().any(|size| *size > 0));
            let mut guard = Guard::default();
            let mut cycle = items.iter().cycle().cloned();
            let (mut read, mut extra) = (0, 0);
            for size in sizes.iter().cycle() {
                let fresh = read < items.len();
                let page: Vec<String> = cycle.by_ref().take(*size).collect();
                read += size;
                let stall = look(&mut guard, &page);
                extra += u32::from(!fresh && !page.is_empty());
                prop_assert!(extra <= STALE_PAGES);
                if stall.is_some() {
                    prop_assert_eq!(stall, Some(Stall::Repeating));
                    return Ok(());
                }
            }
        }

        #[test]
        fn a_round_that_brings_something_new_every_third_page_goes_on(pages in 1_usize..60) {
            let mut guard = Guard::default();
            for page in 0..pages {
                let item = if page % 3 == 0 { page.to_string() } else { "0".to_owned() };
                prop_assert_eq!(look(&mut guard, &[item]), None);
            }
        }
    }

    #[test]
    fn empty_pages_are_normal_until_there_are_a_thousand() {
        let mut guard = Guard::default();
        for _ in 0..2 {
            assert_eq!(look(&mut guard, &["a".to_owned()]), None);
            for _ in 1..EMPTY_PAGES {
                assert_eq!(look(&mut guard, &[]), None);
            }
        }
        assert_eq!(look(&mut guard, &[]), Some(Stall::Empty));
    }

    #[test]
    fn memory_is_bounded() {
        let mut guard = Guard::default();
        for item in 0..2 * REMEMBERED {
            guard.remember(hash_bytes(&item.to_le_bytes()));
        }
        assert_eq!((guard.seen.len(), guard.order.len()), (REMEMBERED, REMEMBERED));
    }
}
