//! Sound devices as sources, through cpal.
//!
//! Three threads have a part in it. The audio thread, which is cpal's, runs [`callback`] and nothing else. The thread that runs
//! the source watches flags that the audio thread sets: most failures of a device give no error, only silence in the
//! literal sense. A callback for errors, which may come a million times a second, sets one of those flags.

mod alsa_words;
mod callback;
mod choose;
mod hosts;

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use capbuf::Writer;
use cpal::traits::{DeviceTrait, StreamTrait};

use crate::error::{Error, Result};
use crate::locator::DeviceHost;
use crate::source::{End, Format, Source, Wish};
use crate::stop::Stop;
use alsa_words::AlsaWords;
use callback::{Inlet, Watch};
use choose::Choice;
use hosts::Hosts;
pub use hosts::{DeviceInfo, devices};

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
    inlet: Inlet,
    watch: Watch,
    /// Dropping it ends the callback, and with it the writer.
    _stream: cpal::Stream,
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
    fn open(&mut self, wish: &Wish, stop: &Stop) -> Result<Format> {
        self.opened = None;
        let words = AlsaWords::listen();
        let (host, device) = self.hosts.find()?;
        let name = self.hosts.name(&device);
        let failed = |error: cpal::Error| {
            let reason = match words.first() {
                Some(said) => format!("{error} ALSA says: {said}"),
                None => error.to_string(),
            };
            Error::Device { name: name.clone(), reason }
        };
        let offered: Vec<_> = device.supported_input_configs().map_err(failed)?.collect();
        let own = device.default_input_config().map_err(failed)?;
        let choice = Choice::make(&name, &offered, &own, host == DeviceHost::PulseAudio, wish)?;

        // Not every device can have blocks of the size that is asked.
        let opened = match start(&device, &choice, choice.block(), &name) {
            Err(error) if error.kind() == cpal::ErrorKind::UnsupportedConfig => {
                start(&device, &choice, cpal::BufferSize::Default, &name)
            }
            started => started,
        };
        let opened = opened.map_err(failed)?;
        let started = Instant::now();
        while opened.watch.chunks() < SETTLED_AFTER_CHUNKS {
            if let Some(reason) = opened.watch.lost() {
                return Err(Error::Device { name, reason });
            }
            if started.elapsed() > FIRST_FRAMES_WITHIN || stop.sleep(Duration::from_millis(5)) {
                return Err(Error::OpenTimedOut { source_name: name, waited: FIRST_FRAMES_WITHIN });
            }
        }
        self.opened = Some(opened);
        Ok(choice.format)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<End> {
        let Some(opened) = self.opened.take() else {
            return Err(Error::Device { name: self.hosts.wanted(), reason: "it was not opened".to_owned() });
        };
        let source = writer.buffer().source().clone();
        let rate = writer.buffer().spec().sample_rate_hz();
        opened.inlet.put(writer);
        let ended = opened.watch_until_end(stop, &source, rate);
        // The connection to a sound server ends with the last stream on it, but only if nobody else holds it by then.
        self.hosts.forget();
        opened.close();
        ended
    }
}

/// Closing a stream asks the sound server, and one that hangs does not answer.
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

    fn watch_until_end(&self, stop: &Stop, source: &capbuf::Source, sample_rate_hz: u32) -> Result<End> {
        let (began, frames_before) = (Instant::now(), self.watch.frames());
        let mut seen = (self.watch.chunks(), began);
        loop {
            if stop.sleep(LOOK_EVERY) {
                return Ok(End::Stopped);
            }
            if self.watch.is_removed() {
                return Err(capbuf::Error::Removed { source_name: source.clone() }.into());
            }
            if let Some(reason) = self.watch.lost() {
                return Err(Error::Device { name: self.name.clone(), reason });
            }
            let delivered_s = (self.watch.frames() - frames_before) as f64 / f64::from(sample_rate_hz);
            if delivered_s > began.elapsed().as_secs_f64() * 1.5 + FAST_FOR.as_secs_f64() {
                let reason = "it delivers faster than real time, so it is no microphone".to_owned();
                return Err(Error::Device { name: self.name.clone(), reason });
            }
            let chunks = self.watch.chunks();
            if chunks != seen.0 {
                seen = (chunks, Instant::now());
            } else if seen.1.elapsed() > STALLED_AFTER {
                return Err(Error::Stalled { source_name: source.to_string(), waited: STALLED_AFTER });
            }
        }
    }
}

/// Builds a stream and starts it. Its frames are dropped until a writer is put into the inlet.
fn start(
    device: &cpal::Device,
    choice: &Choice,
    buffer_size: cpal::BufferSize,
    name: &str,
) -> std::result::Result<Opened, cpal::Error> {
    let (inlet, mut callback) = callback::make(choice);
    let watch = callback.watch();
    let errors = callback.watch();
    let stream = device.build_input_stream_raw(
        cpal::StreamConfig { buffer_size, ..choice.config },
        choice.device_format,
        move |data, info| callback.take(data, info),
        move |error| errors.note(&error),
        Some(FIRST_FRAMES_WITHIN),
    )?;
    stream.play()?;
    Ok(Opened { name: name.to_owned(), inlet, watch, _stream: stream })
}
