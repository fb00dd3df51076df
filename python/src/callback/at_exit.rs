//! The end of the program: all running values end while the interpreter still works.
//!
//! The lock is taken by attached threads only, for moments: a child that is forked by `os.fork`
//! never inherits it locked.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::running::end_in_background;
use crate::waiting::Handle;

/// The time that callbacks, and the ends of running values, have at the end of the program.
const LIMIT: Duration = Duration::from_secs(10);
/// The interval of looking whether they are done.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

static RUNNING: Mutex<Vec<Weak<dyn End>>> = Mutex::new(Vec::new());
/// Callbacks that run, and values that are being ended.
static BUSY: AtomicUsize = AtomicUsize::new(0);
/// True once the program ends: no callback begins any more.
static IS_OVER: AtomicBool = AtomicBool::new(false);
/// The process to which all of this belongs.
static PROCESS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static IS_IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
}

/// A value that ends at the end of the program.
trait End: Send + Sync {
    fn end_in_background(&self);
    fn has_ended(&self) -> bool;
}

impl<T: Send + Sync + 'static> End for Handle<T> {
    fn end_in_background(&self) {
        if let Some(value) = self.take() {
            end_in_background(value);
        }
    }

    fn has_ended(&self) -> bool {
        self.is_closed()
    }
}

/// Forgets what a forked child inherits: the threads are in the parent.
fn forget_parent() {
    let process = std::process::id();
    // SYNC none: only attached threads come here, one after another.
    if PROCESS.swap(process, Ordering::Relaxed) != process {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).clear();
        BUSY.store(0, Ordering::Relaxed);
        IS_IN_CALLBACK.set(false);
    }
}

/// Ends the value of `handle` at the end of the program, unless it has ended before.
pub(super) fn register<T: Send + Sync + 'static>(handle: &Arc<Handle<T>>) {
    forget_parent();
    let handle: Weak<dyn End> = Arc::downgrade(handle) as Weak<dyn End>;
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.retain(|other| other.upgrade().is_some_and(|other| !other.has_ended()));
    running.push(handle);
}

/// Returns whether this thread must not wait for the end of a callback: it is in one, which may be
/// the same, or one that waits for this one; or the program ends, and callbacks hang for ever.
pub(super) fn must_not_wait() -> bool {
    IS_IN_CALLBACK.get() || IS_OVER.load(Ordering::Relaxed)
}

/// Counts a callback, or the end of a value, that [`end_all`] waits for.
pub(super) struct Busy(u32);

impl Busy {
    pub(super) fn begin() -> Self {
        BUSY.fetch_add(1, Ordering::Relaxed);
        Self(std::process::id())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // A forked child counts from zero.
        if self.0 == std::process::id() {
            // SYNC none: the count guards no other data.
            BUSY.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Marks the thread as one that runs a callback.
pub(super) struct InCallback(Busy);

impl Drop for InCallback {
    fn drop(&mut self) {
        let _ = &self.0;
        IS_IN_CALLBACK.set(false);
    }
}

/// Begins a callback on this thread, which is attached; `None` once the program ends.
pub(super) fn begin_callback() -> Option<InCallback> {
    let busy = Busy::begin();
    if IS_OVER.load(Ordering::Relaxed) {
        return None;
    }
    IS_IN_CALLBACK.set(true);
    Some(InCallback(busy))
}

/// Ends all watches, triggers, captures and stations, and waits for callbacks that run, ten seconds
/// at most. Ctrl-C ends the wait.
///
/// For `atexit`, which calls it after the threads of the program, and before the interpreter ends.
#[pyfunction]
#[pyo3(name = "_end_all")]
pub(crate) fn end_all(py: Python<'_>) -> PyResult<()> {
    forget_parent();
    let running = std::mem::take(&mut *RUNNING.lock().unwrap_or_else(PoisonError::into_inner));
    for running in running.iter().filter_map(Weak::upgrade) {
        running.end_in_background();
    }
    let begun = Instant::now();
    let idle = || BUSY.load(Ordering::Relaxed) == 0;
    let mut waited = Ok(());
    while !idle() && begun.elapsed() < LIMIT && waited.is_ok() {
        py.detach(|| std::thread::sleep(POLL_INTERVAL));
        waited = py.check_signals();
    }
    // A callback that goes on hangs once the interpreter ends. No other begins.
    IS_OVER.store(true, Ordering::Relaxed);
    waited
}
