//! Triggers: a clip whenever a condition holds or the caller fires, with the audio from before it.

mod condition;
mod ending;
mod handle;
mod listener;
mod options;
mod pending;

pub use condition::Condition;
pub use handle::Trigger;
pub use options::TriggerOptions;
