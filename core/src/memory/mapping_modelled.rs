//! The memory of a region under loom, whose atomics can't lie in a mapping.

use std::fs::File;

use super::header::{AnchorSlot, Header};
use super::layout::Layout;
use crate::error::{Error, Result};
use crate::sync::AtomicU64;

/// The atomics of a layout.
#[derive(Debug)]
pub(crate) struct Memory {
    header: Header,
    anchors: Vec<AnchorSlot>,
    words: Vec<AtomicU64>,
    layout: Layout,
}

impl Memory {
    pub(crate) fn anonymous(layout: Layout) -> Result<Self> {
        let words = (layout.region_bytes - layout.frames_offset) / size_of::<u64>() as u64;
        let anchors = (0..layout.anchor_slots).map(|_| AnchorSlot::default()).collect();
        let words = (0..words).map(|_| AtomicU64::default()).collect();
        Ok(Self { header: Header::default(), anchors, words, layout })
    }

    pub(crate) fn of_file(_: &File, layout: Layout) -> Result<Self> {
        Err(Error::OutOfMemory { requested_bytes: layout.region_bytes, reason: "models have no files".to_owned() })
    }

    pub(crate) fn with_layout(mut self, layout: Layout) -> Result<Self> {
        self.layout = layout;
        Ok(self)
    }

    pub(crate) fn into_words(self) -> Option<Words> {
        None
    }

    pub(crate) fn of_words(_: Words, layout: Layout) -> Result<Self> {
        Err(Error::OutOfMemory { requested_bytes: layout.region_bytes, reason: "models have no pool".to_owned() })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn is_writable(&self) -> bool {
        true
    }

    pub(crate) fn is_whole(&self) -> bool {
        true
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn anchors(&self) -> &[AnchorSlot] {
        &self.anchors
    }

    pub(crate) fn words(&self) -> &[AtomicU64] {
        &self.words
    }

    pub(crate) fn commit(&self, _: usize, _: usize) {}
}

impl Drop for Memory {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // Unmapping: no thread may load any more.
        self.words.iter_mut().chain(self.anchors.iter_mut().flatten()).for_each(AtomicU64::end);
        let (writer, readers) = (&mut self.header.writer, &mut self.header.readers);
        [&mut writer.head, &mut writer.reserve, &mut writer.anchor_head, &mut writer.anchor_reserve]
            .into_iter()
            .for_each(AtomicU64::end);
        readers.lease.end();
        writer.removed.end();
    }
}

/// Words that are no buffer; in models on the heap only.
#[derive(Debug)]
pub(crate) struct Words(Box<[AtomicU64]>);

impl Words {
    pub(crate) fn anonymous(bytes: u64) -> Result<Self> {
        Ok(Self::on_heap(bytes as usize / size_of::<u64>()))
    }

    pub(crate) fn in_new_file(_: &File, bytes: u64) -> Result<Self> {
        Err(Error::OutOfMemory { requested_bytes: bytes, reason: "models have no files".to_owned() })
    }

    pub(crate) fn in_file(_: &File) -> Option<Self> {
        None
    }

    pub(crate) fn on_heap(words: usize) -> Self {
        Self((0..words).map(|_| AtomicU64::default()).collect())
    }

    pub(crate) fn all(&self) -> &[AtomicU64] {
        &self.0
    }
}
