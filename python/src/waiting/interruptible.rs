//! Calls that may be held up by something else: another process, a driver, a server.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use pyo3::prelude::*;

use crate::errors;
use crate::waiting::SLICE;

/// Runs a call on a thread of its own and waits for it, detached, in slices that a signal can end.
///
/// After a signal the call goes on by itself, and what it returns is dropped.
pub(crate) fn interruptible<R: Send + 'static>(
    py: Python<'_>,
    call: impl FnOnce() -> R + Send + 'static,
) -> PyResult<R> {
    let (tell, told) = sync_channel(1);
    let thread = std::thread::Builder::new().name("capbuf-call".to_owned());
    let spawned = thread.spawn(move || {
        // Nobody listens any more after a signal.
        let _ = tell.send(call());
    });
    spawned.map_err(|error| errors::thread(py, &error.to_string()))?;
    let mut told = told;
    loop {
        let outcome;
        (told, outcome) = py.detach(move || {
            let outcome = told.recv_timeout(SLICE);
            (told, outcome)
        });
        match outcome {
            Ok(returned) => return Ok(returned),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Err(errors::thread(py, "it panicked")),
        }
    }
}
