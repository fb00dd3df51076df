//! Sound devices as sources: ALSA's through cpal, a sound server's through its own protocol.
//!
//! Two threads have a part in it. The audio thread takes what the device delivers to [`callback`]; it is cpal's for a card, and
//! the one that reads the connection for a server. The thread that runs the source watches flags that the audio thread
//! sets: most failures of a device give no error, only silence in the literal sense. An error of cpal's, which may come a
//! million times a second, sets one of those flags.

mod alsa;
mod alsa_words;
mod callback;
mod choose;
mod hosts;
mod pulse;
mod stable;

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use capbuf::Writer;

use crate::error::{Error, Result};
use crate::locator::DeviceHost;
use crate::source::{Format, RequestedFormat, RunOutcome, Source};
use crate::stop::Stop;
use alsa_words::AlsaWords;
use choose::Choice;
pub use hosts::{DeviceInfo, devices};
use hosts::{Hosts, Started};
pub use stable::alsa_name;

/// A device that went this long without a frame is lost. ALSA and PulseAudio deliver many times a second or not at all.
const STALLED_AFTER: Duration = Duration::from_secs(3);
/// A device that has just been started may have to wake up first.
const FIRST_FRAMES_WITHIN: Duration = Duration::from_secs(5);
/// What a device delivers at once when a reader that was held up comes back is less than this.
const FAST_FOR: Duration = Duration::from_secs(5);
/// How often the flags are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// While a device is being opened its first frames are waited for, and its delay is measured on so many chunks.
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
    fn open(&mut self, wish: &RequestedFormat, stop: &Stop) -> Result<Format> {
        self.opened = None;
        let words = AlsaWords::listen();
        let device = self.hosts.find()?;
        let name = device.name();
        let failed = |said: String| {
            let reason = match words.first() {
                Some(cause) => format!("{said} ALSA says: {cause}"),
                None => said,
            };
            Error::Device { name: name.clone(), reason }
        };
        let offer = device.offer().map_err(failed)?;
        let choice = Choice::make(&name, &offer, wish)?;
        let started = device.start(&choice).map_err(failed)?;
        let opened = Opened { name: name.clone(), started };
        let began = Instant::now();
        while opened.started.watch.chunks() < SETTLED_AFTER_CHUNKS {
            if let Some(reason) = opened.started.watch.lost() {
                return Err(Error::Device { name, reason });
            }
            if began.elapsed() > FIRST_FRAMES_WITHIN || stop.sleep(Duration::from_millis(5)) {
                return Err(Error::OpenTimedOut { source_name: name, waited: FIRST_FRAMES_WITHIN });
            }
        }
        self.opened = Some(opened);
        Ok(choice.format)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let Some(opened) = self.opened.take() else {
            return Err(Error::Device { name: self.hosts.wanted(), reason: "it was not opened".to_owned() });
        };
        let source = writer.buffer().source().clone();
        let rate = writer.buffer().spec().sample_rate_hz();
        opened.started.inlet.put(writer);
        let ended = opened.watch_until_end(stop, &source, rate);
        opened.close();
        ended
    }
}

/// Closing a stream may ask the driver, or a sound server behind it, and one that hangs does not answer.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

impl Opened {
    /// Closes the stream. If that takes long it goes on elsewhere, and the writer is given back when it is done.
    fn close(self) {
        let (done, closed) = sync_channel(1);
        let close = move || {
            drop(self);
            // Whoever waits may have gone.
            let _ = done.send(());
        };
        // If there is no thread to be had, it was dropped, and closed, right here.
        if thread::Builder::new().name("capbuf-closing".to_owned()).spawn(close).is_ok() {
            let _ = closed.recv_timeout(CLOSED_WITHIN);
        }
    }

    fn watch_until_end(&self, stop: &Stop, source: &capbuf::Source, sample_rate_hz: u32) -> Result<RunOutcome> {
        let watch = &self.started.watch;
        let (began, frames_before) = (Instant::now(), watch.frames());
        // Looks are counted, not time: while this process is held up, what was captured waits for it.
        let (mut seen_chunks, mut quiet_looks) = (watch.chunks(), 0);
        loop {
            if stop.sleep(LOOK_EVERY) {
                return Ok(RunOutcome::Stopped);
            }
            if watch.is_removed() {
                return Err(capbuf::Error::Removed { source_name: source.clone() }.into());
            }
            if let Some(reason) = watch.lost() {
                return Err(Error::Device { name: self.name.clone(), reason });
            }
            let delivered_s = (watch.frames() - frames_before) as f64 / f64::from(sample_rate_hz);
            if delivered_s > began.elapsed().as_secs_f64() * 1.5 + FAST_FOR.as_secs_f64() {
                let reason = "it delivers faster than real time, so it is no microphone".to_owned();
                return Err(Error::Device { name: self.name.clone(), reason });
            }
            let chunks = watch.chunks();
            if chunks != seen_chunks {
                (seen_chunks, quiet_looks) = (chunks, 0);
            } else {
                quiet_looks += 1;
                if LOOK_EVERY * quiet_looks > STALLED_AFTER {
                    return Err(Error::Stalled { source_name: source.to_string(), waited: STALLED_AFTER });
                }
            }
        }
    }
}
