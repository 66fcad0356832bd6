//! A disk that crashes.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, Disk, Entry, File, Guard, Lock, parent_of};

/// What becomes of bytes and names that were not synced when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    /// Nothing of it survives.
    None,
    /// All of it survives.
    All,
    /// A file's new bytes survive up to some point; each new name may survive.
    Prefix,
    /// A file's new length survives, but its new bytes read as zeros; new names survive.
    Zeros,
    /// Each sector of 512 bytes, each length and each name survives or not, independently of the others.
    Sectors,
    /// The same for each byte.
    Bytes,
}

impl Survival {
    /// Every model, to go through them all.
    pub const ALL: [Self; 6] = [Self::None, Self::All, Self::Prefix, Self::Zeros, Self::Sectors, Self::Bytes];
}

/// What goes wrong at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The device reports an error, and nothing happens. The bytes that a failed sync
    /// covered are taken for durable from then on: they are there, but no later sync writes them, until they are
    /// written again.
    Io,
    /// The disk is full: nothing is written.
    Full,
    /// The disk fills up half way through a write. Anything but a write fails as with [`Fault::Io`].
    Short,
    /// The power goes: the operation has happened but is not synced (a sync has not happened), and nothing works until
    /// [`SimDisk::crash`] brings the machine back.
    PowerOff,
}

/// A disk in memory that loses what was not synced, tears it, or refuses to work, all from one seed.
///
/// Clones share the disk. Operations that change something are counted, so that a test can go through every one of
/// them: see [`operations`](Self::operations) and [`fail_at`](Self::fail_at).
#[derive(Debug, Clone)]
pub struct SimDisk {
    machine: Arc<Mutex<Machine>>,
}

#[derive(Debug, Clone)]
struct Machine {
    random: u64,
    /// Counts crashes: what was opened before the last one is dead.
    boot: u64,
    power: bool,
    operations: u64,
    fault: Option<(u64, Fault)>,
    names: BTreeMap<PathBuf, Name>,
    synced_names: BTreeMap<PathBuf, Name>,
    nodes: Vec<Node>,
    locks: BTreeMap<PathBuf, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Dir,
    File(usize),
}

/// A file's content, as programs see it and as it would be after the worst crash.
#[derive(Debug, Clone, Default)]
struct Node {
    now: Vec<u8>,
    synced: Vec<u8>,
    dirty: Vec<Range<usize>>,
    resized: bool,
    /// What was there before the end was cut off. The system may have written it while the cut is still to be synced.
    uncut: Option<Vec<u8>>,
}

impl SimDisk {
    /// An empty disk with a root directory `/`.
    pub fn new(seed: u64) -> Self {
        let root = BTreeMap::from([(PathBuf::from("/"), Name::Dir)]);
        let machine = Machine {
            random: seed,
            boot: 0,
            power: true,
            operations: 0,
            fault: None,
            names: root.clone(),
            synced_names: root,
            nodes: Vec::new(),
            locks: BTreeMap::new(),
        };
        Self { machine: Arc::new(Mutex::new(machine)) }
    }

    /// An independent copy of this disk and of everything on it, synced or not. Files opened here stay here.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut machine = self.machine().clone();
        machine.locks.clear();
        Self { machine: Arc::new(Mutex::new(machine)) }
    }

    /// How many operations have changed, or tried to change, something so far.
    pub fn operations(&self) -> u64 {
        self.machine().operations
    }

    /// Lets the operation with this number go wrong; numbers continue from [`operations`](Self::operations).
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.machine().fault = Some((operation, fault));
    }

    /// Cuts the power and brings the machine back: locks are gone, open files are dead, no fault is planned, and of
    /// what was not synced only as much is left as `survival` says.
    pub fn crash(&self, survival: Survival) {
        self.machine().crash(survival);
    }

    /// A file's bytes as a program would read them now.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let machine = self.machine();
        match machine.names.get(path) {
            Some(Name::File(node)) => machine.nodes.get(*node).map(|node| node.now.clone()),
            _ => None,
        }
    }

    /// Puts a file there, durably, as if it had always been so: for damage done on purpose. The directory must exist.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut machine = self.machine();
        let name = Name::File(machine.nodes.len());
        machine.nodes.push(Node { now: bytes.to_vec(), synced: bytes.to_vec(), ..Node::default() });
        machine.names.insert(path.to_owned(), name);
        machine.synced_names.insert(path.to_owned(), name);
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handle's view of the machine, as long as it has not crashed since.
    fn alive(&self, boot: u64) -> io::Result<MutexGuard<'_, Machine>> {
        let machine = self.machine();
        if machine.boot == boot && machine.power { Ok(machine) } else { Err(power_is_off()) }
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("the simulated machine is off")
}

