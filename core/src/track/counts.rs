//! The counters that a registry always keeps: relaxed, without waiting.

use std::cell::Cell;
use std::time::Duration;

use crate::error::Error;
use crate::sync::process::AtomicU64;
use crate::sync::{Ordering, count};

/// A histogram of durations.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// One bucket more than there are bounds.
    buckets: [AtomicU64; Self::BOUNDS_NS.len() + 1],
    sum_ns: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; Self::BOUNDS_NS.len() + 1], sum_ns: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Upper bounds of all buckets but the last.
    pub(crate) const BOUNDS_NS: [u64; 12] = [
        500,
        1_000,
        5_000,
        10_000,
        50_000,
        100_000,
        500_000,
        1_000_000,
        5_000_000,
        10_000_000,
        100_000_000,
        1_000_000_000,
    ];

    pub(crate) fn add(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = Self::BOUNDS_NS.partition_point(|bound| *bound < ns);
        // SYNC none: counters, read for display.
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// The upper bounds in seconds, each with the count of its bucket; and the sum in seconds.
    pub(crate) fn snapshot(&self) -> (Vec<(f64, u64)>, f64) {
        let bounds = Self::BOUNDS_NS.iter().map(|ns| *ns as f64 / 1e9).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        (bounds.zip(counts).collect(), self.sum_ns.load(Ordering::Relaxed) as f64 / 1e9)
    }
}

/// Names of the results of a read, in the order of their numbers.
pub(crate) const READ_RESULTS: [&str; 5] = ["whole", "not yet", "evicted", "timed out", "failed"];

/// The counters of one thread in sixteen, on a cache line of their own.
#[repr(align(64))]
#[derive(Debug, Default)]
struct Stripe {
    reads: [AtomicU64; READ_RESULTS.len()],
    hits: AtomicU64,
}

/// The counters of a registry, for all its buffers, in this process.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Attempts that found their ring, but not by the first lookup.
    pub(crate) found_later: AtomicU64,
    pub(crate) reused: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) spec_mismatch: AtomicU64,
    pub(crate) over_budget: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) removed: AtomicU64,
    pub(crate) allocation_durations: Histogram,
    /// Measured while tracking is enabled.
    pub(crate) read_durations: Histogram,
    /// Reads that slept until their frames came.
    pub(crate) waits: AtomicU64,
    stripes: [Stripe; 16],
}

impl Counts {
    pub(crate) fn refusal(&self, error: &Error) {
        count(match error {
            Error::AlreadyExists { .. } => &self.refused,
            Error::SpecMismatch { .. } => &self.spec_mismatch,
            Error::OverBudget { .. } | Error::OutOfMemory { .. } | Error::OutOfSpace { .. } => &self.over_budget,
            _ => &self.failed,
        });
    }

    /// Counts a read. An addition to a cache line that few threads share.
    #[inline]
    pub(crate) fn read<R>(&self, result: &Result<R, Error>) {
        let number = match result {
            Ok(_) => 0,
            Err(Error::NotYet { .. }) => 1,
            Err(Error::Evicted { .. }) => 2,
            Err(Error::TimedOut { .. }) => 3,
            Err(_) => 4,
        };
        count(&self.stripe().reads[number]);
    }

    fn stripe(&self) -> &Stripe {
        &self.stripes[stripe() % self.stripes.len()]
    }

    /// Counts an attempt that found its ring in the map.
    #[inline]
    pub(crate) fn hit(&self) {
        count(&self.stripe().hits);
    }

    /// Attempts that found their ring in the map.
    pub(crate) fn hits(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.hits.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn reads(&self) -> [u64; READ_RESULTS.len()] {
        let sum = |number: usize| self.stripes.iter().map(|stripe| stripe.reads[number].load(Ordering::Relaxed)).sum();
        std::array::from_fn(sum)
    }
}

/// A number for each thread, in turn.
fn stripe() -> usize {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(0) };
    }
    let own = OWN.try_with(|own| {
        if own.get() == 0 {
            own.set(NEXT.fetch_add(1, Ordering::Relaxed) as usize);
        }
        own.get()
    });
    own.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_equal_to_a_bound_falls_into_the_bucket_below() {
        let histogram = Histogram::default();
        for ns in [0, 500, 501, 1_000_000_000, 1_000_000_001] {
            histogram.add(Duration::from_nanos(ns));
        }
        let (buckets, sum) = histogram.snapshot();
        assert_eq!([buckets[0], buckets[1], buckets[11]], [(5e-7, 2), (1e-6, 1), (1.0, 1)]);
        assert_eq!((buckets[12].1, (sum - 2.000001002).abs() < 1e-9), (1, true));
    }
}
