//! One source of a recording, from its opening to its end.

use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Registry};
use capbuf_capture::{CaptureOptions, Error, State, Supervised};

use super::events::{Event, Events};
use crate::failure::Failure;

/// One source of a recording.
#[derive(Debug)]
pub(super) struct Recording {
    /// Without credentials.
    pub(super) source_name: String,
    supervised: Supervised,
    is_open: bool,
    /// Why opening failed last time.
    last_error: Option<Error>,
}

/// A step of opening a source.
#[derive(Debug)]
pub(super) enum Opening {
    /// The source has been opened since the last call, with this buffer.
    Opened(CaptureBuffer),
    /// The source cannot be opened, and is not tried again.
    Refused(Error),
    /// Nothing to report.
    Unchanged,
}

/// Starts to open all sources at the same time. Each change of their states is an event.
pub(super) fn open_all(
    registry: &Registry,
    sources: &[String],
    options: &CaptureOptions,
    events: &Events,
) -> Result<Vec<Recording>, Failure> {
    let open = |source: &String| {
        let sender = events.sender();
        // The receiver is gone once the recording ends.
        let on_change = move |_: &_| drop(sender.send(Event::StateChanged));
        let supervised = Supervised::begin_with(registry, source, options, on_change)?;
        Ok(Recording { source_name: capbuf::redact(source), supervised, is_open: false, last_error: None })
    };
    sources.iter().map(open).collect()
}

/// Stops all sources, and waits for them.
pub(super) fn stop_all(recordings: Vec<Recording>) {
    /// Time to wait for sources that never opened, all together. One that is blocked by its
    /// device leaves a buffer behind at most, which the next process of the domain removes.
    const OPENING_DEADLINE: Duration = Duration::from_secs(1);
    /// Time to wait for the others, all together.
    const OPEN_DEADLINE: Duration = Duration::from_secs(4);
    recordings.iter().for_each(|recording| recording.supervised.request_stop());
    let (open, opening): (Vec<_>, Vec<_>) = recordings.into_iter().partition(|recording| recording.is_open);
    for (recordings, within) in [(open, OPEN_DEADLINE), (opening, OPENING_DEADLINE)] {
        let deadline = Instant::now() + within;
        for recording in recordings {
            recording.supervised.stop_within(deadline.saturating_duration_since(Instant::now()));
        }
    }
}

impl Recording {
    /// Returns whether the source has been opened, or refused, since the last call. Without
    /// `retry`, a source that does not open before the deadline is refused, also while its device
    /// blocks it.
    pub(super) fn poll_opening(&mut self, retry: bool) -> Opening {
        if self.is_open {
            return Opening::Unchanged;
        }
        // Read before the buffer: a buffer exists if the source runs.
        let state = self.supervised.state();
        if let Some(buffer) = self.supervised.buffer() {
            self.is_open = true;
            return Opening::Opened(buffer);
        }
        match state {
            State::Failed { reason } => Opening::Refused(reason),
            State::Stalled { reason } if !retry => Opening::Refused(reason),
            state => {
                self.last_error = state.reason().cloned().or(self.last_error.take());
                Opening::Unchanged
            }
        }
    }

    /// Returns the buffer of the source, once it has been opened.
    pub(super) fn buffer(&self) -> Option<CaptureBuffer> {
        self.supervised.buffer().filter(|_| self.is_open)
    }

    /// Describes the state for the status line.
    pub(super) fn describe(&self) -> String {
        match &self.last_error {
            _ if self.is_open => self.supervised.state().to_string(),
            Some(error) => format!("opening: {error}"),
            None => "opening".to_owned(),
        }
    }

    /// Returns whether the source has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.is_open && self.supervised.state().has_ended()
    }

    /// Returns why the source failed for good after it had been opened, if it did.
    pub(super) fn failure(&self) -> Option<Error> {
        match self.supervised.state() {
            State::Failed { reason } if self.is_open => Some(reason),
            _ => None,
        }
    }
}
