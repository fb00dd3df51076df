//! Structures that grow from version to version: the first field is the size that the caller knows.

use bytemuck::AnyBitPattern;

use crate::boundary::ffi_error::FfiError;
use crate::boundary::pointers::{check, check_len, deref};

type Result<T> = std::result::Result<T, FfiError>;

/// A structure whose first field is its size. Fields that the caller does not know are zero.
pub(crate) trait VersionedStruct: AnyBitPattern {
    /// Its name in the header.
    const NAME: &'static str;
    /// The size of its first published version.
    const FIRST_SIZE: usize;
    fn set_struct_size(&mut self, size: usize);
}

/// Reads a versioned structure; null is all zeros.
///
/// # Safety
/// `pointer` is null, or misaligned, or points to a structure of the size in its first field.
pub(crate) unsafe fn read_versioned<T: VersionedStruct>(pointer: *const T) -> Result<T> {
    let mut value = T::zeroed();
    if pointer.is_null() {
        return Ok(value);
    }
    // SAFETY: every version has the first field.
    let size = *unsafe { deref(pointer.cast::<usize>(), T::NAME) }?;
    check_size::<T>(size)?;
    check(pointer, T::NAME)?;
    let known = size.min(size_of::<T>());
    // SAFETY: the caller's structure has `size` bytes and ours at least `known`; any bytes are a
    // `T`.
    unsafe { std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), std::ptr::from_mut(&mut value).cast::<u8>(), known) };
    Ok(value)
}

/// Reads `len` adjacent versioned structures, all of the size that the first one names.
///
/// # Safety `pointer` is null, or misaligned, or points to `len` structures of the size in their
/// first field.
pub(crate) unsafe fn read_versioned_slice<T: VersionedStruct>(pointer: *const T, len: usize) -> Result<Vec<T>> {
    if len == 0 {
        return Ok(Vec::new());
    }
    check(pointer, T::NAME)?;
    // SAFETY: not null, aligned; every version has the first field.
    let size = *unsafe { deref(pointer.cast::<usize>(), T::NAME) }?;
    check_size::<T>(size)?;
    check_len::<T>(len.saturating_mul(size / size_of::<T>() + 1), T::NAME)?;
    let read = |index| {
        let element = pointer.wrapping_byte_add(index * size);
        // SAFETY: one of the caller's `len` structures; `deref` refuses it where misaligned.
        let its_size = *unsafe { deref(element.cast::<usize>(), T::NAME) }?;
        if its_size != size {
            let allowed = format!("{size}, the size of the first structure");
            return Err(FfiError::invalid_argument("struct_size", its_size, &allowed));
        }
        // SAFETY: one of the caller's `len` structures.
        unsafe { read_versioned(element) }
    };
    (0..len).map(read).collect()
}

/// Checks an out-parameter before the call has effects.
///
/// # Safety
/// As [`read_versioned`], and nothing else accesses the structure during the call.
pub(crate) unsafe fn versioned_out<T: VersionedStruct>(pointer: *mut T) -> Result<VersionedOut<T>> {
    check(pointer, T::NAME)?;
    // SAFETY: not null, aligned; every version has the first field.
    let size = *unsafe { deref(pointer.cast_const().cast::<usize>(), T::NAME) }?;
    check_size::<T>(size)?;
    Ok(VersionedOut { pointer, size })
}

/// A checked out-parameter of `size` bytes.
pub(crate) struct VersionedOut<T> {
    pointer: *mut T,
    size: usize,
}

impl<T: VersionedStruct> VersionedOut<T> {
    /// Writes the fields that the caller knows, and its own `struct_size`.
    pub(crate) fn write(self, mut value: T) {
        value.set_struct_size(self.size);
        let known = self.size.min(size_of::<T>());
        // SAFETY: `versioned_out` checked the pointer; the call may write `size` bytes there.
        unsafe {
            std::ptr::copy_nonoverlapping(std::ptr::from_ref(&value).cast::<u8>(), self.pointer.cast::<u8>(), known);
        };
    }
}

fn check_size<T: VersionedStruct>(size: usize) -> Result<()> {
    const LARGEST: usize = 1 << 16;
    if (T::FIRST_SIZE..=LARGEST).contains(&size) {
        return Ok(());
    }
    let allowed = format!("sizeof({}), at least {}", T::NAME, T::FIRST_SIZE);
    Err(FfiError::invalid_argument("struct_size", size, &allowed))
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::boundary::arguments::versioned_struct;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Extended {
        struct_size: usize,
        old: u64,
        new: u64,
    }

    versioned_struct!(Extended, offset_of!(Extended, new));

    #[test]
    fn fields_beyond_the_callers_size_are_neither_read_nor_written() {
        let older = Extended { struct_size: 16, old: 7, new: 99 };
        // SAFETY: the structure has more bytes than its size field says.
        let read = unsafe { read_versioned(&raw const older) }.expect("an older version is allowed");
        assert_eq!(read, Extended { struct_size: 16, old: 7, new: 0 });
        let mut written = older;
        // SAFETY: as above, and exclusively borrowed.
        let out = unsafe { versioned_out(&raw mut written) }.expect("an older version is allowed");
        out.write(Extended { struct_size: 0, old: 3, new: 4 });
        assert_eq!(written, Extended { struct_size: 16, old: 3, new: 99 });
    }

    /// Two structures of 32 bytes: a later version, with 99 in the field that is unknown here.
    const TWO_LATER: [usize; 8] = [32, 1, 2, 99, 32, 3, 4, 99];

    fn read_two(memory: &[usize; 8]) -> Result<Vec<(u64, u64)>> {
        // SAFETY: two structures of 32 bytes, or sizes that are refused.
        let read = unsafe { read_versioned_slice(memory.as_ptr().cast::<Extended>(), 2) }?;
        Ok(read.iter().map(|one| (one.old, one.new)).collect())
    }

    #[test]
    fn slice_elements_are_as_far_apart_as_the_callers_size() {
        assert_eq!(read_two(&TWO_LATER).expect("a later version is allowed"), [(1, 2), (3, 4)]);
    }

    #[test]
    fn slice_elements_of_different_sizes_are_refused() {
        let mut memory = TWO_LATER;
        memory[4] = 24;
        assert!(read_two(&memory).is_err());
    }

    #[test]
    fn slice_with_misaligned_elements_is_refused() {
        let mut memory = TWO_LATER;
        memory[0] = 33;
        assert!(read_two(&memory).is_err());
    }

    #[test]
    fn empty_slice_may_be_null() {
        // SAFETY: no element is read.
        assert!(unsafe { read_versioned_slice::<Extended>(std::ptr::null(), 0) }.expect("empty").is_empty());
    }

    #[test]
    fn slice_longer_than_memory_is_refused() {
        // SAFETY: the length is refused before the second element is read.
        assert!(unsafe { read_versioned_slice(TWO_LATER.as_ptr().cast::<Extended>(), usize::MAX) }.is_err());
    }

    #[test]
    fn sizes_of_no_version_are_refused() {
        for size in [0, 8, 15, 1 << 20] {
            let wrong = Extended { struct_size: size, old: 0, new: 0 };
            // SAFETY: the size is refused before any other field is read.
            assert!(unsafe { read_versioned(&raw const wrong) }.is_err(), "{size}");
        }
    }
}
