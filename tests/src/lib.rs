//! Real inputs for the tests, without hardware: a microphone, a sound server, a camera's RTSP
//! server, a web server.
//!
//! Each rig starts with one call that returns when it is ready, fails on demand as its real
//! counterpart does, and ends when dropped. None needs a fixed port, a sound card or a network
//! beyond loopback.
//!
//! | rig | plays | failures |
//! |---|---|---|
//! | [`VirtualMic`] | the [`position`] signal, at known UTC times, through ALSA | each [`Fault`] |
//! | [`OddMics`] | noise that shows its position, in any format of ALSA | |
//! | [`PulseServer`] | the [`position`] signal, through PulseAudio | crash, freeze, silence |
//! | [`RtspServer`] | a 1 kHz [`tone`], steady or tied to UTC | crash, freeze, packet loss, logins |
//! | [`ClockServer`] | samples that show when they were made, over RTSP, with reports of its clock | a clock that is set, nonsense |
//! | [`HttpServer`] | web pages | 404, or the status of a page |
//! | [`OddServer`] | odd and hostile streams over HTTP and RTSP | playlists of local files, untrusted certificates |
//!
//! ALSA and PulseAudio find their devices by environment variables, which a running process cannot
//! change safely. So a program that listens to a rig is a [`Child`] or a [`Recorder`] whose command
//! gets the rig's `env()`.
//!
//! Beside the rigs: [`StallDetector`] separates gaps of a stalled machine from faults,
//! [`processes`] reads `/proc`, [`StopOnDrop`] ends other threads' loops when one panics.

pub mod alsa_format;
mod child;
mod clock_server;
mod http_server;
mod odd_mics;
mod odd_server;
pub mod pcm;
pub mod position;
pub mod processes;
mod pulse_server;
mod recorder;
mod rig_file;
mod rtsp_server;
mod sound_cards;
mod stalls;
mod stop_on_drop;
pub mod tone;
mod virtual_mic;
mod wait;

pub use child::Child;
pub use clock_server::ClockServer;
pub use http_server::{HttpServer, Page};
pub use odd_mics::{OddMic, OddMics};
pub use odd_server::{OddPort, OddServer};
pub use pulse_server::PulseServer;
pub use recorder::Recorder;
pub use rtsp_server::{Login, RtspOptions, RtspServer};
pub use sound_cards::{SoundCard, plug, unplug};
pub use stalls::{Stall, StallDetector};
pub use stop_on_drop::StopOnDrop;
pub use virtual_mic::{Fault, VirtualMic, VirtualMicOptions};
pub use wait::{START_DEADLINE, wait_for, wait_until};
