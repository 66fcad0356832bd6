//! A vdir: a directory with a file per single event or series, as khal, calcurse and vdirsyncer take it
//! (<https://vdirsyncer.pimutils.org/en/stable/vdir.html>).
//!
//! A calendar's directory is ours alone. Its manifest lists the files that an export has put there, and only those are
//! changed or deleted; a directory that holds things and no manifest is refused. A file is written only if it would be
//! another one than before, because vdirsyncer takes a new modification time for a change.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use store::View;

use crate::ics::{self, UnknownZones};
use crate::{Error, Filter, files, items};

/// The file that lists what is ours.
const MANIFEST: &str = ".caldelta.json";
/// The file that is locked while somebody writes.
const LOCK: &str = ".caldelta.lock";
/// The file that vdirsyncer takes a calendar's name from.
const NAME: &str = "displayname";

/// What an update did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Files that were written, because they are new or other than before.
    pub written: u64,
    /// Files that are as they were.
    pub unchanged: u64,
    /// Files that were deleted.
    pub deleted: u64,
    /// Zones that nobody knows.
    pub unknown_zones: UnknownZones,
}

/// The directory of a calendar.
#[derive(Debug)]
pub struct Vdir {
    path: PathBuf,
    /// Held for as long as this lives.
    _lock: fs::File,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    schema: String,
    target: String,
    files: BTreeSet<String>,
}

impl Vdir {
    /// Opens a directory for the calendar of a target, and makes it if there is none.
    ///
    /// # Errors
    /// [`Error::NotOurs`], [`Error::OtherTarget`], [`Error::Busy`], [`Error::File`].
    pub fn open(path: impl Into<PathBuf>, target: &str) -> Result<Self, Error> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(Error::file("create", &path))?;
        match Manifest::read(&path)? {
            Some(manifest) if manifest.target != target => {
                return Err(Error::OtherTarget { path, target: manifest.target });
            }
            Some(_) => {}
            None if !is_empty(&path)? => return Err(Error::NotOurs { path }),
            None => {}
        }
        let lock = path.join(LOCK);
        let lock = fs::File::create(&lock).map_err(Error::file("create", &lock))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(Error::Busy { path }),
            Err(fs::TryLockError::Error(error)) => return Err(Error::file("lock", &path)(error)),
        }
        let vdir = Self { path, _lock: lock };
        if Manifest::read(&vdir.path)?.is_none() {
            vdir.write(&Manifest { schema: SCHEMA.to_owned(), target: target.to_owned(), files: BTreeSet::new() })?;
        }
        Ok(vdir)
    }

    /// Brings the directory up to what the replica shows.
    ///
    /// # Errors
    /// The replica's; [`Error::File`]. What was written until then is listed, and the next update goes on.
    pub async fn update(&self, view: &dyn View, filter: &Filter) -> Result<Updated, Error> {
        let mut manifest = Manifest::read(&self.path)?.ok_or_else(|| Error::NotOurs { path: self.path.clone() })?;
        files::keep(&self.path.join(NAME), &manifest.target)?;
        let mut updated = Updated::default();
        let mut files = BTreeSet::new();
        // A file is listed before it is there, so that it is never taken for somebody else's.
        let mut names = manifest.files.clone();
        items::each::<Error>(view, filter, |item| {
            names.insert(file_name(&item.id));
            Ok(())
        })
        .await?;
        if names != manifest.files {
            manifest.files = names;
            self.write(&manifest)?;
        }
        items::each(view, filter, |item| {
            let name = file_name(&item.id);
            let (text, unknown) = ics::item(&item)?;
            let written = files::keep(&self.path.join(&name), &text)?;
            updated.count(written, unknown);
            files.insert(name);
            Ok::<_, Error>(())
        })
        .await?;
        for name in manifest.files.difference(&files) {
            updated.deleted = updated.deleted.saturating_add(u64::from(self.delete(name)?));
        }
        if manifest.files != files {
            manifest.files = files;
            self.write(&manifest)?;
        }
        Ok(updated)
    }

    fn write(&self, manifest: &Manifest) -> Result<(), Error> {
        let path = self.path.join(MANIFEST);
        let json = serde_json::to_string_pretty(manifest).map_err(|error| Error::file("write", &path)(error.into()))?;
        files::keep(&path, &(json + "\n")).map(|_| ())
    }

    /// Deletes one of our files: whether it was there.
    fn delete(&self, name: &str) -> Result<bool, Error> {
        if !is_file_name(name) {
            return Ok(false);
        }
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::file("delete", &path)(error)),
        }
    }
}

impl Updated {
    fn count(&mut self, written: bool, unknown: UnknownZones) {
        let count = if written { &mut self.written } else { &mut self.unchanged };
        *count = count.saturating_add(1);
        for (zone, events) in unknown {
            let count = self.unknown_zones.entry(zone).or_default();
            *count = count.saturating_add(events);
        }
    }
}

/// The manifest's own version.
const SCHEMA: &str = "vdir/1";

impl Manifest {
    fn read(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        let manifest: Self = serde_json::from_str(&text).map_err(|error| Error::file("read", &path)(error.into()))?;
        if manifest.schema == SCHEMA {
            return Ok(Some(manifest));
        }
        let newer = format!("it is {:?}, and this version knows {SCHEMA:?}", manifest.schema);
        Err(Error::file("read", &path)(io::Error::new(io::ErrorKind::InvalidData, newer)))
    }
}

/// Whether there is nothing in a directory but what an export that was interrupted early has left.
fn is_empty(path: &Path) -> Result<bool, Error> {
    for entry in fs::read_dir(path).map_err(Error::file("list", path))? {
        let name = entry.map_err(Error::file("list", path))?.file_name();
        if !name.to_string_lossy().starts_with(".caldelta") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The name of an item's file: ids are long, and differ in what some file systems do not tell apart.
fn file_name(id: &str) -> String {
    format!("{:032x}.ics", files::fnv1a(id))
}

/// Whether a name is one that we give. A manifest that somebody has written into leads nowhere else.
fn is_file_name(name: &str) -> bool {
    let digits = name.strip_suffix(".ics").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_stay_as_they_are() {
        assert_eq!(file_name(""), "6c62272e07bb014262b821756295c58d.ics");
        assert!(is_file_name(&file_name("AAMk=")) && file_name("AAMk=") != file_name("AAMK="));
    }

    #[test]
    fn a_manifest_leads_to_files_of_ours_only() {
        for name in ["../x.ics", "x.ics", "6c62272e07bb014262b821756295c58d", "/etc/passwd", ""] {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
