//! Numbers that look random and are not: everything comes from a seed, so that a trace can be repeated.

/// A number that depends on all of `seed` and `index` (the mixing step of splitmix64).
pub(crate) fn mix(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number that depends on every byte of a text (FNV-1a, mixed).
pub(crate) fn hash(text: &str) -> u64 {
    let fnv = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    mix(fnv, 0)
}

/// A number that depends on every byte: items are long, and every one is hashed. Four words are mixed side by side, so
/// that the multiplications need not wait for each other.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let step = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut lanes = [0, 1, 2, 3].map(|lane| mix(bytes.len() as u64, lane));
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = step(*lane, u64::from_le_bytes(*word));
        }
    }
    let hash = lanes.into_iter().fold(0, step);
    mix(rest.iter().fold(hash, |hash, byte| step(hash, u64::from(*byte))), 0)
}

/// A random-looking UUID (version 4) as Graph's documentation asks for in `client-request-id`.
pub(crate) fn uuid(seed: u64, index: u64) -> String {
    let (high, low) = (mix(seed, index.wrapping_mul(2)), mix(seed, index.wrapping_mul(2).wrapping_add(1)));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
