//! Sound devices as sources: ALSA through cpal, a sound server through its own protocol.
//!
//! Two threads take part. The audio thread passes what the device delivers to [`callback`]; for a
//! card it is cpal's, for a server the one that reads the connection. The thread that runs the
//! source polls the flags of [`stream_status`], which the audio thread sets: most failures of a
//! device return no error, they only stop the frames. An error of cpal, which may be repeated a
//! million times a second, sets one of those flags.

mod alsa;
mod alsa_errors;
mod callback;
mod choose;
mod chunk_writer;
mod delay;
mod device_source;
mod host;
mod hosts;
mod pulse;
mod sound_card;
mod stable;
mod stream_status;

pub(super) use device_source::DeviceSource;
pub use host::DeviceInfo;
pub use hosts::devices;
pub use stable::alsa_name;
