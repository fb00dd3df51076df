//! Network streams as sources, read by an ffmpeg child process.
//!
//! ffmpeg knows every codec and transport, and a crash in it does not end this process. It sends
//! PCM in Matroska, so that each packet keeps its timestamp: raw PCM would close the gaps that lost
//! packets leave. The timestamps are the stream's own (an RTSP camera's sample clock); [`clock`]
//! maps them to the monotonic clock.

// Four modules are for files that ffmpeg reads, too.
pub(super) mod child;
mod clock;
mod command_line;
pub(super) mod diagnostic;
pub(super) mod ended;
mod least_delay;
mod options;
mod packet_writer;
pub(super) mod packets;
mod secrets;
mod stream_source;

pub(super) use options::ALLOWED as OPTIONS_ALLOWED;
pub use options::{StreamOptions, Transport};
#[cfg(fuzzing)]
pub use packets::count_packets;
pub(super) use stream_source::StreamSource;
