//! The events of the daemon: signals, and changes of the configuration file.

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

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Read the file again: it changed, or SIGHUP came.
    Reload,
    /// SIGINT or SIGTERM.
    Stop,
    /// No event for [`TICK`].
    Tick,
}

/// Inode, size and modification time: differ if the file was written or replaced.
type Identity = (u64, u64, i64, i64);

/// The sources of events.
pub(super) struct Events {
    signals: Receiver<Event>,
    file: PathBuf,
    read: Option<Identity>,
    /// A changed file at the last look. It is read once two looks find it the same.
    changed: Option<Identity>,
}

/// Interval of the looks at the file and of the notifications to the service manager.
const TICK: Duration = Duration::from_millis(500);

impl Events {
    /// Starts to handle signals and to watch a file.
    pub(super) fn listen(file: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::Run(format!("can't handle signals: {error}"));
        interrupt::end_at_once_if_repeated().map_err(failed)?;
        let (sender, receiver) = channel();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
        let listen = move || {
            signals.forever().try_for_each(|signal| {
                let event = if signal == SIGHUP { Event::Reload } else { Event::Stop };
                sender.send(event)
            })
        };
        thread::Builder::new().name("capbuf-signals".to_owned()).spawn(listen).map_err(failed)?;
        let read = identity(file);
        Ok(Self { signals: receiver, file: file.to_owned(), read, changed: None })
    }

    /// Waits for the next event, at most [`TICK`].
    pub(super) fn next(&mut self) -> Event {
        match self.signals.recv_timeout(TICK) {
            Ok(Event::Reload) => {
                self.read = identity(&self.file);
                Event::Reload
            }
            Ok(event) => event,
            Err(RecvTimeoutError::Disconnected) => Event::Stop,
            Err(RecvTimeoutError::Timeout) => self.look(),
        }
    }

    fn look(&mut self) -> Event {
        let now = identity(&self.file);
        // A file that is being replaced may be missing for a moment.
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
