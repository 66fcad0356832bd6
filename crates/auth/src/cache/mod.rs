//! Accounts, kept in files: one per account, which only its owner can read.
//!
//! `NAME.json` is replaced in one step, so that a crash leaves the old one or the new one. Who changes an account holds
//! the lock of `NAME.lock` meanwhile, over the exchange with the authority too: refresh tokens rotate, and two processes
//! must not hand in the same one. Readers take no lock.

mod account;
mod source;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use account::{Account, Kept};
pub use source::{CredentialSource, SourceError};

/// A directory of accounts.
#[derive(Clone, Debug)]
pub struct Cache(PathBuf);

impl Cache {
    /// The accounts in this directory, which need not exist yet.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The names of all accounts, in order.
    ///
    /// # Errors
    /// [`CacheError::Io`].
    pub fn names(&self) -> Result<Vec<AccountName>, CacheError> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(&self.0, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| self.failed(&self.0, &error))?;
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
            names.extend(name.and_then(|name| name.parse::<AccountName>().ok()));
        }
        names.sort();
        Ok(names)
    }

    /// An account as it is; none if there is none of that name.
    ///
    /// # Errors
    /// [`CacheError`] if its file can't be read or understood.
    pub fn read(&self, name: &AccountName) -> Result<Option<Account>, CacheError> {
        let path = self.file(name);
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&path, &error)),
        };
        Account::from_json(&json).map(Some).ok_or(CacheError::NotAnAccount { path })
    }

    /// Waits until nobody else changes the account, and lets nobody else until the lock is dropped.
    ///
    /// # Errors
    /// [`CacheError::Io`].
    pub fn lock(&self, name: &AccountName) -> Result<Locked, CacheError> {
        create_private(&self.0).map_err(|error| self.failed(&self.0, &error))?;
        let path = self.0.join(format!("{name}.lock"));
        let file = private_file(&path).and_then(|file| file.lock().map(|()| file));
        let lock = file.map_err(|error| self.failed(&path, &error))?;
        Ok(Locked { cache: self.clone(), name: name.clone(), _lock: lock })
    }

    fn file(&self, name: &AccountName) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }

    fn failed(&self, path: &Path, error: &io::Error) -> CacheError {
        CacheError::Io { path: path.to_owned(), error: error.to_string() }
    }
}

/// An account that nobody else changes meanwhile.
#[derive(Debug)]
pub struct Locked {
    cache: Cache,
    name: AccountName,
    _lock: File,
}

impl Locked {
    /// The account as it is now.
    ///
    /// # Errors
    /// As for [`Cache::read`].
    pub fn read(&self) -> Result<Option<Account>, CacheError> {
        self.cache.read(&self.name)
    }

    /// Replaces the account. When this returns, it is on disk.
    ///
    /// # Errors
    /// [`CacheError::Io`]; then the account is what it was.
    pub fn write(&self, account: &Account) -> Result<(), CacheError> {
        let path = self.cache.file(&self.name);
        replace(&self.cache.0, &path, &account.to_json()).map_err(|error| self.cache.failed(&path, &error))
    }

    /// Forgets the account: whether there was one.
    ///
    /// # Errors
    /// [`CacheError::Io`].
    pub fn remove(&self) -> Result<bool, CacheError> {
        let path = self.cache.file(&self.name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.cache.failed(&path, &error)),
        }
    }
}

fn replace(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory(directory)
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn create_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn create_private(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What an account is called: a name of one's own such as `work`, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountName(String);

impl AccountName {
    /// The name of who needs none.
    pub const DEFAULT: &str = "default";
}

impl Default for AccountName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl FromStr for AccountName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // It becomes a file's name, on systems where upper and lower case are the same too.
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.@+".contains(c);
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if begins && text.len() <= 100 && text.chars().all(fits) { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no account's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an account's name has small letters, digits and -_.@+, and begins with a letter or a digit")
    }
}

impl std::error::Error for NameError {}

/// Why an account can't be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheError {
    /// The file system's word.
    Io {
        /// What it is about.
        path: PathBuf,
        /// What went wrong.
        error: String,
    },
    /// The file is no account, or was written by another version.
    NotAnAccount {
        /// The file.
        path: PathBuf,
    },
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
            Self::NotAnAccount { path } => {
                write!(f, "{} can't be understood: remove it with `caldelta logout`, and log in again", path.display())
            }
        }
    }
}

impl std::error::Error for CacheError {}
