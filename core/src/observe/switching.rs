//! Switching allocation tracking in all processes of a domain, for `capbuf track`.

use super::report::{AllocationReport, ReportFilter};
use crate::error::{Error, Result};
use crate::holder::Holder;
use crate::registry::Registry;

/// The settings of tracking in a domain.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrackingSwitches {
    /// The registries of living processes, each with true if it tracks. Registries that
    /// were opened with `track_allocations(false)` have no switch, and are not listed.
    pub registries: Vec<(Holder, bool)>,
    /// True if registries that open the domain later track.
    pub is_on_for_others: bool,
}

impl Registry {
    /// Switches tracking in all registries of the domain, and in those to come. Without effect in
    /// registries that were opened with `track_allocations(false)`.
    ///
    /// # Errors
    /// [`Error::System`] if there is no room for the switches; [`Error::Forked`].
    #[doc(hidden)]
    pub fn enable_domain_allocation_tracking(&self, enable: bool) -> Result<()> {
        self.check_process()?;
        let Some(domain) = self.domain_itself() else {
            self.enable_allocation_tracking(enable);
            return Ok(());
        };
        if domain.set_switches(enable) {
            return Ok(());
        }
        let reason = "there is no room for its file, or the file system is mounted for reading";
        Err(Error::system("setting the switch of allocation tracking", reason))
    }

    /// Reports a part: of one process, of what was used lately, or what was counted since a reset.
    #[doc(hidden)]
    pub fn filtered_allocation_report(&self, filter: &ReportFilter) -> AllocationReport {
        AllocationReport::filtered(self, filter)
    }

    /// Has reports with `since_reset` count from now on. The logs, other reports and metrics stay
    /// as they are.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a private registry; [`Error::System`] if there is no room for
    /// the mark; [`Error::Forked`].
    #[doc(hidden)]
    pub fn reset_allocation_report(&self) -> Result<()> {
        self.check_process()?;
        match self.domain_itself() {
            Some(domain) => AllocationReport::reset(self, &domain),
            None => Err(Error::invalid("registry", "a private one", "one of a domain")),
        }
    }

    /// The settings of tracking in the domain.
    #[doc(hidden)]
    pub fn tracking_switches(&self) -> TrackingSwitches {
        let switches = self.domain_itself().and_then(|domain| {
            let (settings, is_on_for_others) = domain.switches()?;
            let registries = settings.into_iter().filter_map(|(number, on)| Some((domain.holder(number)?, on)));
            let mut registries: Vec<_> = registries.collect();
            registries.sort_by_key(|(holder, on)| (holder.pid, *on));
            Some(TrackingSwitches { registries, is_on_for_others })
        });
        switches.unwrap_or(TrackingSwitches { registries: Vec::new(), is_on_for_others: false })
    }
}
