//! Calls that another process, a driver or a server may hold up.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use pyo3::prelude::*;

use super::SLICE;
use crate::errors;

/// Runs `call` on a thread of its own and waits for it, detached, in slices that a signal can end.
///
/// After a signal the call continues in the background and its result is dropped.
pub(crate) fn interruptible<R: Send + 'static>(
    py: Python<'_>,
    call: impl FnOnce() -> R + Send + 'static,
) -> PyResult<R> {
    let (sender, mut receiver) = sync_channel(1);
    let thread = std::thread::Builder::new().name("capbuf-call".to_owned());
    // Detached: without a thread the call is dropped here, which may wait for one that is attached.
    let spawned = py.detach(|| {
        thread.spawn(move || {
            // Fails after a signal, when the receiver is gone.
            let _ = sender.send(call());
        })
    });
    spawned.map_err(|error| errors::thread(py, &error.to_string()))?;
    loop {
        let received;
        // The receiver is not `Sync`: it moves into the detached closure and back.
        (receiver, received) = py.detach(move || {
            let received = receiver.recv_timeout(SLICE);
            (receiver, received)
        });
        match received {
            Ok(returned) => return Ok(returned),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Err(errors::thread(py, "it panicked")),
        }
    }
}
