//! The memory of one buffer: one contiguous block that means the same wherever it is mapped.
//!
//! A header, the time anchors, the frames, in this order, with no pointer in it. Everything that changes is an atomic, so a
//! shared reference to any of it is sound whoever writes at the same time. Sizes and offsets are never read back from
//! the block: they come from [`Layout`], which was computed from a checked [`Spec`].

use memmap2::{MmapMut, MmapRaw};

use crate::error::{Error, Result};
use crate::source::MAX_SOURCE_BYTES;
use crate::spec::Spec;
use crate::sync::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// `capbuf` and a zero, the first eight bytes of every region.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"capbuf\0\0");
/// Changes whenever the meaning or place of any byte of the header or of an anchor does.
pub(crate) const LAYOUT_VERSION: u32 = 1;

/// What stands at the beginning of a region. Fields that one party writes often have a cache line to themselves.
#[repr(C, align(64))]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) layout_version: AtomicU32,
    pub(crate) header_bytes: AtomicU32,
    pub(crate) region_bytes: AtomicU64,
    pub(crate) anchors_offset: AtomicU64,
    pub(crate) anchor_slots: AtomicU64,
    pub(crate) frames_offset: AtomicU64,
    pub(crate) ring_frames: AtomicU64,
    pub(crate) length_frames: AtomicU64,
    pub(crate) sample_rate_hz: AtomicU32,
    pub(crate) channels: AtomicU32,
    pub(crate) format: AtomicU32,
    pub(crate) source_bytes: AtomicU32,
    pub(crate) created_utc_ns: AtomicI64,

    pub(crate) writer: WriterLine,
    pub(crate) readers: ReaderLine,

    /// The source's name, in the byte order of memory, zero-padded.
    pub(crate) source: [AtomicU64; MAX_SOURCE_BYTES / 8],
}

/// What only the writer stores to.
#[repr(C, align(64))]
pub(crate) struct WriterLine {
    /// One past the newest frame that may be read.
    pub(crate) head: AtomicU64,
    /// Frames before this one minus the ring's size may be overwritten at any moment.
    pub(crate) reserve: AtomicU64,
    /// One past the newest anchor that may be read.
    pub(crate) anchor_head: AtomicU64,
    /// Anchors before this one minus the number of slots may be overwritten at any moment.
    pub(crate) anchor_reserve: AtomicU64,
    /// Calls of `write` so far.
    pub(crate) writes: AtomicU64,
    /// Anchors that are gaps.
    pub(crate) gaps: AtomicU64,
    /// How far the timeline is ahead of what the writer believes to be the time.
    pub(crate) ahead_ns: AtomicI64,
}

/// What readers and the registry store to.
#[repr(C, align(64))]
pub(crate) struct ReaderLine {
    /// Non-zero once the buffer is out of its registry.
    pub(crate) removed: AtomicU32,
    /// Non-zero while a writer holds the lease.
    pub(crate) lease: AtomicU32,
    /// Reads that came too late for some of their frames.
    pub(crate) evictions: AtomicU64,
}

/// One time anchor: eight words, written by the timeline.
pub(crate) type AnchorSlot = [AtomicU64; 8];

const PAGE: u64 = 4096;
const HEADER_BYTES: u64 = size_of::<Header>().next_multiple_of(64) as u64;

/// Where everything lies, computed from a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        // Room to write into while the whole length can still be read: under one percent of a usual buffer.
        let ring_frames = length_frames + (length_frames / 128).max(256);
        let seconds = length_frames / u64::from(spec.sample_rate_hz());
        // The timeline sets an anchor each ten seconds and at each gap.
        let anchor_slots = (seconds / 4).max(256);
        let frames_offset = (HEADER_BYTES + anchor_slots * size_of::<AnchorSlot>() as u64).next_multiple_of(PAGE);
        let frame_bytes = spec.frame_bytes();
        let region_bytes = (frames_offset + ring_frames * frame_bytes as u64).next_multiple_of(PAGE);
        Self { length_frames, ring_frames, frame_bytes, anchor_slots, frames_offset, region_bytes }
    }

    /// How many frames the writer may be overwriting at a time.
    pub(crate) fn slack_frames(&self) -> u64 {
        self.ring_frames - self.length_frames
    }
}

/// A mapped region. Unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Region {
    map: MmapRaw,
    layout: Layout,
}

impl Region {
    /// Maps zeroed memory that belongs to this process alone, and writes the header.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the system will not.
    pub(crate) fn anonymous(spec: &Spec, source: &str, created_utc_ns: i64) -> Result<Self> {
        let layout = Layout::of(spec);
        let refused = |reason: String| Error::OutOfMemory { asked_bytes: layout.region_bytes, reason };
        let bytes = usize::try_from(layout.region_bytes).map_err(|error| refused(error.to_string()))?;
        let map = MmapMut::map_anon(bytes).map_err(|error| refused(error.to_string()))?;
        let region = Self { map: MmapRaw::from(map), layout };
        region.describe(spec, source, created_utc_ns);
        Ok(region)
    }

