//! Wing `registry`.

mod builder;
mod claim;
mod handle;
mod lookup;
mod tracked;

pub use builder::RegistryBuilder;
pub use handle::Registry;
