//! Copying to and from memory that another thread or process may be writing.
//!
//! The frames of a buffer are relaxed atomic words. A plain `memcpy` of them would be a data race.
//! This pair of functions means *relaxed atomic bytes*: the bytes moved may be torn, and the ring's
//! protocol discards torn bytes, but moving them is never undefined. Each function has two bodies:
//!
//! - the portable one loads and stores the words one by one. It is the only one under Miri, loom
//!   and ThreadSanitizer, and on architectures not named below;
//! - the opaque one calls the C library's `memcpy` from an `asm!` block. The compiler may assume
//!   nothing about the memory that such a block touches except what the block could have done in
//!   Rust, and a relaxed copy byte by byte is one such thing. Measured, it is as fast as a plain
//!   `memcpy`; the portable body is a quarter slower.
//!
//! ```text
//! RUSTFLAGS="--cfg capbuf_portable_copy" cargo test -p capbuf    # the portable body, tested everywhere
//! ```

use std::mem::MaybeUninit;

use bytemuck::Pod;

use crate::sync::AtomicU64;

#[cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux",
    not(any(miri, loom, capbuf_portable_copy))
))]
use opaque as body;
#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux",
    not(any(miri, loom, capbuf_portable_copy))
)))]
use portable as body;

/// True if `len` bytes from byte `offset` lie inside the words.
fn inside(words: &[AtomicU64], offset: usize, len: usize) -> bool {
    offset.checked_add(len).is_some_and(|end| end <= size_of_val(words))
}

/// Stores `from` into the words from byte `offset` on. Only one thread may store at a time.
///
/// Wait-free, no allocation. A range outside the words stores nothing (a defect of the caller).
pub(crate) fn copy_in(words: &[AtomicU64], offset: usize, from: &[u8]) {
    debug_assert!(inside(words, offset, from.len()));
    if inside(words, offset, from.len()) {
        body::copy_in(words, offset, from);
    }
}

/// Loads bytes from byte `offset` of the words into all of `to`.
///
/// Wait-free, no allocation. A range outside the words yields zeros (a defect of the caller).
pub(crate) fn copy_out(words: &[AtomicU64], offset: usize, to: &mut [u8]) {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and `copy_out_uninit` leaves every byte of
    // it initialised.
    let to = unsafe { &mut *(std::ptr::from_mut(to) as *mut [MaybeUninit<u8>]) };
    copy_out_uninit(words, offset, to);
}

/// Loads `samples` samples from byte `offset` and appends them to `to`, without zeroing memory
/// first.
pub(crate) fn append<T: Pod>(words: &[AtomicU64], offset: usize, samples: usize, to: &mut Vec<T>) {
    to.reserve(samples);
    let room = &mut to.spare_capacity_mut()[..samples];
    let bytes = size_of_val(room);
    // SAFETY: the bytes of `samples` reserved, exclusively borrowed elements, as uninitialised
    // memory.
    let room = unsafe { std::slice::from_raw_parts_mut(room.as_mut_ptr().cast::<MaybeUninit<u8>>(), bytes) };
    copy_out_uninit(words, offset, room);
    // SAFETY: `copy_out_uninit` initialised the bytes of the next `samples` elements, and any bytes
    // are a `Pod` value.
    unsafe { to.set_len(to.len() + samples) };
}

/// As [`copy_out`], into memory that may be uninitialised. Initialises all of it.
fn copy_out_uninit(words: &[AtomicU64], offset: usize, to: &mut [MaybeUninit<u8>]) {
    debug_assert!(inside(words, offset, to.len()));
    if inside(words, offset, to.len()) {
        body::copy_out(words, offset, to);
    } else {
        to.fill(MaybeUninit::new(0));
    }
}

/// The body that calls `memcpy` out of the compiler's sight.
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_os = "linux", not(any(miri, loom))))]
#[cfg_attr(capbuf_portable_copy, allow(dead_code))]
mod opaque {
    use std::arch::asm;
    use std::ffi::c_void;
    use std::mem::MaybeUninit;

