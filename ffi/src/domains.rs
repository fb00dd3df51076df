//! Domains, seen from outside.

use std::ffi::c_char;
use std::path::Path;

use crate::arguments::{end, given, growing, growing_place, place, text};
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::numbered;
use crate::guard::{guard, guard_value};
use crate::pointers::give;
use crate::text::put_text;

/// A list of domains, as they were when it was made.
///
/// Owned by the caller, who frees it with `capbuf_domain_list_free`.
pub struct capbuf_domain_list(Vec<capbuf::DomainInfo>);

/// What there is to see of a domain from outside.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_domain_info {
    /// Set it to `sizeof(capbuf_domain_info)` before the call.
    pub struct_size: usize,
    /// How many buffers it has.
    pub buffers: u64,
    /// The bytes that they take.
    pub bytes: u64,
    /// How many living processes have it open.
    pub processes: u64,
    /// Whether there is something to sweep: 0 or 1.
    pub has_dead: u64,
}

growing!(
    capbuf_domain_info,
    size_of::<capbuf_domain_info>(),
    capbuf_domain_info {
        struct_size: size_of::<capbuf_domain_info>(),
        buffers: 0,
        bytes: 0,
        processes: 0,
        has_dead: 0,
    }
);

/// Lists the domains of this user, by name. `folder` is where they lie; NULL: where `CAPBUF_DIR` or the default says.
///
/// On success `*domains` is owned by the caller, and `*count` is how many there are.
///
/// Any thread. Makes system calls. Errors: FORBIDDEN, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_domain_list_new(
    folder: *const c_char,
    folder_len: usize,
    domains: *mut *mut capbuf_domain_list,
    count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (out, count) = (place!(domains), place!(count));
        let folder = if folder.is_null() { None } else { Some(Path::new(text!(folder, folder_len))) };
        let found = capbuf::domains(folder)?;
        count.write(found.len());
        out.write(give(capbuf_domain_list(found)));
        Ok(())
    })
}

/// Tells one domain of a list, by its number: its name (see "Texts") and what there is to see of it.
///
/// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
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
        let (domains, place) = (&given!(domains).0, growing_place!(info));
        let found = numbered(domains, number, "domains")?;
        put_text(&found.name, out, out_size, out_len)?;
        place.put(capbuf_domain_info {
            struct_size: 0,
            buffers: found.buffers as u64,
            bytes: found.bytes,
            processes: found.processes as u64,
            has_dead: found.has_dead.into(),
        });
        Ok(())
    })
}

/// Frees a list. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_domain_list_free(domains: *mut capbuf_domain_list) {
    guard_value((), || end!(domains));
}

/// Removes a domain: all its buffers, as `capbuf_registry_remove` does, and its folder, if no process has it open.
///
/// Any thread. Makes system calls. Errors: NOT_FOUND, INVALID_ARGUMENT, FORBIDDEN, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_domain_remove(
    domain: *const c_char,
    domain_len: usize,
    folder: *const c_char,
    folder_len: usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let folder = if folder.is_null() { None } else { Some(Path::new(text!(folder, folder_len))) };
        Ok(capbuf::remove_domain(text!(domain, domain_len), folder)?)
    })
}
