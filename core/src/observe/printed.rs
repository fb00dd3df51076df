//! Reports on stderr that `DEBUG_BUFFER_ALLOC` alone brings about, without a call of the program.
//!
//! A private registry is seen by its process only. Its report is printed once, when its last handle
//! is dropped or at an orderly end of the process, and each time that SIGUSR2 arrives. The signal's
//! handler is here, in the core, as programs in Rust, C and Python have one table of handlers, in
//! which a handler of the host is found and left alone. The runtime of Go handles every signal, so
//! the Go package asks that for SIGUSR2.
//!
//! Printing has a thread of its own, on which all signals are blocked. The handler adds one to a
//! word and makes no system call: it may run on the audio thread.

use std::panic;
use std::thread;
use std::time::Duration;

use super::hooks;
use crate::registry::{Ending, Registry};
use crate::sync::process::{ArcSwap, AtomicU32, LazyLock, PlainWeak};
use crate::sync::{Ordering, fork};
use crate::track::say;

/// Interval at which the word of SIGUSR2 is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The private registries whose reports are printed, also those of a parent process.
static PRINTED: LazyLock<ArcSwap<Vec<PlainWeak<Ending>>>> = LazyLock::new(ArcSwap::default);
/// Counts arrivals of SIGUSR2.
static REQUESTS: AtomicU32 = AtomicU32::new(0);
/// The fork generation whose thread serves them.
static SERVED: AtomicU32 = AtomicU32::new(0);
static HAS_EXIT: AtomicU32 = AtomicU32::new(0);
static HAS_SAID: AtomicU32 = AtomicU32::new(0);
static HAS_POINTED: AtomicU32 = AtomicU32::new(0);

impl Registry {
    /// Has the reports of this private registry printed.
    pub(crate) fn with_printed_reports(self) -> Self {
        let (registry, ending) = self.before_end(|registry| print(registry, "at its end"));
        PRINTED.rcu(|list| {
            let kept = list.iter().filter(|ending| ending.strong_count() > 0);
            kept.chain([&ending]).cloned().collect::<Vec<_>>()
        });
        // SYNC none: the first one does it; a second handler would find nothing left to print.
        if HAS_EXIT.swap(1, Ordering::Relaxed) == 0 {
            hooks::at_exit(print_left);
        }
        let is_served = serve_requests();
        if HAS_SAID.swap(1, Ordering::Relaxed) == 0 {
            let pid = std::process::id();
            let now = if is_served { format!(", and now by kill -USR2 {pid}") } else { String::new() };
            say(&format!("DEBUG_BUFFER_ALLOC: the report of a private registry is printed here at its end{now}"));
        }
        registry
    }

    /// Says where the reports of this registry's domain are found: once in a process.
    pub(crate) fn point_to_reports(&self) {
        let (Some(domain), Some(path)) = (self.domain(), self.path()) else { return };
        // SYNC none: the first one says it.
        if HAS_POINTED.swap(1, Ordering::Relaxed) == 0 {
            let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
            say(&format!(
                "DEBUG_BUFFER_ALLOC: allocations are recorded; see them with: CAPBUF_DIR={folder} capbuf report --domain \
                 {domain}"
            ));
        }
    }
}

/// Prints the reports of what is left at the end of the process.
extern "C" fn print_left() {
    // No panic may leave a function that C calls.
    let _ = panic::catch_unwind(|| {
        PRINTED.load_full().iter().filter_map(PlainWeak::upgrade).for_each(|ending| ending.run());
    });
}

extern "C" fn request(_: libc::c_int) {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
}

/// Starts the thread that prints reports on request; false if the host handles SIGUSR2, or the
/// thread can't be started.
fn serve_requests() -> bool {
    let (generation, served) = (fork::generation(), REQUESTS.load(Ordering::Relaxed));
    if !hooks::on_unhandled_signal(libc::SIGUSR2, request) {
        return false;
    }
    // SYNC none: one thread is enough, and two would print twice.
    let before = SERVED.swap(generation, Ordering::Relaxed);
    if before == generation {
        return true;
    }
    let is_started = thread::Builder::new().name("capbuf-report".into()).spawn(move || serve(served)).is_ok();
    if !is_started {
        // The next registry tries again.
        SERVED.store(before, Ordering::Relaxed);
    }
    is_started
}

fn serve(mut served: u32) {
    hooks::block_signals();
    loop {
        let requests = REQUESTS.load(Ordering::Relaxed);
        if requests == served {
            thread::sleep(LOOK);
            continue;
        }
        served = requests;
        // A panic was reported; the next request is still served.
        let _ = panic::catch_unwind(print_all);
    }
}

/// Prints the reports of all private registries of this process.
fn print_all() {
    let live = PRINTED.load_full();
    let endings: Vec<_> = live.iter().filter_map(PlainWeak::upgrade).collect();
    let registries: Vec<_> = endings.iter().filter_map(|ending| ending.registry()).collect();
    if registries.is_empty() {
        say("SIGUSR2: no private registry is left");
    }
    registries.into_iter().for_each(|registry| say(&text(registry, "at SIGUSR2")));
}

/// Prints a report, and returns when that is done.
fn print(registry: &Registry, when: &'static str) {
    let registry = registry.clone();
    let printing = thread::Builder::new().name("capbuf-report".into()).spawn(move || {
        hooks::block_signals();
        say(&text(&registry, when));
    });
    match printing {
        // A panic was reported there.
        Ok(printing) => drop(printing.join()),
        Err(error) => say(&format!("the report can't be printed: {error}")),
    }
}

fn text(registry: &Registry, when: &str) -> String {
    format!("DEBUG_BUFFER_ALLOC, {when}:\n{}", registry.allocation_report())
}
