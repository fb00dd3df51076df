//! Thresholds.

use std::time::Duration;

/// Thresholds of a watch. The defaults raise nothing on a normal day with reconnects.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct WatchSettings {
    /// Interval between two looks. Default: 1 s.
    pub every: Duration,
    /// Window in which repeated events are counted. Default: 60 s.
    pub window: Duration,
    /// Refused allocations from one call site within the window. Default: 3.
    pub repeated_allocations: u64,
    /// Rings allocated for one source within the window. Default: 5.
    pub churn_allocations: u64,
    /// Time that a removed buffer may be held. Default: 60 s.
    pub removed_held: Duration,
    /// Time that a live writer may write nothing. Default: 30 s.
    pub stalled: Duration,
    /// Tolerated deviation of a writer from its rate, as a ratio. Default: 0.05.
    pub rate_tolerance: f64,
    /// Window of a rate measurement; three in a row raise an anomaly. Default: 30 s.
    pub rate_window: Duration,
    /// Late reads of one source within the window. Default: 10.
    pub lapped_reads: u64,
    /// Used share of the budget, and of the domain's room in its file system. Default: 0.9.
    pub budget_share: f64,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(1),
            window: Duration::from_secs(60),
            repeated_allocations: 3,
            churn_allocations: 5,
            removed_held: Duration::from_secs(60),
            stalled: Duration::from_secs(30),
            rate_tolerance: 0.05,
            rate_window: Duration::from_secs(30),
            lapped_reads: 10,
            budget_share: 0.9,
        }
    }
}
