//! How a registry is to be.

use crate::clock::{Clock, SystemClock};
use crate::registry::Registry;
use crate::sync::Arc;

/// How a registry is to be: its limits, its clock.
#[derive(Debug)]
pub struct RegistryBuilder {
    budget_bytes: Option<u64>,
    pub(crate) max_buffer_bytes: u64,
    pub(crate) commit_ahead: bool,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for RegistryBuilder {
    fn default() -> Self {
        Self { budget_bytes: None, max_buffer_bytes: 2 << 30, commit_ahead: true, clock: Arc::new(SystemClock) }
    }
}

impl RegistryBuilder {
    /// How many bytes all buffers together may take: half of the machine's memory unless said otherwise.
    pub fn budget_bytes(mut self, bytes: u64) -> Self {
        self.budget_bytes = Some(bytes);
        self
    }

    /// How many bytes one buffer, or one segment read out of it, may take: 2 GiB unless said otherwise.
    pub fn max_buffer_bytes(mut self, bytes: u64) -> Self {
        self.max_buffer_bytes = bytes;
        self
    }

    /// Whether a helper thread commits new buffers' memory at once (the default), so that writers meet no page faults;
    /// otherwise memory is taken as it is written.
    pub fn commit_ahead(mut self, commit: bool) -> Self {
        self.commit_ahead = commit;
        self
    }

    /// The clock by which buffers tell arrival and age.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the registry. Its first buffer starts the helper thread, if one is wanted.
    pub fn build(self) -> Registry {
        Registry::with_options(self)
    }

    /// How many bytes all buffers may take.
    pub(crate) fn budget(&self) -> u64 {
        self.budget_bytes.unwrap_or_else(half_of_memory)
    }
}

fn half_of_memory() -> u64 {
    let system = rustix::system::sysinfo();
    // Not everywhere a u64.
    #[allow(clippy::unnecessary_cast)]
    let units = system.totalram as u64;
    units.saturating_mul(u64::from(system.mem_unit)) / 2
}
