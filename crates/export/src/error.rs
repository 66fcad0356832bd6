//! What can go wrong.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why an export failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The replica can't be read.
    Store(store::Error),
    /// What is stored of an event is not a JSON object.
    NotAnEvent {
        /// The event's id.
        id: String,
    },
    /// Writing failed.
    Write(io::Error),
    /// A file or a directory can't be used.
    File {
        /// What was tried, such as `write`.
        what: &'static str,
        /// With which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The directory holds things that no export has put there.
    NotOurs {
        /// The directory.
        path: PathBuf,
    },
    /// The directory is the export of something else.
    OtherTarget {
        /// The directory.
        path: PathBuf,
        /// What it is of.
        target: String,
    },
    /// Another process is exporting to this directory.
    Busy {
        /// The directory.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { what, path: path.to_owned(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::NotAnEvent { id } => write!(f, "the event {id} is not a JSON object"),
            Self::Write(error) => write!(f, "can't write: {error}"),
            Self::File { what, path, source } => write!(f, "can't {what} {}: {source}", path.display()),
            Self::NotOurs { path } => write!(
                f,
                "{} holds things that were not exported: name a directory that is empty or new",
                path.display()
            ),
            Self::OtherTarget { path, target } => write!(
                f,
                "{} is an export of {target:?}: name another directory, or delete it to begin anew",
                path.display()
            ),
            Self::Busy { path } => write!(f, "another process is exporting to {}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Write(error) | Self::File { source: error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}
