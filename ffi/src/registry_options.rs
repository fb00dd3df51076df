//! Options of a registry.

use std::ffi::c_char;

use capbuf::{Registry, RegistryBuilder};

use crate::boundary::arguments::{optional_text, versioned_struct};
use crate::boundary::durations::{duration_default_or_none, duration_or_default};
use crate::boundary::ffi_error::FfiError;

/// Options of a registry. NULL in its place, and all zeros, are the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_registry_options {
    /// Set it to `sizeof(capbuf_registry_options)` before the call.
    pub struct_size: usize,
    /// The limit of all buffers together, in bytes; 0: half of the machine's memory.
    pub budget_bytes: u64,
    /// The limit of one buffer, or of one segment, in bytes; 0: 2 GiB.
    pub max_buffer_bytes: u64,
    /// The folder of all domains, UTF-8; NULL: `CAPBUF_DIR`, or the user's folder in shared memory.
    pub domains_folder: *const c_char,
    /// The bytes of `domains_folder`.
    pub domains_folder_len: usize,
    /// The limit of the pool, in bytes; 0: no pool. The pool reuses the memory of removed buffers
    /// for new ones of the same size. It takes a buffer's memory after the last handle was freed,
    /// and overwrites it with zeros before reuse. Without effect in a domain, which frees a
    /// removed buffer's memory with its last handle.
    pub pool_bytes: u64,
    /// Time for which the pool keeps unused memory, in ns; 0: ten minutes.
    pub pool_age_ns: i64,
    /// Allocation tracking: 0: as the environment's `DEBUG_BUFFER_ALLOC` says; 1: on; 2: off.
    pub track_allocations: u32,
    /// Set it to 0.
    pub reserved: u32,
    /// Time for which a buffer that ends with its last process stays if this process is killed
    /// while it records it, in ns, at most seven days; 0: `CAPBUF_GRACE` in seconds, or ten
    /// minutes; -1: none.
    pub grace_ns: i64,
}

versioned_struct!(capbuf_registry_options);

impl capbuf_registry_options {
    pub(crate) fn checked(&self) -> Result<RegistryBuilder, FfiError> {
        let mut builder = Registry::builder().pool_bytes(self.pool_bytes);
        if self.budget_bytes > 0 {
            builder = builder.budget_bytes(self.budget_bytes);
        }
        if self.max_buffer_bytes > 0 {
            builder = builder.max_buffer_bytes(self.max_buffer_bytes);
        }
        if let Some(age) = duration_or_default("pool_age_ns", self.pool_age_ns)? {
            builder = builder.pool_age(age);
        }
        if let Some(grace) = duration_default_or_none("grace_ns", self.grace_ns)? {
            builder = builder.grace(grace);
        }
        match self.track_allocations {
            0 => {}
            1 | 2 => builder = builder.track_allocations(self.track_allocations == 1),
            other => return Err(FfiError::invalid_argument("track_allocations", other, "0, 1 (on), 2 (off)")),
        }
        let (domains_folder, len) = (self.domains_folder, self.domains_folder_len);
        if let Some(folder) = optional_text!(domains_folder, len) {
            builder = builder.domains_folder(folder);
        }
        Ok(builder)
    }
}
