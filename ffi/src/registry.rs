//! The allocator.

use std::ffi::c_char;
use std::time::Duration;

use capbuf::Registry;

use crate::arguments::{end, given, growing, growing_place, place, read_growing, text};
use crate::buffer::capbuf_buffer;
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::guard::{guard, guard_value};
use crate::pointers::{give, slice_mut};
use crate::spec::capbuf_spec;
use crate::text::put_text;
use crate::track::as_c;

/// The allocator: from a source to the one buffer it has, in all processes that open its domain.
///
/// Owned by the caller, who frees it with `capbuf_registry_free`. Buffers that it gave stay valid.
pub struct capbuf_registry(pub(crate) Registry);

/// How a registry is to be. NULL in its place is a structure of zeros.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_registry_options {
    /// Set it to `sizeof(capbuf_registry_options)` before the call.
    pub struct_size: usize,
    /// How many bytes all buffers may take; 0: half of the machine's memory.
    pub budget_bytes: u64,
    /// How many bytes one buffer, or one segment, may take; 0: 2 GiB.
    pub max_buffer_bytes: u64,
    /// The folder in which domains lie, UTF-8; NULL: what `CAPBUF_DIR` says, or a folder of the user's in shared memory.
    pub domains_folder: *const c_char,
    /// The bytes of that text.
    pub domains_folder_len: usize,
    /// How many bytes of removed buffers' memory are kept for the next buffers of the same size; 0: none. They are overwritten with zeros
    /// before they are used again, and never while anybody has a handle on the removed buffer.
    pub pool_bytes: u64,
    /// How long they are kept, in ns; 0: ten minutes.
    pub pool_age_ns: i64,
    /// Whether attempts to get a buffer are recorded from the beginning: 0: as `DEBUG_BUFFER_ALLOC` says; 1: yes; 2: no.
    pub track_allocations: u32,
    /// Set it to 0.
    pub reserved: u32,
}

growing!(
    capbuf_registry_options,
    size_of::<capbuf_registry_options>(),
    capbuf_registry_options {
        struct_size: size_of::<capbuf_registry_options>(),
        budget_bytes: 0,
        max_buffer_bytes: 0,
        domains_folder: std::ptr::null(),
        domains_folder_len: 0,
        pool_bytes: 0,
        pool_age_ns: 0,
        track_allocations: 0,
        reserved: 0,
    }
);

/// What a registry has allocated so far and what of it is alive.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_registry_stats {
    /// Set it to `sizeof(capbuf_registry_stats)` before the call.
    pub struct_size: usize,
    /// Rings that this registry made, ever.
    pub rings_allocated: u64,
    /// Rings that were mapped, ever: its own, and those that it found in its domain.
    pub rings_mapped: u64,
    /// Rings that were unmapped again.
    pub rings_unmapped: u64,
    /// Bytes of the rings that this registry made and has mapped, or has reserved.
    pub bytes: u64,
    /// Bytes that may be.
    pub budget_bytes: u64,
}

growing!(
    capbuf_registry_stats,
    size_of::<capbuf_registry_stats>(),
    capbuf_registry_stats {
        struct_size: size_of::<capbuf_registry_stats>(),
        rings_allocated: 0,
        rings_mapped: 0,
        rings_unmapped: 0,
        bytes: 0,
        budget_bytes: 0,
    }
);

type Made<T> = Result<T, Failure>;

