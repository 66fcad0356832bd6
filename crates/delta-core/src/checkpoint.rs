//! A position inside a round, fit to be stored and taken up by another process.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::link::NextLink;

/// Names one round, from its first request to its delta link or its restart.
///
/// It comes from the seed in the round's options, so that nothing here is random; give each round its own seed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoundId(u64);

impl RoundId {
    /// The id with this number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RoundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for RoundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoundId({self})")
    }
}

impl FromStr for RoundId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl Serialize for RoundId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RoundId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a round's pages do to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoundKind {
    /// They replace what is there: what the round does not mention is gone, once it is complete.
    Full,
    /// They are merged into what is there.
    Incremental,
}

/// What a round has used up, and what it has learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Pages received.
    pub(crate) page: u32,
    /// Their length.
    pub(crate) bytes: u64,
    /// What the round has changed its page size to.
    pub(crate) page_size: Option<NonZeroU32>,
}

/// The version of the serialised form.
const VERSION: u32 = 2;

/// A position inside a round: everything before it was received, everything after it was not.
///
/// Store it together with the page that it came with. It holds a link, so keep it secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    version: u32,
    round: RoundId,
    kind: RoundKind,
    page: u32,
    bytes: u64,
    /// What the round has changed its page size to.
    #[serde(skip_serializing_if = "Option::is_none")]
    page_size: Option<NonZeroU32>,
    next: NextLink,
    /// Of the target's initial request, so that a checkpoint is not taken up for another target.
    target: RoundId,
}

impl Checkpoint {
    pub(crate) fn new(round: RoundId, kind: RoundKind, spent: Spent, next: NextLink, target: RoundId) -> Self {
        let Spent { page, bytes, page_size } = spent;
        Self { version: VERSION, round, kind, page, bytes, page_size, next, target }
    }

    /// The round that it belongs to.
    pub fn round(&self) -> RoundId {
        self.round
    }

    /// What kind of round that is.
    pub fn kind(&self) -> RoundKind {
        self.kind
    }

    /// How many pages of the round were received.
    pub fn page(&self) -> u32 {
        self.page
    }

    pub(crate) fn spent(&self) -> Spent {
        Spent { page: self.page, bytes: self.bytes, page_size: self.page_size }
    }

    /// The next link, if the checkpoint is of a version that is known and of this target.
    pub(crate) fn next_for(&self, target: RoundId) -> Result<&NextLink, CheckpointError> {
        if self.version != VERSION {
            return Err(CheckpointError::Version(self.version));
        }
        if self.target != target {
            return Err(CheckpointError::OtherTarget);
        }
        Ok(&self.next)
    }
}

/// Why a checkpoint can't be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It was written by another version.
    Version(u32),
    /// It is of another target.
    OtherTarget,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "the checkpoint has version {version}, and this program knows {VERSION}")
            }
            Self::OtherTarget => f.write_str("the checkpoint is of another target"),
        }
    }
}

impl std::error::Error for CheckpointError {}
