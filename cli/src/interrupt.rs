//! SIGINT and SIGTERM: the first one ends a command gracefully, the second one immediately.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use crate::failure::Failure;

/// Exit code of an interrupted process, as shells report it.
const INTERRUPTED: i32 = 130;

/// Ends the process at the second signal, whatever it is waiting for.
///
/// The first signal sets the returned flag.
pub(crate) fn end_at_once_if_repeated() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal sets the flag, the second one finds it set.
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Repeated signals of a command that has audio to write. Clones share it.
///
/// The second signal ends the process, but not before all is written; the third one does at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repeats {
    shared: Arc<Mutex<Signalled>>,
}

#[derive(Debug, Default)]
struct Signalled {
    times: u32,
    is_all_written: bool,
}

impl Repeats {
    fn lock(&self) -> MutexGuard<'_, Signalled> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a signal. Called on the thread that handles signals.
    pub(crate) fn add(&self) {
        let mut signalled = self.lock();
        signalled.times += 1;
        if signalled.times > 2 || signalled.times == 2 && signalled.is_all_written {
            low_level::exit(INTERRUPTED);
        }
    }

    /// Notes that all is written: ends the process if it was signalled twice.
    pub(crate) fn all_is_written(&self) {
        let mut signalled = self.lock();
        signalled.is_all_written = true;
        if signalled.times > 1 {
            low_level::exit(INTERRUPTED);
        }
    }
}

/// Starts to handle signals. The receiver gets a message for each one.
pub(crate) fn listen() -> Result<Receiver<()>, Failure> {
    let failed = |error: io::Error| Failure::Run(format!("can't handle signals: {error}"));
    end_at_once_if_repeated().map_err(failed)?;
    let (sender, receiver) = channel();
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let listen = move || signals.forever().try_for_each(|_| sender.send(()));
    thread::Builder::new().name("capbuf-signals".to_owned()).spawn(listen).map_err(failed)?;
    Ok(receiver)
}
