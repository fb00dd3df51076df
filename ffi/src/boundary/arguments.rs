//! Macros that check an argument under its own name, so that error messages name it.

/// Declares a structure whose first field is `struct_size` and whose default is all zeros.
///
/// The second argument is the size of its first published version, if fields were added since.
macro_rules! versioned_struct {
    ($name:ident) => {
        versioned_struct!($name, size_of::<$name>());
    };
    ($name:ident, $first_size:expr) => {
        // SAFETY: every field is a number or a raw pointer, for which zero is a value.
        unsafe impl bytemuck::Zeroable for $name {}
        // SAFETY: every field is a number or a raw pointer, of which any bytes are a value.
        unsafe impl bytemuck::AnyBitPattern for $name {}
        impl $crate::boundary::versioned::VersionedStruct for $name {
            const NAME: &'static str = stringify!($name);
            const FIRST_SIZE: usize = $first_size;
            fn set_struct_size(&mut self, size: usize) {
                self.struct_size = size;
            }
        }
        const _: () = assert!(std::mem::offset_of!($name, struct_size) == 0);
    };
}
pub(crate) use versioned_struct;

/// Borrows the value behind an argument.
macro_rules! deref {
    ($name:ident) => {
        // SAFETY: the header requires of the caller what `deref` does.
        unsafe { $crate::boundary::pointers::deref($name, stringify!($name)) }?
    };
}
pub(crate) use deref;

/// Borrows the value behind an argument exclusively.
macro_rules! deref_mut {
    ($name:ident) => {
        // SAFETY: the header requires of the caller what `deref_mut` does.
        unsafe { $crate::boundary::pointers::deref_mut($name, stringify!($name)) }?
    };
}
pub(crate) use deref_mut;

/// Borrows the memory of an out-parameter.
macro_rules! out {
    ($name:ident) => {
        // SAFETY: the header requires of the caller what `out` does.
        unsafe { $crate::boundary::pointers::out($name, stringify!($name)) }?
    };
}
pub(crate) use out;

/// Borrows the memory of an out-parameter that may be NULL.
macro_rules! optional_out {
    ($name:ident) => {
        if $name.is_null() { None } else { Some($crate::boundary::arguments::out!($name)) }
    };
}
pub(crate) use optional_out;

/// Borrows a text argument and its length.
macro_rules! text {
    ($name:ident, $len:ident) => {
        // SAFETY: the header requires of the caller what `text` does.
        unsafe { $crate::boundary::text_in::text($name, $len, stringify!($name)) }?
    };
}
pub(crate) use text;

/// Borrows a text argument that may be NULL.
macro_rules! optional_text {
    ($name:ident, $len:ident) => {
        if $name.is_null() { None } else { Some($crate::boundary::arguments::text!($name, $len)) }
    };
}
pub(crate) use optional_text;

/// Reads a versioned structure; NULL is its default.
macro_rules! read_versioned {
    ($name:ident) => {
        // SAFETY: the header requires of the caller what `read_versioned` does.
        unsafe { $crate::boundary::versioned::read_versioned($name) }?
    };
}
pub(crate) use read_versioned;

/// Checks an out-parameter that is a versioned structure.
macro_rules! versioned_out {
    ($name:ident) => {
        // SAFETY: the header requires of the caller what `versioned_out` does.
        unsafe { $crate::boundary::versioned::versioned_out($name) }?
    };
}
pub(crate) use versioned_out;

/// Checks an out-parameter that is a versioned structure and may be NULL.
macro_rules! optional_versioned_out {
    ($name:ident) => {
        if $name.is_null() { None } else { Some($crate::boundary::arguments::versioned_out!($name)) }
    };
}
pub(crate) use optional_versioned_out;

/// Frees an owned handle.
macro_rules! free {
    ($name:ident) => {
        // SAFETY: the header requires of the caller what `free` does.
        unsafe { $crate::boundary::pointers::free($name) }
    };
}
pub(crate) use free;
