//! Metrics in Prometheus's text format.

use capbuf::Registry;

use crate::boundary::arguments::{deref, out};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::guard::guard;
use crate::boundary::status::capbuf_status;
use crate::registry_open::capbuf_registry;
use crate::text::capbuf_text;

/// Creates the metrics of this registry and its buffers, in Prometheus's text format.
///
/// On success the caller owns `*metrics`.
///
/// Threads: any but the audio thread. Cost: allocates, reads the last second of up to 64 sources.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_metrics(
    registry: *const capbuf_registry,
    metrics: *mut *mut capbuf_text,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || create(registry, metrics, Registry::metrics_text))
}

/// Creates the metrics of the whole domain, for an observer: its attempts are those of all
/// processes that track allocations.
///
/// On success the caller owns `*metrics`.
///
/// Threads: any but the audio thread. Cost: allocates, system calls, reads the last second of up to
/// 64 sources.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_domain_metrics(
    registry: *const capbuf_registry,
    metrics: *mut *mut capbuf_text,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || create(registry, metrics, Registry::domain_metrics_text))
}

fn create(
    registry: *const capbuf_registry,
    metrics: *mut *mut capbuf_text,
    text: impl FnOnce(&Registry) -> String,
) -> Result<(), FfiError> {
    let (registry, out) = (deref!(registry), out!(metrics));
    out.write(capbuf_text::handle(text(&registry.0)));
    Ok(())
}
