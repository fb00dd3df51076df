//! What a source that says nothing may be up to: most failures give no error at all.

use std::time::Duration;

use capbuf::{CaptureBuffer, ReadOptions, Span};

use crate::error::Error;

/// What is expected of the frames that arrive. What breaks a rule is closed and opened again.
///
/// ```
/// use std::time::Duration;
/// use capbuf_capture::Watchdog;
///
/// let watchdog = Watchdog::new().nothing_for(Duration::from_secs(5)).silence_for(Some(Duration::from_secs(300)));
/// # let _ = watchdog;
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watchdog {
    nothing_for: Duration,
    rate_within: f64,
    silence_for: Option<Duration>,
}

impl Watchdog {
    /// Expects frames each fifteen seconds at least, at a rate that is off by no more than a fifth. Silence is no fault.
    ///
    /// Sources have closer rules of their own: a device is lost after three seconds without a frame, a stream after twelve.
    pub fn new() -> Self {
        Self { nothing_for: Duration::from_secs(15), rate_within: 0.2, silence_for: None }
    }

    /// How long there may be no frame.
    pub fn nothing_for(mut self, duration: Duration) -> Self {
        self.nothing_for = duration;
        self
    }

    /// By which part the rate may be off, over half a minute.
    pub fn rate_within(mut self, part: f64) -> Self {
        self.rate_within = part;
        self
    }

    /// How long all samples may be zero, which a microphone's never are; `None` for as long as they like.
    pub fn silence_for(mut self, duration: Option<Duration>) -> Self {
        self.silence_for = duration;
        self
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}

/// How often it looks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Over how much time a rate is measured.
const RATE_OVER: Duration = Duration::from_secs(30);

/// What is seen of a buffer at one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sight {
    /// By the monotonic clock.
    pub(crate) at: Duration,
    /// Frames ever.
    pub(crate) frames: u64,
    /// Whether all of the newest samples are zero.
    pub(crate) is_silent: bool,
}

/// What has been seen of one run of a source. Looks are counted, not time: while a process is held up, what was captured waits.
#[derive(Debug)]
pub(crate) struct Health {
    rules: Watchdog,
    sample_rate_hz: f64,
    last: Option<Sight>,
    quiet_looks: u32,
    silent_looks: u32,
    /// Where the measurement of the rate began, and the looks since.
    rate_since: Option<(Sight, u32)>,
}

impl Health {
    pub(crate) fn new(rules: Watchdog, sample_rate_hz: u32) -> Self {
        let sample_rate_hz = f64::from(sample_rate_hz);
        Self { rules, sample_rate_hz, last: None, quiet_looks: 0, silent_looks: 0, rate_since: None }
    }

    /// Takes a look in, and tells what is wrong, if anything.
    pub(crate) fn look(&mut self, seen: Sight) -> Option<Wrong> {
        let came = self.last.is_none_or(|last| last.frames != seen.frames);
        self.quiet_looks = if came { 0 } else { self.quiet_looks + 1 };
        self.silent_looks = if seen.is_silent && seen.frames > 0 { self.silent_looks + 1 } else { 0 };
        self.last = Some(seen);
        let for_so_long = |looks: u32| LOOK_EVERY.saturating_mul(looks);
        if for_so_long(self.quiet_looks) >= self.rules.nothing_for {
            return Some(Wrong::Nothing(for_so_long(self.quiet_looks)));
        }
        if let Some(limit) = self.rules.silence_for
            && for_so_long(self.silent_looks) >= limit
        {
            return Some(Wrong::Silence(for_so_long(self.silent_looks)));
        }
        self.rate(seen)
    }

    fn rate(&mut self, seen: Sight) -> Option<Wrong> {
        let Some((first, looks)) = &mut self.rate_since else {
            // The first frames may come all at once.
            self.rate_since = (seen.frames > 0).then_some((seen, 0));
            return None;
        };
        *looks += 1;
        let (took, looked) = (seen.at.saturating_sub(first.at), LOOK_EVERY.saturating_mul(*looks));
        // This process was held up: nothing can be said of the rate.
        if took > looked.mul_f64(1.2) {
            self.rate_since = Some((seen, 0));
            return None;
        }
        if looked < RATE_OVER {
            return None;
        }
        let rate_hz = seen.frames.saturating_sub(first.frames) as f64 / took.as_secs_f64();
        self.rate_since = Some((seen, 0));
        let off = (rate_hz / self.sample_rate_hz - 1.0).abs();
        (off > self.rules.rate_within).then_some(Wrong::Rate(rate_hz))
    }
}

