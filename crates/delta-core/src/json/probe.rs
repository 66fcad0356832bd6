//! Where a string's plain bytes end: sixty-four bytes at a time.

use wide::u8x64;

/// How many bytes are looked at together.
const BLOCK: usize = 64;

/// The special bytes of the block that was looked at last: those that a string can't contain as they are, which are
/// quotes, backslashes and control characters.
#[derive(Clone, Copy)]
pub(super) struct Specials {
    block: usize,
    /// A bit for each byte, from the lowest on.
    marks: u64,
}

impl Specials {
    /// Before the first block.
    pub(super) const NONE: Self = Self { block: usize::MAX, marks: 0 };

    /// The first special byte from `at` on. The end of the bytes counts as one.
    #[inline]
    pub(super) fn find(&mut self, bytes: &[u8], mut at: usize) -> usize {
        loop {
            if at / BLOCK != self.block {
                self.look(bytes, at / BLOCK);
            }
            let left = self.marks >> (at % BLOCK);
            if left != 0 {
                return at + left.trailing_zeros() as usize;
            }
            at = (self.block + 1) * BLOCK;
        }
    }

    #[inline]
    fn look(&mut self, bytes: &[u8], block: usize) {
        let rest = bytes.get(block * BLOCK..).unwrap_or_default();
        let marks = match rest.first_chunk() {
            Some(whole) => marks(*whole),
            None => last(rest),
        };
        *self = Self { block, marks };
    }
}

/// The special bytes of what is less than a block. What it is filled up with is special.
#[cold]
fn last(rest: &[u8]) -> u64 {
    let mut block = [0; BLOCK];
    for (byte, rest) in block.iter_mut().zip(rest) {
        *byte = *rest;
    }
    marks(block)
}

#[inline]
fn marks(block: [u8; BLOCK]) -> u64 {
    let bytes = u8x64::new(block);
    let controls = bytes.min(u8x64::splat(0x1f)).simd_eq(bytes);
    let quotes = bytes.simd_eq(u8x64::splat(b'"'));
    let slashes = bytes.simd_eq(u8x64::splat(b'\\'));
    (controls | quotes | slashes).to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_found_is_what_one_by_one_finds(
            bytes in prop::collection::vec(prop_oneof![8 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\')], 0..300),
            places in prop::collection::vec(0_usize..300, 1..20),
        ) {
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
            let mut specials = Specials::NONE;
            for at in places.into_iter().map(|at| at.min(bytes.len())) {
                let expected = bytes[at..].iter().position(is_special).map_or(bytes.len(), |found| at + found);
                prop_assert_eq!(specials.find(&bytes, at), expected);
            }
        }
    }
}
