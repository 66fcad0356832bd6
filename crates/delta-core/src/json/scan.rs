//! The grammar: where values end.
//!
//! Each function begins at an offset, and gives the offset behind what it was to find, or the one where it is not that.
//! Offsets fit into registers, which half of the speed comes from.

use super::probe::Specials;
use super::{MAX_DEPTH, NotJson};

pub(super) type Scanned = Result<usize, usize>;

fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// Skips white space.
#[inline]
pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Skips a value, which is in arrays and objects `depth` levels deep.
pub(super) fn value(bytes: &[u8], specials: &mut Specials, at: usize, depth: usize) -> Result<usize, NotJson> {
    match byte(bytes, at) {
        Some(b'{' | b'[') => nested(bytes, specials, at, depth),
        _ => Ok(scalar(bytes, specials, at)?),
    }
}

/// Skips an array or object with all that is in it, without recursion: a bit for each level says which it is.
fn nested(bytes: &[u8], specials: &mut Specials, mut at: usize, outside: usize) -> Result<usize, NotJson> {
    let (mut depth, mut objects) = (outside, 0_u64);
    loop {
        // A value begins here.
        match byte(bytes, at) {
            Some(bracket @ (b'{' | b'[')) => {
                if depth >= MAX_DEPTH {
                    return Err(NotJson::TooDeep(at));
                }
                depth += 1;
                objects = objects << 1 | u64::from(bracket == b'{');
                at = space(bytes, at + 1);
                match (bracket, byte(bytes, at)) {
                    (b'{', Some(b'}')) | (b'[', Some(b']')) => {}
                    (b'{', _) => {
                        at = space(bytes, key(bytes, specials, at)?);
                        continue;
                    }
                    _ => continue,
                }
            }
            _ => at = space(bytes, scalar(bytes, specials, at)?),
        }
        // A value has ended before here, and perhaps what it is in ends too.
        loop {
            let in_object = objects & 1 == 1;
            match byte(bytes, at) {
                Some(b',') => {
                    at = space(bytes, at + 1);
                    if in_object {
                        at = space(bytes, key(bytes, specials, at)?);
                    }
                    break;
                }
                Some(b'}') if in_object => {}
                Some(b']') if !in_object => {}
                _ => return Err(NotJson::Syntax(at)),
            }
            (depth, objects) = (depth - 1, objects >> 1);
            if depth == outside {
                return Ok(at + 1);
            }
            at = space(bytes, at + 1);
        }
    }
}

/// Skips a name and its colon.
#[inline]
fn key(bytes: &[u8], specials: &mut Specials, at: usize) -> Scanned {
    if byte(bytes, at) != Some(b'"') {
        return Err(at);
    }
    colon(bytes, string(bytes, specials, at)?)
}

#[inline]
pub(super) fn colon(bytes: &[u8], at: usize) -> Scanned {
    let at = space(bytes, at);
    if byte(bytes, at) == Some(b':') { Ok(at + 1) } else { Err(at) }
}

/// Skips a value that is neither an array nor an object.
#[inline(always)]
fn scalar(bytes: &[u8], specials: &mut Specials, at: usize) -> Scanned {
    match byte(bytes, at) {
        Some(b'"') => string(bytes, specials, at),
        Some(b't') => word(bytes, at, b"true"),
        Some(b'f') => word(bytes, at, b"false"),
        Some(b'n') => word(bytes, at, b"null"),
        _ => number(bytes, at),
    }
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Scanned {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.starts_with(word) { Ok(at + word.len()) } else { Err(at) }
}

fn number(bytes: &[u8], mut at: usize) -> Scanned {
    at += usize::from(byte(bytes, at) == Some(b'-'));
    at = if byte(bytes, at) == Some(b'0') { at + 1 } else { digits(bytes, at)? };
    if byte(bytes, at) == Some(b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = byte(bytes, at) {
        let signed = matches!(byte(bytes, at + 1), Some(b'+' | b'-'));
        at = digits(bytes, at + 1 + usize::from(signed))?;
    }
    Ok(at)
}

/// One digit or more.
fn digits(bytes: &[u8], start: usize) -> Scanned {
    let mut at = start;
    while byte(bytes, at).is_some_and(|byte| byte.is_ascii_digit()) {
        at += 1;
    }
    if at > start { Ok(at) } else { Err(at) }
}

/// Skips the string whose quote is here.
#[inline]
pub(super) fn string(bytes: &[u8], specials: &mut Specials, at: usize) -> Scanned {
    let at = specials.find(bytes, at + 1);
    if byte(bytes, at) == Some(b'"') { Ok(at + 1) } else { escaped(bytes, specials, at) }
}

/// Skips the rest of a string, which begins here with an escape.
pub(super) fn escaped(bytes: &[u8], specials: &mut Specials, mut at: usize) -> Scanned {
    loop {
        match byte(bytes, at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = specials.find(bytes, escape(bytes, at)?),
            _ => return Err(at),
        }
    }
}

/// Skips the escape whose backslash is here.
#[inline]
fn escape(bytes: &[u8], at: usize) -> Scanned {
    match byte(bytes, at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match bytes.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
            _ => Err(at),
        },
        _ => Err(at),
    }
}
