//! What each thread keeps of the registries that it looks into: the newest table that it has seen, and where it writes down what it uses.
//!
//! It is kept in two places. One owns it, and is looked through with some care, as it goes when the thread ends. The other one only points at what
//! was used last: it needs no such care, so a lookup begins there.

use std::cell::{Cell, RefCell};
use std::ptr::null;

use crate::registry::lookup::slot::OfThread;
use crate::registry::lookup::table::Table;
use crate::sync::{Arc, Weak, thread_local};

/// What one thread keeps of one registry.
pub(crate) struct ThreadCache {
    /// Tells the registry from all others.
    pub(crate) number: u64,
    /// Tells whether the registry is still there.
    pub(crate) alive: Weak<()>,
    pub(crate) table: Arc<Table>,
    pub(crate) own: Arc<OfThread>,
}

/// What a lookup needs of a [`ThreadCache`].
struct Recent {
    /// Zero where there is none.
    number: Cell<u64>,
    version: Cell<u64>,
    table: Cell<*const Table>,
    own: Cell<*const OfThread>,
}

/// Each registry has its place, which it may share: programs have few.
const RECENT: usize = 4;

struct Caches(RefCell<Vec<ThreadCache>>);

thread_local! {
    static CACHES: Caches = const { Caches(RefCell::new(Vec::new())) };
}

// What it points at is owned by `CACHES` of the same thread, or it has no number: each change of `CACHES`, its end too, empties this first.
thread_local! {
    static RECENTS: [Recent; RECENT] = const { [const { Recent::none() }; RECENT] };
}

impl Recent {
    const fn none() -> Self {
        Self { number: Cell::new(0), version: Cell::new(0), table: Cell::new(null()), own: Cell::new(null()) }
    }
}

fn empty() {
    // Where the places are gone, nobody looks at them any more.
    let _ = RECENTS.try_with(|recents| recents.iter().for_each(|recent| recent.number.set(0)));
}

impl Drop for Caches {
    fn drop(&mut self) {
        // A model that has failed is not explored any further.
        #[cfg(loom)]
        if std::thread::panicking() {
            return;
        }
        empty();
    }
}

/// What this thread keeps of a registry, unless that is nothing, or of a table older than a version.
///
/// # Safety
/// It is used only until this thread next calls [`renew`].
#[inline(always)]
pub(crate) unsafe fn recent<'a>(number: u64, version: u64) -> Option<(&'a Table, &'a OfThread)> {
    // By the address alone: what does more is no longer made part of the caller by the compiler.
    let recents = RECENTS.with(std::ptr::from_ref);
    // SAFETY: they are there until the thread ends.
    let recent = unsafe { &(&*recents)[number as usize % RECENT] };
    if recent.number.get() != number || recent.version.get() < version {
        return None;
    }
    // SAFETY: the number is not zero, so `CACHES` owns it until it is next changed, which is in `renew` or when the thread ends.
    let table = unsafe { &*recent.table.get() };
    // SAFETY: as above.
    let own = unsafe { &*recent.own.get() };
    Some((table, own))
}

/// Makes what this thread keeps of a registry anew. Nothing is kept by a thread that is ending.
#[cold]
pub(crate) fn renew(number: u64, table: impl FnOnce() -> Arc<Table>, new: impl FnOnce(Arc<Table>) -> ThreadCache) {
    let _ = CACHES.try_with(|caches| {
        let Ok(mut caches) = caches.0.try_borrow_mut() else { return };
        empty();
        let table = table();
        let cache = match caches.iter().position(|cache| cache.number == number) {
            Some(at) => &mut caches[at],
            None => {
                caches.retain(|cache| cache.alive.strong_count() > 0);
                caches.push_mut(new(Arc::clone(&table)))
            }
        };
        cache.table = table;
        RECENTS.with(|recents| {
            let recent = &recents[number as usize % RECENT];
            recent.version.set(cache.table.version());
            recent.table.set(Arc::as_ptr(&cache.table));
            recent.own.set(Arc::as_ptr(&cache.own));
            recent.number.set(number);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;
    use crate::spec::{Length, SampleFormat, Spec};

    #[test]
    fn registries_that_share_a_place_find_their_own_sources() {
        let spec = Spec::new(Length::Frames(8), 8000, 1, SampleFormat::S16).unwrap();
        let new = |_| Registry::builder().commit_ahead(false).build();
        let registries: Vec<_> = (0..2 * RECENT + 1).map(new).collect();
        for round in 0..3 {
            let source = format!("source {round}");
            for registry in &registries {
                assert!(!registry.contains(&source));
                let buffer = registry.get_or_allocate(&source, spec).unwrap();
                assert_eq!(registry.with(&source, |found| found.same_as(&buffer)), Some(true));
            }
        }
        for (number, registry) in registries.iter().enumerate() {
            registry.remove("source 1").unwrap();
            let has = |registry: &Registry| registry.contains("source 1");
            assert!(registries.iter().enumerate().all(|(other, registry)| has(registry) == (other > number)));
        }
    }

    #[test]
    fn a_thread_keeps_what_it_looked_up_in_until_the_registry_is_gone() {
        std::thread::spawn(|| {
            let caches_after_looking_in = |registry: &Registry| {
                registry.contains("x");
                CACHES.with(|caches| caches.0.borrow().len())
            };
            let [first, second] = [Registry::private(), Registry::private()];
            assert_eq!((caches_after_looking_in(&first), caches_after_looking_in(&second)), (1, 2));
            drop(first);
            assert_eq!(caches_after_looking_in(&Registry::private()), 2);
        })
        .join()
        .unwrap();
    }
}
