//! What is to be recorded, and what is done when that changes.

use std::ffi::c_char;
use std::mem::offset_of;

use ::capbuf_capture::{Changes, SourceConfig, SourceStatus, State, Station, Transition, WhenGone};
use capbuf::Registry;

use crate::arguments::{end, given, growing, growing_place, place, read_growing, text};
use crate::capture::state_number;
use crate::capture_options::capbuf_capture_options;
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::{Failure, numbered};
use crate::guard::{guard, guard_value};
use crate::pointers::{give, read_growing_slice};
use crate::registry::capbuf_registry;
use crate::text::put_text;
use crate::track::as_c;

/// Records what it is told to, and changes what it records while it does.
///
/// Owned by the caller, who frees it with `capbuf_station_free`.
pub struct capbuf_station {
    station: Station,
    registry: Registry,
}

/// What a reconfiguration did, source by source.
///
/// Owned by the caller, who frees it with `capbuf_change_list_free`.
pub struct capbuf_change_list(Vec<(u32, String)>);

/// The sources of a station, as they were when it was asked.
///
/// Owned by the caller, who frees it with `capbuf_source_list_free`.
pub struct capbuf_source_list(Vec<Listed>);

/// Without the buffer: a list keeps no memory alive.
struct Listed {
    name: String,
    state: State,
    restarts: u64,
    has_buffer: bool,
    history: Vec<Transition>,
}

/// When a source is no longer configured its buffer is taken out of the registry.
pub const CAPBUF_WHEN_GONE_REMOVE: u32 = 0;
/// When a source is no longer configured its buffer stays, with its audio, as long as its lifetime says.
pub const CAPBUF_WHEN_GONE_KEEP: u32 = 1;

/// A source that was not touched: not one frame of it is lost.
pub const CAPBUF_CHANGE_UNCHANGED: u32 = 1;
/// A source that was begun.
pub const CAPBUF_CHANGE_STARTED: u32 = 2;
/// A source that was begun anew, as where it comes from or how it is supervised has changed. The ring stays.
pub const CAPBUF_CHANGE_RESTARTED: u32 = 3;
/// A source that was begun anew in a ring of another length, which has what fits of the audio of the old one.
pub const CAPBUF_CHANGE_RESIZED: u32 = 4;
/// A source that was begun anew in a new ring, as the format has changed: none of the old audio is in it.
pub const CAPBUF_CHANGE_REFORMATTED: u32 = 5;
/// A source that was stopped.
pub const CAPBUF_CHANGE_STOPPED: u32 = 6;

/// A source as it is configured.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_source_config {
    /// Set it to `sizeof(capbuf_source_config)` before the call.
    pub struct_size: usize,
    /// The name of its buffer, UTF-8; NULL: the locator.
    pub name: *const c_char,
    /// The bytes of that text.
    pub name_len: usize,
    /// Where it comes from, UTF-8: `device:default`, `rtsp://...`, `file:...`, `tone:440`.
    pub locator: *const c_char,
    /// The bytes of that text.
    pub locator_len: usize,
    /// What is asked of it; NULL: a structure of zeros.
    pub options: *const capbuf_capture_options,
    /// What becomes of its buffer when it is no longer configured: one of the `CAPBUF_WHEN_GONE_` constants.
    pub when_gone: u32,
    /// Set it to 0.
    pub reserved: u32,
}

growing!(
    capbuf_source_config,
    size_of::<capbuf_source_config>(),
    capbuf_source_config {
        struct_size: size_of::<capbuf_source_config>(),
        name: std::ptr::null(),
        name_len: 0,
        locator: std::ptr::null(),
        locator_len: 0,
        options: std::ptr::null(),
        when_gone: 0,
        reserved: 0,
    }
);

