//! Maps from sources to something shared, ours and what a user might take instead.
//!
//! All of the others hash with foldhash: with the standard library's hash each lookup would take 10
//! ns more. Ours multiplies words as foldhash does, made part of the lookup for names of 16 to 48
//! bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use capbuf::{Length, Registry, SampleFormat, Spec};
use foldhash::fast::RandomState;

use crate::{Result, source};

/// The value that the other maps hold for a source: something counted, as a handle would be.
pub(crate) type Entry = Arc<u64>;
type Plain = HashMap<String, Entry, RandomState>;

/// The number that every entry holds, to be read in a lookup.
pub(crate) const HELD: u64 = 100;

/// A map that can be looked up while another thread changes it.
pub(crate) trait Map: Sync + Sized {
    const NAME: &'static str;

    fn new() -> Self;
    /// A number read from a source's entry. `number` is for the one that needs no map.
    fn look(&self, number: usize, source: &str) -> Option<u64>;
    /// Finds or makes a source's entry, takes a handle of it, and reads its number.
    fn get_or_add(&self, source: &str) -> Option<u64>;
    fn remove(&self, source: &str);

    fn with_sources(count: usize) -> Result<Self> {
        let map = Self::new();
        for number in 0..count {
            let source = source(number);
            if map.get_or_add(&source) != Some(HELD) || map.look(number, &source) != Some(HELD) {
                return Err(format!("{} does not give what was put in", Self::NAME).into());
            }
        }
        if map.look(usize::MAX, "nobody").is_some() {
            return Err(format!("{} has what was not put in", Self::NAME).into());
        }
        Ok(map)
    }
}

/// The smallest buffer there is; its length is the number.
pub(crate) fn small() -> Result<Spec> {
    Ok(Spec::new(Length::Frames(HELD), 8000, 1, SampleFormat::S16)?)
}

impl Map for Registry {
    const NAME: &'static str = crate::report::OURS;

    fn new() -> Self {
        Self::builder().commit_ahead(false).build()
    }

    fn look(&self, _: usize, source: &str) -> Option<u64> {
        self.with(source, |buffer| buffer.spec().length_frames())
    }

    fn get_or_add(&self, source: &str) -> Option<u64> {
        Some(self.get_or_allocate(source, small().ok()?).ok()?.spec().length_frames())
    }

    fn remove(&self, source: &str) {
        // Whether it was there does not matter here.
        let _ = Self::remove(self, source);
    }
}

impl Map for Mutex<Plain> {
    const NAME: &'static str = "Mutex<HashMap>";

    fn new() -> Self {
        Self::default()
    }

    fn look(&self, _: usize, source: &str) -> Option<u64> {
        self.lock().unwrap_or_else(PoisonError::into_inner).get(source).map(|entry| **entry)
    }

    fn get_or_add(&self, source: &str) -> Option<u64> {
        let mut map = self.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match map.get(source) {
            Some(entry) => Arc::clone(entry),
            None => Arc::clone(map.entry(source.to_owned()).or_insert_with(|| Arc::new(HELD))),
        };
        drop(map);
        Some(*entry)
    }

    fn remove(&self, source: &str) {
        self.lock().unwrap_or_else(PoisonError::into_inner).remove(source);
    }
}

impl Map for RwLock<Plain> {
    const NAME: &'static str = "RwLock<HashMap>";

    fn new() -> Self {
        Self::default()
    }

    fn look(&self, _: usize, source: &str) -> Option<u64> {
        self.read().unwrap_or_else(PoisonError::into_inner).get(source).map(|entry| **entry)
    }

    fn get_or_add(&self, source: &str) -> Option<u64> {
        let found = self.read().unwrap_or_else(PoisonError::into_inner).get(source).map(Arc::clone);
        let entry = found.unwrap_or_else(|| {
            let mut map = self.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(map.entry(source.to_owned()).or_insert_with(|| Arc::new(HELD)))
        });
        Some(*entry)
    }

    fn remove(&self, source: &str) {
        self.write().unwrap_or_else(PoisonError::into_inner).remove(source);
    }
}

pub(crate) type DashMap = dashmap::DashMap<String, Entry, RandomState>;

impl Map for DashMap {
    const NAME: &'static str = "dashmap";

    fn new() -> Self {
        Self::default()
    }

    fn look(&self, _: usize, source: &str) -> Option<u64> {
        self.get(source).map(|entry| **entry)
    }

