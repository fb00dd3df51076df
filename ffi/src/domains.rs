//! The domains of this user, listed and removed from outside.

use std::ffi::c_char;
use std::path::Path;

use crate::boundary::arguments::{deref, free, optional_text, out, text, versioned_out, versioned_struct};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::element;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::boundary::text_out::write_text;

/// A snapshot of the list of domains.
///
/// Owned by the caller, who frees it with `capbuf_domain_list_free`. Any thread may read it.
pub struct capbuf_domain_list(Vec<capbuf::DomainInfo>);

/// A domain, seen from outside.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_domain_info {
    /// Set it to `sizeof(capbuf_domain_info)` before the call.
    pub struct_size: usize,
    /// The buffers of the domain.
    pub buffers: u64,
    /// The bytes of those buffers.
    pub bytes: u64,
    /// The live processes that have the domain open.
    pub processes: u64,
    /// 1 if `capbuf_registry_sweep` would remove something, otherwise 0.
    pub has_dead: u64,
}

versioned_struct!(capbuf_domain_info);

/// Lists the domains of this user, sorted by name.
///
/// `folder` is where they are; NULL: `CAPBUF_DIR`, or the user's folder in shared memory. On
/// success the caller owns `*domains`, and `*count` is the number of domains.
///
/// Threads: any. Cost: allocates, system calls.
/// Errors: FORBIDDEN, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_domain_list_new(
    folder: *const c_char,
    folder_len: usize,
    domains: *mut *mut capbuf_domain_list,
    count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (out, count) = (out!(domains), out!(count));
        let found = capbuf::domains(optional_text!(folder, folder_len).map(Path::new))?;
        count.write(found.len());
        out.write(into_handle(capbuf_domain_list(found)));
        Ok(())
    })
}

/// Copies the name of domain `number` of the list, and a snapshot of it to `*info`.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates nothing.
/// Errors: INVALID_ARGUMENT if there is no such domain, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_domain_list_get(
    domains: *const capbuf_domain_list,
    number: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    info: *mut capbuf_domain_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (domains, info) = (&deref!(domains).0, versioned_out!(info));
        let found = element(domains, number, "domains")?;
        write_text(&found.name, out, out_size, out_len)?;
        info.write(capbuf_domain_info {
            struct_size: 0,
            buffers: found.buffers as u64,
            bytes: found.bytes,
            processes: found.processes as u64,
            has_dead: found.has_dead.into(),
        });
        Ok(())
    })
}

/// Frees `domains`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_domain_list_free(domains: *mut capbuf_domain_list) {
    guard_value((), || free!(domains));
}

/// Removes all buffers of `domain`, as `capbuf_registry_remove` does, and its folder if no process
/// has it open.
///
/// `folder`: as in `capbuf_domain_list_new`.
///
/// Threads: any. Cost: allocates, system calls.
/// Errors: NOT_FOUND, INVALID_ARGUMENT for an invalid domain name, FORBIDDEN, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_domain_remove(
    domain: *const c_char,
    domain_len: usize,
    folder: *const c_char,
    folder_len: usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let folder = optional_text!(folder, folder_len).map(Path::new);
        Ok(capbuf::remove_domain(text!(domain, domain_len), folder)?)
    })
}
