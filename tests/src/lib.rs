//! Real inputs for the tests, without hardware: a microphone, a sound server, a camera's RTSP server, a web server.
//!
//! Each rig is started by one call, waits until it is ready, names its address, can be made to fail in the ways its
//! real counterpart does, and ends when it is dropped. None needs a fixed port, a sound card, or anything outside
//! loopback.
//!
//! | rig | plays | fails by |
//! |---|---|---|
//! | [`VirtualMic`] | the [`position`] signal, at known UTC times, through ALSA | [`Fault`]: overrun, stall, unplugged, busy |
//! | [`PulseServer`] | the [`position`] signal, through PulseAudio | crash, freeze, silence |
//! | [`RtspServer`] | a 1 kHz [`tone`], steady or tied to UTC, as cameras send it | crash, freeze, packet loss, logins |
//! | [`HttpServer`] | the pages it is given | 404, or whatever status a page has |
//!
//! ALSA and PulseAudio find their devices by environment variables, which a running process cannot change safely. So
//! the rigs give theirs as pairs (`env()`), for [`Command::envs`](std::process::Command::envs): what listens to a rig
//! is a [`Child`], or a [`Recorder`].

mod child;
mod http_server;
pub mod pcm;
pub mod position;
mod pulse_server;
mod recorder;
mod rig_file;
mod rtsp_server;
mod sound_cards;
pub mod tone;
mod virtual_mic;
mod wait;

pub use child::Child;
pub use http_server::{HttpServer, Page};
pub use pulse_server::PulseServer;
pub use recorder::Recorder;
pub use rtsp_server::{Login, RtspOptions, RtspServer};
pub use sound_cards::{SoundCard, plug, unplug};
pub use virtual_mic::{Fault, VirtualMic, VirtualMicOptions};
pub use wait::{START_DEADLINE, wait_for, wait_until};
