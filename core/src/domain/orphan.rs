//! Orphaned rings: their recorder was killed. They stay for a grace time, and are then swept.
//!
//! A ring that stays only while it is open is removed when its last process ends in order. A
//! recorder that was killed has left its number in the lease, or in the health that it published.
//! Then the ring stays, and so does the recorder's lock file, which makes the next processes sweep.
//! The grace time counts from the moment at which a process noticed, on a clock that is never set.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::folder::Folder;
use super::handle::Domain;
use super::{holders, liveness};
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::memory::Region;
use crate::source_state::SourceState;
use crate::sync::Ordering;

/// The longest grace time: whatever a file says, its ring is swept one day.
const MAX_GRACE: Duration = Duration::from_secs(7 * 24 * 3600);
const DEFAULT_GRACE: Duration = Duration::from_secs(600);
const VARIABLE: &str = "CAPBUF_GRACE";

/// The seconds of a grace time, rounded up; those of the environment or the default without one.
///
/// # Errors
/// [`Error::InvalidArgument`] above the limit, or if the variable is no number.
pub(crate) fn grace_s(given: Option<Duration>) -> Result<u32> {
    let allowed = format!("0 to {} seconds", MAX_GRACE.as_secs());
    let (name, shown, grace) = match (given, std::env::var_os(VARIABLE).filter(|value| !value.is_empty())) {
        (Some(grace), _) => ("grace", format!("{grace:?}"), Some(grace)),
        (None, Some(value)) => {
            let seconds = value.to_str().and_then(|text| text.parse().ok());
            (VARIABLE, format!("{value:?}"), seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
        }
        (None, None) => (VARIABLE, String::new(), Some(DEFAULT_GRACE)),
    };
    let grace = grace.filter(|grace| *grace <= MAX_GRACE).ok_or_else(|| Error::invalid(name, shown, &allowed))?;
    Ok(grace.as_secs() as u32 + u32::from(grace.subsec_nanos() > 0))
}

/// The grace time of a ring; `None` if it has none.
fn grace(region: &Region) -> Option<Duration> {
    let header = region.header();
    // SYNC none: stored by the writer, which the end of its process orders.
    let seconds = header.grace_s.load(Ordering::Relaxed);
    (is_while_open(region) && seconds > 0).then(|| Duration::from_secs(seconds.into()).min(MAX_GRACE))
}

pub(super) fn is_while_open(region: &Region) -> bool {
    region.header().lifetime.load(Ordering::Relaxed) == Lifetime::WhileOpen as u32
}

/// The liveness locks of recorders that were killed, for as long as the ring has a grace time and
/// no writer.
pub(super) fn killed(folder: &Folder, region: &Region) -> Vec<u64> {
    let writer = holders::writer(region);
    if grace(region).is_none() || writer.is_some_and(|lease| liveness::is_alive(folder, lease)) {
        return Vec::new();
    }
    let health = &region.header().health;
    // SYNC none: the end of the process orders its stores.
    let recorder = Some(health.liveness.load(Ordering::Relaxed)).filter(|number| {
        let state = SourceState::from_number(health.state.load(Ordering::Relaxed));
        state.is_some_and(|state| !state.has_ended()) && liveness::was_killed(folder, *number)
    });
    writer.into_iter().chain(recorder).collect()
}

/// The rest of the grace time; `None` for a ring that is not orphaned. Notes the time of the first
/// call.
pub(super) fn time_left(folder: &Folder, region: &Region) -> Option<Duration> {
    let grace = grace(region)?;
    if killed(folder, region).is_empty() {
        return None;
    }
    let (now_ns, noticed) = (boot_ns(), &region.header().orphaned_boot_ns);
    let at_ns = noticed.load(Ordering::Relaxed);
    // A later time is of an earlier run of the machine. One on disk from an earlier run that is not
    // later counts as of this run: the grace time may then end early or late.
    if (1..=now_ns).contains(&at_ns) {
        return Some(grace.saturating_sub(Duration::from_nanos(now_ns.abs_diff(at_ns))));
    }
    if region.is_writable() {
        // SYNC none: the first of several that notice at once counts.
        let _ = noticed.compare_exchange(at_ns, now_ns, Ordering::Relaxed, Ordering::Relaxed);
    }
    Some(grace)
}

impl Domain {
    /// True unless a grace time still runs, or the next recorder is waiting for its source.
    pub(super) fn may_go(&self, region: &Region, source: &str) -> bool {
        time_left(&self.folder, region).is_none_or(|left| left.is_zero() && self.source_record(source).is_none())
    }

    /// Notes that this process writes: its own grace time counts, and those that were killed before
    /// are recorders no more.
    pub(super) fn take_over(&self, region: &Region) {
        let header = region.header();
        self.release_dead(region);
        // SYNC none: the lease orders one writer after the other.
        header.orphaned_boot_ns.store(0, Ordering::Relaxed);
        header.grace_s.store(self.grace_s, Ordering::Relaxed);
    }
}

/// Nanoseconds since the machine's start, suspension included; at least 1.
fn boot_ns() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec).max(1)
}