    fn describe(&self, spec: &Spec, source: &str, created_utc_ns: i64) {
        let (header, layout) = (self.header(), &self.layout);
        // SYNC none: who publishes the region orders these stores.
        let set = |field: &AtomicU64, value: u64| field.store(value, Ordering::Relaxed);
        let set_half = |field: &AtomicU32, value: u32| field.store(value, Ordering::Relaxed);
        set_half(&header.layout_version, LAYOUT_VERSION);
        set_half(&header.header_bytes, HEADER_BYTES as u32);
        set(&header.region_bytes, layout.region_bytes);
        set(&header.anchors_offset, HEADER_BYTES);
        set(&header.anchor_slots, layout.anchor_slots);
        set(&header.frames_offset, layout.frames_offset);
        set(&header.ring_frames, layout.ring_frames);
        set(&header.length_frames, layout.length_frames);
        set_half(&header.sample_rate_hz, spec.sample_rate_hz());
        set_half(&header.channels, u32::from(spec.channels()));
        set_half(&header.format, spec.format() as u32);
        set_half(&header.source_bytes, source.len() as u32);
        header.created_utc_ns.store(created_utc_ns, Ordering::Relaxed);
        crate::copy::copy_in(&header.source, 0, source.as_bytes());
        set(&header.magic, MAGIC);
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping is page-aligned, longer than a header by construction of the layout, lives as long as
        // `self`, and consists of atomics only, for which any bytes are a value and any writer is allowed.
        unsafe { &*self.map.as_ptr().cast::<Header>() }
    }

    pub(crate) fn anchors(&self) -> &[AnchorSlot] {
        let first = self.map.as_ptr().wrapping_add(HEADER_BYTES as usize).cast::<AnchorSlot>();
        // SAFETY: the layout puts so many slots after the header, aligned and inside the mapping; they are atomics only.
        unsafe { std::slice::from_raw_parts(first, self.layout.anchor_slots as usize) }
    }

    /// The frames' memory, as the words that [`crate::copy`] moves.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        let first = self.map.as_ptr().wrapping_add(self.layout.frames_offset as usize).cast::<AtomicU64>();
        let bytes = (self.layout.region_bytes - self.layout.frames_offset) as usize;
        // SAFETY: the layout puts the frames on a page boundary and makes them end with the mapping; atomics only.
        unsafe { std::slice::from_raw_parts(first, bytes / size_of::<u64>()) }
    }

    /// Commits one slice of the frames' memory, so that writing it never faults; false when there is no such slice.
    ///
    /// Harmless beside a running writer: it changes no byte. Blocks while the system finds the pages.
    pub(crate) fn commit_slice(&self, slice: usize) -> bool {
        const SLICE: usize = 1 << 20;
        let Some(offset) = slice.checked_mul(SLICE).filter(|offset| *offset < self.map.len()) else {
            return false;
        };
        let len = SLICE.min(self.map.len() - offset);
        #[cfg(all(target_os = "linux", not(miri)))]
        {
            // A kernel before 5.14 doesn't know the advice: then the writer's first lap faults, as it would without.
            let _ = self.map.advise_range(memmap2::Advice::PopulateWrite, offset, len);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::spec::{Length, SampleFormat};

    fn minute() -> Spec {
        Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16).unwrap()
    }

    #[test]
    fn a_field_that_moves_needs_a_new_layout_version() {
        let offsets = [
            offset_of!(Header, magic),
            offset_of!(Header, layout_version),
            offset_of!(Header, header_bytes),
            offset_of!(Header, region_bytes),
            offset_of!(Header, anchors_offset),
            offset_of!(Header, anchor_slots),
            offset_of!(Header, frames_offset),
            offset_of!(Header, ring_frames),
            offset_of!(Header, length_frames),
            offset_of!(Header, sample_rate_hz),
            offset_of!(Header, channels),
            offset_of!(Header, format),
            offset_of!(Header, source_bytes),
            offset_of!(Header, created_utc_ns),
            offset_of!(Header, writer) + offset_of!(WriterLine, head),
            offset_of!(Header, writer) + offset_of!(WriterLine, reserve),
            offset_of!(Header, writer) + offset_of!(WriterLine, anchor_head),
            offset_of!(Header, writer) + offset_of!(WriterLine, anchor_reserve),
            offset_of!(Header, writer) + offset_of!(WriterLine, writes),
            offset_of!(Header, writer) + offset_of!(WriterLine, gaps),
            offset_of!(Header, writer) + offset_of!(WriterLine, ahead_ns),
            offset_of!(Header, readers) + offset_of!(ReaderLine, removed),
            offset_of!(Header, readers) + offset_of!(ReaderLine, lease),
            offset_of!(Header, readers) + offset_of!(ReaderLine, evictions),
            offset_of!(Header, source),
            size_of::<Header>(),
        ];
        let version_1 = [
            0, 8, 12, 16, 24, 32, 40, 48, 56, 64, 68, 72, 76, 80, 128, 136, 144, 152, 160, 168, 176, 192, 196, 200,
            256, 1280,
        ];
        assert_eq!((LAYOUT_VERSION, offsets), (1, version_1));
        assert_eq!(size_of::<AnchorSlot>(), 64);
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
            assert!(layout.slack_frames() >= 256);
        }
    }

    #[test]
    fn a_new_region_describes_itself_and_is_silent() {
        let region = Region::anonymous(&minute(), "tone:440", 7).unwrap();
        let header = region.header();
        assert_eq!(header.magic.load(Ordering::Relaxed).to_le_bytes(), *b"capbuf\0\0");
        assert_eq!(header.length_frames.load(Ordering::Relaxed), 2_880_000);
        let mut name = [0; 8];
        crate::copy::copy_out(&header.source, 0, &mut name);
        assert_eq!(&name, b"tone:440");
        assert!(region.words().iter().all(|word| word.load(Ordering::Relaxed) == 0));
        assert!(region.commit_slice(0) && region.commit_slice(5) && !region.commit_slice(6));
    }

    #[test]
    fn memory_that_is_not_there_is_an_error_that_says_how_much() {
        let spec = Spec::new(Length::Frames(1 << 40), 768_000, 64, SampleFormat::F32).unwrap();
        let error = Region::anonymous(&spec, "x", 0).expect_err("more than an address space");
        assert!(matches!(error, Error::OutOfMemory { asked_bytes, .. } if asked_bytes > 1 << 48), "{error}");
    }
}
