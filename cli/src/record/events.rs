//! What a recording waits for: signals and sources that have been opened.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use capbuf_capture::{Capture, Error};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use crate::failure::Failure;
use crate::interrupt;

/// Something that happened. Sources are told by their number on the command line.
#[derive(Debug)]
pub(super) enum Event {
    /// The opening of a source has ended, well or not.
    Opened(usize, Result<Capture, Error>),
    /// Opening a source failed; it will be tried again.
    OpeningFailed(usize, Error),
    /// SIGUSR1.
    WriteClips,
    /// SIGINT or SIGTERM.
    RunOutcome,
}

/// Where events come together.
#[derive(Debug)]
pub(super) struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
}

/// Begins to listen to signals.
pub(super) fn listen() -> Result<Events, Failure> {
    let failed = |error: io::Error| Failure::Run(format!("can't listen to signals: {error}"));
    let (sender, receiver) = channel();
    interrupt::end_at_once_if_repeated().map_err(failed)?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1]).map_err(failed)?;
    let to = sender.clone();
    let listener = thread::Builder::new().name("capbuf-signals".to_owned());
    let listen = move || {
        for signal in signals.forever() {
            let event = if signal == SIGUSR1 { Event::WriteClips } else { Event::RunOutcome };
            if to.send(event).is_err() {
                break;
            }
        }
    };
    listener.spawn(listen).map_err(failed)?;
    Ok(Events { sender, receiver })
}

impl Events {
    /// Where to send an event to.
    pub(super) fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }

    /// Waits for an event, but no longer than until then.
    pub(super) fn wait_until(&self, then: Instant) -> Option<Event> {
        self.receiver.recv_timeout(then.saturating_duration_since(Instant::now())).ok()
    }
}
