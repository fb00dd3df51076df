//! The sources of a recording, from being opened to their end.

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use capbuf::{CaptureBuffer, Registry};
use capbuf_capture::{Backoff, Capture, CaptureOptions, Error, State, Stop};

use super::events::{Event, Events};
use crate::failure::Failure;

/// One source of a recording.
#[derive(Debug)]
pub(super) struct Recording {
    /// Without credentials.
    pub(super) source_name: String,
    /// `None` while it is being opened.
    capture: Option<Capture>,
    /// Why it could not be opened last time.
    last_error: Option<Error>,
}

impl Recording {
    /// Notes that the source has been opened.
    pub(super) fn opened(&mut self, capture: Capture) {
        self.capture = Some(capture);
    }

    /// Notes that opening has failed, and will be tried again.
    pub(super) fn failed(&mut self, error: Error) {
        self.last_error = Some(error);
    }

    /// The source's buffer, once there is one.
    pub(super) fn buffer(&self) -> Option<&CaptureBuffer> {
        self.capture.as_ref().map(Capture::buffer)
    }

    /// What it is doing, in words.
    pub(super) fn describe(&self) -> String {
        match (&self.capture, &self.last_error) {
            (Some(capture), _) => capture.state().to_string(),
            (None, Some(error)) => format!("opening: {error}"),
            (None, None) => "opening".to_owned(),
        }
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        let state = self.capture.as_ref().map(Capture::state);
        matches!(state, Some(State::Finished | State::Failed { .. } | State::Stopped))
    }

    /// Why it failed for good, if it did.
    pub(super) fn failure(&self) -> Option<Error> {
        match self.capture.as_ref()?.state() {
            State::Failed { reason } => Some(reason),
            _ => None,
        }
    }

    /// Asks it to stop, and does not wait.
    pub(super) fn request_stop(&self) {
        self.capture.iter().for_each(Capture::request_stop);
    }
}

/// Begins to open sources, all at once; each tells by an event how it went. With `retry`, failures are told and tried again
/// until stopping is asked.
pub(super) fn open_all(
    registry: &Registry,
    sources: &[String],
    options: &CaptureOptions,
    retry: bool,
    stop: &Stop,
    events: &Events,
) -> Result<(Vec<Recording>, Openings), Failure> {
    let (alive, ended) = channel();
    let open = |(number, source): (usize, &String)| {
        let (registry, options) = (registry.clone(), options.clone());
        let (source, stop, events) = (source.clone(), stop.clone(), events.sender());
        let (source_name, alive) = (capbuf::redact(&source), alive.clone());
        let open = move || {
            let mut backoff = Backoff::default();
            loop {
                match Capture::start(&registry, &source, &options) {
                    Err(error) if retry && !error.is_permanent() => {
                        // Nobody listens any more once the recording ends.
                        let _ = events.send(Event::OpeningFailed(number, error));
                        if stop.sleep(backoff.after_run(Duration::ZERO)) {
                            break;
                        }
                    }
                    done => {
                        let _ = events.send(Event::Opened(number, done));
                        break;
                    }
                }
            }
            drop(registry);
            drop(alive);
        };
        let thread = thread::Builder::new().name("capbuf-opening".to_owned());
        thread.spawn(open).map_err(|error| Failure::Run(format!("can't start a thread: {error}")))?;
        Ok(Recording { source_name, capture: None, last_error: None })
    };
    let recordings = sources.iter().enumerate().map(open).collect::<Result<_, Failure>>()?;
    Ok((recordings, Openings { ended }))
}

/// The threads that open sources. Each has the registry open: with it buffers that are to stay only while they are open.
#[derive(Debug)]
pub(super) struct Openings {
    /// Gets no word, but ends with the last thread.
    ended: Receiver<Infallible>,
}

impl Openings {
    /// Waits until none is left that opens a source, but not for long: what one leaves behind that is held up by its device is
    /// swept by the next process.
    pub(super) fn wait_for_end(self) {
        const DEADLINE: Duration = Duration::from_secs(1);
        let _ = self.ended.recv_timeout(DEADLINE);
    }
}
