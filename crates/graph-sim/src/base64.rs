//! Base64, in the two alphabets that Graph uses: the standard one in change keys, the URL-safe one in ids and tokens.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes with the standard alphabet and padding.
pub(crate) fn standard(bytes: &[u8]) -> String {
    let mut text = encode(STANDARD, bytes);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Encodes with the URL-safe alphabet and without padding.
pub(crate) fn url_safe(bytes: &[u8]) -> String {
    encode(URL_SAFE, bytes)
}

/// Reads back what [`url_safe`] wrote; nothing else is accepted.
pub(crate) fn decode_url_safe(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0u32, 0u32, Vec::with_capacity(text.len()));
    for symbol in text.bytes() {
        let value = URL_SAFE.iter().position(|known| *known == symbol)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    (url_safe(&bytes) == text).then_some(bytes)
}

fn encode(alphabet: &[u8; 64], bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let index = (group >> (18 - 6 * place)) & 0x3f;
            text.extend(alphabet.get(index as usize).map(|symbol| char::from(*symbol)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_known_vectors_hold() {
        assert_eq!(standard(b"foobar"), "Zm9vYmFy");
        assert_eq!(standard(b"fooba"), "Zm9vYmE=");
        assert_eq!(standard(b"foob"), "Zm9vYg==");
        assert_eq!(url_safe(&[0xfb, 0xff]), "-_8");
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes(bytes: Vec<u8>) {
            prop_assert_eq!(decode_url_safe(&url_safe(&bytes)), Some(bytes));
        }

        #[test]
        fn nothing_but_the_canonical_text_decodes(text in "[A-Za-z0-9_=+ -]{0,12}") {
            if let Some(bytes) = decode_url_safe(&text) {
                prop_assert_eq!(url_safe(&bytes), text);
            }
        }
    }
}
