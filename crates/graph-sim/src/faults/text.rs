//! Right answers whose text is wrong: what no JSON value can hold.

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use super::dice::Dice;
use super::forms::{CorruptItem, PageKey, Spot};
use super::kinds::Fault;
use super::visit::Visit;

/// An annotation that means nothing.
const NOTE: &str = "@odata.note";
/// What stands in a page until the text is written.
const MARK: &str = "graph-sim writes this anew";
/// A key that the text has as `type`, beside the real one.
pub(super) const TWICE: &str = "graph-sim writes type once more";

/// The answer, if the fault is one of these and there is something to do it to.
pub(super) fn strike(fault: &Fault, visit: &mut Visit<'_>) -> Option<Response<Bytes>> {
    match fault {
        Fault::Truncated => edit(visit, |body, dice| {
            let end = dice.between(1, body.len().checked_sub(1).filter(|last| *last > 0)?);
            body.get(..end).map(<[u8]>::to_vec)
        }),
        Fault::Bom => edit(visit, |body, _| (!body.is_empty()).then(|| [b"\xef\xbb\xbf", body].concat())),
        Fault::ContentType { value } => {
            let mut answer = visit.honest().clone();
            answer.headers_mut().remove(CONTENT_TYPE)?;
            let value = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok());
            answer.headers_mut().extend(value.map(|value| (CONTENT_TYPE, value)));
            Some(answer)
        }
        Fault::DuplicateKey { key } => duplicate_key(*key, visit),
        Fault::InvalidUtf8 { place } => note(*place, b"\"caf\xc3( \xff\xed\xa0\x80\"", visit),
        Fault::LoneSurrogate { place } => note(*place, br#""half a face: \ud83d""#, visit),
        Fault::HugeNumber { place } => note(*place, b"-123456789012345678901234567890e4567890", visit),
        Fault::DeepNesting { depth, place } => {
            // Deeper than this says nothing new, and costs memory.
            let depth = usize::try_from(depth.get()).unwrap_or(usize::MAX).min(1 << 20);
            note(*place, &[b"[".repeat(depth), b"]".repeat(depth)].concat(), visit)
        }
        _ => None,
    }
}

/// Writes out what an item with a key twice stands for.
pub(super) fn finish(fault: &Fault, answer: Response<Bytes>) -> Response<Bytes> {
    match fault {
        Fault::CorruptItem { form: CorruptItem::DuplicateKey } => {
            answer.map(|body| Bytes::from(replace(&body, &quoted(TWICE), b"\"type\"")))
        }
        _ => answer,
    }
}

fn edit(visit: &mut Visit<'_>, change: impl FnOnce(&[u8], &mut Dice) -> Option<Vec<u8>>) -> Option<Response<Bytes>> {
    let answer = visit.honest().clone();
    let body = change(answer.body(), visit.dice)?;
    Some(answer.map(|_| Bytes::from(body)))
}

fn duplicate_key(key: PageKey, visit: &mut Visit<'_>) -> Option<Response<Bytes>> {
    let page = visit.page()?;
    let first = match key {
        PageKey::Value => json!({"value": []}),
        PageKey::Link => {
            let link = page.link()?;
            json!({link.key: format!("{}?$skiptoken=elsewhere", link.base)})
        }
    };
    let (first, second) = (first.to_string(), Value::Object(page.body.clone()).to_string());
    let both = format!("{},{}", first.strip_suffix('}')?, second.strip_prefix('{')?);
    Some(page.into_answer().map(|_| Bytes::from(both)))
}

/// Adds the annotation with this text as its value.
fn note(place: Spot, text: &[u8], visit: &mut Visit<'_>) -> Option<Response<Bytes>> {
    let mut page = visit.page()?;
    let mark = || (NOTE.to_owned(), json!(MARK));
    let items = page.items().len();
    if place == Spot::Item && items > 0 {
        let at = visit.dice.below(items);
        page.change_items(|items| {
            if let Some(item) = items.get_mut(at).and_then(Value::as_object_mut) {
                item.extend([mark()]);
            }
        });
    } else {
        page.body.extend([mark()]);
    }
    Some(page.into_answer().map(|body| Bytes::from(replace(&body, &quoted(MARK), text))))
}

fn quoted(text: &str) -> Vec<u8> {
    format!("\"{text}\"").into_bytes()
}

/// The bytes with the first `old` among them as `new`.
fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len().max(1)).position(|window| window == old);
    let parts = at.and_then(|at| Some((bytes.get(..at)?, bytes.get(at.checked_add(old.len())?..)?)));
    parts.map_or_else(|| bytes.to_vec(), |(before, after)| [before, new, after].concat())
}
