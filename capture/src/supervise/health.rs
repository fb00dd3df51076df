//! The check of a running source against its watchdog rules, observation by observation.

use std::time::Duration;

use capbuf::{CaptureBuffer, ReadOptions, Span};

use super::losses::Losses;
use super::watchdog::Watchdog;
use crate::error::Error;
use crate::source::{RateCheck, nearest_rate_hz};

/// The period of the checks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The time over which an unsteady rate is measured, and its tolerance.
const RATE_OVER: Duration = Duration::from_secs(30);
const UNSTEADY_WITHIN: f64 = 0.2;

/// The checks after a suspension in which a source delivers what waited for it, at any rate.
const CATCHES_UP_WITHIN: u32 = 120;

/// The state of a buffer at one check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Observation {
    /// Monotonic time.
    pub(super) at: Duration,
    /// Frames since the buffer exists.
    pub(super) frames: u64,
    /// Frames that the source reported as lost since it runs.
    pub(super) lost_frames: f64,
    /// True if the newest samples are all zero.
    pub(super) is_silent: bool,
}

/// The observations of one run of a source.
///
/// Checks are counted instead of time: while the process is suspended, captured frames wait for it.
#[derive(Debug)]
pub(super) struct Health {
    rules: Watchdog,
    sample_rate_hz: f64,
    rate_check: RateCheck,
    last: Option<Observation>,
    quiet_looks: u32,
    silent_looks: u32,
    /// The first observation of the measurement of the rate, and the checks since.
    rate_since: Option<(Observation, u32)>,
    /// Checks until the rate is measured.
    rate_after: u32,
}

impl Health {
    pub(super) fn new(rules: Watchdog, sample_rate_hz: u32) -> Self {
        Self {
            rules,
            sample_rate_hz: f64::from(sample_rate_hz),
            rate_check: RateCheck::new(sample_rate_hz, rules.rate_within),
            last: None,
            quiet_looks: 0,
            silent_looks: 0,
            rate_since: None,
            rate_after: 0,
        }
    }

    /// Begins to wait anew, after the process did not run: what a source delivered meanwhile comes
    /// late, lost or in a burst.
    pub(super) fn restart(&mut self) {
        (self.quiet_looks, self.silent_looks, self.rate_since) = (0, 0, None);
        self.rate_after = CATCHES_UP_WITHIN;
    }

    /// Adds an observation, and returns the rule that is violated, if any.
    pub(super) fn look(&mut self, seen: Observation) -> Option<Fault> {
        let came = self.last.is_none_or(|last| last.frames != seen.frames);
        self.quiet_looks = if came { 0 } else { self.quiet_looks + 1 };
        self.silent_looks = if seen.is_silent && seen.frames > 0 { self.silent_looks + 1 } else { 0 };
        self.last = Some(seen);
        let duration = |looks: u32| LOOK_EVERY.saturating_mul(looks);
        if duration(self.quiet_looks) >= self.rules.nothing_for {
            return Some(Fault::Nothing(duration(self.quiet_looks)));
        }
        if let Some(limit) = self.rules.silence_for
            && duration(self.silent_looks) >= limit
        {
            return Some(Fault::Silence(duration(self.silent_looks)));
        }
        let came = seen.frames as f64 + seen.lost_frames;
        let steady = (seen.frames > 0).then(|| self.rate_check.add(seen.at, came)).flatten();
        steady.map(Fault::Rate).or_else(|| self.unsteady_rate(seen))
    }

    fn unsteady_rate(&mut self, seen: Observation) -> Option<Fault> {
        if self.rate_after > 0 {
            self.rate_after -= 1;
            return None;
        }
        let Some((first, looks)) = &mut self.rate_since else {
            // The first frames may arrive in one burst.
            self.rate_since = (seen.frames > 0).then_some((seen, 0));
            return None;
        };
        *looks += 1;
        let (took, looked) = (seen.at.saturating_sub(first.at), LOOK_EVERY.saturating_mul(*looks));
        // The process was suspended: the frames of that time may be lost or not.
        if took > looked.mul_f64(1.2) + LOOK_EVERY {
            self.restart();
            return None;
        }
        if looked < RATE_OVER {
            return None;
        }
        let lost = seen.lost_frames - first.lost_frames;
        let rate_hz = (seen.frames.saturating_sub(first.frames) as f64 + lost) / took.as_secs_f64();
        self.rate_since = Some((seen, 0));
        let off = (rate_hz / self.sample_rate_hz - 1.0).abs();
        (off > self.rules.rate_within.max(UNSTEADY_WITHIN)).then_some(Fault::UnsteadyRate(rate_hz))
    }
}

