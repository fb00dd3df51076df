//! The tracker of one registry: its switch, and the records it writes to its log.

use std::panic::Location;

use super::caller::Caller;
use super::contents::Contents;
use super::counts::Counts;
use super::ended::sum_up_ended;
use super::key::key_of;
use super::log::{Entry, Log};
use super::log_layout::{Layout, MAX_SOURCES};
use super::origin::Origin;
use super::outcome::Outcome;
use super::thread::with_thread;
use crate::clock::Clock;
use crate::domain::{Domain, KEPT_LOGS, NameKey, OpenDomain, Switch};
use crate::holder::Holder;
use crate::memory::Words;
use crate::source::redact;
use crate::sync::process::{ArcSwapOption, AtomicU32};
use crate::sync::{Ordering, PlainArc as Arc, fork};

/// The tracker of one registry.
#[derive(Debug)]
pub(crate) struct Tracker {
    pub(crate) counts: Counts,
    /// 1 if it is on, without a switch in the domain.
    on: AtomicU32,
    /// Its switch, which other processes may set, and the process that it belongs to.
    switch: Option<(Switch, u32)>,
    log: ArcSwapOption<OwnLog>,
    domain: Option<Arc<OpenDomain>>,
    key: NameKey,
    clock: Arc<dyn Clock>,
    /// Sources that its log has room for.
    sources: usize,
}

/// A log, its process and its domain: a forked child begins its own, and so does a process whose
/// domain's folder was lost, in the new one.
#[derive(Debug)]
struct OwnLog {
    log: Log,
    generation: u32,
    domain: Option<Arc<Domain>>,
}

impl Drop for Tracker {
    fn drop(&mut self) {
        if let Some((switch, _)) = self.switch.take_if(|(_, generation)| *generation == fork::generation()) {
            switch.release();
        }
    }
}

/// An attempt under way.
pub(crate) struct Begun {
    location: &'static Location<'static>,
    utc_ns: i64,
    monotonic_ns: i64,
}

/// The record that a handle and its clones are held.
pub(crate) struct Taken {
    log: Arc<OwnLog>,
    at: usize,
    key: u64,
}

impl Drop for Taken {
    fn drop(&mut self) {
        // The log of a parent is the parent's, and shared with it.
        if self.log.generation == fork::generation() {
            self.log.log.release(self.at, self.key);
        }
    }
}

impl Tracker {
    /// Creates a tracker that is on or off; `None`: as the domain's switches were set last.
    /// `is_switched`: other processes of the domain may switch it.
    pub(crate) fn new(
        on: Option<bool>,
        is_switched: bool,
        sources: Option<usize>,
        domain: Option<Arc<OpenDomain>>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        // Private memory is allocated when touched; shared memory is reserved whole.
        let default = if domain.is_some() { 2048 } else { 16384 };
        let sources = sources.unwrap_or(default).clamp(64, MAX_SOURCES).next_power_of_two();
        let counts = Counts::default();
        let key = domain.as_ref().map_or_else(NameKey::random, |domain| domain.current().key());
        let (on_word, log) = (AtomicU32::new(0), ArcSwapOption::empty());
        let switch = domain.as_ref().filter(|_| is_switched).and_then(|domain| domain.current().switch(on));
        let switch = switch.map(|switch| (switch, fork::generation()));
        let tracker = Self { counts, on: on_word, switch, log, domain, key, clock, sources };
        let is_on = tracker.is_on();
        if on.unwrap_or(is_on) {
            tracker.set(true);
        }
        Arc::new(tracker)
    }

    pub(crate) fn set(&self, on: bool) {
        // The switch belongs to the parent process.
        if self.switch.as_ref().is_some_and(|(_, generation)| *generation != fork::generation()) {
            return;
        }
        if on || self.log.load().is_some() {
            self.own().log.set_enabled(on);
        }
        match &self.switch {
            Some((switch, _)) => switch.set(on),
            // SYNC none: attempts under way may be recorded or not.
            None => self.on.store(u32::from(on), Ordering::Relaxed),
        }
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        match &self.switch {
            Some((switch, _)) => switch.is_on(),
            None => self.on.load(Ordering::Relaxed) != 0,
        }
    }

