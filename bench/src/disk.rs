//! The real disk, counted.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use store::disk::{Access, Disk, Entry, File, Lock, RealDisk};

/// What was asked of the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub bytes: u64,
    pub writes: u64,
    pub syncs: u64,
}

#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicU64,
    writes: AtomicU64,
    syncs: AtomicU64,
}

/// The real file system, with a count of what is written and synced.
#[derive(Debug, Default, Clone)]
pub struct Counted(Arc<Counters>);

#[derive(Debug)]
struct CountedFile {
    file: Arc<dyn File>,
    counters: Arc<Counters>,
}

impl Counted {
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { bytes: read(&self.0.bytes), writes: read(&self.0.writes), syncs: read(&self.0.syncs) }
    }
}

impl Disk for Counted {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        RealDisk.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = RealDisk.open(path, access)?;
        Ok(Arc::new(CountedFile { file, counters: Arc::clone(&self.0) }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.syncs.fetch_add(1, Ordering::Relaxed);
        RealDisk.sync_dir(dir)
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<Lock> {
        RealDisk.lock(path, holder)
    }
}

impl File for CountedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.counters.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.counters.writes.fetch_add(1, Ordering::Relaxed);
        self.file.write_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync_data()
    }
}
