//! Threads that allocate, look up and remove the same sources at the same time.

use std::thread;

use capbuf::{Error, Registry};

use crate::support::{PanicBarrier, mono};

#[test]
fn threads_racing_for_a_source_make_one_ring() {
    const THREADS: usize = 64;
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = mono(60.0, 48_000);
    let start = PanicBarrier::new(THREADS);
    let handles: Vec<Vec<_>> = thread::scope(|scope| {
        let race = || {
            let start = start.join();
            let allocate = |number| {
                start.wait();
                registry.get_or_allocate(&format!("rtsp://camera/{number}"), spec).unwrap()
            };
            (0..200).map(allocate).collect()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(race)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(registry.stats().rings_mapped, 200);
    for thread in &handles {
        assert!(thread.iter().zip(&handles[0]).all(|(one, other)| one.same_as(other)));
    }
    assert_eq!(registry.buffers().len(), 200);
    let bytes = registry.stats().bytes as f64;
    assert!(bytes < 200.0 * 5_760_000.0 * 1.02, "{bytes} bytes for 200 rings");
    drop((handles, registry.buffers()));
    for number in 0..200 {
        registry.remove(&format!("rtsp://camera/{number}")).unwrap();
    }
    assert_eq!((registry.stats().rings_unmapped, registry.stats().bytes), (200, 0));
}

#[test]
fn lookups_racing_with_removals_return_complete_buffers() {
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = mono(0.1, 8000);
    thread::scope(|scope| {
        for thread in 0..8 {
            let registry = &registry;
            scope.spawn(move || {
                for round in 0..500 {
                    match (thread + round) % 4 {
                        0 => match registry.remove("x") {
                            Ok(()) | Err(Error::NotFound { .. }) => {}
                            Err(other) => panic!("{other}"),
                        },
                        1 => assert!(registry.with("x", |buffer| *buffer.spec() == spec).unwrap_or(true)),
                        _ => assert_eq!(*registry.get_or_allocate("x", spec).unwrap().spec(), spec),
                    }
                }
            });
        }
    });
    let _ = registry.remove("x");
    let stats = registry.stats();
    assert_eq!((stats.bytes, stats.rings_mapped), (0, stats.rings_unmapped));
}

#[test]
fn exhausted_budget_fails_every_racing_caller_and_leaves_no_entry() {
    const THREADS: usize = 16;
    let registry = Registry::builder().budget_bytes(1_000_000).commit_ahead(false).build();
    registry.get_or_allocate("small", mono(1.0, 8000)).unwrap();
    let used = registry.stats().bytes;
    let start = PanicBarrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.join().wait();
                let error = registry.get_or_allocate("large", mono(60.0, 48_000)).unwrap_err();
                assert!(
                    matches!(error, Error::OverBudget { requested_bytes, used_bytes, limit_bytes: 1_000_000, .. }
                        if requested_bytes > 5_760_000 && used_bytes == used),
                    "{error}"
                );
            });
        }
    });
    assert!(!registry.contains("large"));
    assert_eq!(registry.buffers().len(), 1);
    assert_eq!((registry.stats().rings_mapped, registry.stats().bytes), (1, used));
    registry.get_or_allocate("large", mono(10.0, 8000)).unwrap();
}