impl Machine {
    /// SplitMix64: small, and good enough to pick what survives.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn coin(&mut self) -> bool {
        self.random() & 1 == 1
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: usize, high: usize) -> usize {
        let choices = high.saturating_sub(low).saturating_add(1) as u64;
        low.saturating_add((self.random() % choices) as usize)
    }

    /// Counts an operation that changes something and says what is to go wrong with it.
    fn operation(&mut self) -> io::Result<Option<Fault>> {
        if !self.power {
            return Err(power_is_off());
        }
        let number = self.operations;
        self.operations = number.saturating_add(1);
        let fault = self.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        if fault.is_some() {
            self.fault = None;
        }
        if fault == Some(Fault::PowerOff) {
            self.power = false;
        }
        Ok(fault)
    }

    fn crash(&mut self, survival: Survival) {
        let changed: Vec<PathBuf> = self
            .names
            .keys()
            .chain(self.synced_names.keys())
            .filter(|path| self.names.get(*path) != self.synced_names.get(*path))
            .cloned()
            .collect();
        for path in changed {
            let survives = match survival {
                Survival::None => false,
                Survival::All | Survival::Zeros => true,
                Survival::Prefix | Survival::Sectors | Survival::Bytes => self.coin(),
            };
            let (from, to) =
                if survives { (&self.names, &mut self.synced_names) } else { (&self.synced_names, &mut self.names) };
            match from.get(&path) {
                Some(name) => to.insert(path, *name),
                None => to.remove(&path),
            };
        }
        let dirs: Vec<PathBuf> =
            self.names.iter().filter(|(_, name)| **name == Name::Dir).map(|(p, _)| p.clone()).collect();
        self.names.retain(|path, _| path == Path::new("/") || dirs.iter().any(|dir| dir == parent_of(path)));
        self.synced_names = self.names.clone();
        for at in 0..self.nodes.len() {
            let Some(node) = self.nodes.get_mut(at).map(std::mem::take) else { continue };
            let left = self.survivors(node, survival);
            if let Some(node) = self.nodes.get_mut(at) {
                *node = Node { now: left.clone(), synced: left, ..Node::default() };
            }
        }
        self.locks.clear();
        self.fault = None;
        self.power = true;
        self.boot = self.boot.saturating_add(1);
    }

    /// What is left of a file's content.
    fn survivors(&mut self, node: Node, survival: Survival) -> Vec<u8> {
        let Node { mut now, synced, uncut, .. } = node;
        if let (Survival::Prefix | Survival::Sectors | Survival::Bytes, Some(uncut)) = (survival, uncut)
            && self.coin()
        {
            now = uncut;
        }
        match survival {
            Survival::None => synced,
            Survival::All => now,
            Survival::Prefix => {
                let (short, long) = (now.len().min(synced.len()), now.len().max(synced.len()));
                let len = self.between(short, long);
                let mut left = if now.len() >= synced.len() { now } else { synced };
                left.truncate(len);
                left
            }
            Survival::Zeros => {
                let len = synced.len().min(now.len());
                now.iter_mut().skip(len).for_each(|byte| *byte = 0);
                now
            }
            Survival::Sectors | Survival::Bytes => {
                const SECTOR: usize = 512;
                let (short, long) = (now.len().min(synced.len()), now.len().max(synced.len()));
                let len = match self.random() % 4 {
                    0 => now.len(),
                    1 => synced.len(),
                    _ => self.between(short, long),
                };
                let byte = |content: &[u8], at: usize| content.get(at).copied().unwrap_or(0);
                let unit = if survival == Survival::Sectors { SECTOR } else { 1 };
                let mut is_new = false;
                let mut survivor = |at: usize| {
                    if at.is_multiple_of(unit) {
                        is_new = self.coin();
                    }
                    if is_new { byte(&now, at) } else { byte(&synced, at) }
                };
                (0..len).map(&mut survivor).collect()
            }
        }
    }

    fn node(&mut self, at: usize) -> io::Result<&mut Node> {
        self.nodes.get_mut(at).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn parent_exists(&self, path: &Path) -> io::Result<()> {
        match self.names.get(parent_of(path)) {
            Some(Name::Dir) => Ok(()),
            Some(Name::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// The error of a fault, unless the operation is to happen: then the power may go right after it.
fn refuse(fault: Option<Fault>) -> io::Result<()> {
    match fault {
        Some(Fault::Io | Fault::Short) => Err(io::Error::other("simulated device error")),
        Some(Fault::Full) => Err(io::ErrorKind::StorageFull.into()),
        Some(Fault::PowerOff) | None => Ok(()),
    }
}

/// After the operation happened: did the caller live to see it?
fn outlive(fault: Option<Fault>) -> io::Result<()> {
    if fault == Some(Fault::PowerOff) { Err(power_is_off()) } else { Ok(()) }
}

impl Disk for SimDisk {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let machine = self.machine();
        match machine.names.get(dir) {
            None => return Err(io::ErrorKind::NotFound.into()),
            Some(Name::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            Some(Name::Dir) => {}
        }
        let entries = machine.names.iter().filter(|(path, _)| path.as_path() != dir && parent_of(path) == dir);
        Ok(entries
            .map(|(path, name)| Entry {
                name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                is_dir: *name == Name::Dir,
            })
            .collect())
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut machine = self.machine();
        machine.parent_exists(dir)?;
        if machine.names.contains_key(dir) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let fault = machine.operation()?;
        refuse(fault)?;
        machine.names.insert(dir.to_owned(), Name::Dir);
        outlive(fault)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let mut machine = self.machine();
        machine.parent_exists(path)?;
        let node = match (machine.names.get(path), access) {
            (Some(Name::Dir), _) => return Err(io::ErrorKind::IsADirectory.into()),
            (Some(Name::File(_)), Access::Create) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(Name::File(node)), _) => *node,
            (None, Access::Read | Access::Write) => return Err(io::ErrorKind::NotFound.into()),
            (None, Access::Create) => {
                let fault = machine.operation()?;
                refuse(fault)?;
                let node = machine.nodes.len();
                machine.nodes.push(Node::default());
                machine.names.insert(path.to_owned(), Name::File(node));
                outlive(fault)?;
                node
            }
        };
        let writable = access != Access::Read;
        Ok(Arc::new(SimFile { disk: self.clone(), boot: machine.boot, node, writable }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.machine();
        if !matches!(machine.names.get(path), Some(Name::File(_))) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let fault = machine.operation()?;
        refuse(fault)?;
        machine.names.remove(path);
        outlive(fault)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut machine = self.machine();
        let fault = machine.operation()?;
        refuse(fault)?;
        outlive(fault)?;
        let machine = &mut *machine;
        machine.synced_names.retain(|path, _| parent_of(path) != dir || machine.names.contains_key(path));
        let here = machine.names.iter().filter(|(path, _)| parent_of(path) == dir);
        machine.synced_names.extend(here.map(|(path, name)| (path.clone(), *name)));
        Ok(())
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<Lock> {
        let mut machine = self.machine();
        machine.parent_exists(path)?;
        match machine.names.get(path) {
            Some(Name::Dir) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(Name::File(_)) => {}
            None => {
                let fault = machine.operation()?;
                refuse(fault)?;
                let node = machine.nodes.len();
                machine.nodes.push(Node::default());
                machine.names.insert(path.to_owned(), Name::File(node));
                outlive(fault)?;
            }
        }
        if let Some(holder) = machine.locks.get(path) {
            return Ok(Lock::Taken(Some(holder.clone())));
        }
        machine.locks.insert(path.to_owned(), holder.to_owned());
        Ok(Lock::Held(Box::new(SimGuard { disk: self.clone(), boot: machine.boot, path: path.to_owned() })))
    }
}

#[derive(Debug)]
struct SimGuard {
    disk: SimDisk,
    boot: u64,
    path: PathBuf,
}

impl Guard for SimGuard {}

impl Drop for SimGuard {
    fn drop(&mut self) {
        let mut machine = self.disk.machine();
        if machine.boot == self.boot {
            machine.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    boot: u64,
    node: usize,
    writable: bool,
}

impl SimFile {
    /// The machine, if this file may still be changed.
    fn change(&self) -> io::Result<MutexGuard<'_, Machine>> {
        if self.writable { self.disk.alive(self.boot) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut machine = self.disk.alive(self.boot)?;
        let node = machine.node(self.node)?;
        let rest = usize::try_from(offset).ok().and_then(|from| node.now.get(from..)).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut machine = self.change()?;
        let fault = machine.operation()?;
        if fault != Some(Fault::Short) {
            refuse(fault)?;
        }
        let bytes = if fault == Some(Fault::Short) { bytes.get(..bytes.len() / 2).unwrap_or_default() } else { bytes };
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let end = start.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        let node = machine.node(self.node)?;
        if node.now.len() < end {
            node.now.resize(end, 0);
            node.resized = true;
        }
        for (to, from) in node.now.iter_mut().skip(start).zip(bytes) {
            *to = *from;
        }
        node.dirty.push(start..end);
        if fault == Some(Fault::Short) { Err(io::ErrorKind::StorageFull.into()) } else { outlive(fault) }
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.alive(self.boot)?.node(self.node)?.now.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut machine = self.change()?;
        let fault = machine.operation()?;
        refuse(fault)?;
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let node = machine.node(self.node)?;
        if len < node.now.len() && node.uncut.is_none() {
            node.uncut = Some(node.now.clone());
        }
        node.now.resize(len, 0);
        node.resized = true;
        outlive(fault)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut machine = self.change()?;
        let fault = machine.operation()?;
        let node = machine.node(self.node)?;
        if fault == Some(Fault::PowerOff) {
            // The machine is gone before the sync is: nothing more is known than before it.
            return outlive(fault);
        }
        let dirty = std::mem::take(&mut node.dirty);
        // As on Linux, a failed sync marks its pages clean, so that no later sync writes them. The length stays dirty.
        refuse(fault)?;
        if std::mem::take(&mut node.resized) {
            node.synced.resize(node.now.len(), 0);
        }
        node.uncut = None;
        for range in dirty {
            let to = node.synced.iter_mut().enumerate().skip(range.start).take(range.len());
            for (at, byte) in to {
                *byte = node.now.get(at).copied().unwrap_or(0);
            }
        }
        Ok(())
    }
}
