//! Limits of a pool: bytes, age, the registry's budget.

use std::time::Duration;

use capbuf::{Error, PoolStats, Registry};

use crate::support::{manual, mono, wait_until};
use crate::{one_second, pooled};

/// Bytes of one ring of `one_second()`.
fn ring_bytes() -> u64 {
    pooled().build().allocate("x", one_second()).unwrap().status().bytes
}

/// Allocates `rings` buffers and removes them. Their handles end before the removal.
fn cycle(registry: &Registry, rings: usize) {
    let sources: Vec<_> = (0..rings).map(|number| number.to_string()).collect();
    sources.iter().for_each(|source| drop(registry.allocate(source, one_second()).unwrap()));
    sources.iter().for_each(|source| registry.remove(source).unwrap());
}

/// The same with handles that end after the removal.
fn cycle_held(registry: &Registry, rings: usize) {
    let sources: Vec<_> = (0..rings).map(|number| number.to_string()).collect();
    let buffers: Vec<_> = sources.iter().map(|source| registry.allocate(source, one_second()).unwrap()).collect();
    sources.iter().for_each(|source| registry.remove(source).unwrap());
    drop(buffers);
}

#[test]
fn private_pool_is_bounded_in_bytes() {
    let ring = ring_bytes();
    let registry = Registry::builder().pool_bytes(2 * ring).commit_ahead(false).build();
    cycle_held(&registry, 5);
    assert_eq!((registry.pool_stats().rings, registry.pool_stats().bytes), (2, 2 * ring));
    assert_eq!(registry.stats().bytes, 2 * ring);
}

#[test]
fn private_pool_is_bounded_in_age() {
    let (_, clock) = manual();
    let registry = Registry::builder().pool_bytes(2 * ring_bytes()).clock(clock.clone()).commit_ahead(false).build();
    cycle_held(&registry, 5);
    clock.advance(Duration::from_secs(700));
    wait_until("both rings to be trimmed", || {
        let _ = registry.allocate("large", mono(2.0, 8000)).map(|_| registry.remove("large"));
        registry.pool_stats().trimmed >= 2
    });
}

#[test]
fn pooled_rings_count_against_the_budget_and_give_way_to_allocations() {
    let ring = ring_bytes();
    let registry = pooled().budget_bytes(2 * ring).build();
    cycle(&registry, 2);
    assert_eq!(registry.stats().bytes, 2 * ring);
    // Another size: no pooled ring fits, and the budget has room only after both are freed.
    wait_until("the pool to give way", || match registry.allocate("other", mono(1.5, 8000)) {
        Ok(_) => true,
        Err(Error::OverBudget { .. }) => false,
        Err(error) => panic!("{error}"),
    });
    assert_eq!(registry.pool_stats().rings, 0);
}

#[test]
fn registry_without_a_pool_frees_a_ring_at_removal() {
    let registry = Registry::private();
    registry.allocate("x", one_second()).unwrap();
    registry.remove("x").unwrap();
    wait_until("the memory to be freed", || registry.stats().bytes == 0);
    assert_eq!(registry.pool_stats(), PoolStats::default());
}
