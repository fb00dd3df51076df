//! A stream of audio from the server.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use capbuf::SampleFormat as BufferFormat;
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, Command, CommandTag, CorkStreamParams, CreateRecordStreamReply, LatencyParams, ProtocolError,
    PulseError, RecordLatency, RecordStreamParams, SampleFormat, SampleSpec,
};

use super::capture_times::{CaptureTimes, Told};
use super::connection::{Connection, Message, Result};
use crate::device::callback::{Callback, Watch};
use crate::device::choose::Choice;

/// How often the server is asked for its times. It tells them with some jitter, which averages out.
const ASKED_EVERY: Duration = Duration::from_millis(100);

/// A running stream. Dropping it ends its thread and the connection, and never waits for the server.
pub(super) struct Stream {
    socket: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    /// Starts a stream in the buffer's own format from the source of that index.
    ///
    /// # Errors
    /// Where the server refuses or does not answer, or there is no thread to be had.
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
                // All that the server can keep while we, or its own thread that sends, are held up.
                max_length: u32::MAX,
                fragment_size: u32::try_from(block_bytes).unwrap_or(u32::MAX),
                ..BufferAttr::default()
            },
            // Blocks of the source to match, and no audio before the answer is here. A source that goes away ends the stream: moved
            // to another one, it would go on with other sounds under the old name.
            flags: StreamFlags { adjust_latency: true, start_corked: true, no_move: true, ..StreamFlags::default() },
            ..RecordStreamParams::default()
        };
        let created: CreateRecordStreamReply = server.ask(&Command::CreateRecordStream(params))?;
        if created.sample_spec != sample_spec {
            return Err(ProtocolError::Invalid(format!("asked for {sample_spec:?}, got {:?}", created.sample_spec)));
        }
        server.send(&Command::CorkRecordStream(CorkStreamParams { channel: created.channel, cork: false }))?;
        server.be_patient()?;
        let frame_bytes = frame_bytes.max(1);
        let queue_frames = u64::from(created.buffer_attr.max_length) / frame_bytes as u64;
        let started = Instant::now();
        let socket = server.socket()?;
        let reader = Reader {
            server,
            channel: created.channel,
            watch: callback.watch(),
            callback,
            frame_bytes,
            period: Duration::from_secs(1) / format.sample_rate_hz.max(1),
            times: CaptureTimes::new(format.sample_rate_hz, queue_frames, started),
            frames: 0,
            asked: None,
            ask_next: started,
        };
        let thread = thread::Builder::new().name("capbuf-pulse".to_owned()).spawn(move || reader.run())?;
        Ok(Self { socket, thread: Some(thread) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // It fails where the server was faster. Either way the thread reads the end, and the server finds its listener gone.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // It gives the writer back in any case.
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

/// The thread that reads the connection: the audio thread.
struct Reader {
    server: Connection,
    channel: u32,
    callback: Callback,
    watch: Watch,
    frame_bytes: usize,
    period: Duration,
    times: CaptureTimes,
    /// How many frames have come.
    frames: u64,
    /// The question for times that is not answered yet, and when it was asked.
    asked: Option<(u32, Instant)>,
    ask_next: Instant,
}

impl Reader {
    fn run(mut self) {
        loop {
            if let Err(error) = self.take_next() {
                self.watch.lose(kind(&error));
                return;
            }
        }
    }

    fn take_next(&mut self) -> Result<()> {
        match self.server.receive()? {
            Message::Audio(bytes) => {
                let frames = bytes.len() / self.frame_bytes;
                let (delay, after_loss) = self.times.delay_of(self.frames, Instant::now());
                if after_loss {
                    self.watch.overrun();
                }
                // Until something else is known, the last frame was captured just now.
                let delay =
                    delay.unwrap_or_else(|| self.period.saturating_mul(u32::try_from(frames).unwrap_or(u32::MAX)));
                self.callback.take_bytes(bytes, frames, delay);
                self.frames += frames as u64;
            }
            Message::Answer(number, answer) => {
                if let Some((_, asked_at)) = self.asked.take_if(|(asked, _)| *asked == number) {
                    let told = told(&answer.read()?, asked_at, self.frame_bytes as u64);
                    self.times.learn(told, self.frames);
                }
            }
            Message::Refused(_, reason) => return Err(ProtocolError::ServerError(reason)),
            Message::News(Some(CommandTag::RecordStreamKilled)) => {
                return Err(ProtocolError::ServerError(PulseError::Killed));
            }
            // By hand, as with pavucontrol: no flag forbids that.
            Message::News(Some(CommandTag::RecordStreamMoved)) => {
                return Err(ProtocolError::ServerError(PulseError::BadState));
            }
            Message::News(_) => {}
        }
        let now = Instant::now();
        if self.asked.is_none() && now >= self.ask_next {
            let params = LatencyParams { channel: self.channel, now: SystemTime::now() };
            self.asked = Some((self.server.send(&Command::GetRecordLatency(params))?, now));
            self.ask_next = now + ASKED_EVERY;
        }
        Ok(())
    }
}

fn told(answer: &RecordLatency, asked_at: Instant, frame_bytes: u64) -> Told {
    // The answer came behind the audio that was on its way: it is as old as the wall clock says, which both sides share, but not
    // older than the question, should that clock be set meanwhile.
    let age = SystemTime::now().duration_since(answer.remote_time).unwrap_or_default();
    let at = Instant::now().checked_sub(age).map_or(asked_at, |at| at.max(asked_at));
    let frames = |bytes: i64| u64::try_from(bytes).unwrap_or(0) / frame_bytes;
    Told {
        at,
        latency: Duration::from_micros(answer.source_usec),
        written: frames(answer.write_offset),
        read: frames(answer.read_offset),
    }
}

/// The reason to tell for a stream that is lost.
fn kind(error: &ProtocolError) -> cpal::ErrorKind {
    match error {
        ProtocolError::Io(_) => cpal::ErrorKind::HostUnavailable,
        ProtocolError::ServerError(PulseError::NoEntity | PulseError::Killed) => cpal::ErrorKind::DeviceNotAvailable,
        ProtocolError::ServerError(PulseError::BadState) => cpal::ErrorKind::StreamInvalidated,
        _ => cpal::ErrorKind::BackendError,
    }
}
