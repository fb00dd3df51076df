//! The station handle: created, reconfigured, listed, stopped.

use ::capbuf_capture::Station;
use capbuf::Registry;

use crate::boundary::arguments::{deref, free, optional_out, out};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::boundary::versioned::read_versioned_slice;
use crate::caller::as_c;
use crate::registry_open::capbuf_registry;
use crate::station::changes::capbuf_change_list;
use crate::station::source_config::capbuf_source_config;
use crate::station::source_list::capbuf_source_list;

/// A set of sources that are captured by threads of the library, and reconfigured while they run.
///
/// Owned by the caller, who frees it with `capbuf_station_free`.
pub struct capbuf_station {
    station: Station,
    registry: Registry,
}

/// Creates a station without sources.
///
/// On success the caller owns `*station`.
///
/// Threads: any. Cost: allocates.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_new(
    registry: *const capbuf_registry,
    station: *mut *mut capbuf_station,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (&deref!(registry).0, out!(station));
        out.write(into_handle(capbuf_station { station: Station::new(registry), registry: registry.clone() }));
        Ok(())
    })
}

/// Makes `station` record exactly the `count` sources at `sources`: starts new ones, restarts
/// changed ones, stops all others and leaves unchanged ones running.
///
/// All sources have the same `struct_size`. On success, unless `changes` is NULL, the caller owns
/// `*changes`; unless `change_count` is NULL, `*change_count` is the number of changes.
///
/// Threads: any; concurrent calls run one after the other. Cost: allocates, starts threads; blocks
/// up to five seconds while sources stop. New sources are opened in the background.
/// Errors: CAPTURE_FAILED for an invalid source or a duplicate name, with the name. After an error
/// nothing was changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_reconfigure(
    station: *const capbuf_station,
    sources: *const capbuf_source_config,
    count: usize,
    changes: *mut *mut capbuf_change_list,
    change_count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let station = deref!(station);
        // Checked first: a call that cannot return its result must have no effect.
        let (changes, change_count) = (optional_out!(changes), optional_out!(change_count));
        // SAFETY: the header requires of the caller what `read_versioned_slice` does.
        let configs = unsafe { read_versioned_slice(sources, count) }?;
        let configs = configs.iter().map(capbuf_source_config::checked).collect::<Result<Vec<_>, _>>()?;
        let entry = capbuf_station_reconfigure as *const ();
        let changed = as_c(&station.registry, entry, || station.station.reconfigure(&configs))?;
        let changed = capbuf_change_list::of(changed);
        if let Some(count) = change_count {
            count.write(changed.len());
        }
        if let Some(changes) = changes {
            changes.write(into_handle(changed));
        }
        Ok(())
    })
}

/// Lists the sources of `station`, sorted by name.
///
/// On success the caller owns `*sources`, and `*count` is the number of sources.
///
/// Threads: any. Cost: allocates.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_sources(
    station: *const capbuf_station,
    sources: *mut *mut capbuf_source_list,
    count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (station, out, count) = (deref!(station), out!(sources), out!(count));
        station.station.check_process()?;
        let found = capbuf_source_list::of(station.station.sources());
        count.write(found.len());
        out.write(into_handle(found));
        Ok(())
    })
}

/// Stops all sources of `station` and waits up to five seconds for them. The buffers stay, and the
/// station may be reconfigured.
///
/// Threads: any. Cost: blocks up to five seconds.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_stop(
    station: *const capbuf_station,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let station = &deref!(station).station;
        station.check_process()?;
        station.stop();
        Ok(())
    })
}

/// Stops all sources, as `capbuf_station_stop` does, and frees `station`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory, blocks up to five seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_free(station: *mut capbuf_station) {
    guard_value((), || free!(station));
}
