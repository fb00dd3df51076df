//! The mapping of a region, or of a log: the one place where it becomes references.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

use memmap2::{MmapMut, MmapOptions, MmapRaw};

use super::file::{is_in_memory, is_read_only};
use super::header::{AnchorSlot, HEADER_BYTES, Header};
use super::layout::Layout;
use crate::error::{Error, Result};
use crate::sync::AtomicU64;

/// A mapping that holds a layout. Unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Memory {
    map: MmapRaw,
    layout: Layout,
    /// False on a file system that is mounted for reading: a store would end the process.
    is_writable: bool,
}

fn refused(layout: &Layout, reason: impl ToString) -> Error {
    Error::OutOfMemory { requested_bytes: layout.region_bytes, reason: reason.to_string() }
}

fn address_bytes(layout: &Layout) -> Result<usize> {
    usize::try_from(layout.region_bytes).map_err(|error| refused(layout, error))
}

impl Memory {
    /// Maps zeroed memory of this process alone.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the system refuses.
    pub(crate) fn anonymous(layout: Layout) -> Result<Self> {
        let map = MmapMut::map_anon(address_bytes(&layout)?).map_err(|error| refused(&layout, error))?;
        Self::holding(MmapRaw::from(map), layout, true)
    }

    /// Maps a file of the layout's length, for reading if it was opened so.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the system refuses.
    pub(crate) fn of_file(file: &File, layout: Layout) -> Result<Self> {
        let (is_writable, len) = (!is_read_only(file), address_bytes(&layout)?);
        let options = MmapOptions::new().len(len).clone();
        let map = if is_writable { options.map_raw(file) } else { options.map_raw_read_only(file) };
        Self::holding(map.map_err(|error| refused(&layout, error))?, layout, is_writable)
    }

    /// The same mapping with a layout read from its own header.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the mapping does not hold it; the caller has checked before.
    pub(crate) fn with_layout(self, layout: Layout) -> Result<Self> {
        Self::holding(self.map, layout, self.is_writable)
    }

    /// Checks everything that the references below rely on.
    fn holding(map: MmapRaw, layout: Layout, is_writable: bool) -> Result<Self> {
        let anchors_bytes = layout.anchor_slots.checked_mul(size_of::<AnchorSlot>() as u64);
        let anchors_end = anchors_bytes.and_then(|bytes| bytes.checked_add(HEADER_BYTES));
        let fits = anchors_end.is_some_and(|end| end <= layout.frames_offset)
            && layout.frames_offset <= layout.region_bytes
            && layout.frames_offset.is_multiple_of(align_of::<AtomicU64>() as u64)
            && layout.region_bytes == map.len() as u64;
        if fits {
            Ok(Self { map, layout, is_writable })
        } else {
            Err(refused(&layout, "its layout does not fit its mapping"))
        }
    }

    /// Takes the mapping for another use.
    pub(crate) fn into_words(self) -> Option<Words> {
        Some(Words::Mapped(self.map))
    }

    /// Uses words, as many as the layout needs, as the memory of a region.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if they do not hold it.
    pub(crate) fn of_words(words: Words, layout: Layout) -> Result<Self> {
        match words {
            Words::Mapped(map) => Self::holding(map, layout, true),
            Words::Heap(_) => Err(refused(&layout, "it is not mapped")),
        }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// True unless it was mapped for reading only.
    pub(crate) fn is_writable(&self) -> bool {
        self.is_writable
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping is page-aligned, longer than a header (checked by `holding`), lives
        // as long as `self`, and the header consists of atomics only, for which any bytes are a
        // value and any writer is allowed.
        unsafe { &*self.map.as_ptr().cast::<Header>() }
    }

    pub(crate) fn anchors(&self) -> &[AnchorSlot] {
        let first = self.map.as_ptr().wrapping_add(HEADER_BYTES as usize).cast::<AnchorSlot>();
        // SAFETY: the slots lie after the header, aligned and inside the mapping (`holding`); they
        // are atomics only.
        unsafe { std::slice::from_raw_parts(first, self.layout.anchor_slots as usize) }
    }

    /// The memory of the frames, to the end of the mapping.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        let first = self.map.as_ptr().wrapping_add(self.layout.frames_offset as usize).cast::<AtomicU64>();
        let bytes = (self.layout.region_bytes - self.layout.frames_offset) as usize;
        // SAFETY: the frames begin aligned and end with the mapping (`holding`); they are atomics
        // only.
        unsafe { std::slice::from_raw_parts(first, bytes / size_of::<u64>()) }
    }

