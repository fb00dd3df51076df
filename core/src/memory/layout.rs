//! The layout of a region: sizes and offsets, computed from a checked [`Spec`].

use super::header::{AnchorSlot, HEADER_BYTES};
use crate::spec::Spec;

const LEAST_SLACK_FRAMES: u64 = if cfg!(loom) { 1 } else { 256 };
// Shorter copies take longer per byte.
const FAST_BYTES: u64 = 16 << 10;
/// This number of frames fills whole cache lines, for every size of a frame.
const LINE_FRAMES: u64 = if cfg!(loom) { 1 } else { 64 };
const LEAST_ANCHOR_SLOTS: u64 = if cfg!(loom) { 8 } else { 256 };
pub(crate) const PAGE: u64 = if cfg!(loom) { WORD_BYTES } else { 4096 };
pub(crate) const WORD_BYTES: u64 = size_of::<u64>() as u64;

/// Sizes and offsets of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    pub(crate) length_frames: u64,
    /// Frames that the ring holds: the length, and slack that the writer may be overwriting.
    pub(crate) ring_frames: u64,
    pub(crate) frame_bytes: usize,
    pub(crate) anchor_slots: u64,
    pub(crate) frames_offset: u64,
    pub(crate) region_bytes: u64,
}

impl Layout {
    /// Lays a region out. No spec overflows here.
    pub(crate) fn of(spec: &Spec) -> Self {
        let length_frames = spec.length_frames();
        let frame_bytes = spec.frame_bytes();
        // Slack to write into while the whole length stays readable: under one percent of a usual
        // buffer, and in a short one as much as a copy needs to be fast. Whole cache lines, so that
        // chunks of whole lines stay aligned in each lap: their copies are a quarter faster.
        let fast_frames = FAST_BYTES / frame_bytes as u64;
        let slack_frames = (length_frames / 128).max(fast_frames.min(length_frames / 8)).max(LEAST_SLACK_FRAMES);
        let ring_frames = (length_frames + slack_frames).next_multiple_of(LINE_FRAMES);
        let seconds = length_frames / u64::from(spec.sample_rate_hz());
        // The timeline sets an anchor every ten seconds, while times are corrected each second, and
        // at each gap.
        let anchor_slots = seconds.saturating_mul(2).max(LEAST_ANCHOR_SLOTS);
        let frames_offset = (HEADER_BYTES + anchor_slots * size_of::<AnchorSlot>() as u64).next_multiple_of(PAGE);
        let region_bytes = (frames_offset + ring_frames * frame_bytes as u64).next_multiple_of(PAGE);
        Self { length_frames, ring_frames, frame_bytes, anchor_slots, frames_offset, region_bytes }
    }

    /// The number of whole frames in `bytes`. Mostly a shift: a division costs as much as copying a
    /// hundred bytes.
    pub(crate) fn whole_frames(&self, bytes: usize) -> u64 {
        let whole = if self.frame_bytes.is_power_of_two() {
            bytes >> self.frame_bytes.trailing_zeros()
        } else {
            bytes / self.frame_bytes
        };
        whole as u64
    }

    /// Frames that the writer may be overwriting at a time: at most the slack.
    pub(crate) fn block_frames(&self) -> u64 {
        let slack = self.ring_frames - self.length_frames;
        if slack < LINE_FRAMES { slack } else { slack - slack % LINE_FRAMES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Length, SampleFormat};

    fn minute() -> Spec {
        Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16).unwrap()
    }

    #[test]
    fn overhead_is_under_two_percent_of_a_minute() {
        let layout = Layout::of(&minute());
        assert!(layout.region_bytes as f64 <= minute().audio_bytes() as f64 * 1.02, "{layout:?}");
    }

    #[test]
    fn largest_and_smallest_specs_have_a_layout() {
        for (frames, rate, channels, format) in
            [(1, 1, 1, SampleFormat::S16), (1, 768_000, 64, SampleFormat::F32), (1 << 40, 1, 64, SampleFormat::S24)]
        {
            let spec = Spec::new(Length::Frames(frames), rate, channels, format).unwrap();
            let layout = Layout::of(&spec);
            assert!(layout.frames_offset + layout.ring_frames * layout.frame_bytes as u64 <= layout.region_bytes);
            assert!(layout.block_frames() >= 256);
        }
    }
}
