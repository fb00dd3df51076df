//! The ring of frames: one writer that never waits, any number of readers, overwriting.
//!
//! Frame `n` lies in slot `n % ring_frames`. The writer says how far it will write (`reserve`), copies, and says how far it
//! has written (`head`). A reader looks at `head`, copies, and looks at `reserve`: if the writer had not announced the
//! slots it copied, what it copied is what it asked for. The bytes themselves may be torn in between; the check after the
//! copy is what makes a read right, so it reads `reserve` and never `head`.

use crate::copy;
use crate::region::Region;
use crate::sync::{Ordering, fence};

/// More frames than any source can deliver before the sun burns out. Counters beyond it were not written by a writer.
pub(crate) const MAX_COUNT: u64 = 1 << 60;

/// The writer's own place in the ring.
#[derive(Debug)]
pub(crate) struct Head {
    /// The number of the next frame.
    frame: u64,
    /// Its slot.
    slot: u64,
    /// What an earlier writer had announced: never announce less.
    announced: u64,
}

impl Head {
    /// Takes the ring up where the last writer left it. Only the holder of the lease may.
    ///
    /// A writer that died while writing had announced more than it published. Those frames' numbers are used again, as
    /// nobody has read them; what it may have overwritten stays announced, so nobody ever reads that either. That is at most
    /// everything before them: of a write larger than the ring no more is announced than the ring holds, or the frames that come
    /// now would be refused, too.
    pub(crate) fn of(region: &Region) -> Self {
        let line = &region.header().writer;
        // SYNC none: the lease orders one writer after the other. Bounded, as another process may have written anything since they
        // were checked, so that no sum made from them overflows.
        let frame = line.head.load(Ordering::Relaxed).min(MAX_COUNT);
        let announced = line.reserve.load(Ordering::Relaxed).min(frame + region.layout().ring_frames);
        Self { frame, slot: frame % region.layout().ring_frames, announced }
    }

    /// The number of the next frame to be written.
    pub(crate) fn frame(&self) -> u64 {
        self.frame
    }

    /// Writes whole frames, any number of them. Of more than the ring's length the last are kept and all are counted.
    ///
    /// Wait-free: a copy, and two stores for each piece of the ring's slack. `bytes` are those of `frames` frames, which the
    /// caller has counted: a division costs as much as copying a hundred bytes.
    pub(crate) fn push(&mut self, region: &Region, bytes: &[u8], frames: u64) {
        let layout = region.layout();
        debug_assert_eq!(bytes.len(), frames as usize * layout.frame_bytes);
        if frames <= layout.slack_frames() {
            self.piece(region, bytes, frames);
            return;
        }
        if frames > layout.length_frames {
            // The new frames before the kept tail exist in number only. Nothing older than the tail counts as there once
            // `head` has moved, and until then nothing older than what this announces.
            let skipped = frames - layout.length_frames;
            self.frame += skipped;
            self.slot = self.frame % layout.ring_frames;
            self.piece(region, &bytes[skipped as usize * layout.frame_bytes..], layout.length_frames);
            return;
        }
        // In pieces no longer than the slack, so that a reader of the whole length is never overtaken by one write.
        for piece in bytes.chunks(layout.slack_frames() as usize * layout.frame_bytes) {
            self.piece(region, piece, (piece.len() / layout.frame_bytes) as u64);
        }
    }

    fn piece(&mut self, region: &Region, bytes: &[u8], frames: u64) {
        let layout = region.layout();
        let line = &region.header().writer;
        let end = self.frame + frames;
        self.announced = self.announced.max(end);
        // SYNC reserve: this store, then the fence, then the copy. A reader whose copy saw any byte of ours sees, after
        // its own fence, this `reserve` or a later one. The fence, not the store, is the release: stores after a release
        // store may move before it.
        line.reserve.store(self.announced, Ordering::Relaxed);
        fence(Ordering::Release);
        let to_wrap = (layout.ring_frames - self.slot) as usize * layout.frame_bytes;
        let (before, after) = bytes.split_at(bytes.len().min(to_wrap));
        copy::copy_in(region.words(), self.slot as usize * layout.frame_bytes, before);
        if !after.is_empty() {
            copy::copy_in(region.words(), 0, after);
        }
        // SYNC head: publishes the copy, and the anchors that give these frames their times.
        line.head.store(end, Ordering::Release);
        self.slot += end - self.frame;
        if self.slot >= layout.ring_frames {
            self.slot -= layout.ring_frames;
        }
        self.frame = end;
    }
}

