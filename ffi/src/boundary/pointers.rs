//! Pointers from C: checked for NULL and alignment, then borrowed as their type says.
//!
//! The header requires the rest of the caller: that a pointer points to a live value of its type,
//! and that no other thread uses that value in a way that its constness forbids.

use std::mem::MaybeUninit;

use bytemuck::AnyBitPattern;

use crate::boundary::ffi_error::FfiError;

type Result<T> = std::result::Result<T, FfiError>;

#[inline]
pub(crate) fn check<T>(pointer: *const T, name: &'static str) -> Result<()> {
    if pointer.is_null() {
        return Err(FfiError::null(name));
    }
    if pointer.is_aligned() { Ok(()) } else { Err(FfiError::misaligned(name, align_of::<T>())) }
}

/// Borrows the value behind `pointer`.
///
/// # Safety
/// `pointer` is null, or misaligned, or points to a live `T` that is not modified meanwhile.
#[inline]
pub(crate) unsafe fn deref<'a, T>(pointer: *const T, name: &'static str) -> Result<&'a T> {
    check(pointer, name)?;
    // SAFETY: `check` excluded null and misaligned pointers; the caller ensures the rest.
    Ok(unsafe { &*pointer })
}

/// Borrows the value behind `pointer` exclusively.
///
/// # Safety
/// `pointer` is null, or misaligned, or points to a live `T` that nothing else accesses meanwhile.
#[inline]
pub(crate) unsafe fn deref_mut<'a, T>(pointer: *mut T, name: &'static str) -> Result<&'a mut T> {
    check(pointer, name)?;
    // SAFETY: `check` excluded null and misaligned pointers; the caller ensures the rest.
    Ok(unsafe { &mut *pointer })
}

/// Borrows the memory of an out-parameter, which may be uninitialised.
///
/// # Safety
/// `pointer` is null, or misaligned, or points to memory for a `T` that nothing else accesses
/// meanwhile.
#[inline]
pub(crate) unsafe fn out<'a, T>(pointer: *mut T, name: &'static str) -> Result<&'a mut MaybeUninit<T>> {
    check(pointer, name)?;
    // SAFETY: not null, aligned; `MaybeUninit` allows any bytes; the caller ensures the rest.
    Ok(unsafe { &mut *pointer.cast::<MaybeUninit<T>>() })
}

/// Borrows `len` elements. `pointer` may be null if `len` is 0.
///
/// # Safety
/// `pointer` is null, or misaligned, or points to `len` elements that are not modified meanwhile.
#[inline]
pub(crate) unsafe fn slice<'a, T>(pointer: *const T, len: usize, name: &'static str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    check(pointer, name)?;
    check_len::<T>(len, name)?;
    // SAFETY: not null, aligned, at most `isize::MAX` bytes; the caller ensures the rest.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// Borrows `len` elements exclusively. `pointer` may be null if `len` is 0.
///
/// # Safety
/// `pointer` is null, or misaligned, or points to `len` elements that nothing else accesses
/// meanwhile. Their bytes are initialised, or are only written to.
pub(crate) unsafe fn slice_mut<'a, T: AnyBitPattern>(
    pointer: *mut T,
    len: usize,
    name: &'static str,
) -> Result<&'a mut [T]> {
    if len == 0 {
        return Ok(&mut []);
    }
    check(pointer, name)?;
    check_len::<T>(len, name)?;
    // SAFETY: not null, aligned, at most `isize::MAX` bytes; any bytes are a `T`; the caller
    // ensures the rest.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, len) })
}

pub(crate) fn check_len<T>(len: usize, name: &'static str) -> Result<()> {
    match len.checked_mul(size_of::<T>()).filter(|bytes| *bytes <= isize::MAX as usize) {
        Some(_) => Ok(()),
        None => Err(FfiError::invalid_argument(name, len, "a length that fits into memory")),
    }
}

/// Refuses `bytes` bytes of sample memory that overlap the argument `other` of the same call.
pub(crate) fn check_disjoint<T, U>(samples: *const T, bytes: usize, other: *const U, name: &'static str) -> Result<()> {
    let (first, end) = (samples.addr(), samples.addr().saturating_add(bytes));
    let (other_first, other_end) = (other.addr(), other.addr().saturating_add(size_of::<U>()));
    if other.is_null() || end <= other_first || other_end <= first {
        return Ok(());
    }
    let overlap = format_args!("memory that overlaps {name}");
    Err(FfiError::invalid_argument("samples", overlap, "memory apart from the other arguments"))
}

/// Moves `value` to the heap and passes its ownership to C, until [`free`].
pub(crate) fn into_handle<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Drops the value behind an owned handle. Null is ignored.
///
/// # Safety
/// `handle` is null, or came from [`into_handle`] and is not used again.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: `handle` came from `Box::into_raw` and was not freed before.
        drop(unsafe { Box::from_raw(handle) });
    }
}
