//! Properties of a memory file: whether holes cost memory, and whether another process has it open.

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

/// The largest file that this process may make: beyond it the kernel sends `SIGXFSZ`, which ends a
/// process.
pub(crate) fn largest_file_bytes() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current.unwrap_or(u64::MAX)
}

/// True if no other process has the file open or mapped, as far as the kernel reports it. No other
/// process may know its name.
pub(crate) fn is_nobody_elses(file: &File) -> bool {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        // The same in the kernel headers of every architecture but PA-RISC.
        const F_SETSIG: i32 = 10;
        let file = file.as_raw_fd();
        let set = |what: i32, value: i32| {
            // SAFETY: a descriptor of this process, and integers. If another process opens the file
            // meanwhile, the kernel sends the signal below, which is ignored by default.
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
