//! From when on something is wrong.

use std::time::Duration;

/// From when on something is wrong. The defaults let a normal day with reconnects pass.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct WatchSettings {
    /// How often a watch looks: 1 s.
    pub every: Duration,
    /// Within how long things that happen again and again are counted: a minute.
    pub window: Duration,
    /// Refused allocations from one place within the window: 3.
    pub repeated_allocations: u64,
    /// Rings made for one source within the window: 5.
    pub churn_allocations: u64,
    /// How long a removed buffer may be held: a minute.
    pub removed_held: Duration,
    /// How long a living writer may write nothing: 30 s.
    pub stalled: Duration,
    /// By what part of its rate a writer may be off: 0.05.
    pub rate_tolerance: f64,
    /// Over how long the rate is measured, three times before it is told: 30 s.
    pub rate_window: Duration,
    /// Reads of one source that come too late within the window: 10.
    pub lapped_reads: u64,
    /// The part of the budget, and of what a domain may take where it lies, that may be used: 0.9.
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
