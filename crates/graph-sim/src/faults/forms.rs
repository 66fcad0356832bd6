//! The shapes in which pages can be wrong.

use serde::{Deserialize, Serialize};

/// Where duplicates come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Within {
    /// On the same page.
    #[default]
    Page,
    /// Again on the next page, in front of its own items. A page without a next link is left alone.
    NextPage,
}

/// What a link is instead of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BadLink {
    /// `null`
    Null,
    /// A number.
    Number,
    /// An object.
    Object,
    /// An empty text.
    Empty,
    /// The right link without its origin.
    Relative,
}

/// What is wrong with an item that has no readable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MalformedItem {
    /// It has no id.
    NoId,
    /// Its id is `null`.
    NullId,
    /// Its id is an empty text.
    EmptyId,
    /// Its id is a number.
    NumberId,
    /// It is `null`.
    Null,
    /// It is a text.
    Text,
}

/// What is wrong with an item that has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CorruptItem {
    /// Its `type` is a number.
    NumberType,
    /// Its `@odata.etag` is an object.
    ObjectEtag,
    /// Its `@removed` is a text.
    TextRemoved,
    /// Its `type` is there twice.
    DuplicateKey,
}

/// What `value` is instead of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BadValue {
    /// It is not there.
    Missing,
    /// `null`
    Null,
    /// An object.
    Object,
    /// A text.
    Text,
}

/// A key of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PageKey {
    /// `value`; the first one is an empty array.
    Value,
    /// The link; the first one leads to another place.
    Link,
}

/// Where an annotation stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Spot {
    /// Beside `value`.
    #[default]
    Page,
    /// In an item; beside `value` if there is none.
    Item,
}
