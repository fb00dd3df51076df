//! The code of the audio thread: no lock, no allocation, no system call, no logging.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use capbuf::ClockSource;

use super::choose::Choice;
use super::chunk_writer::{ChunkWriter, Scratch};
use super::continuity::Continuity;
use super::delay::Delay;
use super::stream_status::StreamStatus;
use crate::source::encoding::Encoding;
use crate::source::processing::output::Output;

/// Makes the callback of a stream, and the slot that passes it the writer.
pub(super) fn make(choice: &Choice) -> (WriterSlot, Callback) {
    let (sender, inbox) = sync_channel(1);
    let channels = usize::from(choice.format.channels);
    let callback = Callback {
        status: StreamStatus::default(),
        inbox,
        output: None,
        delay: Delay::new(choice.format.sample_rate_hz),
        continuity: Continuity::new(choice.format.sample_rate_hz),
        scratch: Scratch::new(choice.format.sample_format, channels),
        format: choice.device_format,
        channels,
    };
    (WriterSlot { sender }, callback)
}

/// Passes the writer to the audio thread.
pub(super) struct WriterSlot {
    sender: SyncSender<Output>,
}

impl WriterSlot {
    /// Passes the writer. It is dropped with the stream.
    pub(super) fn put(&self, output: Output) {
        // The channel has room for the one writer of a run. If the stream has ended, it is dropped
        // now.
        let _ = self.sender.try_send(output);
    }
}

/// The way in which the age of a chunk was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// As the device reports it, with jitter.
    Reported,
    /// By a line through many reports.
    OfLine,
}

/// Writes the chunks of a device.
pub(super) struct Callback {
    status: StreamStatus,
    inbox: Receiver<Output>,
    output: Option<Output>,
    delay: Delay,
    continuity: Continuity,
    scratch: Scratch,
    /// The layout in which the device delivers.
    format: Encoding,
    channels: usize,
}

impl Callback {
    /// Returns the status of this stream, for other threads.
    pub(super) fn status(&self) -> StreamStatus {
        self.status.clone()
    }

    /// Writes a chunk of `frames` frames in the format of the device; `reported` is the age of its
    /// first.
    ///
    /// Wait-free once the writer has arrived; until then polls a channel that no thread locks.
    pub(super) fn write(&mut self, bytes: &[u8], frames: usize, reported: Duration, age: Age) {
        let frames = frames as u64;
        let is_first = self.output.is_none();
        if is_first {
            self.output = self.inbox.try_recv().ok();
            if let Some(output) = &mut self.output {
                output.set_clock(ClockSource::Device);
            }
        }
        let delay = match age {
            Age::Reported => self.delay.of_chunk(frames, reported, is_first),
            Age::OfLine => reported,
        };
        if let Some(output) = &mut self.output {
            let delay_ns = i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX);
            let clock = output.clock();
            let captured_ns = clock.monotonic_ns().saturating_sub(delay_ns);
            let capture_utc_ns = clock.utc_ns().saturating_sub(delay_ns);
            match self.continuity.missing_before(frames, captured_ns, capture_utc_ns, self.status.take_gap()) {
                Some((reason, Some(missing))) => output.gap_for(reason, missing),
                Some((reason, None)) => output.gap(reason),
                None => {}
            }
            let (format, channels) = (self.format, self.channels);
            let mut chunk_writer = ChunkWriter { output, format, capture_utc_ns, channels };
            if chunk_writer.write(bytes, &mut self.scratch).is_err() {
                self.status.set_removed();
            }
        }
        self.status.add_chunk(frames);
    }
}

impl Drop for Callback {
    /// Writes what a conversion holds, when the stream has ended.
    fn drop(&mut self) {
        if let Some(output) = &mut self.output {
            // An error means that the buffer was removed.
            let _ = output.finish();
        }
    }
}
