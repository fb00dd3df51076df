//! The tracker of one registry: its switch, and what it writes into its log.

use std::cell::RefCell;
use std::panic::Location;

use xxhash_rust::xxh3::xxh3_64;

use super::caller::{Caller, CodePlace, Language};
use super::log::{Entry, FRAME_OF_SITE, FRAME_PLACE_BITS, FRAME_UNKNOWN, Layout, Log};
use super::outcome::Outcome;
use super::stack::{self, FRAMES};
use super::{key_of, modules};
use crate::clock::Clock;
use crate::counts::Counts;
use crate::domain::Domain;
use crate::holder::Holder;
use crate::memory::Words;
use crate::source::redact;
use crate::sync::process::{ArcSwapOption, AtomicU32};
use crate::sync::{Ordering, PlainArc as Arc, fork};

/// The tracker of one registry.
#[derive(Debug)]
pub(crate) struct Tracker {
    pub(crate) counts: Counts,
    on: AtomicU32,
    log: ArcSwapOption<OwnLog>,
    domain: Option<Arc<Domain>>,
    clock: Arc<dyn Clock>,
    /// How many sources its log has room for.
    sources: usize,
}

/// A log, and whose it is: a forked child begins its own.
#[derive(Debug)]
struct OwnLog {
    log: Log,
    generation: u32,
}

/// An attempt that has begun.
pub(crate) struct Begun {
    location: &'static Location<'static>,
    utc_ns: i64,
    monotonic_ns: i64,
}

/// That a handle, and its clones, are on record as held.
pub(crate) struct Taken {
    log: Arc<OwnLog>,
    at: usize,
    key: u64,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.log.log.release(self.at, self.key);
    }
}

/// Whether `DEBUG_BUFFER_ALLOC` asks for tracking.
pub(crate) fn asked_by_environment() -> bool {
    std::env::var("DEBUG_BUFFER_ALLOC")
        .is_ok_and(|value| ["1", "true", "yes", "on"].iter().any(|yes| value.trim().eq_ignore_ascii_case(yes)))
}

impl Tracker {
    pub(crate) fn new(
        on: bool,
        sources: Option<usize>,
        domain: Option<Arc<Domain>>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        // Private memory is taken as it is touched; what others can read is reserved whole.
        let default = if domain.is_some() { 2048 } else { 16384 };
        let sources = sources.unwrap_or(default).clamp(64, super::log::MAX_SOURCES).next_power_of_two();
        let counts = Counts::default();
        let tracker = Self { counts, on: AtomicU32::new(0), log: ArcSwapOption::empty(), domain, clock, sources };
        if on {
            tracker.set(true);
        }
        Arc::new(tracker)
    }

    pub(crate) fn set(&self, on: bool) {
        if on || self.log.load().is_some() {
            self.own().log.set_enabled(on);
        }
        // SYNC none: attempts that are under way may be recorded or not.
        self.on.store(u32::from(on), Ordering::Relaxed);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed) != 0
    }

    /// What is known of this registry, if anything was recorded.
    pub(crate) fn contents(&self) -> Option<super::Contents> {
        self.log.load().as_ref().map(|own| super::Contents::of(&own.log))
    }

    /// The log, made when it is first needed, and by a forked child anew.
    fn own(&self) -> Arc<OwnLog> {
        loop {
            let current = self.log.load_full();
            if let Some(own) = current.as_ref().filter(|own| own.generation == fork::generation()) {
                return Arc::clone(own);
            }
            let made = Arc::new(OwnLog { log: self.make(), generation: fork::generation() });
            self.log.compare_and_swap(&current, Some(made));
        }
    }

    fn make(&self) -> Log {
        let bytes = Layout::of(self.sources).bytes();
        let shared = self.domain.as_ref().and_then(|domain| {
            let file = domain.make_log(bytes).ok()?;
            Words::in_new_file(&file, bytes).ok()
        });
        // Where there is no room for others to see it, it is at least there for this process's own reports; and where there is no
        // memory at all, in as little as there is.
        let (words, sources) = match shared.map_or_else(|| Words::anonymous(bytes), Ok) {
            Ok(words) => (words, self.sources),
            Err(_) => (Words::on_heap(Layout::of(64).words), 64),
        };
        let Holder { pid, program } = Holder::this_process();
        Log::new(words, sources, pid, &program, self.clock.utc_ns())
    }

    /// Begins an attempt, if they are recorded: one relaxed load if not.
    #[inline]
    #[track_caller]
    pub(crate) fn begin(&self) -> Option<Begun> {
        let location = Location::caller();
        if self.is_on() { Some(self.begin_at(location)) } else { None }
    }

    #[cold]
    fn begin_at(&self, location: &'static Location<'static>) -> Begun {
        Begun { location, utc_ns: self.clock.utc_ns(), monotonic_ns: self.clock.monotonic_ns() }
    }

    /// Records what came of an attempt. Lock-free; takes the stack.
    #[cold]
    pub(crate) fn end(&self, begun: &Begun, source: &str, outcome: Outcome, buffer: u64) {
        let duration_ns = self.clock.monotonic_ns().saturating_sub(begun.monotonic_ns).max(0).unsigned_abs();
        let own = self.own();
        let origin = Origin::of(&own.log, Some(begun.location));
        self.add(&own.log, key_of(source), &|| redact(source), outcome, buffer, begun.utc_ns, duration_ns, &origin);
    }

    /// Records what has no call site.
    #[cold]
    pub(crate) fn note(&self, source: &str, outcome: Outcome, buffer: u64) {
        let own = self.own();
        let origin = Origin::of(&own.log, None);
        self.add(&own.log, key_of(source), &|| redact(source), outcome, buffer, self.clock.utc_ns(), 0, &origin);
    }

    #[allow(clippy::too_many_arguments)]
    fn add(
        &self,
        log: &Log,
        source_key: u64,
        name: &dyn Fn() -> String,
        outcome: Outcome,
        buffer: u64,
        utc_ns: i64,
        duration_ns: u64,
        origin: &Origin,
    ) {
        with_caller_thread(|thread, thread_name| {
            log.add(&Entry {
                source_key,
                name,
                site_key: origin.site_key,
                buffer,
                outcome,
                utc_ns,
                duration_ns,
                frames: &origin.frames[..origin.count],
                thread,
                thread_name,
            });
        });
    }

    /// Puts a handle on record as held from here on.
    #[cold]
    pub(crate) fn hold(&self, begun: &Begun, source: &str, buffer: u64) -> Option<Arc<Taken>> {
        let log = self.own();
        let site = Origin::site(&log.log, Caller::current().as_deref(), Some(begun.location));
        let thread = with_caller_thread(|thread, _| thread);
        let (at, key) = log.log.hold(key_of(source), buffer, site, begun.utc_ns, thread)?;
        Some(Arc::new(Taken { log, at, key }))
    }
}

