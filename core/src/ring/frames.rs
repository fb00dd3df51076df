//! The ring of frames: one writer that never waits, any number of readers, overwriting.
//!
//! Frame `n` lies in slot `n % ring_frames`. The writer announces the frames up to which it will
//! write (`reserve`), copies, and publishes them (`head`). A reader loads `head`, copies, and loads
//! `reserve`: if the writer had not announced the slots by then, the copy is valid. The copy itself
//! may be torn; the check after it makes the read right, so it loads `reserve` and never `head`.

use crate::memory::{Region, WriterLine, copy};
use crate::sync::{AtomicU64, Ordering, fence};

/// Upper bound of frame counters: 760 000 years of 48 kHz. Larger values were not stored by a
/// writer.
pub(crate) const MAX_COUNT: u64 = 1 << 60;

/// The writer's position in the ring, and the rest of the state of a write, on one cache line.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct WriteCursor {
    /// Number of the next frame.
    frame: u64,
    /// Its offset in bytes from the first slot.
    offset: usize,
    /// Highest `reserve` so far, also of an earlier writer: never announce less.
    announced: u64,
    ring_bytes: usize,
    /// Longest write in one block, in bytes; less than [`CONTIGUOUS_BYTES`].
    contiguous_bytes: u32,
    frame_bytes: u32,
    /// 2^32 divided by `frame_bytes`, rounded up.
    frames_per_byte_q32: u32,
}

/// Below this bound, multiplying by the 32-bit reciprocal equals dividing by `frame_bytes`.
const CONTIGUOUS_BYTES: usize = 1 << 24;

impl WriteCursor {
    /// Continues where the last writer ended. Only the holder of the lease may call it.
    ///
    /// A writer that died in a write had announced more than it published. The numbers of those
    /// frames are used again, as no reader has seen them. The frames that it may have overwritten
    /// stay announced, so no reader returns them. At most everything before is lost: a write longer
    /// than the ring announces no more than the ring holds, or later frames would be refused too.
    pub(crate) fn of(region: &Region) -> Self {
        let line = &region.header().writer;
        let layout = region.layout();
        // SYNC none: the lease orders one writer after the other. Bounded, as another process may
        // have stored anything since the check, so that no sum of them overflows.
        let frame = line.head.load(Ordering::Relaxed).min(MAX_COUNT);
        // SYNC reserve (take over): a dead writer may have overwritten what it announced.
        let announced = line.reserve.load(Ordering::Relaxed).min(frame + layout.ring_frames);
        let contiguous_bytes = layout.block_frames().saturating_mul(layout.frame_bytes as u64);
        Self {
            frame,
            offset: (frame % layout.ring_frames) as usize * layout.frame_bytes,
            announced,
            ring_bytes: layout.ring_frames as usize * layout.frame_bytes,
            contiguous_bytes: contiguous_bytes.min(CONTIGUOUS_BYTES as u64 - 1) as u32,
            frame_bytes: layout.frame_bytes as u32,
            frames_per_byte_q32: (1_u64 << 32).div_ceil(layout.frame_bytes as u64) as u32,
        }
    }

    /// Number of the next frame to be written.
    pub(crate) fn frame(&self) -> u64 {
        self.frame
    }

    /// The number of frames in `bytes` bytes, if they are whole frames, at least one, and fit into
    /// one block: no longer than the ring's slack and not around its end.
    #[inline]
    pub(crate) fn contiguous_frames(&self, bytes: usize) -> Option<u64> {
        if bytes.wrapping_sub(1) >= self.contiguous_bytes as usize || bytes > self.ring_bytes - self.offset {
            return None;
        }
        // A division costs as much as copying a hundred bytes.
        let frames = (bytes as u64 * u64::from(self.frames_per_byte_q32)) >> 32;
        (frames as usize * self.frame_bytes as usize == bytes).then_some(frames)
    }

    /// Writes a chunk that [`WriteCursor::contiguous_frames`] accepted.
    #[inline]
    pub(crate) fn push_contiguous(&mut self, line: &WriterLine, words: &[AtomicU64], bytes: &[u8], frames: u64) {
        self.write_block(line, words, bytes, &[], frames);
    }

