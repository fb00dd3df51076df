//! Choices read from bytes.

use super::START_NS;
use super::ring_file::Layout;

/// A reader of choices. Returns zeros after the last byte.
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn word(&mut self) -> u64 {
        u64::from_le_bytes([(); 8].map(|()| self.byte()))
    }

    pub fn below(&mut self, end: u64) -> u64 {
        u64::from(u16::from_le_bytes([self.byte(), self.byte()])) % end.max(1)
    }

    /// A value near a limit of the layout or of `u64`, near `current`, or any value.
    pub fn number(&mut self, current: u64, layout: &Layout) -> u64 {
        let offset = self.below(5).wrapping_sub(2);
        match self.byte() % 16 {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => u64::MAX.wrapping_sub(self.below(2000)),
            4 | 5 => (1_u64 << (self.byte() % 64)).wrapping_add(offset),
            6 => current.wrapping_add(offset),
            7 => current.wrapping_add(self.below(4000)).wrapping_sub(2000),
            8 => layout.ring_frames.wrapping_add(offset),
            9 => layout.length_frames.wrapping_add(offset),
            10 => layout.anchor_slots.wrapping_add(offset),
            11 => (i64::MAX as u64).wrapping_add(offset),
            12 => START_NS as u64,
            13 => (START_NS as u64).wrapping_add(self.word() >> 24),
            14 => self.below(2000),
            _ => self.word(),
        }
    }
}