/// A violated rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// No frames for this time.
    Nothing(Duration),
    /// Frames at this rate all the time.
    Rate(f64),
    /// Frames at this rate on average.
    UnsteadyRate(f64),
    /// Only zeros for this time.
    Silence(Duration),
}

impl Fault {
    /// Returns the error that the restart is reported with. `declared_hz` is the rate of the
    /// source, which may be resampled.
    pub(super) fn error(self, buffer: &CaptureBuffer, declared_hz: u32) -> Error {
        let source_name = buffer.source().to_string();
        match self {
            Self::Nothing(waited) => Error::Stalled { source_name, waited },
            Self::Rate(rate_hz) => {
                let part = f64::from(declared_hz) / f64::from(buffer.spec().sample_rate_hz());
                let come_hz = nearest_rate_hz(rate_hz * part, declared_hz);
                Error::WrongRate { source_name, come_hz, declared_hz, is_corrected: false }
            }
            Self::UnsteadyRate(rate_hz) => {
                let nominal_hz = buffer.spec().sample_rate_hz();
                Error::Unhealthy {
                    source_name,
                    what: format!("{rate_hz:.0} frames a second come instead of {nominal_hz}"),
                }
            }
            Self::Silence(waited) => Error::Unhealthy {
                source_name,
                what: format!("every sample is zero for {:.0} s", waited.as_secs_f64()),
            },
        }
    }
}

/// Observes a buffer. Wait-free; with `silence_for` set, or after a gap, copies the newest samples.
pub(super) fn observe(buffer: &CaptureBuffer, rules: &Watchdog, losses: &mut Losses) -> Observation {
    let frames = buffer.frames().end;
    let lost_frames = losses.update(buffer, frames);
    let at = Duration::from_nanos(buffer.clock().monotonic_ns().max(0).unsigned_abs());
    let is_silent = rules.silence_for.is_some() && is_silent(buffer);
    Observation { at, frames, lost_frames, is_silent }
}