    fn get_or_add(&self, source: &str) -> Option<u64> {
        let found = self.get(source).map(|entry| Arc::clone(&entry));
        let entry =
            found.unwrap_or_else(|| Arc::clone(&self.entry(source.to_owned()).or_insert_with(|| Arc::new(HELD))));
        Some(*entry)
    }

    fn remove(&self, source: &str) {
        Self::remove(self, source);
    }
}

pub(crate) type Papaya = papaya::HashMap<String, Entry, RandomState>;

impl Map for Papaya {
    const NAME: &'static str = "papaya";

    fn new() -> Self {
        Self::default()
    }

    fn look(&self, _: usize, source: &str) -> Option<u64> {
        self.get(source, &self.guard()).map(|entry| **entry)
    }

    fn get_or_add(&self, source: &str) -> Option<u64> {
        let guard = self.guard();
        let entry = match self.get(source, &guard) {
            Some(entry) => Arc::clone(entry),
            None => Arc::clone(self.get_or_insert_with(source.to_owned(), || Arc::new(HELD), &guard)),
        };
        Some(*entry)
    }

    fn remove(&self, source: &str) {
        Self::remove(self, source, &self.guard());
    }
}

pub(crate) type Scc = scc::HashIndex<String, Entry, RandomState>;

impl Map for Scc {
    const NAME: &'static str = "scc::HashIndex";

    fn new() -> Self {
        Self::default()
    }

    fn look(&self, _: usize, source: &str) -> Option<u64> {
        self.peek_with(source, |_, entry| **entry)
    }

    fn get_or_add(&self, source: &str) -> Option<u64> {
        let found = self.peek_with(source, |_, entry| Arc::clone(entry));
        let entry = found
            .unwrap_or_else(|| Arc::clone(self.entry_sync(source.to_owned()).or_insert_with(|| Arc::new(HELD)).get()));
        Some(*entry)
    }

    fn remove(&self, source: &str) {
        self.remove_sync(source);
    }
}

/// The map behind arc-swap as its documentation shows it: loaded, and copied to be changed.
pub(crate) type CopyOnWrite = ArcSwap<Plain>;

impl Map for CopyOnWrite {
    const NAME: &'static str = "arc-swap rcu";

    fn new() -> Self {
        Self::from_pointee(Plain::default())
    }

    fn look(&self, _: usize, source: &str) -> Option<u64> {
        self.load().get(source).map(|entry| **entry)
    }

    fn get_or_add(&self, source: &str) -> Option<u64> {
        if let Some(entry) = self.load().get(source) {
            return Some(*Arc::clone(entry));
        }
        self.rcu(|map| {
            let mut map = Plain::clone(map);
            map.entry(source.to_owned()).or_insert_with(|| Arc::new(HELD));
            map
        });
        self.look(0, source)
    }

    fn remove(&self, source: &str) {
        self.rcu(|map| {
            let mut map = Plain::clone(map);
            map.remove(source);
            map
        });
    }
}

/// A map that nobody may change: what finding costs without any protection.
pub(crate) struct Unprotected(Plain);

impl Map for Unprotected {
    const NAME: &'static str = "limit: unprotected HashMap";

    fn new() -> Self {
        Self(Plain::default())
    }

    fn look(&self, _: usize, source: &str) -> Option<u64> {
        self.0.get(source).map(|entry| **entry)
    }

    fn get_or_add(&self, source: &str) -> Option<u64> {
        self.0.get(source).map(|entry| *Arc::clone(entry))
    }

    fn remove(&self, _: &str) {}

    fn with_sources(count: usize) -> Result<Self> {
        Ok(Self((0..count).map(|number| (source(number), Arc::new(HELD))).collect()))
    }
}

/// No map: the entry is known.
pub(crate) struct Pointer(Vec<Entry>);

impl Map for Pointer {
    const NAME: &'static str = "limit: bare pointer";

    fn new() -> Self {
        Self(Vec::new())
    }

    fn look(&self, number: usize, _: &str) -> Option<u64> {
        self.0.get(number).map(|entry| **entry)
    }

    fn get_or_add(&self, _: &str) -> Option<u64> {
        None
    }

    fn remove(&self, _: &str) {}

    fn with_sources(count: usize) -> Result<Self> {
        Ok(Self((0..count).map(|_| Arc::new(HELD)).collect()))
    }
}
