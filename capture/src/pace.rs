//! Real-time pace for sources that have no clock of their own: files and test signals.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{Clock, GapReason, I24, Sample, SampleFormat, Writer};

use crate::error::Result;
use crate::instant::utc_of;
use crate::source::RunOutcome;
use crate::stop::Stop;

/// What a supply has to give next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Supplied {
    /// So many frames, at least one, were put into the chunk.
    Frames(usize),
    /// So many frames of the source are damaged and left out.
    Lost(u64),
    /// There is no more.
    RunOutcome,
}

/// Audio that is there as fast as it is asked for.
pub(crate) trait Supply {
    /// Puts up to `chunk.len() / channels` frames into the chunk, converted to its type.
    fn next<D: Sample>(&mut self, chunk: &mut [D], channels: usize) -> Result<Supplied>;
}

/// Writes a supply at the pace of its sample rate until it ends or stopping is asked.
pub(crate) fn feed(supply: &mut impl Supply, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
    match writer.buffer().spec().format() {
        SampleFormat::S16 => feed_as::<i16>(supply, writer, stop),
        SampleFormat::S24 => feed_as::<I24>(supply, writer, stop),
        SampleFormat::S32 => feed_as::<i32>(supply, writer, stop),
        SampleFormat::F32 => feed_as::<f32>(supply, writer, stop),
    }
}

/// Chunks are this long: short enough for a reader to be near the present, long enough to cost nothing.
const CHUNKS_PER_S: u32 = 50;

fn feed_as<D: Sample>(supply: &mut impl Supply, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
    let spec = *writer.buffer().spec();
    let channels = usize::from(spec.channels());
    let chunk_frames = (spec.sample_rate_hz() / CHUNKS_PER_S).max(1) as usize;
    let mut chunk = vec![D::default(); chunk_frames * channels];
    let mut pace = Pace::new(Arc::clone(writer.buffer().clock()), spec.sample_rate_hz());
    while !stop.is_requested() {
        match supply.next(&mut chunk, channels)? {
            Supplied::Frames(frames) => {
                let due = pace.wait_for(frames as u64);
                if let Some(late) = due.late {
                    writer.gap_for(GapReason::Overrun, late);
                }
                writer.write_at(&chunk[..frames * channels], due.capture_utc_ns)?;
            }
            Supplied::Lost(frames) => {
                writer.gap_for(GapReason::PacketLoss, pace.skip(frames));
            }
            Supplied::RunOutcome => return Ok(RunOutcome::Finished),
        }
    }
    Ok(RunOutcome::Stopped)
}

/// Ideal capture times: those of a device that started at one instant and has exactly its nominal rate.
#[derive(Debug)]
struct Pace {
    clock: Arc<dyn Clock>,
    sample_rate_hz: u32,
    start_ns: i64,
    frames: u64,
}

/// When a chunk was captured, ideally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    capture_utc_ns: i64,
    /// So much was left out before it, because the machine slept.
    late: Option<Duration>,
}

/// Who is later than this does not catch up: it would be a burst of audio that claims to be from when the machine slept.
const CATCH_UP_NS: i64 = 1_000_000_000;

impl Pace {
    fn new(clock: Arc<dyn Clock>, sample_rate_hz: u32) -> Self {
        let start_ns = clock.monotonic_ns();
        Self { clock, sample_rate_hz, start_ns, frames: 0 }
    }

    /// Sleeps until a device would have delivered a chunk of so many frames.
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

    /// Leaves frames out, and tells how long they would have lasted.
    fn skip(&mut self, frames: u64) -> Duration {
        let before_ns = self.time_of(self.frames);
        self.frames = self.frames.saturating_add(frames);
        Duration::from_nanos(self.time_of(self.frames).saturating_sub(before_ns).unsigned_abs())
    }

    /// The monotonic time of a frame.
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

    fn pace(sample_rate_hz: u32) -> (Arc<ManualClock>, Pace) {
        let clock = Arc::new(ManualClock::new(UTC_NS));
        (Arc::clone(&clock), Pace::new(clock, sample_rate_hz))
    }

    #[test]
    fn times_are_ideal_however_late_the_thread_wakes() {
        let (clock, mut pace) = pace(1000);
        for chunk in 0..100_i64 {
            // Each 20 ms chunk is asked for 1 to 7 ms after it was due.
            clock.advance(Duration::from_millis(
                20 + chunk as u64 % 7 - if chunk == 0 { 0 } else { (chunk as u64 - 1) % 7 },
            ));
            let due = pace.wait_for(20);
            assert_eq!(due, Due { capture_utc_ns: UTC_NS + chunk * 20_000_000, late: None });
        }
    }

    #[test]
    fn a_rate_that_no_nanosecond_divides_does_not_drift() {
        let (clock, mut pace) = pace(44_100);
        clock.advance(Duration::from_secs(3600));
        pace.start_ns += 0;
        pace.frames = 44_100 * 3600 - 882;
        assert_eq!(pace.wait_for(882).capture_utc_ns, UTC_NS + 3600 * SECOND_NS - 20_000_000);
    }

    #[test]
    fn who_is_a_little_late_catches_up_and_who_slept_leaves_a_gap() {
        let (clock, mut pace) = pace(1000);
        clock.advance(Duration::from_millis(920));
        let caught_up: Vec<_> = (0..46).map(|_| pace.wait_for(20)).collect();
        assert!(caught_up.iter().all(|due| due.late.is_none()));
        assert_eq!(caught_up[45].capture_utc_ns, UTC_NS + 900_000_000);

        clock.advance(Duration::from_secs(3600));
        let due = pace.wait_for(20);
        let late = Duration::from_millis(3_600_000 - 20);
        assert_eq!(due, Due { capture_utc_ns: UTC_NS + 920_000_000 + late.as_nanos() as i64, late: Some(late) });
        clock.advance(Duration::from_millis(20));
        assert_eq!(pace.wait_for(20).late, None, "and goes on from there");
    }

    #[test]
    fn a_step_of_the_wall_clock_changes_labels_and_not_the_pace() {
        let (clock, mut pace) = pace(1000);
        clock.advance(Duration::from_millis(20));
        assert_eq!(pace.wait_for(20).capture_utc_ns, UTC_NS);
        clock.step_utc(-3600 * SECOND_NS);
        clock.advance(Duration::from_millis(20));
        let due = pace.wait_for(20);
        assert_eq!(due, Due { capture_utc_ns: UTC_NS + 20_000_000 - 3600 * SECOND_NS, late: None });
    }

    #[test]
    fn what_is_left_out_takes_its_time() {
        let (clock, mut pace) = pace(1000);
        assert_eq!(pace.skip(500), Duration::from_millis(500));
        clock.advance(Duration::from_millis(520));
        assert_eq!(pace.wait_for(20), Due { capture_utc_ns: UTC_NS + 500_000_000, late: None });
    }
}
