//! Properties of a memory file: whether holes cost memory, whether it may be written, and the size
//! that it may have.

use std::fs::File;

/// True if touching a hole of the file allocates memory, and may fail. False on disks.
pub(crate) fn is_in_memory(file: &File) -> bool {
    #[cfg(target_os = "linux")]
    {
        rustix::fs::fstatfs(file).is_ok_and(|system| system.f_type == libc::TMPFS_MAGIC)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}

/// True for a file that was opened for reading only.
pub(crate) fn is_read_only(file: &File) -> bool {
    let flags = rustix::fs::fcntl_getfl(file);
    flags.is_ok_and(|flags| flags & rustix::fs::OFlags::RWMODE == rustix::fs::OFlags::RDONLY)
}

/// The largest file that this process may make: beyond it the kernel sends `SIGXFSZ`, which ends a
/// process.
pub fn largest_file_bytes() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current.unwrap_or(u64::MAX)
}
