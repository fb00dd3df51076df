//! A stream of audio from the server.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use capbuf::{GapReason, SampleFormat as BufferFormat};
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, Command, CommandTag, CorkStreamParams, CreateRecordStreamReply, LatencyParams, ProtocolError,
    PulseError, RecordLatency, RecordStreamParams, SampleFormat, SampleSpec,
};

use super::capture_times::{CaptureTimes, TimingReport};
use super::connection::{Connection, Message, Result};
use crate::source::device::callback::{Age, Callback};
use crate::source::device::choose::Choice;
use crate::source::device::stream_status::{Lost, StreamStatus};

/// The thread waits for a request that is due sooner.
const SOON: Duration = Duration::from_millis(50);

/// A running stream. Dropping it ends its thread and the connection, without waiting for the
/// server.
pub(super) struct Stream {
    socket: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    /// Starts a stream in the format of the buffer from the source `source_index`.
    ///
    /// # Errors
    /// If the server refuses or does not answer, or no thread can be started.
    pub(super) fn start(
        mut server: Connection,
        source_index: u32,
        channel_map: ChannelMap,
        choice: &Choice,
        callback: Callback,
    ) -> Result<Self> {
        let format = choice.format;
        let frame_bytes = usize::from(format.channels) * format.sample_format.bytes();
        let sample_spec = SampleSpec {
            format: server_format(format.sample_format),
            channels: u8::try_from(format.channels).unwrap_or(u8::MAX),
            sample_rate: format.sample_rate_hz,
        };
        let block_bytes = u64::from(choice.block_frames()) * frame_bytes as u64;
        let params = RecordStreamParams {
            sample_spec,
            channel_map,
            source_index: Some(source_index),
            buffer_attr: BufferAttr {
                // As much as the server can queue while this process or its own sender is delayed.
                max_length: u32::MAX,
                fragment_size: u32::try_from(block_bytes).unwrap_or(u32::MAX),
                ..BufferAttr::default()
            },
            // Matching blocks of the source; no audio before the answer is here. A source that goes
            // away ends the stream: moved to another source, it would record that under the old
            // name.
            flags: StreamFlags { adjust_latency: true, start_corked: true, no_move: true, ..StreamFlags::default() },
            ..RecordStreamParams::default()
        };
        let created: CreateRecordStreamReply = server.ask(&Command::CreateRecordStream(params))?;
        if created.sample_spec != sample_spec {
            let described = |spec: SampleSpec| format!("{} Hz, {} channels", spec.sample_rate, spec.channels);
            let (requested, got) = (described(sample_spec), described(created.sample_spec));
            return Err(ProtocolError::Invalid(format!("asked for {requested}, got {got} or another sample format")));
        }
        server.send(&Command::CorkRecordStream(CorkStreamParams { channel: created.channel, cork: false }))?;
        server.wait_without_timeout()?;
        let frame_bytes = frame_bytes.max(1);
        let queue_frames = u64::from(created.buffer_attr.max_length) / frame_bytes as u64;
        let started = Instant::now();
        let socket = server.socket()?;
        let reader = Reader {
            server,
            channel: created.channel,
            status: callback.status(),
            callback,
            frame_bytes,
            period: Duration::from_secs(1) / format.sample_rate_hz.max(1),
            times: CaptureTimes::new(format.sample_rate_hz, queue_frames, started),
            frames: 0,
            pending: None,
            next_request: started,
        };
        let thread = thread::Builder::new().name("capbuf-pulse".to_owned()).spawn(move || reader.run())?;
        Ok(Self { socket, thread: Some(thread) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Fails if the server closed it first. Either way the thread reads the end of the
        // connection.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // The writer is dropped with the thread.
            let _ = thread.join();
        }
    }
}

fn server_format(format: BufferFormat) -> SampleFormat {
    let little = cfg!(target_endian = "little");
    match format {
        BufferFormat::S16 if little => SampleFormat::S16Le,
        BufferFormat::S16 => SampleFormat::S16Be,
        BufferFormat::S24 => SampleFormat::S24Le,
        BufferFormat::S32 if little => SampleFormat::S32Le,
        BufferFormat::S32 => SampleFormat::S32Be,
        BufferFormat::F32 if little => SampleFormat::Float32Le,
        BufferFormat::F32 => SampleFormat::Float32Be,
    }
}

/// The thread that reads the connection, which is the audio thread.
struct Reader {
    server: Connection,
    channel: u32,
    callback: Callback,
    status: StreamStatus,
    frame_bytes: usize,
    period: Duration,
    times: CaptureTimes,
    /// Frames received.
    frames: u64,
    /// The timing request that is not answered yet, and its time.
    pending: Option<(u32, Instant)>,
    next_request: Instant,
}

impl Reader {
    fn run(mut self) {
        loop {
            if let Err(error) = self.handle_next() {
                self.status.set_lost(lost(&error));
                return;
            }
        }
    }

