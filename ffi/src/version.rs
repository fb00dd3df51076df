//! Versions of the header and of the library.

use std::ffi::c_char;

/// The major version of this header.
pub const CAPBUF_VERSION_MAJOR: u32 = 0;
/// The minor version of this header.
pub const CAPBUF_VERSION_MINOR: u32 = 1;
/// The patch version of this header.
pub const CAPBUF_VERSION_PATCH: u32 = 0;
/// The version of the binary interface, which is also the number in the library's file name.
pub const CAPBUF_ABI_VERSION: u32 = 0;

/// Returns the version of the linked library, such as `"0.1.0"`. The text is static.
///
/// Threads: any. Cost: wait-free.
#[unsafe(no_mangle)]
pub extern "C" fn capbuf_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the `CAPBUF_ABI_VERSION` of the linked library.
///
/// Threads: any. Cost: wait-free.
#[unsafe(no_mangle)]
pub extern "C" fn capbuf_abi_version() -> u32 {
    CAPBUF_ABI_VERSION
}
