//! Everything that is done with a pointer from C: checked for null and alignment, then used as its type says.
//!
//! What can't be checked is what the header demands: that a pointer is one to what its type says, alive, and not used by
//! another thread in a way that its constness does not allow.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use bytemuck::AnyBitPattern;

use crate::failure::Failure;

type Result<T> = std::result::Result<T, Failure>;

#[inline]
fn check<T>(pointer: *const T, name: &'static str) -> Result<()> {
    if pointer.is_null() {
        return Err(Failure::null(name));
    }
    if pointer.is_aligned() { Ok(()) } else { Err(Failure::misaligned(name, align_of::<T>())) }
}

/// Borrows what a pointer points to.
///
/// # Safety
/// It is null, or misaligned, or points to a live `T` that nobody changes meanwhile.
#[inline]
pub(crate) unsafe fn get<'a, T>(pointer: *const T, name: &'static str) -> Result<&'a T> {
    check(pointer, name)?;
    // SAFETY: neither null nor misaligned; the rest is the caller's.
    Ok(unsafe { &*pointer })
}

/// Borrows what a pointer points to, exclusively.
///
/// # Safety
/// It is null, or misaligned, or points to a live `T` that nobody else uses meanwhile.
#[inline]
pub(crate) unsafe fn get_mut<'a, T>(pointer: *mut T, name: &'static str) -> Result<&'a mut T> {
    check(pointer, name)?;
    // SAFETY: neither null nor misaligned; the rest is the caller's.
    Ok(unsafe { &mut *pointer })
}

/// Borrows the place where a result goes, which need not be initialised.
///
/// # Safety
/// It is null, or misaligned, or points to memory of a `T` that nobody else uses meanwhile.
#[inline]
pub(crate) unsafe fn place<'a, T>(pointer: *mut T, name: &'static str) -> Result<&'a mut MaybeUninit<T>> {
    check(pointer, name)?;
    // SAFETY: neither null nor misaligned; any bytes are a `MaybeUninit`; the rest is the caller's.
    Ok(unsafe { &mut *pointer.cast::<MaybeUninit<T>>() })
}

/// Borrows so many elements; null is allowed for none.
///
/// # Safety
/// It is null, or misaligned, or points to `len` elements that nobody changes meanwhile.
#[inline]
pub(crate) unsafe fn slice<'a, T>(pointer: *const T, len: usize, name: &'static str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    check(pointer, name)?;
    check_len::<T>(len, name)?;
    // SAFETY: neither null nor misaligned nor longer than memory can be; the rest is the caller's.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// Borrows so many elements, exclusively; null is allowed for none.
///
/// # Safety
/// It is null, or misaligned, or points to `len` elements that nobody else uses meanwhile. `T` is a type that any bytes are one
/// of, and the bytes are initialised or are only ever written to.
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
    // SAFETY: neither null nor misaligned nor longer than memory can be; the rest is the caller's.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, len) })
}

fn check_len<T>(len: usize, name: &'static str) -> Result<()> {
    match len.checked_mul(size_of::<T>()).filter(|bytes| *bytes <= isize::MAX as usize) {
        Some(_) => Ok(()),
        None => Err(Failure::argument(name, len, "what fits into memory")),
    }
}

/// Refuses memory for `bytes` bytes of samples that lies over something else of the same call's.
pub(crate) fn apart<T, U>(samples: *const T, bytes: usize, other: *const U, name: &'static str) -> Result<()> {
    let (first, end) = (samples.addr(), samples.addr().saturating_add(bytes));
    let (other_first, other_end) = (other.addr(), other.addr().saturating_add(size_of::<U>()));
    if other.is_null() || end <= other_first || other_end <= first {
        return Ok(());
    }
    Err(Failure::argument("samples", format_args!("memory over that of {name}"), "memory of its own"))
}