    fn handle_next(&mut self) -> Result<()> {
        match self.server.receive()? {
            Message::Audio(bytes) => {
                let frames = bytes.len() / self.frame_bytes;
                let (delay, after_loss) = self.times.delay_of(self.frames, Instant::now());
                if after_loss {
                    self.status.set_gap(GapReason::Overrun);
                }
                // Without a report yet, assumes that the last frame was captured just now.
                let delay =
                    delay.unwrap_or_else(|| self.period.saturating_mul(u32::try_from(frames).unwrap_or(u32::MAX)));
                self.callback.write(bytes, frames, delay, Age::OfLine);
                self.frames += frames as u64;
            }
            Message::Answer(number, answer) => {
                if let Some((_, requested_at)) = self.pending.take_if(|(pending, _)| *pending == number) {
                    if let Some(report) = report(&answer.read()?, requested_at, self.frame_bytes as u64) {
                        self.times.update(report, self.frames);
                    }
                    let after = self.times.request_after();
                    if after < SOON {
                        // Only answers wake this thread before the next block of audio.
                        thread::sleep(after);
                    }
                    self.next_request = requested_at + after;
                }
            }
            Message::Refused(_, reason) => return Err(ProtocolError::ServerError(reason)),
            Message::Notification(Some(CommandTag::RecordStreamKilled)) => {
                return Err(ProtocolError::ServerError(PulseError::Killed));
            }
            // A user moved it, as with pavucontrol: no flag forbids that.
            Message::Notification(Some(CommandTag::RecordStreamMoved)) => {
                return Err(ProtocolError::ServerError(PulseError::BadState));
            }
            Message::Notification(_) => {}
        }
        let now = Instant::now();
        if self.pending.is_none() && now >= self.next_request {
            let params = LatencyParams { channel: self.channel, now: SystemTime::now() };
            self.pending = Some((self.server.send(&Command::GetRecordLatency(params))?, now));
        }
        Ok(())
    }
}

/// Returns the report of an answer; `None` if its counts are impossible.
fn report(answer: &RecordLatency, requested_at: Instant, frame_bytes: u64) -> Option<TimingReport> {
    // The answer queued behind audio. Its age follows from the wall clock, which both sides share,
    // but is limited by the request's: that clock may have been set meanwhile.
    let age = SystemTime::now().duration_since(answer.remote_time).unwrap_or_default();
    let at = Instant::now().checked_sub(age).map_or(requested_at, |at| at.max(requested_at));
    let frames = |bytes: i64| u64::try_from(bytes).ok().map(|bytes| bytes / frame_bytes);
    Some(TimingReport {
        at,
        // Negative ones are absurdly large here.
        latency: Duration::from_micros(answer.source_usec),
        written: frames(answer.write_offset)?,
        read: frames(answer.read_offset)?,
    })
}

/// Returns the reason that is reported for a lost stream.
fn lost(error: &ProtocolError) -> Lost {
    match error {
        ProtocolError::Io(_) => Lost::ServerGone,
        ProtocolError::ServerError(PulseError::NoEntity | PulseError::Killed) => Lost::Gone,
        ProtocolError::ServerError(PulseError::BadState) => Lost::Moved,
        _ => Lost::Failed,
    }
}
