//! The events of a recording: signals, and changes of its sources.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use crate::failure::Failure;
use crate::interrupt::Repeats;

/// An event.
#[derive(Debug)]
pub(super) enum Event {
    /// The state of a source has changed.
    StateChanged,
    /// SIGUSR1.
    WriteClips,
    /// SIGINT or SIGTERM.
    End,
}

/// The queue of events.
#[derive(Debug)]
pub(super) struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    pub(super) repeats: Repeats,
}

/// Starts to listen to signals.
pub(super) fn listen() -> Result<Events, Failure> {
    let failed = |error: io::Error| Failure::Run(format!("can't listen to signals: {error}"));
    let (sender, receiver) = channel();
    let repeats = Repeats::default();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1]).map_err(failed)?;
    let (to, counter) = (sender.clone(), repeats.clone());
    let listener = thread::Builder::new().name("capbuf-signals".to_owned());
    let listen = move || {
        for signal in signals.forever() {
            let event = if signal == SIGUSR1 { Event::WriteClips } else { Event::End };
            if signal != SIGUSR1 {
                counter.add();
            }
            if to.send(event).is_err() {
                break;
            }
        }
    };
    listener.spawn(listen).map_err(failed)?;
    Ok(Events { sender, receiver, repeats })
}

impl Events {
    /// Returns a sender of events.
    pub(super) fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }

    /// Waits for the next event, until `deadline`.
    pub(super) fn wait_until(&self, deadline: Instant) -> Option<Event> {
        self.receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }
}