/// Borrows a text of so many bytes.
///
/// # Safety
/// As [`slice`].
#[inline(always)]
pub(crate) unsafe fn text<'a>(pointer: *const c_char, len: usize, name: &'static str) -> Result<&'a str> {
    if !pointer.is_null() && len <= isize::MAX as usize {
        // SAFETY: not null, aligned to a byte, and not longer than memory can be; the rest is the caller's.
        let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len) };
        // Most names are, and this is found out by whole words; other UTF-8 takes longer.
        if bytes.is_ascii() {
            // SAFETY: ASCII is UTF-8.
            return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
        }
    }
    // SAFETY: as this function's.
    unsafe { unusual_text(pointer, len, name) }
}

/// A text that is not plain ASCII, or none.
///
/// # Safety
/// As [`slice`].
#[cold]
unsafe fn unusual_text<'a>(pointer: *const c_char, len: usize, name: &'static str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: as this function's.
    let bytes = unsafe { slice(pointer.cast::<u8>(), len, name) }?;
    std::str::from_utf8(bytes).map_err(|error| Failure::not_utf8(name, error.valid_up_to()))
}

/// Ends an owned handle; null is nothing.
///
/// # Safety
/// It is null, or came from [`give`], and is not used again.
pub(crate) unsafe fn end<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: it came from `Box::into_raw`, once.
        drop(unsafe { Box::from_raw(handle) });
    }
}

/// Hands a value over to C, which owns it until it is given to [`end`].
pub(crate) fn give<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// A structure that may grow: its first field is the size of what the caller knows of it.
pub(crate) trait Growing: AnyBitPattern {
    /// Its name in the header.
    const NAME: &'static str;
    /// The bytes of its first version.
    const FIRST_SIZE: usize;
    /// The value of fields that the caller does not know.
    fn unset() -> Self;
    fn set_size(&mut self, size: usize);
}

/// Reads a growing structure; what the caller does not know of it is as unset. Null is one that is unset.
///
/// # Safety
/// It is null, or misaligned, or points to a structure of as many bytes as its first field says.
pub(crate) unsafe fn read_growing<T: Growing>(pointer: *const T) -> Result<T> {
    let mut value = T::unset();
    if pointer.is_null() {
        return Ok(value);
    }
    // SAFETY: the first field is there whatever the version.
    let size = *unsafe { get(pointer.cast::<usize>(), T::NAME) }?;
    check_size::<T>(size)?;
    if !pointer.is_aligned() {
        return Err(Failure::misaligned(T::NAME, align_of::<T>()));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: the caller's structure has `size` bytes, ours at least `known`; any bytes are a `T`.
    unsafe { std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), std::ptr::from_mut(&mut value).cast::<u8>(), known) };
    Ok(value)
}

/// Reads growing structures that lie one behind the other, each as large as the first one says.
///
/// # Safety
/// It is null, or misaligned, or points to `len` structures of as many bytes as the first field of each says.
pub(crate) unsafe fn read_growing_slice<T: Growing>(pointer: *const T, len: usize) -> Result<Vec<T>> {
    if len == 0 {
        return Ok(Vec::new());
    }
    check(pointer, T::NAME)?;
    // SAFETY: neither null nor misaligned; the first field is there whatever the version.
    let size = *unsafe { get(pointer.cast::<usize>(), T::NAME) }?;
    check_size::<T>(size)?;
    check_len::<T>(len.saturating_mul(size / size_of::<T>() + 1), T::NAME)?;
    let read = |number| {
        let at = pointer.wrapping_byte_add(number * size);
        // SAFETY: within what the caller has; a step that leaves it misaligned is found.
        let its_size = *unsafe { get(at.cast::<usize>(), T::NAME) }?;
        if its_size != size {
            return Err(Failure::argument("struct_size", its_size, &format!("{size}, as of the first one")));
        }
        // SAFETY: as this function's.
        unsafe { read_growing(at) }
    };
    (0..len).map(read).collect()
}

