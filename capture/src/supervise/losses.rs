//! The frames that a running source reports as lost.

use capbuf::{CaptureBuffer, GapReason, ReadOptions, Span};

/// The frames that are missing in the gaps of one run, at the rate of the buffer.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// The number of gaps at the last look, and the frames then.
    seen: Option<(u64, u64)>,
    frames: f64,
}

impl Losses {
    /// Adds the gaps since the last look, before frame `end`, and returns the frames lost in all.
    /// Gaps that the buffer has found by itself do not count: a source that is too slow makes such.
    pub(super) fn update(&mut self, buffer: &CaptureBuffer, end: u64) -> f64 {
        let gaps = buffer.gaps();
        let (seen_gaps, seen_end) = self.seen.replace((gaps, end)).unwrap_or((gaps, end));
        if gaps != seen_gaps && seen_end < end {
            let known = [GapReason::Requested, GapReason::Overrun, GapReason::PacketLoss];
            let newest = Span::Frames(seen_end.saturating_sub(1)..end);
            // What can't be read is overwritten, or removed.
            if let Ok(segment) = buffer.read_with(newest, &ReadOptions::new().available()) {
                let lost = segment.gaps().iter().filter(|gap| known.contains(&gap.gap.reason));
                let lost_ns: i64 = lost.map(|gap| gap.gap.duration_ns).sum();
                self.frames += lost_ns as f64 * f64::from(buffer.spec().sample_rate_hz()) / 1e9;
            }
        } else if gaps != seen_gaps {
            // The frames after it are yet to come.
            self.seen = Some((seen_gaps, seen_end));
        }
        self.frames
    }
}
