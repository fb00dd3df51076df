//! What the daemon waits for: signals, and a configuration file that changes.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;
use crate::interrupt;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The file is to be read again.
    Reload,
    /// It is time to end.
    RunOutcome,
    /// Nothing, for a while.
    Tick,
}

/// What tells a file from the one that had its name before.
type Identity = (u64, u64, i64, i64);

/// Where events come from.
pub(super) struct Events {
    signals: Receiver<Event>,
    file: PathBuf,
    read: Option<Identity>,
    /// What the file was at the last look: it is read when it stays as it is for one.
    changed: Option<Identity>,
}

/// How often a file is looked at, and the service manager is told that all is well.
const TICK: Duration = Duration::from_millis(500);

impl Events {
    /// Begins to listen to signals, and to look at a file.
    pub(super) fn listen(file: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::Run(format!("can't listen to signals: {error}"));
        interrupt::end_at_once_if_repeated().map_err(failed)?;
        let (sender, receiver) = channel();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
        let listen = move || {
            signals.forever().try_for_each(|signal| {
                let event = if signal == SIGHUP { Event::Reload } else { Event::RunOutcome };
                sender.send(event)
            })
        };
        thread::Builder::new().name("capbuf-signals".to_owned()).spawn(listen).map_err(failed)?;
        let read = identity(file);
        Ok(Self { signals: receiver, file: file.to_owned(), read, changed: None })
    }

    /// Waits for what happens next, half a second at most.
    pub(super) fn next(&mut self) -> Event {
        match self.signals.recv_timeout(TICK) {
            Ok(Event::Reload) => {
                self.read = identity(&self.file);
                Event::Reload
            }
            Ok(event) => event,
            Err(RecvTimeoutError::Disconnected) => Event::RunOutcome,
            Err(RecvTimeoutError::Timeout) => self.look(),
        }
    }

    fn look(&mut self) -> Event {
        let now = identity(&self.file);
        // One that is being replaced may be gone for a moment.
        if now.is_none() || now == self.read {
            self.changed = None;
            return Event::Tick;
        }
        if self.changed != now {
            self.changed = now;
            return Event::Tick;
        }
        (self.read, self.changed) = (now, None);
        Event::Reload
    }
}

fn identity(file: &Path) -> Option<Identity> {
    let of = |metadata: Metadata| (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    file.metadata().ok().map(of)
}