/// The number and the name of the thread that asks: of this one, unless it asks for another.
fn with_caller_thread<R>(with: impl FnOnce(u32, &str) -> R) -> R {
    match Caller::current().as_deref().and_then(|caller| caller.thread.as_ref()) {
        Some((thread, name)) => with(*thread, name),
        None => with_thread(with),
    }
}

/// The number and the name of this thread.
pub(super) fn with_thread<R>(with: impl FnOnce(u32, &str) -> R) -> R {
    thread_local! {
        static THREAD: RefCell<Option<(u32, u32, String)>> = const { RefCell::new(None) };
    }
    let mut with = Some(with);
    let known = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        // A forked child's thread has another number.
        let known = thread.take().filter(|(generation, ..)| *generation == fork::generation());
        let (_, number, name) = thread.insert(known.unwrap_or_else(|| {
            let number = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
            let name = std::thread::current().name().map(str::to_owned);
            // Threads of other languages have names, too.
            let kernels = || std::fs::read_to_string(format!("/proc/self/task/{number}/comm")).ok();
            let name = name.or_else(kernels).unwrap_or_default();
            (fork::generation(), number, name.trim_end().to_owned())
        }));
        with.take().map(|with| with(*number, name))
    });
    match (known, with) {
        (Ok(Some(result)), _) => result,
        (_, Some(with)) => with(0, ""),
        (_, None) => unreachable!("`with` is taken only where its result is returned"),
    }
}

/// Where an attempt came from: its call site and its stack, as the log knows them.
struct Origin {
    site_key: u64,
    frames: [u64; FRAMES],
    count: usize,
}

impl Origin {
    #[inline(never)]
    fn of(log: &Log, location: Option<&'static Location<'static>>) -> Self {
        let caller = Caller::current();
        let site_key = Self::site(log, caller.as_deref(), location);
        let mut origin = Self { site_key, frames: [0; FRAMES], count: 0 };
        match caller {
            Some(caller) => {
                let places = caller.stack.iter().take(FRAMES);
                for (frame, place) in origin.frames.iter_mut().zip(places) {
                    *frame = match place {
                        CodePlace::Address(address) => frame_of(log, *address),
                        CodePlace::Line { .. } => {
                            let (_, row) = Self::site_of(log, caller.language, place);
                            row.map_or(FRAME_UNKNOWN << FRAME_PLACE_BITS, |row| {
                                FRAME_OF_SITE << FRAME_PLACE_BITS | row as u64
                            })
                        }
                    };
                    origin.count += 1;
                }
            }
            None => {
                let (addresses, count) = stack::capture();
                let loaded = modules::loaded(&addresses[..count]);
                for (frame, address) in origin.frames.iter_mut().zip(&addresses[..count]) {
                    *frame = framed(log, &loaded, *address);
                }
                origin.count = count;
            }
        }
        origin
    }

    fn site(log: &Log, caller: Option<&Caller>, location: Option<&'static Location<'static>>) -> u64 {
        if let Some((language, place)) = caller.and_then(|caller| Some((caller.language, caller.stack.first()?))) {
            return Self::site_of(log, language, place).0;
        }
        let Some(location) = location else { return 0 };
        let key = xxh3_64(location.file().as_bytes()) ^ u64::from(location.line()) << 1;
        log.site(key, Language::Rust as u64, 0, location.file(), location.line(), "").0
    }

    fn site_of(log: &Log, language: Language, place: &CodePlace) -> (u64, Option<usize>) {
        match place {
            CodePlace::Line { file, line, function } => {
                let key =
                    xxh3_64(file.as_bytes()) ^ u64::from(*line) << 1 ^ xxh3_64(function.as_bytes()).rotate_left(7);
                log.site(key, language as u64, 0, file, *line, function)
            }
            CodePlace::Address(address) => {
                let frame = frame_of(log, *address);
                log.site(xxh3_64(&frame.to_ne_bytes()), language as u64, frame, "", 0, "")
            }
        }
    }
}

fn frame_of(log: &Log, address: usize) -> u64 {
    framed(log, &modules::loaded(&[address]), address)
}

fn framed(log: &Log, loaded: &modules::Modules, address: usize) -> u64 {
    let in_place = |place: u64| place & ((1 << FRAME_PLACE_BITS) - 1);
    match loaded.find(address) {
        Some((module, place)) => {
            log.module(module, loaded.path(module));
            (module as u64) << FRAME_PLACE_BITS | in_place(place)
        }
        None => FRAME_UNKNOWN << FRAME_PLACE_BITS | in_place(address as u64),
    }
}
