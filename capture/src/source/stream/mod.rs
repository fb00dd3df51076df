//! Network streams as sources, read by an ffmpeg child process.
//!
//! ffmpeg knows every codec and transport, and a crash in it does not end this process. It sends
//! PCM in Matroska, so that each packet keeps its timestamp: raw PCM would close the gaps that lost
//! packets leave. The timestamps are the stream's own (an RTSP camera's sample clock), and say
//! where packets are missing; see [`stamps`]. [`clock`] holds the start until its times are known.
//! An RTSP server also reports its own clock: see [`sender`].
//!
//! The log of ffmpeg has the tracks and their formats, the reason of a failure, and the addresses
//! it connects to. A child that was started for another track or format is started once more. A
//! server is not trusted: it can't have ffmpeg read files of this machine, nor record its local
//! services.

mod arrival_rate;
mod certificate;
// Six modules are for files that ffmpeg reads, too.
pub(super) mod child;
mod clock;
pub(super) mod command_line;
mod complete;
#[cfg(test)]
mod course;
pub(super) mod diagnostic;
pub(super) mod ended;
mod least_delay;
pub(super) mod local;
mod log;
#[cfg(test)]
mod night;
mod options;
mod packet_writer;
pub(super) mod packets;
#[cfg(test)]
mod placing;
mod secrets;
mod sender;
mod silence;
mod stamps;
mod stream_source;
mod times;
mod tracks;
#[cfg(test)]
mod uneven;

pub(super) use options::ALLOWED as OPTIONS_ALLOWED;
pub use options::{StreamOptions, Transport};
#[cfg(fuzzing)]
pub use packets::count_packets;
pub(super) use stream_source::StreamSource;
pub use times::Times;
