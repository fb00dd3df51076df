//! The watchdog thread: one for all captures of a process.
//!
//! The thread starts with the first capture and has ended when the last one has. Every
//! [`LOOK_EVERY`] it checks each capture in turn. No capture delays the others: a check reads
//! atomics, tries one lock, and at most sets a state; the source itself is never called.
//!
//! A forked child has none of its parent's threads, and its copy of a lock may be locked for ever.
//! So the registered captures belong to a process: the child finds another process's number and
//! makes a [`Watcher`] of its own, without taking a lock of the old one.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use capbuf::{CaptureBuffer, SourceClaim};

use super::health::{self, Health, LOOK_EVERY};
use super::losses::Losses;
use super::progress::{Phase, Progress};
use super::watchdog::Watchdog;
use crate::error::Error;

/// The delay of a check that means starvation: an overloaded machine, or a stopped process.
const STARVED_AFTER: Duration = LOOK_EVERY;
/// Checks between two looks at the files of a running source: a second.
const CHECK_EVERY: u32 = 4;

static WATCHER: ArcSwapOption<Watcher> = ArcSwapOption::const_empty();

/// The rules for one capture.
#[derive(Debug)]
pub(super) struct Rules {
    /// Without credentials, for errors.
    pub(super) source_name: String,
    pub(super) watchdog: Watchdog,
    pub(super) open_deadline: Duration,
}

/// Registers a capture to be checked until the returned guard is dropped.
pub(super) fn watch(progress: &Arc<Progress>, rules: Rules) -> Watching {
    let watcher = Watcher::of_this_process();
    let looks = Mutex::new(Some(Looks::default()));
    let watched = Arc::new(Watched { progress: Arc::clone(progress), rules, looks });
    watcher.add(Arc::clone(&watched));
    Watching { watcher, watched }
}

/// Keeps a capture registered. Dropping waits for a check in progress: afterwards the thread holds
/// no handle of the capture's buffer.
pub(super) struct Watching {
    watcher: Arc<Watcher>,
    watched: Arc<Watched>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watched.end();
        self.watcher.remove(&self.watched);
    }
}

