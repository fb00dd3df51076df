//! The sound systems of the machine: listing devices, and finding one by name.

use std::cmp::Ordering;

use super::alsa;
use super::alsa_errors::AlsaErrors;
use super::host::{Device, DeviceInfo, requested_name};
use super::pulse;
use crate::error::{Error, Result};
use crate::source::locator::DeviceHost;

/// Lists the devices of a host that can be recorded from: the default one, those with stable names,
/// the others. A card has several names.
///
/// Opens none of them. Blocks for up to four seconds.
///
/// # Errors
/// [`Error::HostUnavailable`] if the host does not exist or does not answer.
pub fn devices(host: DeviceHost) -> Result<Vec<DeviceInfo>> {
    let _errors = AlsaErrors::collect();
    let mut found = match host {
        DeviceHost::Alsa => alsa::devices(),
        DeviceHost::PulseAudio => pulse::devices(),
        #[cfg(any(feature = "cpal", not(target_os = "linux")))]
        DeviceHost::Native => super::native::devices(),
    }?;
    let rank = |device: &DeviceInfo| (!device.is_default, !device.is_stable());
    // Stable names come in the order of the cards.
    found.sort_by(|a, b| {
        rank(a).cmp(&rank(b)).then_with(|| if a.is_stable() { Ordering::Equal } else { a.name.cmp(&b.name) })
    });
    Ok(found)
}

/// The hosts to search for a device, in order.
pub(super) struct Hosts {
    candidates: Vec<DeviceHost>,
    /// `None` for the default device.
    name: Option<String>,
}

impl Hosts {
    pub(super) fn for_default() -> Self {
        Self { candidates: DeviceHost::ALL.to_vec(), name: None }
    }

    pub(super) fn for_named(host: DeviceHost, name: &str) -> Self {
        Self { candidates: vec![host], name: Some(name.to_owned()) }
    }

    /// Returns the name of the requested device.
    pub(super) fn requested_name(&self) -> String {
        requested_name(self.name.as_deref())
    }

    /// Finds the device on the first host that has it.
    ///
    /// # Errors
    /// [`Error::DeviceNotFound`] with the names of the devices that exist, or
    /// [`Error::HostUnavailable`]: the error of the last host.
    pub(super) fn find(&self) -> Result<Box<dyn Device>> {
        let mut failed =
            Error::DeviceNotFound { host: "sound", name: self.requested_name(), available: "none".to_owned() };
        for host in &self.candidates {
            let found = match host {
                DeviceHost::Alsa => alsa::find(self.name.as_deref()),
                DeviceHost::PulseAudio => pulse::find(self.name.as_deref()),
                #[cfg(any(feature = "cpal", not(target_os = "linux")))]
                DeviceHost::Native => super::native::find(self.name.as_deref()),
            };
            match found {
                Ok(device) => return Ok(device),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}
