//! A sorted list in shared chunks: a clone shares all of them, and writing to one of the two copies a few chunks, not the
//! list.

use std::cmp::Ordering::{self, Equal, Less};
use std::slice;
use std::sync::Arc;

/// How many entries a chunk may have, and how many chunks a group. Few, since a publish beside a view copies a chunk and a
/// group for each row that differs; and many, since there is one list of all groups, which is copied too.
const MOST: usize = 256;

/// By how many entries a chunk grows at a time: a chunk that doubled would be half empty.
const STEP: usize = 16;

/// Entries in ascending order. Each call says by which order: always the same, of course.
#[derive(Debug)]
pub(crate) struct Sorted<T> {
    /// None of the groups is empty, and no chunk in them.
    groups: Arc<Vec<Arc<Vec<Chunk<T>>>>>,
    len: usize,
}

type Chunk<T> = Arc<Vec<T>>;

/// The place of an entry: group, chunk and number.
type Place = (usize, usize, usize);

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { groups: Arc::default(), len: 0 }
    }
}

impl<T> Clone for Sorted<T> {
    fn clone(&self) -> Self {
        Self { groups: self.groups.clone(), len: self.len }
    }
}

impl<T> Sorted<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A list of entries that are in order.
    pub(super) fn from_sorted(entries: impl IntoIterator<Item = T>) -> Self {
        let (mut groups, mut group, mut chunk) = (Vec::new(), Vec::new(), Vec::new());
        let mut len = 0;
        for entry in entries {
            if chunk.len() == MOST {
                group.push(Arc::new(std::mem::take(&mut chunk)));
            }
            if group.len() == MOST {
                groups.push(Arc::new(std::mem::take(&mut group)));
            }
            if chunk.capacity() == 0 {
                chunk.reserve_exact(MOST);
            }
            chunk.push(entry);
            len += 1;
        }
        chunk.shrink_to_fit();
        group.extend((!chunk.is_empty()).then(|| Arc::new(chunk)));
        groups.extend((!group.is_empty()).then(|| Arc::new(group)));
        Self { groups: Arc::new(groups), len }
    }

    /// The place of the first entry that is not before what is looked for; behind the last one if there is none.
    fn seek(&self, is_before: impl Fn(&T) -> bool) -> Place {
        let chunk_is_before = |chunk: &Chunk<T>| chunk.last().is_some_and(&is_before);
        let group = self.groups.partition_point(|group| group.last().is_some_and(chunk_is_before));
        let Some(chunks) = self.groups.get(group) else { return (group, 0, 0) };
        let chunk = chunks.partition_point(chunk_is_before);
        (group, chunk, chunks.get(chunk).map_or(0, |chunk| chunk.partition_point(is_before)))
    }

    /// All entries from the first that is not before what is looked for.
    pub(super) fn from(&self, is_before: impl Fn(&T) -> bool) -> Entries<'_, T> {
        let (group, chunk, at) = self.seek(is_before);
        let mut groups = self.groups.get(group..).unwrap_or_default().iter();
        let mut chunks = groups.next().and_then(|group| group.get(chunk..)).unwrap_or_default().iter();
        let entries = chunks.next().and_then(|chunk| chunk.get(at..)).unwrap_or_default().iter();
        Entries { groups, chunks, entries }
    }

    pub(super) fn last(&self) -> Option<&T> {
        self.groups.last()?.last()?.last()
    }

    /// The entry that is equal to what is looked for.
    pub(super) fn get(&self, order: impl Fn(&T) -> Ordering) -> Option<&T> {
        let (group, chunk, at) = self.seek(|entry| order(entry) == Less);
        self.groups.get(group)?.get(chunk)?.get(at).filter(|entry| order(entry) == Equal)
    }
}

/// The entries of a list from one of them on.
pub(crate) struct Entries<'a, T> {
    groups: slice::Iter<'a, Arc<Vec<Chunk<T>>>>,
    chunks: slice::Iter<'a, Chunk<T>>,
    entries: slice::Iter<'a, T>,
}

impl<'a, T> Iterator for Entries<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(entry);
            }
            match self.chunks.next() {
                Some(chunk) => self.entries = chunk.iter(),
                None => self.chunks = self.groups.next()?.iter(),
            }
        }
    }
}

