//! What was asked for, by whom and from where; metrics; what is wrong.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use capbuf::{Caller, CodePlace, Language, Registry, Watch, WatchSettings};

use crate::arguments::{end, given, growing, place, read_growing};
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::guard::{guard, guard_value};
use crate::pointers::{give, slice, text};
use crate::registry::capbuf_registry;

/// The language of a caller: Rust.
pub const CAPBUF_LANGUAGE_RUST: u32 = 1;
/// The language of a caller: C, or what calls through its interface.
pub const CAPBUF_LANGUAGE_C: u32 = 2;
/// The language of a caller: Go.
pub const CAPBUF_LANGUAGE_GO: u32 = 3;
/// The language of a caller: Python.
pub const CAPBUF_LANGUAGE_PYTHON: u32 = 4;

/// A text of the library's, as long as it happens to be.
///
/// Owned by the caller, who frees it with `capbuf_text_free`.
pub struct capbuf_text(Vec<u8>);

impl capbuf_text {
    fn new(text: String) -> Self {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        Self(bytes)
    }

    fn tell(&self, out_len: *mut usize) -> Result<*const c_char, Failure> {
        if !out_len.is_null() {
            place!(out_len).write(self.0.len().saturating_sub(1));
        }
        Ok(self.0.as_ptr().cast())
    }
}

pub(crate) fn give_text(text: String) -> *mut capbuf_text {
    give(capbuf_text::new(text))
}

/// What a text is, or null where its place is none.
fn told(tell: impl FnOnce() -> Result<*const c_char, Failure>) -> *const c_char {
    tell().unwrap_or(std::ptr::null())
}

/// Tells a text: UTF-8, with a zero at its end; its length without it into `*out_len`, if that is not NULL. NULL for NULL.
///
/// It lives as long as the handle. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_text_data(text: *const capbuf_text, out_len: *mut usize) -> *const c_char {
    guard_value(std::ptr::null(), || told(|| given!(text).tell(out_len)))
}

/// Ends a text. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_text_free(text: *mut capbuf_text) {
    guard_value((), || end!(text));
}

/// Records every attempt to get a buffer from here on (`enable` is not 0), with what came of it, when, by whom and from where; or ends
/// that. It begins as the environment's `DEBUG_BUFFER_ALLOC` says: `true`, `1`, `yes` or `on`.
///
/// Off, it costs an attempt nothing; on, some microseconds, no lock, and memory of a fixed size. Call sites and stacks are resolved
/// from the program's debug information when a report is made.
///
/// Any thread. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_enable_allocation_tracking(
    registry: *const capbuf_registry,
    enable: u32,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        given!(registry).0.enable_allocation_tracking(enable != 0);
        Ok(())
    })
}

/// Tells whether attempts are recorded.
///
/// Any thread. Wait-free. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_is_allocation_tracking(
    registry: *const capbuf_registry,
    is_tracking: *mut bool,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (given!(registry), place!(is_tracking));
        out.write(registry.0.is_allocation_tracking());
        Ok(())
    })
}

/// Everything that is known of the allocations of a registry, or of all processes of its domain, at one moment.
///
/// Owned by the caller, who frees it with `capbuf_report_free`. May be read by any thread.
pub struct capbuf_report {
    text: capbuf_text,
    json: capbuf_text,
}

/// Looks at everything that is known of allocations, in a domain those of all its processes: attempts, allocations and live buffers by
/// source and call site, who holds what, the newest stacks. No name is shown with its credentials.
///
/// On success `*report` is owned by the caller.
///
/// Any thread. Reads files, resolves stacks, allocates. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_allocation_report(
    registry: *const capbuf_registry,
    report: *mut *mut capbuf_report,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (given!(registry), place!(report));
        let found = registry.0.allocation_report();
        let text = capbuf_text::new(found.to_string());
        out.write(give(capbuf_report { text, json: capbuf_text::new(found.to_json()) }));
        Ok(())
    })
}

/// Tells a report as text to be read: UTF-8, with a zero at its end; its length without it into `*out_len`, if that is not NULL. NULL for
/// NULL.
///
/// It lives as long as the handle. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_report_text(report: *const capbuf_report, out_len: *mut usize) -> *const c_char {
    guard_value(std::ptr::null(), || told(|| given!(report).text.tell(out_len)))
}

/// Tells the same report as JSON: `docs/schema/report.json`. Otherwise as `capbuf_report_text`.
///
/// It lives as long as the handle. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_report_json(report: *const capbuf_report, out_len: *mut usize) -> *const c_char {
    guard_value(std::ptr::null(), || told(|| given!(report).json.tell(out_len)))
}

/// Ends a report. NULL is nothing.
///
/// Once, by one thread, when nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_report_free(report: *mut capbuf_report) {
    guard_value((), || end!(report));
}