impl capbuf_source_config {
    fn checked(&self) -> Result<SourceConfig, Failure> {
        let Self { name, name_len, locator, locator_len, options, when_gone, .. } = *self;
        let locator = text!(locator, locator_len);
        let name = if name.is_null() { locator } else { text!(name, name_len) };
        let when_gone = match when_gone {
            CAPBUF_WHEN_GONE_REMOVE => WhenGone::Remove,
            CAPBUF_WHEN_GONE_KEEP => WhenGone::Keep,
            other => return Err(Failure::argument("when_gone", other, "0 (remove), 1 (keep)")),
        };
        let options = read_growing!(options).checked()?;
        Ok(SourceConfig::new(name, locator).options(options).when_gone(when_gone))
    }
}

/// A source of a station at one moment.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_source_status {
    /// Set it to `sizeof(capbuf_source_status)` before the call.
    pub struct_size: usize,
    /// How often it was opened again after it had run.
    pub restarts: u64,
    /// What it is doing: one of the `CAPBUF_STATE_` constants.
    pub state: u32,
    /// Whether it has told its shape, and so has a buffer: 0 or 1.
    pub has_buffer: u32,
    /// How many changes of its state `capbuf_source_list_transition` tells: the newest ones.
    pub transitions: u64,
}

growing!(
    capbuf_source_status,
    offset_of!(capbuf_source_status, transitions),
    capbuf_source_status {
        struct_size: size_of::<capbuf_source_status>(),
        restarts: 0,
        state: 0,
        has_buffer: 0,
        transitions: 0,
    }
);

/// A change of a source's state.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_transition {
    /// Set it to `sizeof(capbuf_transition)` before the call.
    pub struct_size: usize,
    /// When, in ns of UTC.
    pub utc_ns: i64,
    /// The state that began: one of the `CAPBUF_STATE_` constants.
    pub state: u32,
    /// Nothing.
    pub reserved: u32,
}

growing!(
    capbuf_transition,
    size_of::<capbuf_transition>(),
    capbuf_transition { struct_size: size_of::<capbuf_transition>(), utc_ns: 0, state: 0, reserved: 0 }
);

/// Makes a station that records nothing yet.
///
/// On success `*station` is owned by the caller.
///
/// Any thread. Allocates. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_new(
    registry: *const capbuf_registry,
    station: *mut *mut capbuf_station,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (&given!(registry).0, place!(station));
        out.write(give(capbuf_station { station: Station::new(registry), registry: registry.clone() }));
        Ok(())
    })
}

/// Records these sources, `count` of them, and no others: compares with what runs, and does not touch what is unchanged. What is new
/// begins; what is gone ends, and its buffer becomes what was configured. All or nothing: what can't be is refused before anything is
/// changed. Told the same again it does nothing.
///
/// All of `sources` say the same size. On success, if `changes` is not NULL, `*changes` is owned by the caller; `*change_count` is how many
/// there are, if that is not NULL.
///
/// Any thread; those that call at the same time take turns, and what the last one said holds. Blocks while sources are stopped, five
/// seconds at most; new ones are opened in the background. Errors: CAPTURE_FAILED for a source that can't be, with its name, or one that
/// is given twice; INVALID_ARGUMENT. Nothing was changed then.
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
        let station = given!(station);
        // The places are looked at first: nothing is done whose result could not be told.
        let changes = if changes.is_null() { None } else { Some(place!(changes)) };
        let change_count = if change_count.is_null() { None } else { Some(place!(change_count)) };
        // SAFETY: the header demands of the caller what `read_growing_slice` does.
        let given = unsafe { read_growing_slice(sources, count) }?;
        let wanted = given.iter().map(capbuf_source_config::checked).collect::<Result<Vec<_>, _>>()?;
        let entry = capbuf_station_reconfigure as *const ();
        let done = named(as_c(&station.registry, entry, || station.station.reconfigure(&wanted))?);
        if let Some(count) = change_count {
            count.write(done.len());
        }
        if let Some(changes) = changes {
            changes.write(give(capbuf_change_list(done)));
        }
        Ok(())
    })
}

