//! Real-time pacing of sources without a clock of their own: files and test signals.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{Clock, ClockSource, GapReason, I24, Sample, SampleFormat};

use crate::error::Result;
use crate::source::contract::RunOutcome;
use crate::source::instant::utc_of;
use crate::source::processing::output::Output;
use crate::stop::Stop;

/// The next part of a supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Supplied {
    /// The number of frames put into the chunk, at least one.
    Frames(usize),
    /// The number of frames left out because they are damaged.
    Lost(u64),
    /// The end.
    End,
}

/// Audio that is available faster than real time.
pub(crate) trait Supply {
    /// Fills the chunk with up to `chunk.len() / channels` frames, converted to its type.
    fn next<D: Sample>(&mut self, chunk: &mut [D], channels: usize) -> Result<Supplied>;
}

/// Writes a supply in real time until it ends or `stop` is requested.
pub(crate) fn feed(supply: &mut impl Supply, mut output: Output, stop: &Stop) -> Result<RunOutcome> {
    output.set_clock(ClockSource::File);
    let outcome = match output.format().sample_format {
        SampleFormat::S16 => feed_as::<i16>(supply, &mut output, stop),
        SampleFormat::S24 => feed_as::<I24>(supply, &mut output, stop),
        SampleFormat::S32 => feed_as::<i32>(supply, &mut output, stop),
        SampleFormat::F32 => feed_as::<f32>(supply, &mut output, stop),
    };
    let finished = output.finish();
    outcome.and_then(|outcome| finished.map(|()| outcome))
}

/// The rate of chunks: low latency for readers, at negligible cost.
const CHUNKS_PER_S: u32 = 50;

fn feed_as<D: Sample>(supply: &mut impl Supply, output: &mut Output, stop: &Stop) -> Result<RunOutcome> {
    let format = output.format();
    let channels = usize::from(format.channels);
    let chunk_frames = (format.sample_rate_hz / CHUNKS_PER_S).max(1) as usize;
    let mut chunk = vec![D::default(); chunk_frames * channels];
    let mut pacing = RealTimePacing::new(Arc::clone(output.buffer().clock()), format.sample_rate_hz);
    while !stop.is_requested() {
        match supply.next(&mut chunk, channels)? {
            Supplied::Frames(frames) => {
                let due = pacing.wait_for(frames as u64);
                if let Some(late) = due.late {
                    output.gap_for(GapReason::Overrun, late);
                }
                output.write_at(&chunk[..frames * channels], due.capture_utc_ns)?;
            }
            Supplied::Lost(frames) => {
                output.gap_for(GapReason::PacketLoss, pacing.skip(frames));
            }
            Supplied::End => return Ok(RunOutcome::Finished),
        }
    }
    Ok(RunOutcome::Stopped)
}

/// The clock of an ideal device: started at one instant, at exactly its nominal rate.
#[derive(Debug)]
struct RealTimePacing {
    clock: Arc<dyn Clock>,
    sample_rate_hz: u32,
    start_ns: i64,
    frames: u64,
}

/// The time of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    capture_utc_ns: i64,
    /// The time left out before it, because the machine was suspended.
    late: Option<Duration>,
}

/// A longer delay is not caught up with: that would be a burst of audio dated to the time of
/// suspension.
const CATCH_UP_NS: i64 = 1_000_000_000;

impl RealTimePacing {
    fn new(clock: Arc<dyn Clock>, sample_rate_hz: u32) -> Self {
        let start_ns = clock.monotonic_ns();
        Self { clock, sample_rate_hz, start_ns, frames: 0 }
    }

    /// Sleeps until a device would have delivered a chunk of `frames` frames.
    fn wait_for(&mut self, frames: u64) -> Due {
        let end_ns = self.time_of(self.frames.saturating_add(frames));
        let early_ns = end_ns.saturating_sub(self.clock.monotonic_ns());
        if early_ns > 0 {
            self.clock.sleep(Duration::from_nanos(early_ns.unsigned_abs()));
        }
        let late_ns = self.clock.monotonic_ns().saturating_sub(end_ns);
        let late = (late_ns > CATCH_UP_NS).then(|| {
            self.start_ns = self.start_ns.saturating_add(late_ns);
            Duration::from_nanos(late_ns.unsigned_abs())
        });
        let capture_utc_ns = utc_of(&*self.clock, self.time_of(self.frames));
        self.frames = self.frames.saturating_add(frames);
        Due { capture_utc_ns, late }
    }

