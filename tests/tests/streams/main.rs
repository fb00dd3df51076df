//! Streams of odd and hostile servers: what they hold is recorded as it is, what can't be is
//! refused with its reason, and nothing of this machine is recorded in their name.
#![allow(clippy::unwrap_used, clippy::panic)]

mod certificates;
mod ends;
mod formats;
mod limits;
mod local;
mod opening;
mod priming;
mod sender;
mod tracks;
mod uneven;

use std::time::Duration;

use capbuf::{Registry, Spec};
use capbuf_capture::{Backoff, Capture, CaptureOptions, Error, State};
use capbuf_tests::{OddPort, OddServer, wait_until};

/// Far longer than any wait takes, so that a busy machine fails no test.
const DEADLINE: Duration = Duration::from_secs(60);

/// A capture, with its registry.
struct Recording {
    capture: Capture,
    _registry: Registry,
}

impl Recording {
    fn start(url: &str, options: &CaptureOptions) -> Result<Self, Error> {
        // A lost source stays lost for as long as a test looks.
        let options = options.clone().backoff(Backoff::new(10 * DEADLINE, 10 * DEADLINE));
        let registry = Registry::private();
        Capture::start(&registry, url, &options).map(|capture| Self { capture, _registry: registry })
    }

    fn open(url: &str) -> Self {
        Self::start(url, &CaptureOptions::new()).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn spec(&self) -> Spec {
        *self.capture.buffer().spec()
    }

    fn frames(&self) -> u64 {
        self.capture.buffer().frames().end
    }

    fn wait_for_frames(&self, frames: u64) {
        assert!(wait_until(DEADLINE, || self.frames() >= frames), "{} frames: {}", self.frames(), self.capture.state());
    }

    /// Waits until the source has ended or is lost.
    fn last_state(&self) -> State {
        let is_over = || !matches!(self.capture.state(), State::Starting | State::Running);
        assert!(wait_until(DEADLINE, is_over), "{}", self.capture.state());
        self.capture.state()
    }
}

/// Asserts that a stream can't be opened, and returns the reason, which has no password.
fn refused(url: &str, options: &CaptureOptions) -> Error {
    let Err(error) = Recording::start(url, options) else { panic!("{url} is recorded") };
    let shown = error.to_string();
    assert!(!shown.contains("sesame") && !shown.contains(char::is_control), "{shown}");
    error
}

/// Asserts that a stream can't be opened for a reason.
fn refused_as(url: &str, reason: &str) {
    let shown = refused(url, &CaptureOptions::new()).to_string();
    assert!(shown.contains(reason), "{url}: {shown}\nexpected: {reason}");
}

/// Returns the URL of an RTSP path without a login.
fn rtsp(server: &OddServer, path: &str) -> String {
    format!("rtsp://127.0.0.1:{}/{path}", server.port(OddPort::Plain))
}