fn builder(options: &capbuf_registry_options) -> Made<capbuf::RegistryBuilder> {
    let mut builder = Registry::builder();
    if options.budget_bytes > 0 {
        builder = builder.budget_bytes(options.budget_bytes);
    }
    if options.max_buffer_bytes > 0 {
        builder = builder.max_buffer_bytes(options.max_buffer_bytes);
    }
    let invalid = |what, given: String, allowed: &str| -> Failure {
        capbuf::Error::InvalidArgument { what, given, allowed: allowed.to_owned() }.into()
    };
    builder = builder.pool_bytes(options.pool_bytes);
    match u64::try_from(options.pool_age_ns) {
        Ok(0) => {}
        Ok(ns) => builder = builder.pool_age(Duration::from_nanos(ns)),
        Err(_) => {
            return Err(invalid("pool_age_ns", options.pool_age_ns.to_string(), "0 for ten minutes, or more than 0"));
        }
    }
    match options.track_allocations {
        0 => {}
        1 | 2 => builder = builder.track_allocations(options.track_allocations == 1),
        other => return Err(invalid("track_allocations", other.to_string(), "0, 1 for yes, 2 for no")),
    }
    let (domains_folder, len) = (options.domains_folder, options.domains_folder_len);
    if !domains_folder.is_null() {
        builder = builder.domains_folder(text!(domains_folder, len));
    }
    Ok(builder)
}

/// Opens a domain by its name, and makes it if there is none. NULL: the one that `CAPBUF_DOMAIN` names, or `default`.
///
/// On success `*registry` is owned by the caller. `options` may be NULL.
///
/// Any thread. Makes system calls. Errors: INVALID_ARGUMENT, FORBIDDEN, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_open(
    domain: *const c_char,
    domain_len: usize,
    options: *const capbuf_registry_options,
    registry: *mut *mut capbuf_registry,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let out = place!(registry);
        let builder = builder(&read_growing!(options))?;
        let opened =
            if domain.is_null() { builder.open_default()? } else { builder.open(text!(domain, domain_len))? };
        out.write(give(capbuf_registry(opened)));
        Ok(())
    })
}

/// Makes a registry that belongs to this process alone.
///
/// On success `*registry` is owned by the caller. `options` may be NULL.
///
/// Any thread. Allocates. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_private(
    options: *const capbuf_registry_options,
    registry: *mut *mut capbuf_registry,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let out = place!(registry);
        let made = builder(&read_growing!(options))?.build();
        out.write(give(capbuf_registry(made)));
        Ok(())
    })
}

/// Ends a registry handle. NULL is nothing. Buffers, writers and captures that came from it stay valid.
///
/// Once, by one thread, when nobody uses the handle any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_free(registry: *mut capbuf_registry) {
    guard_value((), || end!(registry));
}

/// Tells the name of the registry's domain; an empty text for a private registry. See "Texts".
///
/// Any thread. Errors: NULL_ARGUMENT, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_domain(
    registry: *const capbuf_registry,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || put_text(given!(registry).0.domain().unwrap_or_default(), out, out_size, out_len))
}

/// Tells the folder of the registry's domain; an empty text for a private registry. See "Texts".
///
/// Any thread. Errors: NULL_ARGUMENT, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_path(
    registry: *const capbuf_registry,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let path = given!(registry).0.path().map(|path| path.to_string_lossy().into_owned());
        put_text(&path.unwrap_or_default(), out, out_size, out_len)
    })
}

/// Makes the buffer of a source that has none.
///
/// On success `*buffer` is owned by the caller.
///
/// Any thread. Allocates; waits while somebody else is just making this source's buffer. Errors: ALREADY_EXISTS; those of
/// `capbuf_registry_get_or_allocate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_allocate(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    spec: *const capbuf_spec,
    buffer: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (given!(registry), place!(buffer));
        let _ = given!(spec);
        let (spec, options) = read_growing!(spec).checked()?;
        let (source, entry) = (text!(source, source_len), capbuf_registry_allocate as *const ());
        let made = as_c(&registry.0, entry, || registry.0.allocate_with(source, spec, &options))?;
        out.write(give(capbuf_buffer(made)));
        Ok(())
    })
}