    use crate::sync::AtomicU64;

    unsafe extern "C" {
        fn memcpy(to: *mut c_void, from: *const c_void, len: usize) -> *mut c_void;
    }

    pub(super) fn copy_in(words: &[AtomicU64], offset: usize, from: &[u8]) {
        let to = words.as_ptr().cast::<u8>().wrapping_add(offset).cast_mut();
        // SAFETY: `from` is readable; the caller checked that as many bytes from `offset` lie
        // inside the words, whose atomics may be stored to through a shared reference; no other
        // thread writes `from`, and it can't overlap them.
        unsafe { call(to, from.as_ptr(), from.len()) };
    }

    pub(super) fn copy_out(words: &[AtomicU64], offset: usize, to: &mut [MaybeUninit<u8>]) {
        let from = words.as_ptr().cast::<u8>().wrapping_add(offset);
        // SAFETY: `to` is exclusively borrowed; the caller checked that as many bytes from `offset`
        // lie inside the words.
        unsafe { call(to.as_mut_ptr().cast(), from, to.len()) };
    }

    /// Copies `len` bytes.
    ///
    /// # Safety
    /// `from` must be readable and `to` writable for `len` bytes, without overlap. Either may be
    /// atomic memory that others access: to the compiler the block is a copy by relaxed atomic
    /// bytes.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    unsafe fn call(to: *mut u8, from: *const u8, len: usize) {
        // SAFETY: the registers hold memcpy's arguments as the C convention has them, everything
        // that a C function may change is declared changed, and without `nostack` the stack is
        // aligned for a call.
        unsafe {
            asm!(
                "call {memcpy}",
                memcpy = in(reg) memcpy as unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void,
                inlateout("rdi") to => _,
                inlateout("rsi") from => _,
                inlateout("rdx") len => _,
                lateout("rax") _,
                clobber_abi("C"),
            );
        }
    }

    /// Copies `len` bytes; the safety rules are those of the other body.
    ///
    /// # Safety
    /// `from` must be readable and `to` writable for `len` bytes, without overlap.
    #[cfg(target_arch = "aarch64")]
    #[inline]
    unsafe fn call(to: *mut u8, from: *const u8, len: usize) {
        // SAFETY: the registers hold memcpy's arguments as the C convention has them, everything
        // that a C function may change (the link register included) is declared changed, and the
        // stack is always aligned for a call.
        unsafe {
            asm!(
                "blr {memcpy}",
                memcpy = in(reg) memcpy as unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void,
                inlateout("x0") to => _,
                inlateout("x1") from => _,
                inlateout("x2") len => _,
                clobber_abi("C"),
            );
        }
    }
}

/// The body that every checker understands.
#[cfg_attr(
    not(any(test, miri, loom, capbuf_portable_copy)),
    cfg_attr(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_os = "linux"), allow(dead_code))
)]
mod portable {
    use std::mem::MaybeUninit;

    use crate::sync::{AtomicU64, Ordering};

    const WORD: usize = size_of::<u64>();

    pub(super) fn copy_in(words: &[AtomicU64], offset: usize, from: &[u8]) {
        let (mut index, shift) = (offset / WORD, offset % WORD);
        let mut from = from;
        if shift != 0 {
            let (first, rest) = from.split_at(from.len().min(WORD - shift));
            merge(&words[index], shift, first);
            (index, from) = (index + 1, rest);
        }
        let (whole, rest) = from.as_chunks::<WORD>();
        for (word, bytes) in words[index..].iter().zip(whole) {
            // SYNC none: the ring's `reserve` and `head` order the words.
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            merge(&words[index + whole.len()], 0, rest);
        }
    }

