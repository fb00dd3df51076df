//! A stream of audio from a device of ALSA.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use alsa::pcm::{Access, Frames, HwParams, PCM, State};
use alsa::poll::{Descriptors as _, Flags, poll, pollfd};
use alsa::{Result, ValueOr};
use capbuf::GapReason;
use rustix::io::Errno;

use super::formats;
use super::offer::parameters;
use crate::source::device::callback::{Age, Callback};
use crate::source::device::choose::Choice;
use crate::source::device::stream_status::{Lost, StreamStatus};

/// Blocks that the device may keep while this process is delayed; a device with less memory keeps
/// what it can.
const BUFFERED_BLOCKS: Frames = 5;
/// Interval at which the thread looks whether it is to end, if nothing wakes it.
const LOOK_EVERY_MS: i32 = 100;
/// Pause after a failure, or a wake-up without audio: some plugins repeat them without end.
const PAUSE: Duration = Duration::from_millis(2);

/// A running stream. Dropping it ends its thread within a tenth of a second, unless the driver
/// hangs.
pub(super) struct Stream {
    status: StreamStatus,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    /// Starts a stream in the chosen format of the device.
    ///
    /// # Errors
    /// If the device refuses, or no thread can be started.
    pub(super) fn start(pcm: PCM, choice: &Choice, callback: Callback) -> std::result::Result<Self, String> {
        let reader = Reader::new(pcm, choice, callback).map_err(|error| describe(&error))?;
        let status = reader.status.clone();
        let thread = thread::Builder::new().name("capbuf-alsa".to_owned()).spawn(move || reader.run());
        Ok(Self { status, thread: Some(thread.map_err(|error| error.to_string())?) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.status.set_closing();
        if let Some(thread) = self.thread.take() {
            // The writer is dropped with the thread.
            let _ = thread.join();
        }
    }
}

/// Returns the reason of an error.
pub(super) fn describe(error: &alsa::Error) -> String {
    match lost(error) {
        Lost::Failed => format!("it failed: {error}"),
        known => known.reason().to_owned(),
    }
}

fn lost(error: &alsa::Error) -> Lost {
    match errno(error) {
        Errno::NODEV | Errno::NOENT | Errno::NXIO => Lost::Gone,
        Errno::BUSY => Lost::Busy,
        Errno::ACCESS | Errno::PERM => Lost::Denied,
        Errno::NOMEM | Errno::MFILE | Errno::NFILE => Lost::Exhausted,
        _ => Lost::Failed,
    }
}

/// Returns the error's number; some functions of the library return it negated.
pub(super) fn errno(error: &alsa::Error) -> Errno {
    Errno::from_raw_os_error(error.errno().abs())
}

fn failure(errno: Errno) -> alsa::Error {
    alsa::Error::new("snd_pcm_state", errno.raw_os_error())
}

/// Chooses one configuration of a device, and returns the size of its periods.
fn configure(pcm: &PCM, choice: &Choice) -> Result<Frames> {
    let format = |parameters: &HwParams<'_>| {
        parameters.set_access(Access::RWInterleaved)?;
        parameters.set_format(formats::format(choice.device_format))?;
        parameters.set_channels(u32::from(choice.format.channels))?;
        parameters.set_rate(choice.format.sample_rate_hz, ValueOr::Nearest)
    };
    let sized = parameters(pcm)?;
    format(&sized)?;
    let block = Frames::from(choice.block_frames());
    // Not every device supports the requested sizes, or says so before they are applied.
    let is_sized = sized.set_buffer_size_near(block * BUFFERED_BLOCKS).is_ok_and(|buffer| {
        sized.set_period_size_near(block.min(buffer / 2).max(1), ValueOr::Nearest).is_ok()
            && pcm.hw_params(&sized).is_ok()
    });
    if !is_sized {
        let unsized_ = parameters(pcm)?;
        format(&unsized_)?;
        pcm.hw_params(&unsized_)?;
    }
    let current = pcm.hw_params_current()?;
    let (buffer, period) = (current.get_buffer_size()?, current.get_period_size()?);
    let wake = period.min(buffer / 2).max(1);
    let software = pcm.sw_params_current()?;
    software.set_avail_min(wake)?;
    pcm.sw_params(&software)?;
    Ok(wake)
}

/// The audio thread.
struct Reader {
    pcm: PCM,
    callback: Callback,
    status: StreamStatus,
    descriptors: Vec<pollfd>,
    /// Memory for one chunk.
    chunk: Vec<u8>,
    frame_bytes: usize,
    sample_rate_hz: u32,
}

impl Reader {
    fn new(pcm: PCM, choice: &Choice, callback: Callback) -> Result<Self> {
        let frames = configure(&pcm, choice)?;
        pcm.prepare()?;
        let descriptors = pcm.get()?;
        pcm.start()?;
        let frame_bytes = usize::from(choice.format.channels) * choice.device_format.bytes();
        // A device may insist on periods of any size.
        let chunk_frames = frames.min(Frames::from(choice.block_frames()));
        let chunk = vec![0; usize::try_from(chunk_frames).unwrap_or(1) * frame_bytes];
        let (status, sample_rate_hz) = (callback.status(), choice.format.sample_rate_hz);
        Ok(Self { pcm, callback, status, descriptors, chunk, frame_bytes, sample_rate_hz })
    }

