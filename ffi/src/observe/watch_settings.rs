//! The thresholds of a watch.

use capbuf::WatchSettings;

use crate::boundary::arguments::versioned_struct;
use crate::boundary::durations::duration_or_default;
use crate::boundary::ffi_error::FfiError;

/// Thresholds of a watch. NULL in its place, and 0 for each, are the defaults in parentheses.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_watch_settings {
    /// Set it to `sizeof(capbuf_watch_settings)` before the call.
    pub struct_size: usize,
    /// The interval of the checks, in ns (1 s).
    pub every_ns: i64,
    /// The window in which repeated occurrences are counted, in ns (one minute).
    pub window_ns: i64,
    /// Refused allocations from one call site within the window (3).
    pub repeated_allocations: u64,
    /// Rings allocated for one source within the window (5).
    pub churn_allocations: u64,
    /// Time for which a removed buffer may be held, in ns (one minute).
    pub removed_held_ns: i64,
    /// Time for which a live writer may write nothing, in ns (30 s).
    pub stalled_ns: i64,
    /// The deviation of a writer from its sample rate, as a fraction (0.05).
    pub rate_tolerance: f64,
    /// The window over which the rate is measured, in ns; three in a row are an anomaly (30 s).
    pub rate_window_ns: i64,
    /// Reads of one source that came too late within the window (10).
    pub lapped_reads: u64,
    /// The fraction of the budget in use (0.9).
    pub budget_share: f64,
}

versioned_struct!(capbuf_watch_settings);

impl capbuf_watch_settings {
    pub(crate) fn checked(&self) -> Result<WatchSettings, FfiError> {
        let mut settings = WatchSettings::default();
        let durations = [
            ("every_ns", self.every_ns, &mut settings.every),
            ("window_ns", self.window_ns, &mut settings.window),
            ("removed_held_ns", self.removed_held_ns, &mut settings.removed_held),
            ("stalled_ns", self.stalled_ns, &mut settings.stalled),
            ("rate_window_ns", self.rate_window_ns, &mut settings.rate_window),
        ];
        for (name, ns, setting) in durations {
            if let Some(duration) = duration_or_default(name, ns)? {
                *setting = duration;
            }
        }
        let counts = [
            (self.repeated_allocations, &mut settings.repeated_allocations),
            (self.churn_allocations, &mut settings.churn_allocations),
            (self.lapped_reads, &mut settings.lapped_reads),
        ];
        for (count, setting) in counts.into_iter().filter(|(count, _)| *count > 0) {
            *setting = count;
        }
        let fractions = [
            ("rate_tolerance", self.rate_tolerance, &mut settings.rate_tolerance),
            ("budget_share", self.budget_share, &mut settings.budget_share),
        ];
        for (name, fraction, setting) in fractions {
            if !(0.0..=1.0).contains(&fraction) {
                return Err(FfiError::invalid_argument(name, fraction, "0 for the default, or up to 1"));
            }
            if fraction > 0.0 {
                *setting = fraction;
            }
        }
        Ok(settings)
    }
}