    /// Writes whole frames, any number of them. Of more than the ring's length the newest are kept
    /// and all are counted.
    ///
    /// Wait-free: a copy, and two stores for each block of the ring's slack. `bytes` holds exactly
    /// `frames` frames.
    pub(crate) fn push(&mut self, region: &Region, bytes: &[u8], frames: u64) {
        let layout = region.layout();
        debug_assert_eq!(bytes.len(), frames as usize * layout.frame_bytes);
        let mut bytes = bytes;
        if frames > layout.length_frames {
            // The skipped frames exist in number only. Once `head` has moved, nothing older than
            // the tail can be read; until then, nothing older than what this write announces.
            let skipped = frames - layout.length_frames;
            self.frame += skipped;
            self.offset = (self.frame % layout.ring_frames) as usize * layout.frame_bytes;
            (_, bytes) = bytes.split_at(skipped as usize * layout.frame_bytes);
            self.write_split(region, bytes, layout.length_frames);
            return;
        }
        // Blocks no longer than the slack: one write never overtakes a reader of the whole length.
        let (most, mut frames) = (layout.block_frames(), frames);
        while frames > most {
            let (block, rest) = bytes.split_at(most as usize * layout.frame_bytes);
            self.write_split(region, block, most);
            (bytes, frames) = (rest, frames - most);
        }
        self.write_split(region, bytes, frames);
    }

    /// Writes a block that may wrap around the ring's end.
    fn write_split(&mut self, region: &Region, bytes: &[u8], frames: u64) {
        let (before, after) = bytes.split_at(bytes.len().min(self.ring_bytes - self.offset));
        self.write_block(&region.header().writer, region.words(), before, after, frames);
    }

    /// Writes `before` to the next slots and `after`, past the ring's end, to the first ones.
    #[inline(always)]
    fn write_block(&mut self, line: &WriterLine, words: &[AtomicU64], before: &[u8], after: &[u8], frames: u64) {
        let (offset, end) = (self.offset, self.frame + frames);
        let announced = self.announced.max(end);
        // Updated before the copy: few registers live across it.
        self.frame = end;
        self.offset += before.len();
        if self.offset >= self.ring_bytes {
            self.offset = after.len();
        }
        // SYNC reserve (announce): this store, then the fence, then the copy. A reader whose copy
        // saw any byte of this write sees, after its own fence, this `reserve` or a later one.
        line.reserve.store(announced, Ordering::Relaxed);
        // SYNC reserve (release): the fence, not the store, as stores after a release store may
        // move before it.
        fence(Ordering::Release);
        copy::copy_in(words, offset, before);
        if !after.is_empty() {
            copy::copy_in(words, 0, after);
        }
        // SYNC head (publish): the copy, and the anchors that give these frames their times.
        line.head.store(end, Ordering::Release);
    }
}

/// One past the newest readable frame. Stale at once, towards the past.
pub(crate) fn head(region: &Region) -> u64 {
    // SYNC head (observe): acquires the frames below `head`, and their anchors.
    region.header().writer.head.load(Ordering::Acquire)
}

/// The up to two memory ranges of `frames` frames from `first`: byte offset and length.
pub(crate) fn spans(region: &Region, first: u64, frames: u64) -> [(usize, usize); 2] {
    let layout = region.layout();
    let slot = first % layout.ring_frames;
    let before = frames.min(layout.ring_frames - slot);
    let after = (frames - before).min(slot);
    let bytes = |frames: u64| frames as usize * layout.frame_bytes;
    [(bytes(slot), bytes(before)), (0, bytes(after))]
}

