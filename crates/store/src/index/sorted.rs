//! A sorted list in shared chunks: a clone shares all of them, and writing to one of the two copies a chunk, not the list.

use std::cmp::Ordering::{self, Equal, Less};
use std::iter::{FlatMap, Skip};
use std::slice;
use std::sync::Arc;

/// How many entries a chunk may have. Few, since a publish beside a view copies a chunk for each row that differs; and
/// many, since a clone costs as much as there are chunks.
const MOST: usize = 256;

/// Entries in ascending order. Each call says by which order: always the same, of course.
#[derive(Debug, Clone)]
pub(super) struct Sorted<T> {
    /// None of them is empty.
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

/// The entries of a list from one of them on.
type Entries<'a, T> = Skip<FlatMap<Skip<slice::Iter<'a, Arc<Vec<T>>>>, slice::Iter<'a, T>, Chunk<'a, T>>>;

/// What makes entries of a chunk.
type Chunk<'a, T> = fn(&'a Arc<Vec<T>>) -> slice::Iter<'a, T>;

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Sorted<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chunk and the place in it of the first entry that is not before what is looked for.
    fn seek(&self, is_before: impl Fn(&T) -> bool) -> (usize, usize) {
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(&is_before));
        (chunk, self.chunks.get(chunk).map_or(0, |chunk| chunk.partition_point(is_before)))
    }

    /// All entries from the first that is not before what is looked for.
    pub(super) fn from(&self, is_before: impl Fn(&T) -> bool) -> Entries<'_, T> {
        let (number, at) = self.seek(is_before);
        let entries: Chunk<'_, T> = |chunk| chunk.iter();
        self.chunks.iter().skip(number).flat_map(entries).skip(at)
    }

    /// The entry that is equal to what is looked for.
    pub(super) fn get(&self, order: impl Fn(&T) -> Ordering) -> Option<&T> {
        let (chunk, at) = self.seek(|entry| order(entry) == Less);
        self.chunks.get(chunk)?.get(at).filter(|entry| order(entry) == Equal)
    }
}

impl<T: Clone> Sorted<T> {
    /// Puts an entry in its place, or in that of its equal.
    pub(super) fn insert(&mut self, entry: T, order: impl Fn(&T) -> Ordering) {
        let (number, at) = self.seek(|entry| order(entry) == Less);
        let is_last = number == self.chunks.len();
        // What comes after everything goes into the last chunk.
        let number = if is_last { number.saturating_sub(1) } else { number };
        let Some(chunk) = self.chunks.get_mut(number) else {
            self.len = 1;
            return self.chunks.push(Arc::new(vec![entry]));
        };
        if let Some(equal) = Arc::make_mut(chunk).get_mut(at).filter(|entry| !is_last && order(entry) == Equal) {
            *equal = entry;
            return;
        }
        self.len += 1;
        if is_last && chunk.len() >= MOST {
            // Entries that come in order fill their chunks.
            return self.chunks.push(Arc::new(vec![entry]));
        }
        let chunk = Arc::make_mut(chunk);
        chunk.insert(if is_last { chunk.len() } else { at }, entry);
        if chunk.len() > MOST {
            let rest = chunk.split_off(MOST / 2);
            self.chunks.insert(number + 1, Arc::new(rest));
        }
    }

    /// Takes the entry away that is equal to what is looked for.
    pub(super) fn remove(&mut self, order: impl Fn(&T) -> Ordering) -> Option<T> {
        let (number, at) = self.seek(|entry| order(entry) == Less);
        let chunk = self.chunks.get_mut(number)?;
        chunk.get(at).filter(|entry| order(entry) == Equal)?;
        let chunk = Arc::make_mut(chunk);
        let removed = chunk.remove(at);
        self.len -= 1;
        if chunk.len() < MOST / 4 {
            self.merge(number);
        }
        Some(removed)
    }

    /// Puts a small chunk and the next one together, if that is still small.
    fn merge(&mut self, number: usize) {
        let small = self.chunks.get(number).map_or(0, |chunk| chunk.len());
        let next = self.chunks.get(number + 1).map(|next| next.len());
        if small == 0 {
            self.chunks.remove(number);
        } else if next.is_some_and(|next| small + next <= MOST / 2) {
            let next = self.chunks.remove(number + 1);
            if let Some(chunk) = self.chunks.get_mut(number) {
                Arc::make_mut(chunk).extend(next.iter().cloned());
            }
        }
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
                prop_assert!(list.chunks.iter().all(|chunk| (1..=MOST).contains(&chunk.len())));
                let found: Vec<_> = list.from(|entry| entry.0 <= start).copied().collect();
                let expected: Vec<_> = map.range(start + 1..).map(|(key, value)| (*key, *value)).collect();
                prop_assert_eq!(found, expected);
                clones.push((list.clone(), map.clone()));
            }
            for (list, map) in clones {
                prop_assert!(list.from(|_| false).copied().eq(map));
            }
        }
    }
}
