//! Memory for results and for structures that are passed in.

/// Memory for any result, filled with a mark, larger than any of them.
#[repr(C, align(16))]
pub(crate) struct Block(pub(crate) [u8; 512]);

impl Block {
    pub(crate) const MARK: u8 = 0xa5;

    pub(crate) fn of_size(struct_size: usize) -> Self {
        let mut block = Self([Self::MARK; 512]);
        block.0[..8].copy_from_slice(&struct_size.to_ne_bytes());
        block
    }

    pub(crate) fn new() -> Self {
        Self([Self::MARK; 512])
    }

    pub(crate) fn at<T>(&mut self) -> *mut T {
        (&raw mut self.0).cast()
    }
}

/// A structure that is passed in, with zeros behind it like an unknown later version.
#[repr(C)]
pub(crate) struct Padded<T> {
    pub(crate) value: T,
    pub(crate) behind: [u8; 256],
}

impl<T> Padded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, behind: [0; 256] }
    }
}