/// Tells metrics of the registry and its buffers, in Prometheus's text format.
///
/// On success `*metrics` is owned by the caller.
///
/// Any thread. Reads the last second of up to 64 sources, allocates. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_metrics(
    registry: *const capbuf_registry,
    metrics: *mut *mut capbuf_text,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || tell(registry, metrics, Registry::metrics_text))
}

/// Tells metrics of the whole domain, for who looks at it from outside: attempts are those of all processes that track.
///
/// On success `*metrics` is owned by the caller.
///
/// Any thread. Reads the last second of up to 64 sources, allocates. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_domain_metrics(
    registry: *const capbuf_registry,
    metrics: *mut *mut capbuf_text,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || tell(registry, metrics, Registry::domain_metrics_text))
}

fn tell(
    registry: *const capbuf_registry,
    text: *mut *mut capbuf_text,
    told: impl FnOnce(&Registry) -> String,
) -> Result<(), Failure> {
    let (registry, out) = (given!(registry), place!(text));
    out.write(give_text(told(&registry.0)));
    Ok(())
}

/// A place in a program: a line of a file, or, if `file` is NULL, a return address.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_code_place {
    /// The file's path, UTF-8, as the language tells it; NULL: `address` counts.
    pub file: *const c_char,
    /// The bytes of that text.
    pub file_len: usize,
    /// The function, UTF-8; may be NULL.
    pub function: *const c_char,
    /// The bytes of that text.
    pub function_len: usize,
    /// The line, from 1.
    pub line: u32,
    /// Set it to 0.
    pub reserved: u32,
    /// A return address in this process.
    pub address: usize,
}

/// Calls `call` with `context`; what it asks registries for is recorded as asked by this caller, and not by who calls the library: for
/// bindings of other languages. `places` are those of its stack, the innermost first, which is the call site; the first 23 are kept.
///
/// Any thread; for this thread only. It is worth its while only if `capbuf_registry_is_allocation_tracking`. `call` must return.
/// Errors: NULL_ARGUMENT, MISALIGNED, INVALID_ARGUMENT (no such language; no UTF-8); `call` was not called then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_call_as(
    language: u32,
    places: *const capbuf_code_place,
    count: usize,
    call: Option<extern "C" fn(*mut c_void)>,
    context: *mut c_void,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let call = call.ok_or_else(|| Failure::null("call"))?;
        let known = Language::ALL.into_iter().find(|known| *known as u32 == language);
        let language = known.ok_or_else(|| capbuf::Error::InvalidArgument {
            what: "language",
            given: language.to_string(),
            allowed: "1 to 4: CAPBUF_LANGUAGE_RUST, _C, _GO, _PYTHON".to_owned(),
        })?;
        // SAFETY: the header demands of the caller what `slice` does.
        let places = unsafe { slice(places, count, "places") }?;
        let stack: Result<Vec<_>, Failure> = places.iter().map(code_place).collect();
        Caller::new(language, stack?).scope(|| call(context));
        Ok(())
    })
}

fn code_place(place: &capbuf_code_place) -> Result<CodePlace, Failure> {
    if place.file.is_null() {
        return Ok(CodePlace::Address(place.address));
    }
    // SAFETY: the header demands of the caller what `text` does.
    let file = unsafe { text(place.file, place.file_len, "file") }?.to_owned();
    let function = if place.function.is_null() {
        ""
    } else {
        // SAFETY: as above.
        unsafe { text(place.function, place.function_len, "function") }?
    };
    Ok(CodePlace::Line { file, line: place.line, function: function.to_owned() })
}

/// Runs a call of a C program's: where it is tracked, as asked from where the program called the function that begins at `entry`.
pub(crate) fn as_c<R>(registry: &Registry, entry: *const (), call: impl FnOnce() -> R) -> R {
    if !registry.is_allocation_tracking() || Caller::is_given() {
        return call();
    }
    Caller::native(Language::C, entry.addr()).scope(call)
}

/// A thread that looks after a registry.
///
/// Owned by the caller, who ends it with `capbuf_watch_free`.
pub struct capbuf_watch(Watch);

/// From when on something is wrong. A zero is the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_watch_settings {
    /// Set it to `sizeof(capbuf_watch_settings)` before the call.
    pub struct_size: usize,
    /// How often it looks, in ns: 1 s.
    pub every_ns: i64,
    /// Within how long things that happen again and again are counted, in ns: a minute.
    pub window_ns: i64,
    /// Refused allocations from one place within the window: 3.
    pub repeated_allocations: u64,
    /// Rings made for one source within the window: 5.
    pub churn_allocations: u64,
    /// How long a removed buffer may be held, in ns: a minute.
    pub removed_held_ns: i64,
    /// How long a living writer may write nothing, in ns: 30 s.
    pub stalled_ns: i64,
    /// By what part of its rate a writer may be off: 0.05.
    pub rate_tolerance: f64,
    /// Over how long the rate is measured, three times before it is told, in ns: 30 s.
    pub rate_window_ns: i64,
    /// Reads of one source that come too late within the window: 10.
    pub lapped_reads: u64,
    /// The part of the budget that may be used: 0.9.
    pub budget_share: f64,
}

