//! The replicas of a store, opened for reading.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use delta_core::Resource;
use store::{FileStore, Library, MemoryStore, Store, View};
use sync::Health;

use crate::args::StoreArgs;
use crate::exit::{Code, Failure};
use crate::paths;

/// A replica that is read.
pub(crate) struct Opened {
    /// What it is a copy of, such as `me`.
    pub(crate) target: String,
    /// As it was when it was opened, or refreshed.
    pub(crate) view: Arc<dyn View>,
    store: FileStore,
}

impl Opened {
    /// Where it lives.
    pub(crate) fn store(&self) -> &FileStore {
        &self.store
    }

    /// Takes up what was published since.
    pub(crate) async fn refresh(&mut self) -> Result<(), Failure> {
        self.view = self.store.view().await?;
        Ok(())
    }
}

/// Opens the replicas of these targets, or all that have been published.
pub(crate) async fn open(args: &StoreArgs, targets: &[Resource]) -> Result<Vec<Opened>, Failure> {
    let path = paths::store(args)?;
    let library = Library::open(&path)?;
    let mut opened = Vec::new();
    if targets.is_empty() {
        for shelf in library.replicas()? {
            opened.extend(pin(FileStore::read_only(shelf.path)?).await?);
        }
        if opened.is_empty() {
            return Err(missing(&path, "local copy"));
        }
    }
    for target in targets {
        let store = library.reader(&target.to_string())?;
        let replica = match store {
            Some(store) => pin(store).await?,
            None => None,
        };
        opened.push(replica.ok_or_else(|| missing(&path, &format!("local copy of {target}")))?);
    }
    Ok(opened)
}

/// A replica that was begun, or is to be, whether anything of it was published or not.
pub(crate) struct Begun {
    /// What it is a copy of; the name of its directory, if nothing says.
    pub(crate) target: String,
    pub(crate) view: Arc<dyn View>,
}

/// The replicas of these targets, or all that there are, and those of `others`, which may not have been begun.
pub(crate) async fn begun(
    args: &StoreArgs,
    targets: &[Resource],
    others: &BTreeSet<Resource>,
) -> Result<Vec<Begun>, Failure> {
    let path = paths::store(args)?;
    let library = Library::open(&path)?;
    let mut begun = Vec::new();
    if targets.is_empty() {
        for shelf in library.replicas()? {
            let view = FileStore::read_only(shelf.path)?.view().await?;
            let published = view.identity().map(|identity| identity.resource.clone());
            let known = others.iter().map(ToString::to_string).find(|other| library.shelf(other).name == shelf.name);
            let target = published.or(known).or_else(|| Health::of(view.as_ref()).target).unwrap_or(shelf.name);
            begun.push(Begun { target, view });
        }
    }
    for target in targets.iter().chain(others.iter().filter(|_| targets.is_empty())) {
        let name = target.to_string();
        if begun.iter().any(|begun| begun.target == name) {
            continue;
        }
        let view = match library.reader(&name)? {
            Some(store) => store.view().await?,
            None if others.contains(target) => MemoryStore::default().view().await?,
            None => return Err(missing(&path, &format!("local copy of {target}"))),
        };
        begun.push(Begun { target: name, view });
    }
    Ok(begun)
}

/// That nothing is there that could be read.
pub(crate) fn missing(store: &Path, what: &str) -> Failure {
    Failure::new(Code::Failure, format!("there is no {what} in {}: run `caldelta sync` first", store.display()))
}

/// The replica at its last published run, if there was one.
async fn pin(store: FileStore) -> Result<Option<Opened>, Failure> {
    let view = store.view().await?;
    let target = view.identity().map(|identity| identity.resource.clone());
    Ok(target.map(|target| Opened { target, view, store }))
}