/// One past the newest frame that may be read. Stale at once, towards the past.
pub(crate) fn head(region: &Region) -> u64 {
    // SYNC head: what the writer copied before it stored this is there to be copied.
    region.header().writer.head.load(Ordering::Acquire)
}

/// The up to two stretches of memory in which so many frames from `first` lie: byte offset and bytes.
pub(crate) fn stretches(region: &Region, first: u64, frames: u64) -> [(usize, usize); 2] {
    let layout = region.layout();
    let slot = first % layout.ring_frames;
    let before = frames.min(layout.ring_frames - slot);
    let after = (frames - before).min(slot);
    let bytes = |frames: u64| frames as usize * layout.frame_bytes;
    [(bytes(slot), bytes(before)), (0, bytes(after))]
}

/// The oldest frame of which the writer has not begun to overwrite anything, after everything copied so far.
///
/// Whatever was copied from this frame on is right; what was copied of older frames must be thrown away.
pub(crate) fn oldest_intact(region: &Region) -> u64 {
    // SYNC reserve: the fence orders the copy before the load, so a copy that met the writer's bytes meets its `reserve`.
    fence(Ordering::Acquire);
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
        for (offset, bytes) in stretches(region, first, frames) {
            copy::append(region.words(), offset, bytes, &mut out);
        }
        out
    }

    /// Frame `n` of the test signal: its number, in as many bytes as a frame has.
    fn signal(frames: std::ops::Range<u64>, bytes: usize) -> Vec<u8> {
        frames
            .flat_map(|frame| frame.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes().into_iter().cycle().take(bytes))
            .collect()
    }

    #[test]
    fn the_whole_length_is_right_after_writes_of_any_size() {
        for (channels, format) in [(1, SampleFormat::S24), (2, SampleFormat::S16), (3, SampleFormat::F32)] {
            let region = region(1000, channels, format);
            let bytes = region.layout().frame_bytes;
            let mut head = Head::of(&region);
            let mut written = 0;
            for frames in (0..40).map(|i| [1, 7, 255, 256, 257, 1000, 999, 1001, 1255, 1256, 1257, 5000][i % 12]) {
                head.push(&region, &signal(written..written + frames, bytes), frames);
                written += frames;
                assert_eq!(super::head(&region), written);
                let first = written.saturating_sub(1000);
                assert!(oldest_intact(&region) <= first, "{written} written, {frames} at once");
                assert_eq!(frame_bytes(&region, first, written - first), signal(first..written, bytes));
            }
        }
    }

    #[test]
    fn what_a_dead_writer_announced_stays_announced() {
        let region = region(1000, 1, SampleFormat::S16);
        let mut head = Head::of(&region);
        head.push(&region, &signal(0..2000, 2), 2000);
        let line = &region.header().writer;
        // A writer killed in the middle of a write has announced, overwritten something, and published nothing.
        line.reserve.store(2200, Ordering::Relaxed);
        copy::copy_in(region.words(), stretches(&region, 2000, 1)[0].0, &[0xaa; 200]);
        let mut next = Head::of(&region);
        assert_eq!(next.frame(), 2000);
        next.push(&region, &signal(2000..2001, 2), 1);
        assert_eq!(oldest_intact(&region), 2200 - 1256, "what it overwrote must not be taken for audio");
        assert_eq!(frame_bytes(&region, 1001, 1000), signal(1001..2001, 2));
    }

    #[test]
    fn after_a_writer_that_died_in_a_write_larger_than_the_ring_new_frames_can_be_read_at_once() {
        let region = region(1000, 1, SampleFormat::S16);
        Head::of(&region).push(&region, &signal(0..2000, 2), 2000);
        region.header().writer.reserve.store(2000 + 10_000, Ordering::Relaxed);
        copy::copy_in(region.words(), 0, &[0xaa; 1256 * 2]);
        assert_eq!(oldest_intact(&region), 12_000 - 1256, "nothing of before");
        Head::of(&region).push(&region, &signal(2000..2100, 2), 100);
        assert_eq!(oldest_intact(&region), 2000);
        assert_eq!(frame_bytes(&region, 2000, 100), signal(2000..2100, 2));
    }
}