    /// Leaves frames out, and returns their duration.
    fn skip(&mut self, frames: u64) -> Duration {
        let before_ns = self.time_of(self.frames);
        self.frames = self.frames.saturating_add(frames);
        Duration::from_nanos(self.time_of(self.frames).saturating_sub(before_ns).unsigned_abs())
    }

    /// Returns the monotonic time of a frame.
    fn time_of(&self, frame: u64) -> i64 {
        let ns = u128::from(frame) * 1_000_000_000 / u128::from(self.sample_rate_hz);
        self.start_ns.saturating_add(i64::try_from(ns).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use capbuf::ManualClock;

    use super::*;

    const SECOND_NS: i64 = 1_000_000_000;
    const UTC_NS: i64 = 1_800_000_000 * SECOND_NS;

    fn pacing(sample_rate_hz: u32) -> (Arc<ManualClock>, RealTimePacing) {
        let clock = Arc::new(ManualClock::new(UTC_NS));
        (Arc::clone(&clock), RealTimePacing::new(clock, sample_rate_hz))
    }

    #[test]
    fn times_do_not_depend_on_the_delay_of_the_thread() {
        let (clock, mut pacing) = pacing(1000);
        for chunk in 0..100_i64 {
            // Each 20 ms chunk is requested 0 to 6 ms late.
            clock.advance(Duration::from_millis(
                20 + chunk as u64 % 7 - if chunk == 0 { 0 } else { (chunk as u64 - 1) % 7 },
            ));
            let due = pacing.wait_for(20);
            assert_eq!(due, Due { capture_utc_ns: UTC_NS + chunk * 20_000_000, late: None });
        }
    }

    #[test]
    fn rate_that_is_no_divisor_of_a_second_does_not_drift() {
        let (clock, mut pacing) = pacing(44_100);
        clock.advance(Duration::from_secs(3600));
        pacing.frames = 44_100 * 3600 - 882;
        assert_eq!(pacing.wait_for(882).capture_utc_ns, UTC_NS + 3600 * SECOND_NS - 20_000_000);
    }

    #[test]
    fn short_delay_is_caught_up_with_and_a_suspension_is_a_gap() {
        let (clock, mut pacing) = pacing(1000);
        clock.advance(Duration::from_millis(920));
        let caught_up: Vec<_> = (0..46).map(|_| pacing.wait_for(20)).collect();
        assert!(caught_up.iter().all(|due| due.late.is_none()));
        assert_eq!(caught_up[45].capture_utc_ns, UTC_NS + 900_000_000);

        clock.advance(Duration::from_secs(3600));
        let due = pacing.wait_for(20);
        let late = Duration::from_millis(3_600_000 - 20);
        assert_eq!(due, Due { capture_utc_ns: UTC_NS + 920_000_000 + late.as_nanos() as i64, late: Some(late) });
        clock.advance(Duration::from_millis(20));
        assert_eq!(pacing.wait_for(20).late, None, "continues from there");
    }

    #[test]
    fn step_of_the_wall_clock_changes_times_but_not_pacing() {
        let (clock, mut pacing) = pacing(1000);
        clock.advance(Duration::from_millis(20));
        assert_eq!(pacing.wait_for(20).capture_utc_ns, UTC_NS);
        clock.step_utc(-3600 * SECOND_NS);
        clock.advance(Duration::from_millis(20));
        let due = pacing.wait_for(20);
        assert_eq!(due, Due { capture_utc_ns: UTC_NS + 20_000_000 - 3600 * SECOND_NS, late: None });
    }

    #[test]
    fn skipped_frames_take_their_duration() {
        let (clock, mut pacing) = pacing(1000);
        assert_eq!(pacing.skip(500), Duration::from_millis(500));
        clock.advance(Duration::from_millis(520));
        assert_eq!(pacing.wait_for(20), Due { capture_utc_ns: UTC_NS + 500_000_000, late: None });
    }
}
