//! The memory of one buffer: one contiguous block that is valid wherever it is mapped.
//!
//! Header, time anchors and frames, in this order, without a pointer. Every word that changes is an
//! atomic, so a shared reference to it is sound whoever stores. Sizes and offsets are never read
//! from the block: they come from [`Layout`], computed from a checked [`Spec`].

use std::fs::File;
use std::mem::offset_of;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use super::copy;
use super::file::is_in_memory;
use super::header::{AnchorSlot, HEADER_BYTES, Header, LAYOUT_VERSION, MAGIC, MAX_HOLDERS};
use super::layout::{Layout, PAGE, WORD_BYTES};
use super::mapping::{Memory, Words};
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::source::{MAX_SOURCE_BYTES, Source};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The contents of a mapped header.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) spec: Spec,
    pub(crate) source: Source,
    pub(crate) lifetime: Lifetime,
}

/// A mapped region. Unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Region(Memory);

impl Region {
    /// Maps zeroed memory of this process alone, and writes the header.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the system refuses.
    pub(crate) fn anonymous(spec: &Spec, source: &str, id: u64, created_utc_ns: i64) -> Result<Self> {
        let region = Self(Memory::anonymous(Layout::of(spec))?);
        region.describe(spec, source, id, Lifetime::WhileOpen, created_utc_ns);
        Ok(region)
    }

    /// As [`Region::anonymous`], with a ring small enough for tests of laps.
    #[cfg(all(test, miri))]
    pub(crate) fn tiny(spec: &Spec, ring_frames: u64) -> Self {
        let (length_frames, anchor_slots, frame_bytes) = (spec.length_frames(), 8, spec.frame_bytes());
        let frames_offset = HEADER_BYTES + anchor_slots * size_of::<AnchorSlot>() as u64;
        let region_bytes = frames_offset + (ring_frames * frame_bytes as u64).next_multiple_of(WORD_BYTES);
        let layout = Layout { length_frames, ring_frames, frame_bytes, anchor_slots, frames_offset, region_bytes };
        Self(Memory::anonymous(layout).unwrap())
    }

    /// Writes the header into zeroed words of this process alone, of the layout's size.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if they are of another size.
    pub(crate) fn in_words(words: Words, spec: &Spec, source: &str, id: u64, created_utc_ns: i64) -> Result<Self> {
        let region = Self(Memory::of_words(words, Layout::of(spec))?);
        region.describe(spec, source, id, Lifetime::WhileOpen, created_utc_ns);
        Ok(region)
    }

    /// Takes the memory for another use, and leaves an empty region.
    pub(crate) fn take_words(&mut self) -> Option<Words> {
        let bytes = HEADER_BYTES.next_multiple_of(PAGE);
        let nothing = Layout { region_bytes: bytes, frames_offset: bytes, ..Layout::default() };
        std::mem::replace(&mut self.0, Memory::anonymous(nothing).ok()?).into_words()
    }

    /// Maps a zeroed file of the layout's length, and writes the header.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the system refuses.
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

    /// Maps a file of another process, and checks its header against the file.
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
        // Touching a hole allocates memory, and ends this process if there is none.
        if reserved < len && is_in_memory(file) {
            return Err(corrupt(format!("of its {len} bytes {reserved} are reserved")));
        }
        // Nothing is known of the rest yet: no anchors, no frames.
        let end = len / WORD_BYTES * WORD_BYTES;
        let header_only = Layout { region_bytes: len, frames_offset: end, ..Layout::default() };
        let region = Self(Memory::of_file(file, header_only)?);
        let description = region.description(&corrupt, &path)?;
        let layout = Layout::of(&description.spec);
        region.check_layout(&layout, len).map_err(corrupt)?;
        Ok((Self(region.0.with_layout(layout)?), description))
    }

    /// The source's name in a file, without mapping it; `None` if there is none.
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

    /// Marks a file that can't be mapped as removed, for processes that mapped it before it was
    /// damaged.
    pub(crate) fn condemn(file: &File) {
        // It is removed whether or not this succeeds. A file shorter than a header is not extended.
        if file.metadata().is_ok_and(|metadata| metadata.len() >= HEADER_BYTES) {
            let _ = file.write_all_at(&1_u32.to_ne_bytes(), offset_of!(Header, writer.removed) as u64);
        }
    }

    fn describe(&self, spec: &Spec, source: &str, id: u64, lifetime: Lifetime, created_utc_ns: i64) {
        let (header, layout) = (self.header(), self.layout());
        // SYNC none: publishing the region orders these stores.
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
        copy::copy_in(&header.source, 0, source.as_bytes());
        set(&header.magic, MAGIC);
    }

    /// The contents of the header, each value checked by itself.
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
        copy::copy_out(&header.source, 0, &mut name);
        let name = name.get(..get_half(&header.source_bytes) as usize);
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let source = name.and_then(|name| Source::new(name).ok());
        let source = source.ok_or_else(|| corrupt("its source is no name".to_owned()))?;
        Ok(Description { spec, source, lifetime })
    }

    /// Compares the header, the layout of its spec and the file; returns the first difference.
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

    /// Identifies this region in every process.
    pub(crate) fn id(&self) -> u64 {
        self.header().id.load(Ordering::Relaxed)
    }

    pub(crate) fn layout(&self) -> &Layout {
        self.0.layout()
    }

    /// False, once, if its file was cut short since it was mapped. From then on it is empty memory
    /// of this process alone, marked as removed. A system call.
    pub(crate) fn is_whole(&self) -> bool {
        let is_whole = self.0.is_whole();
        if !is_whole {
            // SYNC none: it is of this process alone.
            self.header().writer.removed.store(1, Ordering::Relaxed);
        }
        is_whole
    }

    /// False if it lies on a file system that is mounted for reading: nothing may be stored to it.
    pub(crate) fn is_writable(&self) -> bool {
        self.0.is_writable()
    }

    pub(crate) fn header(&self) -> &Header {
        self.0.header()
    }

    pub(crate) fn anchors(&self) -> &[AnchorSlot] {
        self.0.anchors()
    }

    /// The memory of the frames, as words for [`crate::memory::copy`].
    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.0.words()
    }

    /// Commits one slice of the frames' memory, so that writing it never faults; false beyond the
    /// last slice.
    ///
    /// May run beside a writer: it changes no byte. Blocks while the kernel allocates pages.
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

    #[test]
    fn new_region_describes_itself_and_is_silent() {
        let region = Region::anonymous(&minute(), "tone:440", 1, 7).unwrap();
        let header = region.header();
        assert_eq!(header.magic.load(Ordering::Relaxed).to_le_bytes(), *b"capbuf\0\0");
        assert_eq!(header.length_frames.load(Ordering::Relaxed), 2_880_000);
        let mut name = [0; 8];
        copy::copy_out(&header.source, 0, &mut name);
        assert_eq!(&name, b"tone:440");
        assert!(region.words().iter().all(|word| word.load(Ordering::Relaxed) == 0));
        assert!(region.commit_slice(0) && region.commit_slice(5) && !region.commit_slice(6));
    }

    #[test]
    fn refused_mapping_is_an_error_with_the_size() {
        let spec = Spec::new(Length::Frames(1 << 40), 768_000, 64, SampleFormat::F32).unwrap();
        let error = Region::anonymous(&spec, "x", 1, 0).expect_err("more than an address space");
        assert!(matches!(error, Error::OutOfMemory { requested_bytes, .. } if requested_bytes > 1 << 48), "{error}");
    }
}
