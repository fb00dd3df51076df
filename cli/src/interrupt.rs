//! SIGINT and SIGTERM: the first one ends a command in good order, the second one at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// What the shell shows for a process that was interrupted.
const INTERRUPTED: i32 = 130;

/// Makes the second signal end the process at once, whatever holds it up. The first one sets the flag that is returned.
pub(crate) fn end_at_once_if_repeated() -> io::Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal sets the flag, the second one finds it set.
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&asked))?;
        flag::register(signal, Arc::clone(&asked))?;
    }
    Ok(asked)
}

/// Begins to listen; the receiver gets a word when the command is to end.
pub(crate) fn listen() -> Result<Receiver<()>, Failure> {
    let failed = |error: io::Error| Failure::Run(format!("can't listen to signals: {error}"));
    end_at_once_if_repeated().map_err(failed)?;
    let (sender, receiver) = channel();
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let listen = move || signals.forever().try_for_each(|_| sender.send(()));
    thread::Builder::new().name("capbuf-signals".to_owned()).spawn(listen).map_err(failed)?;
    Ok(receiver)
}