/// What a watchdog finds wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wrong {
    /// No frames for so long.
    Nothing(Duration),
    /// Frames at this rate.
    Rate(f64),
    /// Zeros for so long.
    Silence(Duration),
}

impl Wrong {
    /// The reason to tell.
    pub(crate) fn error(self, buffer: &CaptureBuffer) -> Error {
        let source_name = buffer.source().to_string();
        match self {
            Self::Nothing(waited) => Error::Stalled { source_name, waited },
            Self::Rate(rate_hz) => {
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

/// Looks at a buffer.
pub(crate) fn look(buffer: &CaptureBuffer, rules: &Watchdog) -> Sight {
    let frames = buffer.frames().end;
    let at = Duration::from_nanos(buffer.clock().monotonic_ns().max(0).unsigned_abs());
    let is_silent = rules.silence_for.is_some() && is_silent(buffer);
    Sight { at, frames, is_silent }
}

/// Whether the newest fiftieth of a second is nothing but zeros.
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

    /// Looks so many times at something that a source of 1000 Hz does.
    fn watch(rules: Watchdog, looks: u32, mut see: impl FnMut(u32) -> Sight) -> Option<(u32, Wrong)> {
        let mut health = Health::new(rules, 1000);
        (0..looks).find_map(|look| health.look(see(look)).map(|wrong| (look, wrong)))
    }

    fn at(look: u32) -> Duration {
        LOOK_EVERY * look
    }

    fn sight(look: u32, frames: u64) -> Sight {
        Sight { at: at(look), frames, is_silent: false }
    }

    #[test]
    fn what_comes_as_it_should_is_left_alone_for_ever() {
        let rules = Watchdog::new().silence_for(Some(Duration::from_secs(60)));
        // In bursts of two seconds, 5 % fast, silent for half a minute of each.
        let see = |look: u32| Sight { is_silent: look % 240 < 120, ..sight(look, u64::from(look / 8) * 2100) };
        assert_eq!(watch(rules, 40_000, see), None);
    }

    #[test]
    fn nothing_is_noticed_after_its_time_also_where_nothing_ever_came() {
        let rules = Watchdog::new().nothing_for(Duration::from_secs(5));
        let found = watch(rules, 1000, |look| sight(look, u64::from(look.min(100)) * 250));
        assert_eq!(found, Some((120, Wrong::Nothing(Duration::from_secs(5)))));
        assert_eq!(watch(rules, 1000, |look| sight(look, 0)), Some((20, Wrong::Nothing(Duration::from_secs(5)))));
    }

    #[test]
    fn a_rate_that_is_far_off_is_noticed() {
        let slow = |look: u32| sight(look, 1 + u64::from(look) * 190);
        let Some((look, Wrong::Rate(rate_hz))) = watch(Watchdog::new(), 1000, slow) else {
            panic!("760 Hz is not 1000")
        };
        assert!((119..=122).contains(&look) && (rate_hz - 760.0).abs() < 1.0, "{look}: {rate_hz} Hz");
        let lossy = |look: u32| sight(look, 1 + u64::from(look) * 220);
        assert_eq!(watch(Watchdog::new(), 1000, lossy), None, "a bad network is no reason to hang up");
        let fast = |look: u32| sight(look, 1 + u64::from(look) * 320);
        assert!(matches!(watch(Watchdog::new(), 1000, fast), Some((_, Wrong::Rate(_)))));
    }

    #[test]
    fn a_process_that_is_held_up_finds_nothing_wrong_when_it_goes_on() {
        // Each ten seconds it stands still for a minute, and what came meanwhile is there or lost.
        for lost in [0, 60_000] {
            let see = |look: u32| {
                let held = u64::from(look / 40);
                let frames = u64::from(look) * 250 + held * (60_000 - lost);
                Sight { at: at(look) + Duration::from_secs(60) * (look / 40), ..sight(look, frames) }
            };
            assert_eq!(watch(Watchdog::new(), 2000, see), None);
        }
    }

    #[test]
    fn zeros_are_silence_only_where_that_was_asked_and_only_without_a_break() {
        let rules = Watchdog::new().silence_for(Some(Duration::from_secs(60)));
        let zeros = |look: u32| Sight { is_silent: true, ..sight(look, 1 + u64::from(look) * 250) };
        assert!(matches!(watch(rules, 1000, zeros), Some((239, Wrong::Silence(_)))));
        assert_eq!(watch(Watchdog::new(), 1000, zeros), None);
        let broken = |look: u32| Sight { is_silent: !look.is_multiple_of(239), ..zeros(look) };
        assert_eq!(watch(rules, 2000, broken), None);
    }
}