/// Finds the buffer of a source, or makes it if there is none, exactly once however many ask, in however many processes.
///
/// On success `*buffer` is owned by the caller.
///
/// Any thread. A hit costs a lookup and an allocation of the handle; a miss allocates. Errors: SPEC_MISMATCH, INVALID_SOURCE,
/// INVALID_ARGUMENT, OVER_BUDGET, OUT_OF_MEMORY, OUT_OF_SPACE, SYSTEM, FORBIDDEN, LAYOUT_MISMATCH, CORRUPT, TOO_MANY_PROCESSES.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_get_or_allocate(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    spec: *const capbuf_spec,
    buffer: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (given!(registry), place!(buffer));
        let _ = given!(spec);
        let (spec, options) = read_growing!(spec).checked()?;
        let (source, entry) = (text!(source, source_len), capbuf_registry_get_or_allocate as *const ());
        let found = as_c(&registry.0, entry, || registry.0.get_or_allocate_with(source, spec, &options))?;
        out.write(give(capbuf_buffer(found)));
        Ok(())
    })
}

/// Finds the buffer of a source.
///
/// On success `*buffer` is owned by the caller.
///
/// Any thread. A lookup and an allocation of the handle. Errors: NOT_FOUND.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_get(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    buffer: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out, source) = (given!(registry), place!(buffer), text!(source, source_len));
        let not_found = || capbuf::Error::NotFound { source_name: capbuf::redact(source) };
        let entry = capbuf_registry_get as *const ();
        let found = as_c(&registry.0, entry, || registry.0.get(source)).ok_or_else(not_found)?;
        out.write(give(capbuf_buffer(found)));
        Ok(())
    })
}

/// Tells whether a source has a buffer.
///
/// Any thread. Waits for nobody, allocates nothing; a source that this registry has not met is looked for in its domain's folder.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT (no UTF-8).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_contains(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    contains: *mut bool,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (given!(registry), place!(contains));
        out.write(registry.0.contains(text!(source, source_len)));
        Ok(())
    })
}

/// Takes the buffer of a source out of the registry, for all processes of its domain. Handles stay valid and go on reading.
///
/// Any thread. Allocates. Errors: NOT_FOUND, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_remove(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, source) = (given!(registry), text!(source, source_len));
        Ok(as_c(&registry.0, capbuf_registry_remove as *const (), || registry.0.remove(source))?)
    })
}

/// Gives handles on all buffers, by the order of their sources' names: up to `room` of them into `buffers`, and how many there are
/// into `*count`. With `room` 0 it only counts.
///
/// Each handle is owned by the caller.
///
/// Any thread. Allocates; in a domain all are mapped by this. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_list(
    registry: *const capbuf_registry,
    buffers: *mut *mut capbuf_buffer,
    room: usize,
    count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, count) = (given!(registry), place!(count));
        // SAFETY: the header demands of the caller what `slice_mut` does; a pointer is as good as a number of its size.
        let out = unsafe { slice_mut(buffers.cast::<usize>(), room, "buffers") }?;
        let found = registry.0.buffers();
        count.write(found.len());
        for (place, buffer) in out.iter_mut().zip(found) {
            *place = give(capbuf_buffer(buffer)).expose_provenance();
        }
        Ok(())
    })
}

/// Tells what a registry has allocated so far and what of it is alive.
///
/// Any thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_get_stats(
    registry: *const capbuf_registry,
    stats: *mut capbuf_registry_stats,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, place) = (given!(registry), growing_place!(stats));
        let stats = registry.0.stats();
        place.put(capbuf_registry_stats {
            struct_size: 0,
            rings_allocated: stats.rings_allocated,
            rings_mapped: stats.rings_mapped,
            rings_unmapped: stats.rings_unmapped,
            bytes: stats.bytes,
            budget_bytes: stats.budget_bytes,
        });
        Ok(())
    })
}

/// Takes away what processes of the domain left that died.
///
/// Any thread. Looks at every buffer of the domain. Errors: SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_sweep(
    registry: *const capbuf_registry,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || Ok(given!(registry).0.sweep().map(|_| ())?))
}

/// Gives back what is kept of removed buffers' memory, see `capbuf_registry_options`; in a domain, whoever kept it. What is just being
/// overwritten stays.
///
/// Any thread. Makes system calls. Errors: NULL_ARGUMENT, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_trim_pool(
    registry: *const capbuf_registry,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || Ok(given!(registry).0.trim_pool()?))
}