fn named(changes: Changes) -> Vec<(u32, String)> {
    let lists = [
        (CAPBUF_CHANGE_UNCHANGED, changes.unchanged),
        (CAPBUF_CHANGE_STARTED, changes.started),
        (CAPBUF_CHANGE_RESTARTED, changes.restarted),
        (CAPBUF_CHANGE_RESIZED, changes.resized),
        (CAPBUF_CHANGE_REFORMATTED, changes.reformatted),
        (CAPBUF_CHANGE_STOPPED, changes.stopped),
    ];
    lists.into_iter().flat_map(|(change, names)| names.into_iter().map(move |name| (change, name))).collect()
}

/// Tells one change of a list, by its number: what was done, one of the `CAPBUF_CHANGE_` constants, and the name of the source as it was
/// given (see "Texts").
///
/// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_change_list_get(
    changes: *const capbuf_change_list,
    number: usize,
    change: *mut u32,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (changes, place) = (&given!(changes).0, place!(change));
        let (change, name) = numbered(changes, number, "changes")?;
        put_text(name, out, out_size, out_len)?;
        place.write(*change);
        Ok(())
    })
}

/// Frees a list. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_change_list_free(changes: *mut capbuf_change_list) {
    guard_value((), || end!(changes));
}

/// Lists the sources of a station as they are now, by name.
///
/// On success `*sources` is owned by the caller, and `*count` is how many there are.
///
/// Any thread. Allocates. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_sources(
    station: *const capbuf_station,
    sources: *mut *mut capbuf_source_list,
    count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (station, out, count) = (given!(station), place!(sources), place!(count));
        let listed = |SourceStatus { name, state, restarts, buffer, history, .. }| {
            let has_buffer = buffer.is_some();
            Listed { name, state, restarts, has_buffer, history }
        };
        let found: Vec<_> = station.station.sources().into_iter().map(listed).collect();
        count.write(found.len());
        out.write(give(capbuf_source_list(found)));
        Ok(())
    })
}

/// Tells one source of a list, by its number: its name as it was given (see "Texts"), which is that of its buffer in the registry, and
/// what there is to see of it.
///
/// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_list_get(
    sources: *const capbuf_source_list,
    number: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    info: *mut capbuf_source_status,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (sources, place) = (&given!(sources).0, growing_place!(info));
        let found = numbered(sources, number, "sources")?;
        put_text(&found.name, out, out_size, out_len)?;
        place.put(capbuf_source_status {
            struct_size: 0,
            restarts: found.restarts,
            state: state_number(found.state.kind()),
            has_buffer: found.has_buffer.into(),
            transitions: found.history.len() as u64,
        });
        Ok(())
    })
}

/// Tells in words what one source of a list is doing, with the reason. See "Texts".
///
/// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_list_state(
    sources: *const capbuf_source_list,
    number: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let sources = &given!(sources).0;
        put_text(&numbered(sources, number, "sources")?.state.to_string(), out, out_size, out_len)
    })
}

/// Tells one of the newest changes of the state of one source of a list, by its number, the oldest first: what began and when, and
/// why, where something is wrong (see "Texts"); an empty text otherwise.
///
/// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_list_transition(
    sources: *const capbuf_source_list,
    number: usize,
    transition: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    info: *mut capbuf_transition,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (sources, place) = (&given!(sources).0, growing_place!(info));
        let found = numbered(&numbered(sources, number, "sources")?.history, transition, "transitions")?;
        put_text(found.reason.as_deref().unwrap_or_default(), out, out_size, out_len)?;
        let state = state_number(found.state);
        place.put(capbuf_transition { struct_size: 0, utc_ns: found.utc_ns, state, reserved: 0 });
        Ok(())
    })
}

/// Frees a list. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_source_list_free(sources: *mut capbuf_source_list) {
    guard_value((), || end!(sources));
}

/// Stops all sources, all at once, and waits for them, five seconds at most. The buffers stay. The station may be told again what to
/// record.
///
/// Any thread. Blocks. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_stop(
    station: *const capbuf_station,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        given!(station).station.stop();
        Ok(())
    })
}

/// Stops all sources, as `capbuf_station_stop` does, and frees the station. NULL is nothing.
///
/// Once, by one thread, when nobody uses the handle any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_station_free(station: *mut capbuf_station) {
    guard_value((), || end!(station));
}
