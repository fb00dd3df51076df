//! The watch: a thread that reports anomalies of a registry.

use capbuf::Watch;

use crate::boundary::arguments::{deref, free, out, read_versioned};
use crate::boundary::durations::duration;
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::observe::watch_settings::capbuf_watch_settings;
use crate::registry_open::capbuf_registry;
use crate::text::capbuf_text;

/// A thread of the library that watches a registry for anomalies.
///
/// Owned by the caller, who frees it with `capbuf_watch_free`.
pub struct capbuf_watch(Watch);

/// Starts a watch: a thread that checks the registry, and its domain, for anomalies in the use of
/// buffers.
///
/// On success the caller owns `*watch`. `settings` may be NULL.
///
/// Threads: any. Cost: allocates, starts a thread.
/// Errors: SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_watch(
    registry: *const capbuf_registry,
    settings: *const capbuf_watch_settings,
    watch: *mut *mut capbuf_watch,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (deref!(registry), out!(watch));
        let settings = read_versioned!(settings).checked()?;
        out.write(into_handle(capbuf_watch(registry.0.watch(settings)?)));
        Ok(())
    })
}

/// Takes the next event, as JSON of the schema `docs/schema/event.json`. Waits for one up to
/// `timeout_ns`.
///
/// On success the caller owns `*event`. Up to 1024 events are queued; beyond that the oldest are
/// dropped.
///
/// Threads: any. Cost: allocates; blocks up to `timeout_ns`.
/// Errors: TIMED_OUT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_watch_next(
    watch: *const capbuf_watch,
    timeout_ns: i64,
    event: *mut *mut capbuf_text,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (watch, out) = (deref!(watch), out!(event));
        let waited = duration("timeout_ns", timeout_ns)?;
        watch.0.check_process()?;
        let anomaly = watch.0.next_event(waited).ok_or(capbuf::Error::TimedOut { waited })?;
        out.write(capbuf_text::handle(anomaly.to_json()));
        Ok(())
    })
}

/// Sets `*dropped` to the number of events dropped from the full queue.
///
/// Threads: any. Cost: allocates nothing, takes a lock.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_watch_dropped(
    watch: *const capbuf_watch,
    dropped: *mut u64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (watch, out) = (deref!(watch), out!(dropped));
        out.write(watch.0.dropped());
        Ok(())
    })
}

/// Stops `watch` and its thread, and frees it. NULL is ignored.
///
/// Threads: one, after the last use; none may wait in `capbuf_watch_next`. Cost: frees memory;
/// blocks until a check in progress ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_watch_free(watch: *mut capbuf_watch) {
    guard_value((), || free!(watch));
}