    fn run(mut self) {
        while !self.status.is_closing() {
            if let Err(error) = self.handle_next().or_else(|error| self.recover(error)) {
                self.status.set_lost(lost(&error));
                return;
            }
        }
    }

    /// Waits for audio, and writes up to one chunk of it.
    fn handle_next(&mut self) -> Result<()> {
        let is_woken = poll(&mut self.descriptors, LOOK_EVERY_MS)? > 0;
        if is_woken {
            let events = self.pcm.revents(&self.descriptors)?;
            if events.intersects(Flags::HUP | Flags::NVAL) {
                return Err(failure(Errno::NODEV));
            }
            // Woken for the plugin's own sake.
            if events.is_empty() {
                return self.check_state();
            }
        }
        // Not every driver wakes the thread when it fails: asks in any case.
        let (available, delay) = self.pcm.avail_delay()?;
        let asked = Instant::now();
        if available <= 0 {
            if is_woken {
                thread::sleep(PAUSE);
            }
            return self.check_state();
        }
        let frames = self.pcm.io_bytes().readi(&mut self.chunk)?;
        let age_s = delay.max(available) as f64 / f64::from(self.sample_rate_hz);
        let age = Duration::try_from_secs_f64(age_s).unwrap_or_default() + asked.elapsed();
        self.callback.write(&self.chunk[..frames * self.frame_bytes], frames, age, Age::Reported);
        Ok(())
    }

    /// Fails if the device does not run: some plugins report that by no other means.
    fn check_state(&self) -> Result<()> {
        match self.pcm.state_raw() {
            state if state == State::Running as i32 => Ok(()),
            state if state == State::Suspended as i32 => Err(failure(Errno::STRPIPE)),
            state if state == State::Disconnected as i32 => Err(failure(Errno::NODEV)),
            _ => Err(failure(Errno::PIPE)),
        }
    }

    /// Continues after an overrun, a suspended machine or an interruption.
    ///
    /// # Errors
    /// Any other error, and those of the continuation.
    fn recover(&mut self, error: alsa::Error) -> Result<()> {
        match errno(&error) {
            Errno::INTR => return Ok(()),
            Errno::AGAIN => {}
            Errno::PIPE => self.restart(GapReason::Overrun)?,
            Errno::STRPIPE => match self.pcm.resume() {
                Err(error) if errno(&error) == Errno::AGAIN => {}
                Ok(()) if self.pcm.state_raw() == State::Running as i32 => self.status.set_gap(GapReason::SourceLost),
                // Not every driver can resume, or says that it can't.
                _ => self.restart(GapReason::SourceLost)?,
            },
            _ => return Err(error),
        }
        thread::sleep(PAUSE);
        Ok(())
    }

    fn restart(&self, reason: GapReason) -> Result<()> {
        self.status.set_gap(reason);
        self.pcm.prepare()?;
        self.pcm.start()
    }
}
