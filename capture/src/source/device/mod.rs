//! Sound devices as sources: cards through ALSA, a sound server through its own protocol.
//!
//! Two threads take part. The audio thread reads the device and passes what it delivers to
//! [`callback`]. The thread that runs the source polls the flags of [`stream_status`], which the
//! audio thread sets: most failures of a device return no error, they only stop the frames.

#[cfg(target_os = "linux")]
mod alsa;
#[cfg(not(target_os = "linux"))]
#[path = "no_alsa.rs"]
mod alsa;
mod alsa_errors;
mod callback;
mod choose;
mod chunk_writer;
mod continuity;
mod delay;
mod device_source;
mod host;
mod hosts;
#[cfg(any(feature = "cpal", not(target_os = "linux")))]
mod native;
mod pulse;
mod sound_card;
mod stable;
mod stream_status;

pub(super) use device_source::DeviceSource;
pub use host::DeviceInfo;
pub use hosts::devices;
pub use stable::alsa_name;
