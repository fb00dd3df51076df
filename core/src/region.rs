//! The memory of one buffer: one contiguous block that means the same wherever it is mapped.
//!
//! A header, the time anchors, the frames, in this order, with no pointer in it. Everything that changes is an atomic, so a
//! shared reference to any of it is sound whoever writes at the same time. Sizes and offsets are never read back from
//! the block: they come from [`Layout`], which was computed from a checked [`Spec`].

use std::fs::File;
use std::mem::offset_of;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::memory::{Memory, Words};
use crate::source::{MAX_SOURCE_BYTES, Source};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// `capbuf` and a zero, the first eight bytes of every region.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"capbuf\0\0");
/// Changes whenever the meaning or place of any byte of the header or of an anchor does.
pub(crate) const LAYOUT_VERSION: u32 = 3;

/// What stands at the beginning of a region. Fields that one party writes often have a cache line to themselves.
#[cfg_attr(loom, derive(Debug, Default))]
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
    /// Tells this region from every other one, in any process.
    pub(crate) id: AtomicU64,
    pub(crate) lifetime: AtomicU32,
    pub(crate) holder_slots: AtomicU32,

    pub(crate) writer: WriterLine,
    pub(crate) readers: ReaderLine,

    /// The source's name, in the byte order of memory, zero-padded.
    pub(crate) source: [AtomicU64; SOURCE_WORDS],
    /// The processes that have the region mapped.
    pub(crate) holders: [HolderSlot; MAX_HOLDERS],
    pub(crate) health: HealthLine,
}

/// What only the writer stores to, and the one flag of others that it looks at with each write.
#[cfg_attr(loom, derive(Debug, Default))]
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
    /// One once the buffer is out of its registry; two while it is judged whether it is abandoned, which is not yet removed.
    pub(crate) removed: AtomicU32,
}

/// What readers and the registry store to.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C, align(64))]
pub(crate) struct ReaderLine {
    /// Non-zero while a writer holds the lease: the presence of its process, where there is more than one.
    pub(crate) lease: AtomicU64,
    /// Reads that came too late for some of their frames.
    pub(crate) evictions: AtomicU64,
}

/// How long a reason can be that is told of a source.
pub(crate) const HEALTH_REASON_BYTES: usize = 200;

/// What who feeds the source tells of it.
#[repr(C, align(64))]
#[cfg_attr(loom, derive(Debug, Default))]
pub(crate) struct HealthLine {
    /// The presence of the process that told; zero in a private registry.
    pub(crate) presence: AtomicU64,
    pub(crate) state: AtomicU32,
    pub(crate) reason_bytes: AtomicU32,
    pub(crate) since_utc_ns: AtomicI64,
    pub(crate) restarts: AtomicU64,
    /// In the byte order of memory.
    pub(crate) reason: [AtomicU64; HEALTH_REASON_BYTES / 8],
}

/// How many processes can have one region mapped.
pub(crate) const MAX_HOLDERS: usize = if cfg!(loom) { 1 } else { 128 };

/// The place of one process that has the region mapped.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C)]
pub(crate) struct HolderSlot {
    /// The presence of the process; zero while the place is free.
    pub(crate) presence: AtomicU64,
    pub(crate) since_utc_ns: AtomicI64,
    pub(crate) pid: AtomicU32,
    pub(crate) _reserved: [AtomicU32; 3],
}

/// One time anchor: eight words, written by the timeline.
pub(crate) type AnchorSlot = [AtomicU64; ANCHOR_WORDS];

// The models take as little as shows every case: each word is a state more.
const ANCHOR_WORDS: usize = if cfg!(loom) { 6 } else { 8 };
const SOURCE_WORDS: usize = if cfg!(loom) { 1 } else { MAX_SOURCE_BYTES / 8 };
const LEAST_SLACK_FRAMES: u64 = if cfg!(loom) { 1 } else { 256 };
// Copying fewer bytes at a time takes longer for each.
const FAST_BYTES: u64 = 16 << 10;
/// So many frames are whole cache lines, whatever they consist of.
const LINE_FRAMES: u64 = if cfg!(loom) { 1 } else { 64 };
const LEAST_ANCHOR_SLOTS: u64 = if cfg!(loom) { 8 } else { 256 };
const PAGE: u64 = if cfg!(loom) { WORD_BYTES } else { 4096 };
const WORD_BYTES: u64 = size_of::<u64>() as u64;
pub(crate) const HEADER_BYTES: u64 = size_of::<Header>().next_multiple_of(64) as u64;

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
    pub(crate) fn piece_frames(&self) -> u64 {
        let slack = self.ring_frames - self.length_frames;
        if slack < LINE_FRAMES { slack } else { slack - slack % LINE_FRAMES }
    }
}

