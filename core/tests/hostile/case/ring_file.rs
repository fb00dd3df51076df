//! The file of a buffer, changed from outside. Offsets as in `capbuf::docs::layout`.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Offset and size of the header's words.
pub const HEADER: [(u64, usize); 20] = [
    (0, 8),
    (8, 4),
    (12, 4),
    (16, 8),
    (24, 8),
    (32, 8),
    (40, 8),
    (48, 8),
    (56, 8),
    (64, 4),
    (68, 4),
    (72, 4),
    (76, 4),
    (80, 8),
    (88, 8),
    (96, 4),
    (100, 4),
    (184, 4),
    (192, 8),
    (200, 8),
];
pub const COUNTERS: [u64; 7] = [128, 136, 144, 152, 160, 168, 176];
pub const REMOVED: u64 = 184;
pub const LEASE: u64 = 192;
pub const NAME: u64 = 256;
pub const HOLDERS: u64 = 1280;
pub const ANCHORS: u64 = 5632;

/// Sizes of the undamaged ring.
pub struct Layout {
    pub length_frames: u64,
    pub ring_frames: u64,
    pub anchor_slots: u64,
    pub bytes: u64,
}

pub struct RingFile {
    path: PathBuf,
    pub layout: Layout,
}

impl RingFile {
    /// The only ring of a domain.
    pub fn find(folder: &Path) -> Self {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let path = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "ring")).unwrap();
        let mut ring = Self { path, layout: Layout { length_frames: 0, ring_frames: 0, anchor_slots: 0, bytes: 0 } };
        ring.layout = Layout {
            bytes: ring.get(16),
            anchor_slots: ring.get(32),
            ring_frames: ring.get(48),
            length_frames: ring.get(56),
        };
        ring
    }

    /// `None` after the file was removed.
    pub fn file(&self) -> Option<File> {
        File::options().read(true).write(true).open(&self.path).ok()
    }

    pub fn get(&self, offset: u64) -> u64 {
        let mut bytes = [0; 8];
        let _ = self.file().map(|file| file.read_exact_at(&mut bytes, offset));
        u64::from_le_bytes(bytes)
    }

    /// Writes the bytes that lie within the file; never extends it.
    pub fn put(&self, offset: u64, bytes: &[u8]) {
        let Some(file) = self.file() else { return };
        let room = file.metadata().unwrap().len().saturating_sub(offset).min(bytes.len() as u64);
        file.write_all_at(&bytes[..room as usize], offset).unwrap();
    }

    /// Identity of a live process: this one, by the name of its liveness lock.
    pub fn live_process(&self) -> u64 {
        let names = self.path.parent().into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let names = names.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        let numbers = names.filter_map(|name| u64::from_str_radix(name.strip_prefix("process-")?, 16).ok());
        numbers.into_iter().next().unwrap_or(1)
    }
}
