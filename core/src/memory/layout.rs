//! Where everything in a region lies: sizes and offsets, computed from a checked [`Spec`].

use super::header::{AnchorSlot, HEADER_BYTES};
use crate::spec::Spec;

const LEAST_SLACK_FRAMES: u64 = if cfg!(loom) { 1 } else { 256 };
// Copying fewer bytes at a time takes longer for each.
const FAST_BYTES: u64 = 16 << 10;
/// So many frames are whole cache lines, whatever they consist of.
const LINE_FRAMES: u64 = if cfg!(loom) { 1 } else { 64 };
const LEAST_ANCHOR_SLOTS: u64 = if cfg!(loom) { 8 } else { 256 };
pub(crate) const PAGE: u64 = if cfg!(loom) { WORD_BYTES } else { 4096 };
pub(crate) const WORD_BYTES: u64 = size_of::<u64>() as u64;

/// Where everything lies, computed from a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    pub(crate) length_frames: u64,
    /// The frames there is room for: the length, and a little more that the writer may be overwriting.
    pub(crate) ring_frames: u64,
    pub(crate) frame_bytes: usize,
    pub(crate) anchor_slots: u64,
    pub(crate) frames_offset: u64,
    pub(crate) region_bytes: u64,
}

impl Layout {
    /// Lays a region out. No size that a spec can have overflows here.
    pub(crate) fn of(spec: &Spec) -> Self {
        let length_frames = spec.length_frames();
        let frame_bytes = spec.frame_bytes();
        // Room to write into while the whole length can still be read: under one percent of a usual buffer, and in a short one no less than
        // what a copy is fast for. Up to whole cache lines, so that chunks that fill some lie on them in each lap: copied a quarter faster.
        let fast_frames = FAST_BYTES / frame_bytes as u64;
        let slack_frames = (length_frames / 128).max(fast_frames.min(length_frames / 8)).max(LEAST_SLACK_FRAMES);
        let ring_frames = (length_frames + slack_frames).next_multiple_of(LINE_FRAMES);
        let seconds = length_frames / u64::from(spec.sample_rate_hz());
        // The timeline sets an anchor each ten seconds and at each gap.
        let anchor_slots = (seconds / 4).max(LEAST_ANCHOR_SLOTS);
        let frames_offset = (HEADER_BYTES + anchor_slots * size_of::<AnchorSlot>() as u64).next_multiple_of(PAGE);
        let region_bytes = (frames_offset + ring_frames * frame_bytes as u64).next_multiple_of(PAGE);
        Self { length_frames, ring_frames, frame_bytes, anchor_slots, frames_offset, region_bytes }
    }

    /// How many whole frames so many bytes are. Mostly a shift: a division costs as much as copying a hundred bytes.
    pub(crate) fn whole_frames(&self, bytes: usize) -> u64 {
        let whole = if self.frame_bytes.is_power_of_two() {
            bytes >> self.frame_bytes.trailing_zeros()
        } else {
            bytes / self.frame_bytes
        };
        whole as u64
    }

    /// How many frames the writer may be overwriting at a time: no more than there is room for beside the length.
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
    fn what_is_beside_the_audio_stays_under_two_percent_of_a_minute() {
        let layout = Layout::of(&minute());
        assert!(layout.region_bytes as f64 <= minute().audio_bytes() as f64 * 1.02, "{layout:?}");
    }

    #[test]
    fn the_largest_and_smallest_shapes_have_a_layout() {
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
