//! The replicas of a store, opened for reading.

use std::sync::Arc;

use delta_core::Resource;
use store::{FileStore, Library, Store, View};

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
    let missing = |what: String| {
        Failure::new(Code::Failure, format!("there is no {what} in {}: run `caldelta sync` first", path.display()))
    };
    let mut opened = Vec::new();
    if targets.is_empty() {
        for shelf in library.replicas()? {
            opened.extend(pin(FileStore::read_only(shelf.path)?).await?);
        }
        if opened.is_empty() {
            return Err(missing("local copy".to_owned()));
        }
    }
    for target in targets {
        let store = library.reader(&target.to_string())?;
        let replica = match store {
            Some(store) => pin(store).await?,
            None => None,
        };
        opened.push(replica.ok_or_else(|| missing(format!("local copy of {target}")))?);
    }
    Ok(opened)
}

/// The replica at its last published run, if there was one.
async fn pin(store: FileStore) -> Result<Option<Opened>, Failure> {
    let view = store.view().await?;
    let target = view.identity().map(|identity| identity.resource.clone());
    Ok(target.map(|target| Opened { target, view, store }))
}
