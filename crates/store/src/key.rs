//! What the tables hold instead of an id: ids are 150 bytes long, and there may be a million of them.

use siphasher::sip128::SipHasher13;

/// 96 bits of an id's SipHash-1-3, with a key of zeros. A million ids share none of them but with a probability of one to
/// 10^17; should two ever do, the second is refused instead of taken for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) [u32; 3]);

/// The beginning of a key, where what is found is looked at anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Short(pub(crate) [u32; 2]);

impl Key {
    /// That of an id.
    pub(crate) fn of(id: &str) -> Self {
        let hash = SipHasher13::new().hash(id.as_bytes()).as_u128();
        let part = |shift: u32| (hash >> shift) as u32;
        Self([part(96), part(64), part(32)])
    }

    /// Nobody's.
    pub(crate) const NONE: Self = Self([0; 3]);

    /// A number that sorts by key, and of the same key by another number, which are its last bits.
    pub(crate) fn before(self, number: u32) -> u128 {
        let Self([first, second, third]) = self;
        [first, second, third, number].into_iter().fold(0, |all, part| (all << u32::BITS) | u128::from(part))
    }

    /// Its beginning.
    pub(crate) fn short(self) -> Short {
        let Self([first, second, _]) = self;
        Short([first, second])
    }
}

impl Short {
    /// Before all others.
    pub(crate) const MIN: Self = Self([0; 2]);

    /// The first key that begins so.
    pub(crate) fn first_key(self) -> Key {
        let Self([first, second]) = self;
        Key([first, second, 0])
    }
}
