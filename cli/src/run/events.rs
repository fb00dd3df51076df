//! The events of the daemon: signals, and reports of its other threads.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::configurer::Request;
use crate::failure::Failure;
use crate::interrupt::Repeats;

/// An event.
#[derive(Debug)]
pub(super) enum Event {
    /// SIGINT or SIGTERM.
    Stop,
    /// No event for [`TICK`].
    Tick,
    /// The first configuration can't be applied.
    Failed(Failure),
    /// The sources were stopped; true if all are closed.
    SourcesStopped(bool),
    /// The thread of the configuration has ended.
    ConfigurerEnded,
}

/// The queue of events.
pub(super) struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    pub(super) repeats: Repeats,
}

/// Interval of the notifications to the service manager.
const TICK: Duration = Duration::from_millis(500);

impl Events {
    /// Starts to handle signals. SIGHUP is a request to the thread of the configuration.
    pub(super) fn listen(requests: Sender<Request>) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::Run(format!("can't handle signals: {error}"));
        let ((sender, receiver), repeats) = (channel(), Repeats::default());
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
        let own = Self { sender: sender.clone(), receiver, repeats: repeats.clone() };
        let listen = move || {
            for signal in signals.forever() {
                // The receivers live as long as they can use it.
                if signal == SIGHUP {
                    let _ = requests.send(Request::Reload);
                } else {
                    repeats.add();
                    let _ = sender.send(Event::Stop);
                }
            }
        };
        thread::Builder::new().name("capbuf-signals".to_owned()).spawn(listen).map_err(failed)?;
        Ok(own)
    }

    /// Returns a sender of events.
    pub(super) fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }

    /// Waits for the next event, at most [`TICK`].
    pub(super) fn next(&self) -> Event {
        self.next_until(Instant::now() + TICK)
    }

    /// Waits for the next event until `deadline`, then returns [`Event::Tick`].
    pub(super) fn next_until(&self, deadline: Instant) -> Event {
        match self.receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Event::Tick,
        }
    }
}