growing!(
    capbuf_watch_settings,
    size_of::<capbuf_watch_settings>(),
    capbuf_watch_settings {
        struct_size: size_of::<capbuf_watch_settings>(),
        every_ns: 0,
        window_ns: 0,
        repeated_allocations: 0,
        churn_allocations: 0,
        removed_held_ns: 0,
        stalled_ns: 0,
        rate_tolerance: 0.0,
        rate_window_ns: 0,
        lapped_reads: 0,
        budget_share: 0.0,
    }
);

fn settings(given: &capbuf_watch_settings) -> Result<WatchSettings, Failure> {
    let mut settings = WatchSettings::default();
    let durations = [
        ("every_ns", given.every_ns, &mut settings.every),
        ("window_ns", given.window_ns, &mut settings.window),
        ("removed_held_ns", given.removed_held_ns, &mut settings.removed_held),
        ("stalled_ns", given.stalled_ns, &mut settings.stalled),
        ("rate_window_ns", given.rate_window_ns, &mut settings.rate_window),
    ];
    for (what, ns, duration) in durations {
        let positive = u64::try_from(ns).map_err(|_| capbuf::Error::InvalidArgument {
            what,
            given: ns.to_string(),
            allowed: "0 for the default, or more than 0".to_owned(),
        })?;
        if positive > 0 {
            *duration = Duration::from_nanos(positive);
        }
    }
    let counts = [
        (given.repeated_allocations, &mut settings.repeated_allocations),
        (given.churn_allocations, &mut settings.churn_allocations),
        (given.lapped_reads, &mut settings.lapped_reads),
    ];
    for (count, setting) in counts.into_iter().filter(|(count, _)| *count > 0) {
        *setting = count;
    }
    let shares = [
        ("rate_tolerance", given.rate_tolerance, &mut settings.rate_tolerance),
        ("budget_share", given.budget_share, &mut settings.budget_share),
    ];
    for (what, share, setting) in shares {
        if !(0.0..=1.0).contains(&share) {
            let allowed = "0 for the default, or up to 1".to_owned();
            return Err(capbuf::Error::InvalidArgument { what, given: share.to_string(), allowed }.into());
        }
        if share > 0.0 {
            *setting = share;
        }
    }
    Ok(settings)
}

/// Starts a thread that looks after the registry, or its domain, and finds what is wrong with how buffers are used.
///
/// On success `*watch` is owned by the caller. `settings` may be NULL.
///
/// Any thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_watch(
    registry: *const capbuf_registry,
    settings: *const capbuf_watch_settings,
    watch: *mut *mut capbuf_watch,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (given!(registry), place!(watch));
        let settings = self::settings(&read_growing!(settings))?;
        out.write(give(capbuf_watch(registry.0.watch(settings)?)));
        Ok(())
    })
}

/// Takes the next event, as JSON: `docs/schema/event.json`; waits for one up to so many ns.
///
/// On success `*event` is owned by the caller. Up to 1024 wait to be taken; then the oldest go.
///
/// Any thread. Blocks. Errors: TIMED_OUT if none came; NULL_ARGUMENT, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_watch_next(
    watch: *const capbuf_watch,
    timeout_ns: i64,
    event: *mut *mut capbuf_text,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (watch, out) = (given!(watch), place!(event));
        let timeout = u64::try_from(timeout_ns).map_err(|_| capbuf::Error::InvalidArgument {
            what: "timeout_ns",
            given: timeout_ns.to_string(),
            allowed: "0 or more".to_owned(),
        })?;
        let waited = Duration::from_nanos(timeout);
        let anomaly = watch.0.next_event(waited).ok_or(capbuf::Error::TimedOut { waited })?;
        out.write(give_text(anomaly.to_json()));
        Ok(())
    })
}

/// Tells how many events were not taken in time.
///
/// Any thread. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_watch_dropped(
    watch: *const capbuf_watch,
    dropped: *mut u64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (watch, out) = (given!(watch), place!(dropped));
        out.write(watch.0.dropped());
        Ok(())
    })
}

/// Ends a watch, and its thread. NULL is nothing.
///
/// Once, by one thread, when nobody uses the handle any more, not even to wait for an event. Waits for the look that is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_watch_free(watch: *mut capbuf_watch) {
    guard_value((), || end!(watch));
}
