//! Registry handles: opened, freed, and where their domain lies.

use std::ffi::c_char;

use capbuf::Registry;

use crate::boundary::arguments::{deref, free, optional_text, out, read_versioned};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::boundary::text_out::write_text;
use crate::registry_options::capbuf_registry_options;

/// The allocator: it maps each source to its one buffer, in all processes that open its domain.
///
/// Owned by the caller, who frees it with `capbuf_registry_free`.
pub struct capbuf_registry(pub(crate) Registry);

/// Opens, or creates, the domain named `domain`: a set of buffers that all processes of this user
/// share. NULL opens the domain named by `CAPBUF_DOMAIN`, or `default`.
///
/// On success the caller owns `*registry`. `options` may be NULL.
///
/// Threads: any. Cost: allocates, system calls.
/// Errors: INVALID_ARGUMENT for an invalid domain name, FORBIDDEN, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_open(
    domain: *const c_char,
    domain_len: usize,
    options: *const capbuf_registry_options,
    registry: *mut *mut capbuf_registry,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let out = out!(registry);
        let builder = read_versioned!(options).checked()?;
        let opened = match optional_text!(domain, domain_len) {
            Some(name) => builder.open(name)?,
            None => builder.open_default()?,
        };
        out.write(into_handle(capbuf_registry(opened)));
        Ok(())
    })
}

/// Creates a registry that only this process uses.
///
/// On success the caller owns `*registry`. `options` may be NULL.
///
/// Threads: any. Cost: allocates.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_private(
    options: *const capbuf_registry_options,
    registry: *mut *mut capbuf_registry,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let out = out!(registry);
        let created = read_versioned!(options).checked()?.build();
        out.write(into_handle(capbuf_registry(created)));
        Ok(())
    })
}

/// Frees `registry`. NULL is ignored. Buffers, writers and captures of the registry stay valid.
///
/// Threads: one, after the last use. Cost: frees memory, system calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_free(registry: *mut capbuf_registry) {
    guard_value((), || free!(registry));
}

/// Copies the name of the registry's domain; an empty text for a private registry.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates nothing.
/// Errors: TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_domain(
    registry: *const capbuf_registry,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || write_text(deref!(registry).0.domain().unwrap_or_default(), out, out_size, out_len))
}

/// Copies the path of the domain's folder; an empty text for a private registry.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: allocates.
/// Errors: TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_path(
    registry: *const capbuf_registry,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let path = deref!(registry).0.path().map(|path| path.to_string_lossy().into_owned());
        write_text(&path.unwrap_or_default(), out, out_size, out_len)
    })
}
