//! Reading a page: one pass over the body, which finds its items and its links.
//!
//! What is odd is handled on purpose. A byte order mark is skipped. A lone surrogate (`"\ud800"`) is no text: where the
//! protocol reads it, in an id or in the name of a property, its item is malformed; elsewhere it stays as it is. So do
//! numbers of any size, which nobody reads here. Bytes that are not UTF-8 make the page bad wherever they are.

use super::item::Entries;
use super::{Links, PageError, limit, utf8};
use crate::json::Walker;

const VALUE: &str = "value";
const NEXT_LINK: &str = "@odata.nextLink";
const DELTA_LINK: &str = "@odata.deltaLink";

/// What is found in a body: its items, and its links.
type Found = (Entries, Links);

/// The items and links of a body.
pub(super) fn parse(body: &[u8]) -> Result<Found, PageError> {
    let text = utf8::check(body)?;
    let (mut value, mut next, mut delta) = (None, None, None);
    let mut walker = Walker::new(text);
    walker.skip_bom();
    walker.object(|walker, key| match key.decode().as_deref() {
        Some(VALUE) => once(&mut value, VALUE, parse_value(walker)?),
        Some(NEXT_LINK) => once(&mut next, NEXT_LINK, parse_link(walker, NEXT_LINK)?),
        Some(DELTA_LINK) => once(&mut delta, DELTA_LINK, parse_link(walker, DELTA_LINK)?),
        Some(_) => Ok(walker.skip().map(drop)?),
        // Other readers refuse it.
        None => Err(PageError::NotJson(key.range().start)),
    })?;
    walker.end()?;
    let entries = value.flatten().ok_or(PageError::NoValue)?;
    Ok((entries, Links { next: next.flatten(), delta: delta.flatten() }))
}

/// Takes the first `value` of a key, and refuses a second.
fn once<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), PageError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(PageError::Duplicate(key)),
    }
}

/// The items, or nothing for `null`.
fn parse_value(walker: &mut Walker<'_>) -> Result<Option<Entries>, PageError> {
    if walker.peek() != Some(b'[') {
        let range = walker.skip()?;
        return if walker.slice(range) == "null" { Ok(None) } else { Err(PageError::ValueNotAnArray) };
    }
    let mut entries = Entries::default();
    walker.array(|walker| {
        if entries.len() >= limit::ITEMS {
            return Err(PageError::TooManyItems);
        }
        Ok(entries.push(walker)?)
    })?;
    Ok(Some(entries))
}

/// The link, or nothing for `null`.
fn parse_link(walker: &mut Walker<'_>, key: &'static str) -> Result<Option<String>, PageError> {
    match walker.text()? {
        Some(link) => Ok(Some(link.decode().ok_or(PageError::LinkNotText(key))?.into_owned())),
        None => {
            let range = walker.skip()?;
            if walker.slice(range) == "null" { Ok(None) } else { Err(PageError::LinkNotText(key)) }
        }
    }
}