/// What a mapped header says.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) spec: Spec,
    pub(crate) source: Source,
    pub(crate) lifetime: Lifetime,
}

/// Whether a file takes memory as it is touched, and may find none. On a disk a hole is a hole, and some disks reserve nothing.
pub(crate) fn is_in_memory(file: &File) -> bool {
    #[cfg(target_os = "linux")]
    {
        rustix::fs::fstatfs(file).is_ok_and(|system| system.f_type == libc::TMPFS_MAGIC)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}

/// A mapped region. Unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Region(Memory);

impl Region {
    /// Maps zeroed memory that belongs to this process alone, and writes the header.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the system will not.
    pub(crate) fn anonymous(spec: &Spec, source: &str, id: u64, created_utc_ns: i64) -> Result<Self> {
        let region = Self(Memory::anonymous(Layout::of(spec))?);
        region.describe(spec, source, id, Lifetime::WhileOpen, created_utc_ns);
        Ok(region)
    }

    /// Like [`Region::anonymous`], as small as a test of laps wants it.
    #[cfg(all(test, miri))]
    pub(crate) fn tiny(spec: &Spec, ring_frames: u64) -> Self {
        let (length_frames, anchor_slots, frame_bytes) = (spec.length_frames(), 8, spec.frame_bytes());
        let frames_offset = HEADER_BYTES + anchor_slots * size_of::<AnchorSlot>() as u64;
        let region_bytes = frames_offset + (ring_frames * frame_bytes as u64).next_multiple_of(WORD_BYTES);
        let layout = Layout { length_frames, ring_frames, frame_bytes, anchor_slots, frames_offset, region_bytes };
        Self(Memory::anonymous(layout).unwrap())
    }

    /// Writes the header into zeros that belong to this process alone, of the size that the layout says.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if they are not of that size.
    pub(crate) fn in_words(words: Words, spec: &Spec, source: &str, id: u64, created_utc_ns: i64) -> Result<Self> {
        let region = Self(Memory::of_words(words, Layout::of(spec))?);
        region.describe(spec, source, id, Lifetime::WhileOpen, created_utc_ns);
        Ok(region)
    }

    /// Takes the memory out, for another use; what remains holds nothing.
    pub(crate) fn take_words(&mut self) -> Option<Words> {
        let bytes = HEADER_BYTES.next_multiple_of(PAGE);
        let nothing = Layout { region_bytes: bytes, frames_offset: bytes, ..Layout::default() };
        std::mem::replace(&mut self.0, Memory::anonymous(nothing).ok()?).into_words()
    }

    /// Maps a file of zeros, as long as the layout says, and writes the header.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the system will not.
    pub(crate) fn in_new_file(
        file: &File,
        spec: &Spec,
        source: &str,
        id: u64,
        lifetime: Lifetime,
        created_utc_ns: i64,
    ) -> Result<Self> {
        let region = Self(Memory::of_file(file, Layout::of(spec))?);
        region.describe(spec, source, id, lifetime, created_utc_ns);
        Ok(region)
    }

    /// Maps a file that another process made, and checks that its header is one, and fits the file.
    ///
    /// # Errors
    /// [`Error::LayoutMismatch`] and [`Error::Corrupt`], with `path`; [`Error::OutOfMemory`].
    pub(crate) fn in_file(file: &File, path: impl Fn() -> String) -> Result<(Self, Description)> {
        let corrupt = |reason: String| Error::Corrupt { path: path(), reason };
        let metadata = file.metadata().map_err(|error| Error::system(format!("looking at {}", path()), error))?;
        let (len, reserved) = (metadata.len(), metadata.blocks().saturating_mul(512));
        if len < HEADER_BYTES {
            return Err(corrupt(format!("it has {len} bytes, fewer than a header")));
        }
        // Looking into a hole takes memory, and ends this process if there is none left.
        if reserved < len && is_in_memory(file) {
            return Err(corrupt(format!("of its {len} bytes {reserved} are reserved")));
        }
        // Of the rest nothing is believed yet: no anchors, no frames.
        let end = len / WORD_BYTES * WORD_BYTES;
        let header_only = Layout { region_bytes: len, frames_offset: end, ..Layout::default() };
        let region = Self(Memory::of_file(file, header_only)?);
        let description = region.description(&corrupt, &path)?;
        let layout = Layout::of(&description.spec);
        region.check_layout(&layout, len).map_err(corrupt)?;
        Ok((Self(region.0.with_layout(layout)?), description))
    }

    /// The source's name in a file, which is not mapped for it; `None` if there is none.
    pub(crate) fn source_in(file: &File) -> Option<Source> {
        const NAME: usize = offset_of!(Header, source);
        let mut header = [0; NAME + MAX_SOURCE_BYTES];
        file.read_exact_at(&mut header, 0).ok()?;
        let (magic, _) = header.split_first_chunk()?;
        let (bytes, _) = header[offset_of!(Header, source_bytes)..].split_first_chunk()?;
        let name = header[NAME..].get(..u32::from_ne_bytes(*bytes) as usize)?;
        let name = std::str::from_utf8(name).ok().filter(|_| u64::from_ne_bytes(*magic) == MAGIC)?;
        Source::new(name).ok()
    }

    /// Marks a file as removed that can't be mapped, for those who have had it mapped since before it was damaged.
    pub(crate) fn condemn(file: &File) {
        // It goes whether or not this can be written. A file that ends before its header is not made longer.
        if file.metadata().is_ok_and(|metadata| metadata.len() >= HEADER_BYTES) {
            let _ = file.write_all_at(&1_u32.to_ne_bytes(), offset_of!(Header, writer.removed) as u64);
        }
    }

    fn describe(&self, spec: &Spec, source: &str, id: u64, lifetime: Lifetime, created_utc_ns: i64) {
        let (header, layout) = (self.header(), self.layout());
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
        set(&header.id, id);
        set_half(&header.lifetime, lifetime as u32);
        set_half(&header.holder_slots, MAX_HOLDERS as u32);
        crate::copy::copy_in(&header.source, 0, source.as_bytes());
        set(&header.magic, MAGIC);
    }

    /// What the header says, each value checked by itself.
    fn description(&self, corrupt: &impl Fn(String) -> Error, path: &impl Fn() -> String) -> Result<Description> {
        let header = self.header();
        let get = |field: &AtomicU64| field.load(Ordering::Relaxed);
        let get_half = |field: &AtomicU32| field.load(Ordering::Relaxed);
        if get(&header.magic) != MAGIC {
            return Err(corrupt("it does not begin as a buffer does".to_owned()));
        }
        let found = get_half(&header.layout_version);
        if found != LAYOUT_VERSION {
            return Err(Error::LayoutMismatch { path: path(), found, known: LAYOUT_VERSION });
        }
        let number = get_half(&header.format);
        let format = SampleFormat::from_number(number).ok_or_else(|| corrupt(format!("its format is {number}")))?;
        let channels = u16::try_from(get_half(&header.channels)).unwrap_or(u16::MAX);
        let length = Length::Frames(get(&header.length_frames));
        let spec = Spec::new(length, get_half(&header.sample_rate_hz), channels, format);
        let spec = spec.map_err(|error| corrupt(error.to_string()))?;
        let number = get_half(&header.lifetime);
        let lifetime = Lifetime::from_number(number).ok_or_else(|| corrupt(format!("its lifetime is {number}")))?;
        let mut name = [0; MAX_SOURCE_BYTES];
        crate::copy::copy_out(&header.source, 0, &mut name);
        let name = name.get(..get_half(&header.source_bytes) as usize);
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let source = name.and_then(|name| Source::new(name).ok());
        let source = source.ok_or_else(|| corrupt("its source is no name".to_owned()))?;
        Ok(Description { spec, source, lifetime })
    }

    /// Says what does not fit, if anything, between the header, its spec's layout and the file.
    fn check_layout(&self, layout: &Layout, len: u64) -> std::result::Result<(), String> {
        let header = self.header();
        let sizes = [
            ("region_bytes", header.region_bytes.load(Ordering::Relaxed), layout.region_bytes),
            ("file", len, layout.region_bytes),
            ("header_bytes", header.header_bytes.load(Ordering::Relaxed).into(), HEADER_BYTES),
            ("anchors_offset", header.anchors_offset.load(Ordering::Relaxed), HEADER_BYTES),
            ("anchor_slots", header.anchor_slots.load(Ordering::Relaxed), layout.anchor_slots),
            ("frames_offset", header.frames_offset.load(Ordering::Relaxed), layout.frames_offset),
            ("ring_frames", header.ring_frames.load(Ordering::Relaxed), layout.ring_frames),
            ("holder_slots", header.holder_slots.load(Ordering::Relaxed).into(), MAX_HOLDERS as u64),
        ];
        match sizes.into_iter().find(|(_, found, right)| found != right) {
            Some((what, found, right)) => Err(format!("its {what} is {found}, its shape needs {right}")),
            None => Ok(()),
        }
    }

    /// Tells this region from every other one.
    pub(crate) fn id(&self) -> u64 {
        self.header().id.load(Ordering::Relaxed)
    }

    pub(crate) fn layout(&self) -> &Layout {
        self.0.layout()
    }

    pub(crate) fn header(&self) -> &Header {
        self.0.header()
    }

    pub(crate) fn anchors(&self) -> &[AnchorSlot] {
        self.0.anchors()
    }

    /// The frames' memory, as the words that [`crate::copy`] moves.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.0.words()
    }

    /// Commits one slice of the frames' memory, so that writing it never faults; false when there is no such slice.
    ///
    /// Harmless beside a running writer: it changes no byte. Blocks while the system finds the pages.
    pub(crate) fn commit_slice(&self, slice: usize) -> bool {
        const SLICE: usize = 1 << 20;
        let len = self.layout().region_bytes as usize;
        let Some(offset) = slice.checked_mul(SLICE).filter(|offset| *offset < len) else {
            return false;
        };
        self.0.commit(offset, SLICE.min(len - offset));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Length, SampleFormat};

    fn minute() -> Spec {
        Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16).unwrap()
    }

    /// Every field of the header, by its offset.
    fn fields() -> Vec<(usize, &'static str)> {
        macro_rules! fields {
            ($($($path:ident).+),* $(,)?) => { vec![$((offset_of!(Header, $($path).+), stringify!($($path).+))),*] };
        }
        let fields = fields![
            magic,
            layout_version,
            header_bytes,
            region_bytes,
            anchors_offset,
            anchor_slots,
            frames_offset,
            ring_frames,
            length_frames,
            sample_rate_hz,
            channels,
            format,
            source_bytes,
            created_utc_ns,
            id,
            lifetime,
            holder_slots,
            writer.head,
            writer.reserve,
            writer.anchor_head,
            writer.anchor_reserve,
            writer.writes,
            writer.gaps,
            writer.ahead_ns,
            writer.removed,
            readers.lease,
            readers.evictions,
            source,
            holders,
            health.presence,
            health.state,
            health.reason_bytes,
            health.since_utc_ns,
            health.restarts,
            health.reason,
        ];
        fields.into_iter().map(|(offset, path)| (offset, path.rsplit(['.', ' ']).next().unwrap())).collect()
    }

    #[test]
    fn a_field_that_moves_needs_a_new_layout_version() {
        let offsets: Vec<_> = fields().into_iter().map(|(offset, _)| offset).collect();
        let version_3 = [
            0, 8, 12, 16, 24, 32, 40, 48, 56, 64, 68, 72, 76, 80, 88, 96, 100, 128, 136, 144, 152, 160, 168, 176, 184,
            192, 200, 256, 1280, 5376, 5384, 5388, 5392, 5400, 5408,
        ];
        assert_eq!((LAYOUT_VERSION, &offsets[..]), (3, &version_3[..]));
        let sizes = [size_of::<Header>(), size_of::<HolderSlot>(), size_of::<AnchorSlot>()];
        assert_eq!((LAYOUT_VERSION, sizes), (3, [5632, 32, 64]));
    }

    #[test]
    fn the_documentation_tells_the_true_offsets() {
        let text = include_str!("docs/layout.rs");
        let told = text.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("//! | ")?.split(" | ");
            let offset = cells.next()?.parse::<usize>().ok()?;
            Some((offset, cells.nth(1)?.strip_prefix('`')?.strip_suffix('`')?))
        });
        assert_eq!(told.collect::<Vec<_>>(), fields());
        assert!(text.contains(&format!("layout version {LAYOUT_VERSION}.")));
        for gap in crate::GapReason::ALL {
            assert!(text.contains(&format!("{} {}", gap as u32, gap.name())), "{gap:?}");
        }
        for format in SampleFormat::ALL {
            assert!(text.contains(&format!("{} {}", format as u32, format.name())), "{format}");
        }
        for state in crate::SourceState::ALL {
            assert!(text.contains(&format!("{} {}", state as u32, state.name())), "{state}");
        }
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
            assert!(layout.piece_frames() >= 256);
        }
    }

    #[test]
    fn a_new_region_describes_itself_and_is_silent() {
        let region = Region::anonymous(&minute(), "tone:440", 1, 7).unwrap();
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
        let error = Region::anonymous(&spec, "x", 1, 0).expect_err("more than an address space");
        assert!(matches!(error, Error::OutOfMemory { requested_bytes, .. } if requested_bytes > 1 << 48), "{error}");
    }
}
