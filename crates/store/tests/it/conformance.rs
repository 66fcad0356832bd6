//! Every backend, behind every pointer, passes the conformance kit.

use std::sync::Arc;

use store::disk::SimDisk;
use store::{Batch, Error, FileOptions, FileStore, Revision, Store, View};

mod memory {
    store::store_conformance!(store::MemoryStore::new);
}

mod memory_behind_a_box {
    store::store_conformance!(|| -> Box<dyn store::Store> { Box::new(store::MemoryStore::new()) });
}

mod memory_behind_an_arc {
    store::store_conformance!(|| -> std::sync::Arc<dyn store::Store> {
        std::sync::Arc::new(store::MemoryStore::new())
    });
}

mod file_on_a_simulated_disk {
    store::store_conformance!(super::simulated);
}

mod file_behind_a_box {
    store::store_conformance!(|| -> Box<dyn store::Store> { Box::new(super::simulated()) });
}

mod file_behind_an_arc {
    store::store_conformance!(|| -> std::sync::Arc<dyn store::Store> { std::sync::Arc::new(super::simulated()) });
}

mod file_in_short_segments {
    store::store_conformance!(|| super::in_segments_of(300));
}

mod file_reopened_for_every_call {
    store::store_conformance!(super::Forgetful::new);
}

mod file_on_the_real_disk {
    store::store_conformance!(super::OnDisk::new);
}

fn simulated() -> FileStore {
    in_segments_of(FileOptions::default().segment_bytes)
}

fn in_segments_of(segment_bytes: u64) -> FileStore {
    FileStore::open_with(Arc::new(SimDisk::new(1)), "/replica", FileOptions { segment_bytes, ..FileOptions::default() })
        .unwrap()
}

/// Knows nothing but what is on the disk: each write opens the store anew, and each view comes from a new reader.
#[derive(Debug)]
struct Forgetful(SimDisk);

impl Forgetful {
    fn new() -> Self {
        let disk = SimDisk::new(1);
        drop(FileStore::open_with(Arc::new(disk.clone()), "/replica", FileOptions::default()).unwrap());
        Self(disk)
    }
}

#[async_trait::async_trait]
impl Store for Forgetful {
    async fn write(&self, batch: Batch) -> Result<Revision, Error> {
        let options = FileOptions { segment_bytes: 2000, ..FileOptions::default() };
        FileStore::open_with(Arc::new(self.0.clone()), "/replica", options)?.write(batch).await
    }

    async fn view(&self) -> Result<Arc<dyn View>, Error> {
        FileStore::read_only_with(Arc::new(self.0.clone()), "/replica")?.view().await
    }
}

/// Keeps its directory for as long as it lives.
#[derive(Debug)]
struct OnDisk {
    store: FileStore,
    _dir: tempfile::TempDir,
}

impl OnDisk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: FileStore::open(dir.path().join("replica")).unwrap(), _dir: dir }
    }
}

#[async_trait::async_trait]
impl Store for OnDisk {
    async fn write(&self, batch: Batch) -> Result<Revision, Error> {
        self.store.write(batch).await
    }

    async fn view(&self) -> Result<Arc<dyn View>, Error> {
        self.store.view().await
    }
}