impl<T: Clone> Sorted<T> {
    /// Puts an entry in its place, or in that of its equal.
    pub(super) fn insert(&mut self, entry: T, order: impl Fn(&T) -> Ordering) {
        let (group, chunk, at) = self.seek(|entry| order(entry) == Less);
        let groups = Arc::make_mut(&mut self.groups);
        // What comes after everything goes into the last chunk.
        let is_last = group == groups.len();
        let group = if is_last { group.saturating_sub(1) } else { group };
        let Some(chunks) = groups.get_mut(group) else {
            self.len = 1;
            return groups.push(Arc::new(vec![Arc::new(vec![entry])]));
        };
        let chunks = Arc::make_mut(chunks);
        let number = if is_last { chunks.len().saturating_sub(1) } else { chunk };
        let Some(found) = chunks.get_mut(number) else { return };
        if let Some(equal) = found.get(at).filter(|_| !is_last)
            && order(equal) == Equal
        {
            if let Some(equal) = Arc::make_mut(found).get_mut(at) {
                *equal = entry;
            }
            return;
        }
        self.len += 1;
        if found.len() < MOST {
            let found = Arc::make_mut(found);
            if found.len() == found.capacity() {
                found.reserve_exact(STEP);
            }
            found.insert(if is_last { found.len() } else { at }, entry);
        } else if is_last {
            // Entries that come in order fill their chunks.
            let mut chunk = Vec::with_capacity(STEP);
            chunk.push(entry);
            chunks.push(Arc::new(chunk));
        } else {
            let (mut left, mut right) = halves(found);
            if at <= left.len() {
                left.insert(at, entry);
            } else {
                right.insert(at.saturating_sub(left.len()), entry);
            }
            *found = Arc::new(left);
            chunks.insert(number + 1, Arc::new(right));
        }
        if chunks.len() > MOST {
            let rest = chunks.split_off(MOST / 2);
            chunks.shrink_to_fit();
            groups.insert(group + 1, Arc::new(rest));
        }
    }

    /// Takes the entry away that is equal to what is looked for.
    pub(super) fn remove(&mut self, order: impl Fn(&T) -> Ordering) -> Option<T> {
        let (group, number, at) = self.seek(|entry| order(entry) == Less);
        self.groups.get(group)?.get(number)?.get(at).filter(|entry| order(entry) == Equal)?;
        let groups = Arc::make_mut(&mut self.groups);
        let chunks = Arc::make_mut(groups.get_mut(group)?);
        let chunk = Arc::make_mut(chunks.get_mut(number)?);
        let removed = chunk.remove(at);
        self.len -= 1;
        if chunk.len() < MOST / 4 {
            merge(chunks, number);
        }
        if chunks.is_empty() {
            groups.remove(group);
        }
        Some(removed)
    }
}

/// A full chunk in two, each with room for more.
fn halves<T: Clone>(chunk: &[T]) -> (Vec<T>, Vec<T>) {
    let (left, right) = chunk.split_at(chunk.len() / 2);
    let with_room = |half: &[T]| {
        let mut copy = Vec::with_capacity(half.len() + STEP);
        copy.extend_from_slice(half);
        copy
    };
    (with_room(left), with_room(right))
}

/// Puts a small chunk and the next one of its group together, if that is still small.
fn merge<T: Clone>(chunks: &mut Vec<Chunk<T>>, number: usize) {
    let small = chunks.get(number).map_or(0, |chunk| chunk.len());
    let next = chunks.get(number + 1).map(|next| next.len());
    if small == 0 {
        chunks.remove(number);
    } else if next.is_some_and(|next| small + next <= MOST / 2) {
        let next = chunks.remove(number + 1);
        if let Some(chunk) = chunks.get_mut(number) {
            Arc::make_mut(chunk).extend(next.iter().cloned());
        }
    }
}

#[cfg(test)]
impl<T> Sorted<T> {
    /// How many bytes it takes, what is reserved included.
    pub(super) fn bytes(&self) -> usize {
        /// The counts of an [`Arc`], and a [`Vec`].
        const EACH: usize = 16 + size_of::<Vec<()>>();
        let chunk = |chunk: &Chunk<T>| EACH + chunk.capacity() * size_of::<T>();
        let group = |group: &Arc<Vec<Chunk<T>>>| EACH + group.capacity() * 8 + group.iter().map(chunk).sum::<usize>();
        EACH + self.groups.capacity() * 8 + self.groups.iter().map(group).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A sorted list is what a map is, also in a clone that was made before something changed.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0..2000_u32, 0..4_u8, any::<bool>()), 1..40)) {
            let (mut list, mut map) = (Sorted::<(u32, usize)>::default(), BTreeMap::new());
            let mut clones = Vec::new();
            for (at, (start, what, up)) in steps.into_iter().enumerate() {
                for key in 0..if what == 3 { 1 } else { 300 } {
                    let key = if up { start + key } else { start.saturating_sub(key) };
                    let order = |entry: &(u32, usize)| entry.0.cmp(&key);
                    if what == 0 {
                        prop_assert_eq!(list.remove(order), map.remove(&key).map(|value| (key, value)));
                    } else {
                        list.insert((key, at), order);
                        map.insert(key, at);
                    }
                    prop_assert_eq!(list.get(order).map(|entry| entry.1), map.get(&key).copied());
                }
                prop_assert_eq!((list.len(), list.is_empty()), (map.len(), map.is_empty()));
                let mut chunks = list.groups.iter().flat_map(|group| group.iter());
                prop_assert!(chunks.all(|chunk| (1..=MOST).contains(&chunk.len())));
                prop_assert!(list.groups.iter().all(|group| (1..=MOST).contains(&group.len())));
                let found: Vec<_> = list.from(|entry| entry.0 <= start).copied().collect();
                let expected: Vec<_> = map.range(start + 1..).map(|(key, value)| (*key, *value)).collect();
                prop_assert_eq!(found, expected);
                clones.push((list.clone(), map.clone()));
            }
            for (list, map) in clones {
                prop_assert!(list.from(|_| false).copied().eq(map.clone()));
                prop_assert!(Sorted::from_sorted(map.clone()).from(|_| false).copied().eq(map));
            }
        }
    }
}
