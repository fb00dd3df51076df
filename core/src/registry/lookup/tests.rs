//! The lifetime of what a lookup's guard keeps alive.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{Map, Slot};
use crate::Registry;
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::PlainArc;

fn registry() -> (Registry, Spec) {
    let spec = Spec::new(Length::Frames(8), 8000, 1, SampleFormat::S16).unwrap();
    (Registry::builder().commit_ahead(false).build(), spec)
}

fn within_30_s(is_so: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() && Instant::now() < deadline {
        std::thread::yield_now();
    }
    is_so()
}

/// Waits for the other thread's word; panics instead of waiting for ever if that thread did.
fn wait_for(word: &Receiver<()>) {
    word.recv_timeout(Duration::from_secs(30)).unwrap();
}

#[test]
fn removed_buffer_is_freed_after_its_last_use_in_place() {
    let (registry, spec) = registry();
    drop(registry.get_or_allocate("x", spec).unwrap());
    let ((looks, is_looking), (removes, is_removed)) = (channel(), channel());
    std::thread::scope(|scope| {
        let registry = &registry;
        scope.spawn(move || {
            registry.with("x", |buffer| {
                looks.send(()).unwrap();
                wait_for(&is_removed);
                assert!(buffer.is_removed());
            })
        });
        registry.with("x", |buffer| {
            wait_for(&is_looking);
            registry.remove("x").unwrap();
            assert!(buffer.is_removed() && registry.with("x", |_| ()).is_none());
            assert!(registry.stats().bytes > 0, "two threads use it");
        });
        assert!(registry.stats().bytes > 0, "one thread uses it");
        removes.send(()).unwrap();
    });
    assert!(within_30_s(|| registry.stats().bytes == 0));
}

#[test]
fn removed_buffer_that_nobody_uses_is_freed_at_once() {
    let (registry, spec) = registry();
    for _ in 0..100 {
        drop(registry.get_or_allocate("x", spec).unwrap());
        registry.remove("x").unwrap();
        assert_eq!(registry.stats().bytes, 0);
    }
}

#[test]
fn use_that_panics_ends_its_guard() {
    let (registry, spec) = registry();
    drop(registry.get_or_allocate("x", spec).unwrap());
    let panicked = catch_unwind(AssertUnwindSafe(|| registry.with("x", |_| resume_unwind(Box::new(())))));
    assert!(panicked.is_err());
    registry.remove("x").unwrap();
    assert_eq!(registry.stats().bytes, 0);
}

#[test]
fn lookup_in_a_thread_local_destructor_finds_the_buffer() {
    struct AtTheEnd(Registry);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            self.0.with("x", |buffer| {
                self.0.remove("x").unwrap();
                assert!(buffer.is_removed() && self.0.stats().bytes > 0);
            });
        }
    }
    std::thread_local! { static LAST: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) }; }
    let (registry, spec) = registry();
    drop(registry.get_or_allocate("x", spec).unwrap());
    let theirs = registry.clone();
    // Set first, so that it is destroyed after arc-swap's own thread-local.
    std::thread::spawn(move || {
        LAST.set(Some(AtTheEnd(theirs.clone())));
        assert!(theirs.contains("x"));
    })
    .join()
    .unwrap();
    assert!(!registry.contains("x"));
    assert!(within_30_s(|| registry.stats().bytes == 0));
}

#[test]
fn reader_that_drops_the_last_guard_frees_nothing() {
    let map = Map::new();
    let (slot, _) = map.publish("x").unwrap();
    let (registry, spec) = registry();
    slot.fill(Ok(registry.get_or_allocate("x", spec).unwrap()));
    registry.remove("x").unwrap();
    let loaded = map.load("x");
    assert!(map.remove(&slot) && loaded.buffer("x").is_some());
    drop(slot);
    // Neither an update nor the helper thread can free the shard meanwhile.
    let list = map.retired();
    let retired = list.lock();
    drop(loaded);
    assert_eq!((retired.len(), registry.stats().bytes > 0), (1, true));
    drop(retired);
    assert!(within_30_s(|| registry.stats().bytes == 0));
}

/// Runs `work` on a thread; panics instead of waiting for ever if it hangs.
fn within_a_time<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, is_done) = channel();
    std::thread::spawn(move || done.send(work()));
    is_done.recv_timeout(Duration::from_secs(30)).expect("it hangs, or panicked")
}

#[test]
fn forked_child_takes_no_lock_of_its_parent_and_frees_what_it_removes() {
    let (registry, spec) = registry();
    let map = PlainArc::new(Map::of_parent());
    let parents = map.parents_list();
    let lock = parents.lock();
    let childs = PlainArc::clone(&map);
    let theirs = registry.clone();
    let is_found = within_a_time(move || {
        let (slot, _) = childs.publish("x").unwrap();
        slot.fill(Ok(theirs.get_or_allocate("x", spec).unwrap()));
        theirs.remove("x").unwrap();
        childs.remove(&slot) && childs.get("x").is_none()
    });
    assert!(is_found);
    assert!(within_30_s(|| registry.stats().bytes == 0));
    assert_eq!(lock.len(), 0, "nothing came into the parent's list");
}

#[test]
fn slot_that_a_fork_left_without_its_filler_is_replaced() {
    for asks in [true, false] {
        let (registry, spec) = registry();
        registry.0.map.publish_of_parent("x");
        assert!(!registry.contains("x"));
        within_a_time(move || {
            if asks {
                assert!(registry.get_or_allocate("x", spec).is_ok() && registry.contains("x"));
            } else {
                assert!(registry.remove("x").is_err());
            }
        });
    }
}

#[test]
fn slot_filled_before_the_fork_is_not_abandoned() {
    let (registry, spec) = registry();
    let slot = Slot::of_parent("y", 0);
    assert!(slot.is_abandoned());
    slot.fill(Ok(registry.get_or_allocate("x", spec).unwrap()));
    assert!(!slot.is_abandoned());
}

#[test]
fn dropped_registry_frees_its_buffers_whatever_other_threads_looked_up() {
    let (registry, spec) = registry();
    drop(registry.get_or_allocate("x", spec).unwrap());
    let budget = PlainArc::clone(&registry.0.budget);
    let ((looks, has_looked), (drops, is_dropped)) = (channel(), channel::<()>());
    std::thread::scope(|scope| {
        let theirs = registry.clone();
        scope.spawn(move || {
            assert!(theirs.contains("x"));
            drop(theirs);
            looks.send(()).unwrap();
            wait_for(&is_dropped);
        });
        wait_for(&has_looked);
        drop(registry);
        assert_eq!(budget.stats().bytes, 0);
        drops.send(()).unwrap();
    });
}
