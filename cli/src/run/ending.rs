//! The end of the daemon: within five seconds, whatever hangs.

use std::thread;
use std::time::{Duration, Instant};

use super::configurer::Running;
use super::events::{Event, Events};

/// Time for all of it.
const WITHIN: Duration = Duration::from_millis(4500);
/// Time to wait for sources before the triggers write their clips.
const SOURCES_WITHIN: Duration = Duration::from_millis(2500);

/// Stops sources and triggers. Returns whether all are closed and the thread of the configuration,
/// which was requested to, has ended: then nothing delays the end of the process.
///
/// Sources are stopped first, so that the clips hold all that they have delivered. A second signal
/// ends the wait for them.
pub(super) fn stop(running: &Running, events: &Events) -> bool {
    let deadline = Instant::now() + WITHIN;
    let (station, sender) = (running.station.clone(), events.sender());
    let stop = move || {
        let closed = station.stop();
        drop(station);
        // The receiver is gone only with the process.
        let _ = sender.send(Event::SourcesStopped(closed));
    };
    // Without a thread, the closure is dropped, and the sources end with the process.
    let mut pending = Pending { closed: None, configurer_ended: false, is_repeated: false };
    if thread::Builder::new().name("capbuf-stop".to_owned()).spawn(stop).is_ok() {
        pending.wait(events, deadline - WITHIN + SOURCES_WITHIN, |pending| pending.closed.is_some());
    }
    let written = running.triggers.stop(deadline);
    events.repeats.all_is_written();
    pending.wait(events, deadline, |pending| pending.closed.is_some() && pending.configurer_ended);
    written && pending.closed == Some(true) && pending.configurer_ended
}

/// The state of the end.
struct Pending {
    /// True if all sources are closed; `None` until that is known.
    closed: Option<bool>,
    configurer_ended: bool,
    is_repeated: bool,
}

impl Pending {
    /// Handles events until `is_done`, a second signal, or `deadline`.
    fn wait(&mut self, events: &Events, deadline: Instant, is_done: impl Fn(&Self) -> bool) {
        while !is_done(self) && !self.is_repeated && Instant::now() < deadline {
            match events.next_until(deadline) {
                Event::Stop => self.is_repeated = true,
                Event::SourcesStopped(closed) => self.closed = Some(closed),
                Event::ConfigurerEnded => self.configurer_ended = true,
                Event::Failed(_) | Event::Tick => {}
            }
        }
    }
}