/// The oldest frame that no announced write can have touched during the copies so far.
///
/// Copies from this frame on are valid; copies of older frames must be discarded.
pub(crate) fn oldest_intact(region: &Region) -> u64 {
    // SYNC reserve (acquire): orders the copy before the load below.
    fence(Ordering::Acquire);
    // SYNC reserve (check): a copy that saw a byte of a later write sees that write's `reserve`.
    region.header().writer.reserve.load(Ordering::Relaxed).saturating_sub(region.layout().ring_frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Length, SampleFormat, Spec};

    fn region(frames: u64, channels: u16, format: SampleFormat) -> Region {
        let spec = Spec::new(Length::Frames(frames), 1000, channels, format).unwrap();
        Region::anonymous(&spec, "ring", 1, 0).unwrap()
    }

    fn frame_bytes(region: &Region, first: u64, frames: u64) -> Vec<u8> {
        let mut out = Vec::new();
        for (offset, bytes) in spans(region, first, frames) {
            copy::append(region.words(), offset, bytes, &mut out);
        }
        out
    }

    /// Frame `n` of the test signal: its number, in the bytes of one frame.
    fn signal(frames: std::ops::Range<u64>, bytes: usize) -> Vec<u8> {
        frames
            .flat_map(|frame| frame.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes().into_iter().cycle().take(bytes))
            .collect()
    }

    #[test]
    fn whole_length_is_right_after_writes_of_any_size() {
        for (channels, format) in [(1, SampleFormat::S24), (2, SampleFormat::S16), (3, SampleFormat::F32)] {
            let region = region(1000, channels, format);
            let (bytes, line, words) = (region.layout().frame_bytes, &region.header().writer, region.words());
            let mut cursor = WriteCursor::of(&region);
            let (mut written, mut contiguous) = (0, 0);
            for frames in (0..40).map(|i| [1, 7, 255, 256, 257, 1000, 999, 1001, 1279, 1280, 1281, 5000][i % 12]) {
                let chunk = signal(written..written + frames, bytes);
                assert_eq!(cursor.contiguous_frames(chunk.len() - 1), None, "no whole frames");
                match cursor.contiguous_frames(chunk.len()) {
                    Some(counted) => {
                        assert!(counted == frames && frames <= 256, "{counted} of {frames}");
                        cursor.push_contiguous(line, words, &chunk, frames);
                        contiguous += 1;
                    }
                    None => cursor.push(&region, &chunk, frames),
                }
                written += frames;
                assert_eq!(head(&region), written);
                let first = written.saturating_sub(1000);
                assert!(oldest_intact(&region) <= first, "{written} written, {frames} at once");
                assert_eq!(frame_bytes(&region, first, written - first), signal(first..written, bytes));
            }
            assert!((10..=16).contains(&contiguous), "{contiguous} contiguous, the rest around the end or in blocks");
        }
    }

    #[test]
    fn reciprocal_counts_frames_as_a_division_does() {
        for format in SampleFormat::ALL {
            for channels in [1, 2, 3, 5, 7, 31, 63, 64] {
                let region = region(100_000, channels, format);
                let cursor = WriteCursor::of(&region);
                let (frame_bytes, most) = (region.layout().frame_bytes, region.layout().block_frames() as usize);
                assert_eq!(cursor.contiguous_frames(0), None);
                assert_eq!(cursor.contiguous_frames((most + 1) * frame_bytes), None);
                for bytes in (1..=most * frame_bytes).step_by(frame_bytes - 1).chain([most * frame_bytes]) {
                    let whole = bytes.is_multiple_of(frame_bytes).then_some((bytes / frame_bytes) as u64);
                    assert_eq!(cursor.contiguous_frames(bytes), whole, "{bytes} bytes of {channels} {format}");
                }
            }
        }
    }

    #[test]
    fn frames_announced_by_a_dead_writer_stay_announced() {
        let region = region(1000, 1, SampleFormat::S16);
        let mut cursor = WriteCursor::of(&region);
        cursor.push(&region, &signal(0..2000, 2), 2000);
        let line = &region.header().writer;
        // As a writer killed in a write: it announced and overwrote frames, and published none.
        line.reserve.store(2200, Ordering::Relaxed);
        copy::copy_in(region.words(), spans(&region, 2000, 1)[0].0, &[0xaa; 200]);
        let mut next = WriteCursor::of(&region);
        assert_eq!(next.frame(), 2000);
        next.push(&region, &signal(2000..2001, 2), 1);
        assert_eq!(oldest_intact(&region), 2200 - 1280, "what it overwrote must not be taken for audio");
        assert_eq!(frame_bytes(&region, 1001, 1000), signal(1001..2001, 2));
    }

    #[test]
    fn frames_written_after_a_dead_writers_long_write_are_readable_at_once() {
        let region = region(1000, 1, SampleFormat::S16);
        WriteCursor::of(&region).push(&region, &signal(0..2000, 2), 2000);
        region.header().writer.reserve.store(2000 + 10_000, Ordering::Relaxed);
        copy::copy_in(region.words(), 0, &[0xaa; 1280 * 2]);
        assert_eq!(oldest_intact(&region), 12_000 - 1280, "nothing of before");
        WriteCursor::of(&region).push(&region, &signal(2000..2100, 2), 100);
        assert_eq!(oldest_intact(&region), 2000);
        assert_eq!(frame_bytes(&region, 2000, 100), signal(2000..2100, 2));
    }
}