    /// The key of a source in its log, and in those of its domain.
    pub(crate) fn key_of(&self, source: &str) -> u64 {
        // A new folder has another key.
        let key = self.domain.as_ref().map_or(self.key, |domain| domain.current().key());
        key_of(&key, source)
    }

    /// True if it was on at any time.
    pub(crate) fn has_log(&self) -> bool {
        self.log.load().is_some()
    }

    /// The contents of this registry's log, if anything was recorded.
    pub(crate) fn contents(&self) -> Option<Contents> {
        self.log.load().as_ref().map(|own| Contents::of(&own.log))
    }

    /// The log, created with the first record, and anew by a forked child and in a new folder.
    fn own(&self) -> Arc<OwnLog> {
        loop {
            let current = self.log.load_full();
            let domain = self.domain.as_ref().map(|domain| domain.current());
            let is_usable = |own: &&Arc<OwnLog>| {
                let is_same = own.domain.as_ref().zip(domain.as_ref()).is_none_or(|(own, now)| Arc::ptr_eq(own, now));
                own.generation == fork::generation() && is_same
            };
            if let Some(own) = current.as_ref().filter(is_usable) {
                return Arc::clone(own);
            }
            let log = self.make(domain.as_ref());
            // Another process may have switched it on.
            log.set_enabled(self.is_on());
            let made = Arc::new(OwnLog { log, generation: fork::generation(), domain });
            self.log.compare_and_swap(&current, Some(made));
        }
    }

    fn make(&self, domain: Option<&Arc<Domain>>) -> Log {
        let bytes = Layout::of(self.sources).bytes();
        let shared = domain.and_then(|domain| {
            // Without it more logs stay for a while.
            let _ = sum_up_ended(domain, KEPT_LOGS - 1);
            let file = domain.make_log(bytes).ok()?;
            Words::in_new_file(&file, bytes).ok()
        });
        // Without room in the domain, the log serves this process's own reports; without memory, it
        // is as small as possible.
        let (words, sources) = match shared.map_or_else(|| Words::anonymous(bytes), Ok) {
            Ok(words) => (words, self.sources),
            Err(_) => (Words::on_heap(Layout::of(64).words), 64),
        };
        let Holder { pid, program } = Holder::this_process();
        Log::new(words, sources, pid, &program, self.clock.utc_ns())
    }

    /// Begins an attempt if tracking is on: one relaxed load if not.
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

    /// Records the outcome of an attempt. Lock-free; captures the stack.
    #[cold]
    pub(crate) fn end(&self, begun: &Begun, source: &str, outcome: Outcome, buffer: u64) {
        let duration_ns = self.clock.monotonic_ns().saturating_sub(begun.monotonic_ns).max(0).unsigned_abs();
        let own = self.own();
        let origin = Origin::of(&own.log, Some(begun.location));
        self.add(
            &own.log,
            self.key_of(source),
            &|| redact(source),
            outcome,
            buffer,
            begun.utc_ns,
            duration_ns,
            &origin,
        );
    }

    /// Records an event without a call site. `is_native` if the thread's native stack is that of
    /// the program, not of an interpreter or of another language's runtime.
    #[cold]
    pub(crate) fn note(&self, source: &str, outcome: Outcome, buffer: u64, is_native: bool) {
        let own = self.own();
        let origin = if is_native || Caller::is_given() { Origin::of(&own.log, None) } else { Origin::unknown() };
        self.add(&own.log, self.key_of(source), &|| redact(source), outcome, buffer, self.clock.utc_ns(), 0, &origin);
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

    /// Records a handle as held from now on.
    #[cold]
    pub(crate) fn hold(&self, begun: &Begun, source: &str, buffer: u64) -> Option<Arc<Taken>> {
        let log = self.own();
        let site = Origin::site(&log.log, Caller::current().as_deref(), Some(begun.location));
        let thread = with_caller_thread(|thread, _| thread);
        let (at, key) = log.log.hold(self.key_of(source), buffer, site, begun.utc_ns, thread)?;
        Some(Arc::new(Taken { log, at, key }))
    }
}

/// Passes number and name of the caller's thread: this one, unless it calls for another.
fn with_caller_thread<R>(with: impl FnOnce(u32, &str) -> R) -> R {
    match Caller::current().as_deref().and_then(|caller| caller.thread.as_ref()) {
        Some((thread, name)) => with(*thread, name),
        None => with_thread(with),
    }
}
