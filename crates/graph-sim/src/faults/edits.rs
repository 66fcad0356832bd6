//! Right pages, put together wrong: items, links and `value`.

use std::collections::BTreeSet;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::dice::Dice;
use super::forms::{BadLink, BadValue, CorruptItem, MalformedItem, Within};
use super::holds::Hold;
use super::hostile;
use super::instead::after;
use super::kinds::Fault;
use super::page::{DELTA, Link, NEXT, Page, id};
use super::text::TWICE;
use super::visit::Visit;
use crate::prefer::split_outside_quotes;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The page, if the fault is one of these and there is something to do it to.
pub(super) fn strike(fault: &Fault, visit: &mut Visit<'_>) -> Option<Page> {
    if let Fault::PageSize { size } = fault {
        return sized(visit, size.get());
    }
    let mut page = visit.page()?;
    match fault {
        Fault::RepeatPage => repeat(&mut page, visit)?,
        Fault::Duplicates { within: Within::Page } => duplicate(&mut page, visit)?,
        Fault::Duplicates { within: Within::NextPage } => duplicate_later(&mut page, visit)?,
        Fault::Reorder => reorder(&mut page, visit)?,
        Fault::ForeignLink { link } => foreign_link(&mut page, link.as_deref(), visit)?,
        Fault::BothLinks => both_links(&mut page, visit)?,
        // A listing's last page has no link either: nobody could tell.
        Fault::NoLink => {
            let link = page.link().filter(|_| visit.path().contains("delta"))?;
            page.body.remove(link.key);
        }
        Fault::BadLink { form } => {
            // Without a link a listing is over, and nobody could tell.
            let ends = *form == BadLink::Null && !visit.path().contains("delta");
            let right = page.link().filter(|_| !ends)?;
            page.set_only_link(right.key, bad_link(*form, &right));
        }
        Fault::MalformedItem { form } => page.change_items(|items| {
            let at = visit.dice.between(0, items.len());
            items.insert(at, malformed(*form));
        }),
        Fault::CorruptItem { form } => corrupt(&mut page, *form, visit)?,
        Fault::BadValue { form } => bad_value(&mut page, *form),
        _ => return None,
    }
    Some(page)
}

/// The page as it is for another page size.
fn sized(visit: &mut Visit<'_>, size: usize) -> Option<Page> {
    if visit.answer.is_some() {
        return None;
    }
    let mut request = visit.request.clone();
    prefer_size(request.headers_mut(), size);
    let answer = visit.ask(&request);
    let page = Page::read(&answer);
    // Whatever it is, it has been carried out now.
    visit.answer = Some(answer);
    page
}

fn prefer_size(headers: &mut HeaderMap, size: usize) {
    let lines: Vec<String> =
        headers.get_all(PREFER).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    headers.remove(PREFER);
    let own = lines.iter().flat_map(|line| split_outside_quotes(line)).map(str::trim);
    let own = own.filter(|preference| !preference.to_ascii_lowercase().starts_with("odata.maxpagesize"));
    let size = format!("odata.maxpagesize={size}");
    for preference in own.chain([size.as_str()]) {
        headers.extend(HeaderValue::from_str(preference).ok().map(|value| (PREFER, value)));
    }
}

/// The next link leads to the page itself.
fn repeat(page: &mut Page, visit: &mut Visit<'_>) -> Option<()> {
    // A first page that is asked for again would begin another round, which knows nothing of what went in between.
    let query = Some(visit.query()).filter(|query| query.contains("token="))?;
    let link = page.link()?;
    let hold = visit.holds.open(Hold::new(visit.path(), query));
    visit.holds.withhold(page, &link, hold, 1);
    Some(())
}

fn some_items(page: &Page, dice: &mut Dice) -> Option<Vec<Value>> {
    let mut items = page.items().to_vec();
    if items.is_empty() {
        return None;
    }
    dice.shuffle(&mut items);
    items.truncate(dice.between(1, items.len()));
    Some(items)
}