    /// False if the file was cut short since it was mapped. Touching what is gone would end the
    /// process, so the mapping is then replaced by zeroed memory of this process alone.
    ///
    /// A system call. True on kernels before 5.14, which can't tell.
    pub(crate) fn is_whole(&self) -> bool {
        #[cfg(all(target_os = "linux", not(miri)))]
        {
            let populate = || self.map.advise_range(memmap2::Advice::PopulateRead, self.map.len() - 1, 1);
            let error = loop {
                match populate() {
                    Ok(()) => return true,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => break error.raw_os_error(),
                }
            };
            if error != Some(libc::EFAULT) {
                return true;
            }
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
            // SAFETY: exactly the pages of this mapping, which stay mapped for as long as `self`
            // lives. The references to them are to atomics, which any writer may change to any
            // value, here to zero.
            unsafe { libc::mmap(self.map.as_mut_ptr().cast(), self.map.len(), protection, kind, -1, 0) };
            false
        }
        #[cfg(not(all(target_os = "linux", not(miri))))]
        true
    }

    /// Populates the pages of a part of the mapping, so that writing it never faults.
    pub(crate) fn commit(&self, offset: usize, len: usize) {
        #[cfg(all(target_os = "linux", not(miri)))]
        {
            // Kernels before 5.14 don't know the advice: then the writer's first lap faults.
            let populate = || self.map.advise_range(memmap2::Advice::PopulateWrite, offset, len);
            // A signal of the host may interrupt it.
            while populate().is_err_and(|error| error.kind() == std::io::ErrorKind::Interrupted) {}
        }
        #[cfg(not(all(target_os = "linux", not(miri))))]
        {
            let _ = (offset, len);
        }
    }
}

/// Words that other processes may store to at any moment, and that are no buffer.
#[derive(Debug)]
pub(crate) enum Words {
    Mapped(MmapRaw),
    /// If nothing else can be had.
    Heap(Box<[AtomicU64]>),
}

impl Words {
    /// Zeroed memory of this process alone.
    pub(crate) fn anonymous(bytes: u64) -> Result<Self> {
        let layout = Layout { region_bytes: bytes, ..Layout::default() };
        let map = MmapMut::map_anon(address_bytes(&layout)?).map_err(|error| refused(&layout, error))?;
        Ok(Self::Mapped(MmapRaw::from(map)))
    }

    /// Maps a file of `bytes` zero bytes, all reserved.
    pub(crate) fn in_new_file(file: &File, bytes: u64) -> Result<Self> {
        let layout = Layout { region_bytes: bytes, ..Layout::default() };
        let map = MmapOptions::new().len(address_bytes(&layout)?).map_raw(file);
        Ok(Self::Mapped(map.map_err(|error| refused(&layout, error))?))
    }

    /// Maps another process's file for reading; `None` if reading it is unsafe.
    pub(crate) fn in_file(file: &File) -> Option<Self> {
        const LARGEST: u64 = 1 << 30;
        let metadata = file.metadata().ok()?;
        let (len, reserved) = (metadata.len(), metadata.blocks().saturating_mul(512));
        if !(HEADER_BYTES..=LARGEST).contains(&len) || reserved < len && is_in_memory(file) {
            return None;
        }
        Some(Self::Mapped(MmapOptions::new().len(usize::try_from(len).ok()?).map_raw_read_only(file).ok()?))
    }

    /// Zeroed words on the heap.
    pub(crate) fn on_heap(words: usize) -> Self {
        Self::Heap((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn all(&self) -> &[AtomicU64] {
        match self {
            Self::Mapped(map) => {
                // SAFETY: the mapping is page-aligned, of this length, and lives as long as `self`;
                // atomics only. A mapping made for reading is never stored to.
                unsafe { std::slice::from_raw_parts(map.as_ptr().cast::<AtomicU64>(), map.len() / size_of::<u64>()) }
            }
            Self::Heap(words) => words,
        }
    }
}