    /// Stores a few bytes into a word. The others are stored again unchanged: they belong to the
    /// same writer.
    fn merge(word: &AtomicU64, shift: usize, bytes: &[u8]) {
        let mut all = word.load(Ordering::Relaxed).to_ne_bytes();
        all[shift..shift + bytes.len()].copy_from_slice(bytes);
        word.store(u64::from_ne_bytes(all), Ordering::Relaxed);
    }

    pub(super) fn copy_out(words: &[AtomicU64], offset: usize, to: &mut [MaybeUninit<u8>]) {
        let (mut index, shift) = (offset / WORD, offset % WORD);
        let mut to = to;
        if shift != 0 {
            let (first, rest) = to.split_at_mut(to.len().min(WORD - shift));
            pick(&words[index], shift, first);
            (index, to) = (index + 1, rest);
        }
        let (whole, rest) = to.as_chunks_mut::<WORD>();
        for (bytes, word) in whole.iter_mut().zip(&words[index..]) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes().map(MaybeUninit::new);
        }
        if !rest.is_empty() {
            pick(&words[index + whole.len()], 0, rest);
        }
    }

    /// Loads a few bytes from a word.
    fn pick(word: &AtomicU64, shift: usize, to: &mut [MaybeUninit<u8>]) {
        let all = word.load(Ordering::Relaxed).to_ne_bytes();
        for (to, byte) in to.iter_mut().zip(&all[shift..]) {
            to.write(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type CopyIn = fn(&[AtomicU64], usize, &[u8]);
    type CopyOut = fn(&[AtomicU64], usize, &mut [MaybeUninit<u8>]);

    fn words(count: usize) -> Vec<AtomicU64> {
        (0..count).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    /// Every offset and length in a few words: the stored bytes are loaded, and nothing beside them
    /// changed.
    fn check(copy_in: CopyIn, copy_out: CopyOut) {
        const BYTES: usize = 40;
        for offset in 0..BYTES {
            for len in 0..=BYTES - offset {
                let words = words(BYTES / 8);
                let data: Vec<u8> = (1..=len as u8).collect();
                copy_in(&words, offset, &data);
                let mut all = [MaybeUninit::new(0_u8); BYTES];
                copy_out(&words, 0, &mut all);
                // SAFETY: every byte was initialised above, and stays so.
                let all = all.map(|byte| unsafe { byte.assume_init() });
                assert_eq!(all[offset..offset + len], data[..], "offset {offset} len {len}");
                assert!(all[..offset].iter().chain(&all[offset + len..]).all(|byte| *byte == 0xff));
                let mut part = vec![MaybeUninit::new(0_u8); len];
                copy_out(&words, offset, &mut part);
                for (part, data) in part.iter().zip(&data) {
                    // SAFETY: every byte was initialised above, and stays so.
                    assert_eq!(unsafe { part.assume_init() }, *data);
                }
            }
        }
    }

    #[test]
    fn portable_body_copies_any_offset_and_length() {
        check(portable::copy_in, portable::copy_out);
    }

    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_os = "linux", not(any(miri, loom))))]
    #[test]
    fn opaque_body_copies_any_offset_and_length() {
        check(opaque::copy_in, opaque::copy_out);
    }

    #[test]
    fn appended_samples_follow_the_existing_ones() {
        let words = words(2);
        copy_in(&words, 0, &[1, 0, 2, 0, 3, 0, 4, 0]);
        let mut samples = vec![9_i16];
        append(&words, 2, 3, &mut samples);
        assert_eq!(samples, [9, 2, 3, 4]);
    }

    #[test]
    fn range_that_ends_one_byte_beyond_the_words_is_refused() {
        let words = words(2);
        assert!(inside(&words, 0, 16) && inside(&words, 15, 1) && inside(&words, 16, 0));
        assert!(!inside(&words, 0, 17) && !inside(&words, 1, 16) && !inside(&words, 17, 0));
        assert!(!inside(&words, usize::MAX, 2));
    }
}