/// The captures of one process, and the thread that checks them.
#[derive(Debug)]
struct Watcher {
    process: u32,
    registered: Mutex<Registered>,
    /// Notified when the thread is to end.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Registered {
    captures: Vec<Arc<Watched>>,
    /// Increased when a thread is to end; a thread runs while it equals its own number.
    generation: u64,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    fn of_this_process() -> Arc<Self> {
        let process = std::process::id();
        loop {
            let current = WATCHER.load();
            match &*current {
                Some(watcher) if watcher.process == process => return Arc::clone(watcher),
                _ => {
                    let own = Self { process, registered: Mutex::default(), ended: Condvar::new() };
                    // Another thread may have been faster: then its watcher is returned.
                    let _ = WATCHER.compare_and_swap(&*current, Some(Arc::new(own)));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Registered> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(self: &Arc<Self>, watched: Arc<Watched>) {
        let mut registered = self.lock();
        registered.captures.push(watched);
        if registered.thread.is_none() {
            let (own, generation) = (Arc::clone(self), registered.generation);
            let thread = thread::Builder::new().name("capbuf-watchdog".to_owned());
            // If no thread can be started, the next capture tries again; until then the sources'
            // own timeouts apply.
            registered.thread = thread.spawn(move || own.run(generation)).ok();
        }
    }

    fn remove(&self, watched: &Arc<Watched>) {
        let mut registered = self.lock();
        registered.captures.retain(|other| !Arc::ptr_eq(other, watched));
        if !registered.captures.is_empty() {
            return;
        }
        registered.generation += 1;
        let thread = registered.thread.take();
        drop(registered);
        self.ended.notify_all();
        if let Some(thread) = thread {
            // It returns at once: nothing is left to check. A panic of it was reported where it
            // was.
            let _ = thread.join();
        }
    }

    /// Runs the thread until its generation is over.
    fn run(&self, generation: u64) {
        let mut next = Instant::now() + LOOK_EVERY;
        loop {
            let is_current = |registered: &mut Registered| registered.generation == generation;
            let wait = next.saturating_duration_since(Instant::now());
            let waited = self.ended.wait_timeout_while(self.lock(), wait, is_current);
            let mut registered = waited.unwrap_or_else(PoisonError::into_inner).0;
            if !is_current(&mut registered) {
                return;
            }
            let captures = registered.captures.clone();
            drop(registered);
            // Whoever did not run can say nothing about the others: they were starved, too.
            let was_starved = Instant::now().saturating_duration_since(next) >= STARVED_AFTER;
            captures.iter().for_each(|watched| watched.look(was_starved));
            // Each check counts as `LOOK_EVERY` of time. Short delays even out, but after a
            // suspension there is no catching up.
            next += LOOK_EVERY;
            next = if next < Instant::now() { Instant::now() + LOOK_EVERY } else { next };
        }
    }
}

/// One registered capture.
#[derive(Debug)]
struct Watched {
    progress: Arc<Progress>,
    rules: Rules,
    /// `None` when the capture is about to end. Locked during a check.
    looks: Mutex<Option<Looks>>,
}

/// Findings about the current attempt.
#[derive(Debug, Default)]
struct Looks {
    attempt: u64,
    /// Checks since the first one that found the source opening.
    opening: u32,
    /// Checks since it runs.
    checks: u32,
    health: Option<Health>,
    losses: Losses,
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, Option<Looks>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        *self.lock() = None;
    }

    /// Checks the capture; after a starvation, restarts its waiting times instead.
    fn look(&self, was_starved: bool) {
        let mut guard = self.lock();
        let Some(looks) = &mut *guard else { return };
        if was_starved {
            looks.opening = 0;
            if let Some(health) = &mut looks.health {
                health.restart();
            }
            return;
        }
        // Locked by the capture itself: the next check will do.
        let Some((attempt, phase)) = self.progress.try_phase() else { return };
        if attempt != looks.attempt {
            *looks = Looks { attempt, ..Looks::default() };
            if matches!(phase, Phase::Opening) {
                return;
            }
        }
        let Rules { source_name, watchdog, open_deadline } = &self.rules;
        match phase {
            Phase::Running { buffer, claim, declared_hz } => {
                if let Err(error) = buffer.check_memory() {
                    return self.progress.stall(attempt, error.into());
                }
                self.progress.note_remark(attempt);
                looks.checks += 1;
                if looks.checks.is_multiple_of(CHECK_EVERY)
                    && let Some(reason) = lost(source_name, &buffer, claim.as_deref())
                {
                    return self.progress.stall(attempt, reason);
                }
                let rate_hz = buffer.spec().sample_rate_hz();
                let health = looks.health.get_or_insert_with(|| Health::new(*watchdog, rate_hz));
                if let Some(fault) = health.look(health::observe(&buffer, watchdog, &mut looks.losses)) {
                    self.progress.stall(attempt, fault.error(&buffer, declared_hz));
                }
            }
            Phase::Opening => {
                looks.opening += 1;
                if LOOK_EVERY * looks.opening >= *open_deadline {
                    let (source_name, waited) = (source_name.clone(), *open_deadline);
                    self.progress.stall(attempt, Error::OpenTimedOut { source_name, waited, reason: None });
                }
            }
            Phase::Idle => {}
        }
    }
}

/// Why a buffer or its claim is lost, if it is: both are files in shared memory, which others can
/// take away at any time. Puts back the files of this process that are missing.
fn lost(source_name: &str, buffer: &CaptureBuffer, claim: Option<&SourceClaim>) -> Option<Error> {
    let checked = claim.map_or(Ok(()), SourceClaim::check);
    if let Some(how) = buffer.removal() {
        return Some(Error::BufferLost { source_name: source_name.to_owned(), how });
    }
    // Other errors pass.
    checked.err().filter(is_loss).map(Error::from)
}

/// True if the error means that a claim is lost.
pub(super) fn is_loss(error: &capbuf::Error) -> bool {
    matches!(error, capbuf::Error::WriterBusy { .. } | capbuf::Error::Removed { .. })
}

#[cfg(test)]
mod tests {
    use capbuf::{Length, Registry, SampleFormat, Spec, SystemClock};

    use super::*;
    use crate::stop::Stop;

    #[test]
    fn starved_watchdog_restarts_the_waits_of_opening_and_of_running_sources() {
        let registry = Registry::private();
        let spec = Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16).unwrap();
        let buffer = registry.allocate("source", spec).unwrap();
        let claim = Arc::new(registry.claim_source("source").unwrap());
        let progress = Arc::new(Progress::new("source".to_owned(), Arc::new(SystemClock)));
        let wait = LOOK_EVERY * 3;
        let watchdog = Watchdog::new().nothing_for(wait);
        let rules = Rules { source_name: "source".to_owned(), watchdog, open_deadline: wait };
        let looks = Mutex::new(Some(Looks::default()));
        let watched = Watched { progress: Arc::clone(&progress), rules, looks };
        for is_running in [false, true] {
            let stop = progress.begin_attempt(&Stop::new());
            if is_running {
                progress.running(&claim, &buffer, 8000, None);
            }
            // The first look begins the wait.
            for was_starved in [false, false, false, true, false, false] {
                watched.look(was_starved);
            }
            assert!(!stop.is_requested(), "running: {is_running}");
            watched.look(false);
            assert!(stop.is_requested(), "running: {is_running}");
            progress.end_attempt();
        }
    }

    fn watch_one() -> Watching {
        let progress = Arc::new(Progress::new("source".to_owned(), Arc::new(SystemClock)));
        let open_deadline = Duration::from_secs(1);
        watch(&progress, Rules { source_name: "source".to_owned(), watchdog: Watchdog::new(), open_deadline })
    }

    #[test]
    fn forked_child_takes_no_lock_of_its_parent() {
        // The memory of a child forked while a thread of the parent held the lock.
        let of_parent = Watcher { process: 0, registered: Mutex::default(), ended: Condvar::new() };
        let of_parent = Arc::new(of_parent);
        let _locked = of_parent.lock();
        WATCHER.store(Some(Arc::clone(&of_parent)));
        let watching = watch_one();
        assert_eq!(watching.watcher.process, std::process::id());
        assert!(watching.watcher.lock().thread.is_some());
    }
}
