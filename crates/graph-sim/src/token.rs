//! State tokens: opaque to clients, and nothing a client could make up.

use crate::base64;
use crate::random::{hash, scramble};

/// What the tokens in Graph's samples begin with.
const PREFIX: &str = "R0usmc";
const WORDS: usize = 6;

/// Which parameter carries the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `$skiptoken`, in a next link.
    Skip,
    /// `$deltatoken`, in a delta link.
    Delta,
}

/// A position in a stream of changes. It remembers nothing of any `Prefer` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// The stream.
    pub(crate) stream: u64,
    /// A hash of the mailbox, the calendar and the kind of view, to which the token is bound.
    pub(crate) place: u64,
    /// Its sync-state generation.
    pub(crate) generation: u64,
    /// The number of the last change that the client was told of.
    pub(crate) cursor: u64,
    /// Up to the change of this number the client wants only what is there: a first round needs no tombstones.
    pub(crate) base: u64,
    /// Up to the change of this number the client had been told when its round began: 0 in a first round. With a delta
    /// token a round begins, at its cursor.
    pub(crate) since: u64,
}

impl Token {
    /// Writes the token; `key` is the simulator's seed.
    pub(crate) fn encode(&self, key: u64) -> String {
        let kind = match self.kind {
            Kind::Skip => self.since << 1,
            Kind::Delta => 1,
        };
        let words = [kind, self.stream, self.place, self.generation, self.cursor, self.base];
        let plain: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let seal = hash(key, &plain);
        let bytes = [seal.to_be_bytes().to_vec(), veil(&plain, key, seal)].concat();
        format!("{PREFIX}{}", base64::url_safe(&bytes))
    }

    /// Reads a token of this simulator; anything else is none.
    pub(crate) fn decode(text: &str, key: u64) -> Option<Self> {
        let bytes = base64::decode_url_safe(text.strip_prefix(PREFIX)?)?;
        let (seal, veiled) = bytes.split_first_chunk::<8>()?;
        let seal = u64::from_be_bytes(*seal);
        let plain = veil(veiled, key, seal);
        if hash(key, &plain) != seal {
            return None;
        }
        let (words, []) = plain.as_chunks::<8>() else { return None };
        let words: [u64; WORDS] =
            words.iter().map(|word| u64::from_be_bytes(*word)).collect::<Vec<_>>().try_into().ok()?;
        let [kind, stream, place, generation, cursor, base] = words;
        let (kind, since) = if kind == 1 { (Kind::Delta, cursor) } else { (Kind::Skip, kind >> 1) };
        Some(Self { kind, stream, place, generation, cursor, base, since })
    }
}

/// Covers the bytes with a stream that follows from key and seal; applied twice it uncovers them.
fn veil(bytes: &[u8], key: u64, seal: u64) -> Vec<u8> {
    let start = scramble(key ^ seal.rotate_left(32));
    let stream = (1u64..).flat_map(|block| scramble(start.wrapping_add(block)).to_be_bytes());
    bytes.iter().zip(stream).map(|(byte, mask)| byte ^ mask).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> impl Strategy<Value = Token> {
        (any::<bool>(), any::<[u64; 6]>()).prop_map(|(delta, [stream, place, generation, cursor, base, since])| Token {
            kind: if delta { Kind::Delta } else { Kind::Skip },
            stream,
            place,
            generation,
            cursor,
            base,
            since: if delta { cursor } else { since >> 1 },
        })
    }

    proptest! {
        #[test]
        fn a_token_comes_back_whole(token in token(), key: u64) {
            prop_assert_eq!(Token::decode(&token.encode(key), key), Some(token));
        }

        #[test]
        fn a_changed_token_is_none(token in token(), at in 6usize..70, symbol in "[A-Za-z0-9_-]") {
            let text = token.encode(1);
            let mut changed = text.clone();
            changed.replace_range(at..=at, &symbol);
            prop_assert_eq!(Token::decode(&changed, 1).is_some(), changed == text);
            prop_assert_eq!(Token::decode(&text, 2), None);
        }

        #[test]
        fn no_text_panics(text: String) {
            Token::decode(&text, 1);
            Token::decode(&format!("{PREFIX}{text}"), 1);
        }
    }
}
