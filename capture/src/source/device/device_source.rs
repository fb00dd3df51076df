//! A sound device as a source.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use capbuf::Writer;

use super::alsa_errors::AlsaErrors;
use super::choose::Choice;
use super::host::{FIRST_FRAMES_WITHIN, Started};
use super::hosts::Hosts;
use crate::error::{Error, Result};
use crate::source::contract::{RunOutcome, Source};
use crate::source::format::{Format, RequestedFormat};
use crate::source::locator::DeviceHost;
use crate::source::processing::output::Output;
use crate::stop::Stop;

/// A device without a frame for this long is lost: ALSA and PulseAudio deliver many times a second.
const STALLED_AFTER: Duration = Duration::from_secs(3);
/// The most audio that a device delivers in one burst after this process was suspended.
const FAST_FOR: Duration = Duration::from_secs(5);
/// A device that is faster has no clock. The watchdog finds those whose clock is wrong.
const FASTEST: f64 = 5.0;
/// Interval between polls of the status.
const POLL_EVERY: Duration = Duration::from_millis(100);
/// Opening waits for this number of chunks, over which the delay is averaged.
const SETTLED_AFTER_CHUNKS: u64 = 4;

/// A device as a source.
pub(crate) struct DeviceSource {
    hosts: Hosts,
    opened: Option<Opened>,
}

/// A device that is delivering.
struct Opened {
    name: String,
    started: Started,
}

impl DeviceSource {
    pub(crate) fn default_device() -> Self {
        Self { hosts: Hosts::for_default(), opened: None }
    }

    pub(crate) fn named(host: DeviceHost, name: &str) -> Self {
        Self { hosts: Hosts::for_named(host, name), opened: None }
    }
}

impl Source for DeviceSource {
    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format> {
        self.opened = None;
        let alsa_errors = AlsaErrors::collect();
        let explained = |reason: String| match alsa_errors.first() {
            Some(cause) => format!("{reason}; ALSA says: {cause}"),
            None => reason,
        };
        let device = self.hosts.find().map_err(|error| match error {
            Error::Device { name, reason } => Error::Device { name, reason: explained(reason) },
            other => other,
        })?;
        let name = device.name();
        let failed = |error: String| Error::Device { name: name.clone(), reason: explained(error) };
        let offer = device.offer().map_err(failed)?;
        let choice = Choice::make(&name, &offer, requested)?;
        let started = device.start(&choice).map_err(failed)?;
        let opened = Opened { name: name.clone(), started };
        let began = Instant::now();
        while opened.started.status.chunks() < SETTLED_AFTER_CHUNKS {
            if let Some(reason) = opened.started.status.lost() {
                return Err(Error::Device { name, reason });
            }
            if began.elapsed() > FIRST_FRAMES_WITHIN || stop.sleep(Duration::from_millis(5)) {
                return Err(Error::OpenTimedOut { source_name: name, waited: FIRST_FRAMES_WITHIN, reason: None });
            }
        }
        self.opened = Some(opened);
        Ok(choice.format)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        self.run_into(Output::direct(writer), stop)
    }

    fn run_into(&mut self, output: Output, stop: &Stop) -> Result<RunOutcome> {
        let Some(opened) = self.opened.take() else {
            return Err(Error::Device { name: self.hosts.requested_name(), reason: "it was not opened".to_owned() });
        };
        let source = output.buffer().source().clone();
        let rate = output.format().sample_rate_hz;
        opened.started.writer_slot.put(output);
        let ended = opened.poll_until_end(stop, &source, rate);
        opened.close();
        ended
    }
}

/// Time to wait for a stream to close: a driver or sound server that hangs never returns.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

impl Opened {
    /// Closes the stream on another thread. If that takes long it continues there; the writer is
    /// dropped at its end.
    fn close(self) {
        let (done, closed) = sync_channel(1);
        let close = move || {
            drop(self);
            // The receiver is gone after the timeout.
            let _ = done.send(());
        };
        // If no thread can be started, the closure is dropped here, which closes the stream.
        if thread::Builder::new().name("capbuf-closing".to_owned()).spawn(close).is_ok() {
            let _ = closed.recv_timeout(CLOSED_WITHIN);
        }
    }

    fn poll_until_end(&self, stop: &Stop, source: &capbuf::Source, sample_rate_hz: u32) -> Result<RunOutcome> {
        let status = &self.started.status;
        let (began, frames_before) = (Instant::now(), status.frames());
        // Polls are counted instead of time: while the process is suspended, captured frames wait.
        let (mut seen_chunks, mut quiet_polls) = (status.chunks(), 0);
        loop {
            if stop.sleep(POLL_EVERY) {
                return Ok(RunOutcome::Stopped);
            }
            if status.is_removed() {
                return Err(capbuf::Error::Removed { source_name: source.clone() }.into());
            }
            if let Some(reason) = status.lost() {
                return Err(Error::Device { name: self.name.clone(), reason });
            }
            let delivered_s = (status.frames() - frames_before) as f64 / f64::from(sample_rate_hz);
            if delivered_s > began.elapsed().as_secs_f64() * FASTEST + FAST_FOR.as_secs_f64() {
                let reason = "it delivers faster than real time, so it is no microphone".to_owned();
                return Err(Error::Device { name: self.name.clone(), reason });
            }
            let chunks = status.chunks();
            if chunks != seen_chunks {
                (seen_chunks, quiet_polls) = (chunks, 0);
            } else {
                quiet_polls += 1;
                if POLL_EVERY * quiet_polls > STALLED_AFTER {
                    return Err(Error::Stalled { source_name: source.to_string(), waited: STALLED_AFTER });
                }
            }
        }
    }
}