/// Returns whether the newest 20 ms are all zeros.
fn is_silent(buffer: &CaptureBuffer) -> bool {
    let mut samples = [0.0_f32; 4096];
    let newest = buffer.frames().end;
    let room = (samples.len() / usize::from(buffer.spec().channels())) as u64;
    let first = newest.saturating_sub(room.min(u64::from(buffer.spec().sample_rate_hz() / 50).max(1)));
    let read = buffer.read_into(Span::Frames(first..newest), &ReadOptions::new(), &mut samples);
    read.is_ok_and(|read| {
        let count = read.frames as usize * usize::from(buffer.spec().channels());
        samples[..count].iter().all(|sample| *sample == 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a source of 1000 Hz `looks` times; returns the first fault and the number of its
    /// check.
    fn watch(rules: Watchdog, looks: u32, mut see: impl FnMut(u32) -> Observation) -> Option<(u32, Fault)> {
        let mut health = Health::new(rules, 1000);
        (0..looks).find_map(|look| health.look(see(look)).map(|fault| (look, fault)))
    }

    fn at(look: u32) -> Duration {
        LOOK_EVERY * look
    }

    fn sight(look: u32, frames: u64) -> Observation {
        Observation { at: at(look), frames, lost_frames: 0.0, is_silent: false }
    }

    #[test]
    fn bursty_source_within_limits_is_never_at_fault() {
        let rules = Watchdog::new().silence_for(Some(Duration::from_secs(60)));
        // Bursts of two seconds, 5 % too fast, silent for 30 s of each minute.
        let see = |look: u32| Observation { is_silent: look % 240 < 120, ..sight(look, u64::from(look / 8) * 2100) };
        assert_eq!(watch(rules, 40_000, see), None);
    }

    #[test]
    fn missing_frames_are_a_fault_after_the_limit() {
        let rules = Watchdog::new().nothing_for(Duration::from_secs(5));
        let found = watch(rules, 1000, |look| sight(look, u64::from(look.min(100)) * 250));
        assert_eq!(found, Some((120, Fault::Nothing(Duration::from_secs(5)))));
        // The same for a source that never delivered one.
        assert_eq!(watch(rules, 1000, |look| sight(look, 0)), Some((20, Fault::Nothing(Duration::from_secs(5)))));
    }

    #[test]
    fn rate_outside_the_limit_is_a_fault() {
        let slow = |look: u32| sight(look, 1 + u64::from(look) * 190);
        let Some((look, Fault::Rate(rate_hz))) = watch(Watchdog::new(), 1000, slow) else {
            panic!("760 Hz is outside 20 % of 1000 Hz")
        };
        assert!(look <= 40 && (rate_hz - 760.0).abs() < 1.0, "{look}: {rate_hz} Hz");
        let lossy = |look: u32| sight(look, 1 + u64::from(look) * 220);
        assert!(matches!(watch(Watchdog::new(), 1000, lossy), Some((_, Fault::Rate(_)))), "12 % too slow");
        let reported = |look: u32| Observation { lost_frames: f64::from(look) * 30.0, ..lossy(look) };
        assert_eq!(watch(Watchdog::new(), 1000, reported), None, "12 % reported as lost");
        let fast = |look: u32| sight(look, 1 + u64::from(look) * 320);
        assert!(matches!(watch(Watchdog::new(), 1000, fast), Some((_, Fault::Rate(_)))));
    }

    #[test]
    fn suspended_process_is_no_fault_of_the_source() {
        // Every ten seconds it is suspended for a minute; the frames of that time are lost or not.
        for lost in [0, 60_000] {
            let see = |look: u32| {
                let held = u64::from(look / 40);
                let frames = u64::from(look) * 250 + held * (60_000 - lost);
                Observation { at: at(look) + Duration::from_secs(60) * (look / 40), ..sight(look, frames) }
            };
            assert_eq!(watch(Watchdog::new(), 2000, see), None);
        }
    }

    #[test]
    fn backlog_of_a_suspended_process_is_no_fault_of_the_source() {
        // Suspended for a minute; the frames of that time come in the seconds after.
        let see = |look: u32| {
            let backlog = if look < 100 { 0 } else { 60_000.min(u64::from(look - 99) * 5000) };
            let suspended = if look < 100 { Duration::ZERO } else { Duration::from_secs(60) };
            Observation { at: at(look) + suspended, ..sight(look, u64::from(look) * 250 + backlog) }
        };
        assert_eq!(watch(Watchdog::new(), 1000, see), None);
        // Afterwards the rate counts again.
        let fast = |look: u32| Observation {
            frames: see(look).frames + u64::from(look.saturating_sub(400)) * 250,
            ..see(look)
        };
        assert!(matches!(watch(Watchdog::new(), 2000, fast), Some((_, Fault::Rate(_)))));
    }

    #[test]
    fn starved_looks_restart_every_wait() {
        let rules = Watchdog::new().nothing_for(Duration::from_secs(5));
        let mut health = Health::new(rules, 1000);
        for _ in 0..10 {
            assert_eq!((0..19).find_map(|look| health.look(sight(look, 7))), None);
            health.restart();
        }
        assert_eq!((0..20).find_map(|look| health.look(sight(look, 7))), Some(Fault::Nothing(Duration::from_secs(5))));
    }

    #[test]
    fn zeros_are_a_fault_only_if_requested_and_uninterrupted() {
        let rules = Watchdog::new().silence_for(Some(Duration::from_secs(60)));
        let zeros = |look: u32| Observation { is_silent: true, ..sight(look, 1 + u64::from(look) * 250) };
        assert!(matches!(watch(rules, 1000, zeros), Some((239, Fault::Silence(_)))));
        assert_eq!(watch(Watchdog::new(), 1000, zeros), None);
        let broken = |look: u32| Observation { is_silent: !look.is_multiple_of(239), ..zeros(look) };
        assert_eq!(watch(rules, 2000, broken), None);
    }
}
