//! Reserves the space of a file before it is mapped: full memory is an error, never a signal.

use std::fs::File;
use std::io::{self, Write as _};

use rustix::fs::FallocateFlags;
use rustix::io::{Errno, retry_on_intr};

use super::folder::Folder;
use crate::error::{Error, Result};
use crate::memory::largest_file_bytes;

impl Folder {
    /// Creates a file of `bytes` zero bytes, all reserved. Leaves nothing behind if there is no
    /// space.
    pub(super) fn reserve(&self, name: &str, bytes: u64) -> Result<File> {
        // Beyond its limit the kernel ends the process by a signal.
        let largest_bytes = largest_file_bytes();
        if bytes > largest_bytes {
            let reason = format!("this process may make files of {largest_bytes} bytes: see `ulimit -f`");
            return Err(self.failed(&format!("reserving {bytes} bytes in"), name, reason));
        }
        self.remove_file(name)?;
        let file = self.open_or_create(name)?;
        let reserved = match retry_on_intr(|| rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes)) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(&file, bytes),
            reserved => reserved.map_err(io::Error::from),
        };
        reserved.map_err(|error| {
            // The first error counts.
            let _ = self.remove_file(name);
            match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::NOMEM) => {
                    Error::OutOfSpace { requested_bytes: bytes, free_bytes: self.free_bytes(), folder: self.shown("") }
                }
                _ => self.failed("reserving space in", name, error),
            }
        })?;
        Ok(file)
    }
}

/// Reserves space on a file system that has no call for it.
fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    static BLOCK: [u8; 1 << 16] = [0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let block = &BLOCK[..left.min(BLOCK.len() as u64) as usize];
        file.write_all(block)?;
        left -= block.len() as u64;
    }
    Ok(())
}
