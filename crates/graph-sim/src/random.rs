//! Randomness that is not: every number follows from the seed, so that the same calls give the same bytes.

/// A SplitMix64 generator.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// Sixteen bytes: what mailboxes, users and requests are named by.
    pub(crate) fn bytes16(&mut self) -> [u8; 16] {
        ((u128::from(self.number()) << 64) | u128::from(self.number())).to_be_bytes()
    }

    pub(crate) fn guid(&mut self) -> String {
        guid(self.bytes16())
    }
}

/// Spreads the bits of a number over all 64 of them. It is a bijection: different numbers stay different.
pub(crate) fn scramble(number: u64) -> u64 {
    let mut z = number;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A keyed hash. It keeps honest clients from making up tokens; it is no cryptography.
pub(crate) fn hash(key: u64, bytes: &[u8]) -> u64 {
    let start = scramble(key ^ 0x6a09_e667_f3bc_c908);
    bytes.iter().fold(start, |state, byte| scramble(state.rotate_left(8) ^ u64::from(*byte)))
}

/// The usual way to write sixteen bytes as a GUID, marked as a random one (version 4).
fn guid(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let mut text = String::with_capacity(36);
    for (at, digit) in hex.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_guids() {
        let (mut one, mut other) = (Random::new(7), Random::new(7));
        assert_eq!(one.guid(), other.guid());
        assert_ne!(one.guid(), one.guid());
        assert_ne!(Random::new(7).guid(), Random::new(8).guid());
    }

    #[test]
    fn a_guid_has_its_hyphens_and_its_version() {
        let guid = Random::new(1).guid();
        let parts: Vec<usize> = guid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(guid.chars().nth(14), Some('4'));
    }
}
