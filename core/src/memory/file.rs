//! What the kernel says of a file of memory: whether its holes cost memory, and whether anyone else has it.

use std::fs::File;

/// Whether a file takes memory as it is touched, and may find none. On a disk a hole is a hole, and some disks reserve nothing.
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

/// Tells whether nobody but the caller has a file open or mapped, as far as the kernel will tell: its name must be known to no other.
pub(crate) fn is_nobody_elses(file: &File) -> bool {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        // In every header of the kernel but that of one machine of the past.
        const F_SETSIG: i32 = 10;
        let file = file.as_raw_fd();
        let set = |what: i32, value: i32| {
            // SAFETY: a file number of this process, and numbers. Should somebody open the file meanwhile, the kernel sends the signal
            // named below, which is ignored unless a program wants it.
            unsafe { libc::fcntl(file, what, value) == 0 }
        };
        set(F_SETSIG, libc::SIGURG) && set(libc::F_SETLEASE, libc::F_WRLCK) && set(libc::F_SETLEASE, libc::F_UNLCK)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}