/// Checks a place for a growing structure, before anything is done whose result it is for.
///
/// # Safety
/// As [`read_growing`].
pub(crate) unsafe fn growing_place<T: Growing>(pointer: *mut T) -> Result<GrowingPlace<T>> {
    check(pointer, T::NAME)?;
    // SAFETY: neither null nor misaligned; the first field is there whatever the version.
    let size = *unsafe { get(pointer.cast_const().cast::<usize>(), T::NAME) }?;
    check_size::<T>(size)?;
    Ok(GrowingPlace { pointer, size })
}

/// A checked place of the caller's for a growing structure.
pub(crate) struct GrowingPlace<T> {
    pointer: *mut T,
    size: usize,
}

impl<T: Growing> GrowingPlace<T> {
    /// Fills in what the caller knows of the structure.
    pub(crate) fn put(self, mut value: T) {
        value.set_size(self.size);
        let known = self.size.min(size_of::<T>());
        // SAFETY: the place was checked when this was made, from a pointer to `size` bytes that the call may write to.
        unsafe {
            std::ptr::copy_nonoverlapping(std::ptr::from_ref(&value).cast::<u8>(), self.pointer.cast::<u8>(), known);
        };
    }
}

fn check_size<T: Growing>(size: usize) -> Result<()> {
    const LARGEST: usize = 1 << 16;
    if (T::FIRST_SIZE..=LARGEST).contains(&size) {
        return Ok(());
    }
    let allowed = format!("sizeof({}), at least {}", T::NAME, T::FIRST_SIZE);
    Err(Failure::argument("struct_size", size, &allowed))
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::arguments::growing;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        struct_size: usize,
        old: u64,
        new: u64,
    }

    growing!(Grown, offset_of!(Grown, new), Grown { struct_size: size_of::<Grown>(), old: 1, new: 2 });

    #[test]
    fn who_knows_less_of_a_structure_gets_and_gives_less_of_it() {
        let older = Grown { struct_size: 16, old: 7, new: 99 };
        // SAFETY: a structure of more bytes than it says.
        let read = unsafe { read_growing(&raw const older) }.expect("is allowed");
        assert_eq!((read.old, read.new), (7, 2), "what the caller does not know is unset");
        let mut out = older;
        // SAFETY: as above.
        unsafe { growing_place(&raw mut out) }.expect("is allowed").put(Grown { struct_size: 0, old: 3, new: 4 });
        assert_eq!(out, Grown { struct_size: 16, old: 3, new: 99 });
    }

    #[test]
    fn structures_lie_as_far_from_each_other_as_the_caller_says() {
        // Two of a later version, with 99 behind what is known of them.
        let mut later = [32_usize, 1, 2, 99, 32, 3, 4, 99];
        // SAFETY: two structures of 32 bytes, as both say.
        let read = |later: &[usize; 8]| unsafe { read_growing_slice(later.as_ptr().cast::<Grown>(), 2) };
        let numbers = |read: Vec<Grown>| read.iter().map(|one| (one.old, one.new)).collect::<Vec<_>>();
        assert_eq!(numbers(read(&later).expect("is allowed")), [(1, 2), (3, 4)]);
        later[4] = 24;
        assert!(read(&later).is_err(), "another size than the first");
        later[0] = 33;
        assert!(read(&later).is_err(), "a size after which nothing is aligned");
        // SAFETY: nothing is looked at.
        assert!(unsafe { read_growing_slice::<Grown>(std::ptr::null(), 0) }.expect("none").is_empty());
        // SAFETY: as above.
        assert!(unsafe { read_growing_slice(later.as_ptr().cast::<Grown>(), usize::MAX) }.is_err());
    }

    #[test]
    fn sizes_that_no_version_had_are_refused() {
        for size in [0, 8, 15, 1 << 20] {
            let wrong = Grown { struct_size: size, old: 0, new: 0 };
            // SAFETY: the size is refused before anything else is read.
            assert!(unsafe { read_growing(&raw const wrong) }.is_err(), "{size}");
        }
    }
}
