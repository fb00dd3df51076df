//! How functions take their arguments, and give their results: each by its own name, so that errors name it.

/// Says that a structure begins with its size and how it is when nothing is set.
macro_rules! growing {
    ($name:ident, $first_size:expr, $unset:expr) => {
        // SAFETY: plain numbers, all of whose bytes are values, and no padding that is read.
        unsafe impl bytemuck::Zeroable for $name {}
        // SAFETY: as above.
        unsafe impl bytemuck::AnyBitPattern for $name {}
        impl $crate::pointers::Growing for $name {
            const NAME: &'static str = stringify!($name);
            const FIRST_SIZE: usize = $first_size;
            fn unset() -> Self {
                $unset
            }
            fn set_size(&mut self, size: usize) {
                self.struct_size = size;
            }
        }
        const _: () = assert!(std::mem::offset_of!($name, struct_size) == 0);
    };
}
pub(crate) use growing;

/// Borrows what an argument points to.
macro_rules! given {
    ($name:ident) => {
        // SAFETY: the header demands of the caller what `get` does.
        unsafe { $crate::pointers::get($name, stringify!($name)) }?
    };
}
pub(crate) use given;

/// Borrows what an argument points to, exclusively.
macro_rules! given_mut {
    ($name:ident) => {
        // SAFETY: the header demands of the caller what `get_mut` does.
        unsafe { $crate::pointers::get_mut($name, stringify!($name)) }?
    };
}
pub(crate) use given_mut;

/// Borrows the place where a result goes.
macro_rules! place {
    ($name:ident) => {
        // SAFETY: the header demands of the caller what `place` does.
        unsafe { $crate::pointers::place($name, stringify!($name)) }?
    };
}
pub(crate) use place;

/// Borrows a text argument and its length.
macro_rules! text {
    ($name:ident, $len:ident) => {
        // SAFETY: the header demands of the caller what `text` does.
        unsafe { $crate::pointers::text($name, $len, stringify!($name)) }?
    };
}
pub(crate) use text;

/// Reads an argument that is a growing structure, or null.
macro_rules! read_growing {
    ($name:ident) => {
        // SAFETY: the header demands of the caller what `read_growing` does.
        unsafe { $crate::pointers::read_growing($name) }?
    };
}
pub(crate) use read_growing;

/// Checks the place for a result that is a growing structure.
macro_rules! growing_place {
    ($name:ident) => {
        // SAFETY: the header demands of the caller what `growing_place` does.
        unsafe { $crate::pointers::growing_place($name) }?
    };
}
pub(crate) use growing_place;

/// Ends an owned handle.
macro_rules! end {
    ($name:ident) => {
        // SAFETY: the header demands of the caller what `end` does.
        unsafe { $crate::pointers::end($name) }
    };
}
pub(crate) use end;
