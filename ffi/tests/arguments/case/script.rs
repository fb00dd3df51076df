//! The script of a case: bytes that choose calls and arguments.

use std::ptr::null_mut;

/// Bytes that choose; zeros after the end.
pub(crate) struct Script<'a>(pub(crate) &'a [u8]);

impl Script<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn word(&mut self) -> u64 {
        u64::from_le_bytes([(); 8].map(|()| self.byte()))
    }

    /// Returns a number: mostly an edge case or a plausible value.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() % 12 {
            0 => 0,
            1 => u64::MAX,
            2 => i64::MAX as u64,
            3 => i64::MIN as u64,
            4 => 1_u64 << (self.byte() % 64),
            5 => self.word(),
            6 => 1_790_000_000_000_000_000 + (self.word() >> 34),
            7..=9 => u64::from(self.byte() % 8),
            _ => u64::from(self.byte()) * 10,
        }
    }

    /// Returns `good` or, rarely, null or a misaligned pointer.
    pub(crate) fn pointer<T>(&mut self, good: *mut T) -> *mut T {
        match self.byte() {
            0..8 => null_mut(),
            8..16 if align_of::<T>() > 1 => good.wrapping_byte_add(1),
            _ => good,
        }
    }

    /// Returns a value for `struct_size`, at most the memory of `Padded`.
    pub(crate) fn struct_size<T>(&mut self) -> usize {
        match self.byte() % 16 {
            0 => 0,
            1 => usize::from(self.byte()),
            2 => size_of::<T>() + 8,
            3 => size_of::<T>() - 1,
            _ => size_of::<T>(),
        }
    }

    pub(crate) fn text(&mut self) -> Vec<u8> {
        match self.byte() % 8 {
            0 => (0..self.byte() % 40).map(|_| self.byte()).collect(),
            1 => vec![b'x'; 1025],
            2 => Vec::new(),
            3 => b"rtsp://me:sesame@host/live?token=sesame".to_vec(),
            number => format!("tone:{number}").into_bytes(),
        }
    }
}
