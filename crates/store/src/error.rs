//! What can go wrong with a store, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use delta_core::RoundId;

use crate::Revision;

/// Why a store did not do what it was asked.
///
/// Messages name paths, counts and what to do. They never hold links, tokens or anything of an event.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused. Nothing that was acknowledged is affected.
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The path holds something else than a store.
    NotAStore {
        /// What was looked at.
        path: PathBuf,
        /// What is there instead.
        why: &'static str,
    },
    /// Another process, or another handle of this one, is writing to the store.
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who it says is holding it, if it can be read.
        holder: Option<String>,
    },
    /// The store was written in a format that this build does not know.
    Newer {
        /// The segment that says so.
        path: PathBuf,
        /// The format that it names.
        format: u32,
    },
    /// The store was written in an earlier format, which has to be turned into the present one.
    Older {
        /// The segment that says so.
        path: PathBuf,
        /// The format that it names.
        format: u32,
    },
    /// Bytes that were once durable have changed or are gone. Nothing was repaired and nothing was cut off.
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it the first bad frame starts, in bytes.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// An earlier write failed in a way that leaves open what is on the disk. Reading goes on; writing needs a reopened
    /// store.
    Poisoned {
        /// The store.
        path: PathBuf,
    },
    /// The store was opened for reading.
    ReadOnly,
    /// Somebody else published since the revision that the batch was made from. Nothing was written.
    Conflict {
        /// The revision that the batch was made from.
        base: Revision,
        /// The revision that the store is at.
        found: Revision,
    },
    /// The batch is of another account, calendar or format than the replica. Nothing was written.
    Identity {
        /// Which part differs.
        part: &'static str,
        /// What the replica holds.
        stored: String,
        /// What the batch says.
        given: String,
    },
    /// A page does not follow the pages that are staged. Nothing was written.
    OutOfOrder {
        /// The round.
        round: RoundId,
        /// The page number that comes next.
        expected: u32,
        /// The one that came.
        found: u32,
    },
    /// Entries of the journal that were asked for are no longer kept. Read all rows, and go on from here.
    JournalTruncated {
        /// The entry after which to read.
        after: u64,
        /// The oldest entry that is kept.
        oldest: u64,
    },
    /// The batch contradicts itself or the replica, which is a mistake in the program that made it. Nothing was written.
    Invalid(&'static str),
    /// A backend from elsewhere failed in its own way.
    Backend(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// That a segment has a format that is not the present one.
    pub(crate) fn format(path: PathBuf, format: u32) -> Self {
        if format < crate::file::FORMAT { Self::Older { path, format } } else { Self::Newer { path, format } }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } => {
                write!(f, "could not {doing} {}: {source}", path.display())?;
                match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        f.write_str("; make room on that disk and try again: nothing that was published is lost")
                    }
                    _ => Ok(()),
                }
            }
            Self::NotAStore { path, why } => {
                write!(f, "{} is not a store: {why}; choose another path", path.display())
            }
            Self::Locked { path, holder: Some(holder) } => {
                write!(f, "the store is in use by {holder} (lock {}); wait until it ends, or stop it", path.display())
            }
            Self::Locked { path, holder: None } => {
                write!(f, "the store is in use by another process (lock {}); wait until it ends", path.display())
            }
            Self::Newer { path, format } => write!(
                f,
                "{} has format {format}, which this version does not know; use the version that wrote it, or a newer one",
                path.display()
            ),
            Self::Older { path, format } => write!(
                f,
                "{} has the earlier format {format}; nothing was changed; run `caldelta store migrate`, and try again",
                path.display()
            ),
            Self::Damaged { path, offset, what } => write!(
                f,
                "{} is damaged at byte {offset}: {what}; nothing was changed; salvage it, restore it from a copy, or sync into a new store",
                path.display()
            ),
            Self::Poisoned { path } => write!(
                f,
                "an earlier write to {} failed, and what reached the disk is unknown; open the store again",
                path.display()
            ),
            Self::ReadOnly => f.write_str("the store is open for reading only; open it for writing"),
            Self::Conflict { base, found } => write!(
                f,
                "the run started from revision {base}, but the replica is at revision {found}; nothing was written; plan again"
            ),
            Self::Identity { part, stored, given } => write!(
                f,
                "the replica belongs to another {part} ({stored}, not {given}); nothing was written; use a store of its own"
            ),
            Self::OutOfOrder { round, expected, found } => write!(
                f,
                "page {found} of round {round} does not follow: page {expected} comes next; discard the round, or resume it there"
            ),
            Self::JournalTruncated { after, oldest } => write!(
                f,
                "the journal no longer has what came after entry {after}: its oldest entry is {oldest}; read all events, then go on from there"
            ),
            Self::Invalid(what) => write!(f, "the batch is not valid: {what}; nothing was written"),
            Self::Backend(source) => write!(f, "the backend failed: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Backend(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}
