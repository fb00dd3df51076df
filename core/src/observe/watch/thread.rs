//! The thread of a watch: runs a detector periodically and queues its events.

use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use super::detector::Detector;
use super::settings::WatchSettings;
use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::sync::{OwnThread, PlainArc};
use crate::track::{Anomaly, WAITING, Watched};

/// Function called with each event.
pub(crate) type Callback = Box<dyn FnMut(&Anomaly) + Send>;

/// A thread that watches a registry for anomalies. It ends when this is dropped.
///
/// Any thread may call any method concurrently.
#[derive(Debug)]
pub struct Watch {
    watched: PlainArc<Watched>,
    thread: Option<OwnThread>,
}

impl Watch {
    pub(crate) fn start(registry: Registry, settings: WatchSettings, mut callback: Option<Callback>) -> Result<Self> {
        if settings.every.is_zero() {
            return Err(Error::invalid("every", "0 s", "more than 0 s"));
        }
        let watched = PlainArc::new(Watched::default());
        let theirs = PlainArc::clone(&watched);
        registry.add_watch(&watched);
        let run = move || {
            let mut detector = Detector::new(settings);
            let Some(mut state) = theirs.lock() else { return };
            while !state.is_over {
                drop(state);
                let events = detector.look(&registry);
                if let Some(callback) = &mut callback {
                    events.iter().for_each(&mut *callback);
                }
                let found = detector.found();
                let is_news = !events.is_empty();
                let Some(locked) = theirs.lock() else { return };
                state = locked;
                state.found = found;
                state.events.extend(events);
                if is_news {
                    drop(state);
                    publish(&registry);
                    let Some(locked) = theirs.lock() else { return };
                    state = locked;
                }
                while state.events.len() > WAITING {
                    state.events.pop_front();
                    state.dropped += 1;
                }
                theirs.changed.notify_all();
                let until = Instant::now() + settings.every;
                while !state.is_over {
                    let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                        break;
                    };
                    state = theirs.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        };
        let thread = thread::Builder::new().name("capbuf-watch".into()).spawn(run);
        let thread = thread.map_err(|error| Error::system("starting the watch thread", error))?;
        Ok(Self { watched, thread: Some(OwnThread::new(thread)) })
    }

    /// Returns the next event; waits for one up to `timeout`. `None` on timeout.
    ///
    /// Up to 1 024 events are queued. When the queue is full the oldest is dropped, and counted by
    /// [`Watch::dropped`].
    pub fn next_event(&self, timeout: Duration) -> Option<Anomaly> {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.watched.lock()?;
        loop {
            if let Some(event) = state.events.pop_front() {
                return Some(event);
            }
            let left = match until {
                Some(until) => until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?,
                // `until` overflows: there is no deadline.
                None => Duration::from_secs(3600),
            };
            state = self.watched.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Fails in a child of the process that watches: there are no events.
    ///
    /// # Errors
    /// [`Error::Forked`].
    #[doc(hidden)]
    pub fn check_process(&self) -> Result<()> {
        if self.watched.is_inherited() {
            return Err(Error::Forked { what: "the watch".to_owned() });
        }
        Ok(())
    }

    /// Returns the number of events dropped from the full queue.
    pub fn dropped(&self) -> u64 {
        self.watched.lock().map_or(0, |state| state.dropped)
    }

    /// Returns the anomalies found so far, oldest first: the newest 1 024.
    pub fn found(&self) -> Vec<Anomaly> {
        self.watched.found()
    }
}

/// Publishes what the watches of a registry have found to the other processes of its domain.
fn publish(registry: &Registry) {
    /// The newest ones.
    const PUBLISHED: usize = 256;
    let Some(domain) = registry.domain_itself() else { return };
    let mut found = registry.anomalies();
    found.sort_by_key(|anomaly| std::cmp::Reverse(anomaly.last_utc_ns));
    let lines = found.iter().take(PUBLISHED).map(|anomaly| anomaly.to_json() + "\n");
    // Without room in the domain only this process knows.
    let _ = domain.publish_findings(&lines.collect::<String>());
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A child has no such thread, and may have inherited the lock as it was held.
        let Some(mut state) = self.watched.lock() else { return };
        state.is_over = true;
        drop(state);
        self.watched.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // Not from a callback that drops its own watch.
            thread.join();
        }
    }
}