fn duplicate(page: &mut Page, visit: &mut Visit<'_>) -> Option<()> {
    if has_an_id_twice(page) {
        return None;
    }
    let again = some_items(page, visit.dice)?;
    page.change_items(|items| items.extend(again));
    Some(())
}

/// How long items that come again are the same, in seconds.
const SOON: i64 = 600;

fn duplicate_later(page: &mut Page, visit: &mut Visit<'_>) -> Option<()> {
    let link = page.link().filter(|link| link.key == NEXT)?;
    let again = some_items(page, visit.dice)?;
    let hold =
        visit.holds.open(Hold::new(visit.path(), link.query.clone()).carry(again, after(visit.context.now, SOON)));
    visit.holds.withhold(page, &link, hold, 1);
    Some(())
}

fn reorder(page: &mut Page, visit: &mut Visit<'_>) -> Option<()> {
    if has_an_id_twice(page) || page.items().len() < 2 {
        return None;
    }
    page.change_items(|items| visit.dice.shuffle(items));
    Some(())
}

/// Then the last word on an id depends on the order.
fn has_an_id_twice(page: &Page) -> bool {
    let ids: BTreeSet<Option<&str>> = page.items().iter().map(id).collect();
    ids.len() < page.items().len()
}

fn both_links(page: &mut Page, visit: &mut Visit<'_>) -> Option<()> {
    let link = page.link()?;
    let other = if link.key == NEXT { DELTA } else { NEXT };
    let hold = visit.holds.open(Hold::new(visit.path(), link.query.clone()));
    page.body.insert(other.to_owned(), visit.holds.link(&link, other, hold, 1));
    Some(())
}

fn foreign_link(page: &mut Page, link: Option<&str>, visit: &mut Visit<'_>) -> Option<()> {
    let right = page.link()?;
    let hostile = || hostile::link(visit.dice, visit.host, &right.path(), &right.query);
    let link = link.map_or_else(hostile, str::to_owned);
    page.set_only_link(right.key, Value::String(link));
    Some(())
}

fn bad_link(form: BadLink, right: &Link) -> Value {
    match form {
        BadLink::Null => Value::Null,
        BadLink::Number => json!(42),
        BadLink::Object => json!({"href": right.whole()}),
        BadLink::Empty => json!(""),
        BadLink::Relative => json!(format!("{}?{}", right.path(), right.query)),
    }
}

fn malformed(form: MalformedItem) -> Value {
    match form {
        MalformedItem::NoId => json!({"subject": "an item without an id"}),
        MalformedItem::NullId => json!({"id": null, "subject": "an item without an id"}),
        MalformedItem::EmptyId => json!({"id": "", "subject": "an item without an id"}),
        MalformedItem::NumberId => json!({"id": 17, "subject": "an item without an id"}),
        MalformedItem::Null => Value::Null,
        MalformedItem::Text => json!("an item"),
    }
}

fn corrupt(page: &mut Page, form: CorruptItem, visit: &mut Visit<'_>) -> Option<()> {
    if page.items().is_empty() {
        return None;
    }
    page.change_items(|items| {
        let at = visit.dice.below(items.len());
        let Some(item) = items.get_mut(at).and_then(Value::as_object_mut) else { return };
        let (key, value) = match form {
            CorruptItem::NumberType => ("type", json!(17)),
            CorruptItem::ObjectEtag => ("@odata.etag", json!({"weak": true})),
            CorruptItem::TextRemoved => ("@removed", json!("deleted")),
            CorruptItem::DuplicateKey => (TWICE, json!("singleInstance")),
        };
        item.insert(key.to_owned(), value);
    });
    Some(())
}

fn bad_value(page: &mut Page, form: BadValue) {
    let value = match form {
        BadValue::Missing => {
            page.body.remove("value");
            return;
        }
        BadValue::Null => Value::Null,
        BadValue::Object => json!({"items": page.items()}),
        BadValue::Text => json!("none"),
    };
    page.body.insert("value".to_owned(), value);
}
