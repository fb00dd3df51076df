//! The barrier of these tests ends a test in which a thread panics.
#![allow(clippy::panic)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use support::PanicBarrier;

const THREADS: u32 = 4;

#[test]
fn barrier_releases_all_threads_in_each_round() {
    let (barrier, arrived) = (PanicBarrier::new(THREADS as usize), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let participant = barrier.join();
                for round in 1..=100 {
                    arrived.fetch_add(1, Ordering::Relaxed);
                    participant.wait();
                    assert_eq!(arrived.load(Ordering::Relaxed), round * THREADS);
                    participant.wait();
                }
            });
        }
    });
}

#[test]
fn panic_of_one_participant_ends_the_others() {
    let (barrier, passed) = (PanicBarrier::new(THREADS as usize), AtomicU32::new(0));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (barrier, passed) = (&barrier, &passed);
                scope.spawn(move || {
                    let participant = barrier.join();
                    assert_ne!(thread, 2, "planted");
                    participant.wait();
                    passed.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
    }));
    assert!(outcome.is_err());
    assert_eq!(passed.load(Ordering::Relaxed), 0);
}
