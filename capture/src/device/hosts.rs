//! The systems of sound devices, and the devices in them.

use std::cmp::Ordering;

use super::alsa;
use super::alsa_words::AlsaWords;
use super::callback::{Inlet, Watch};
use super::choose::{Choice, Offer};
use super::pulse;
use super::stable;
use crate::error::{Error, Result};
use crate::locator::DeviceHost;

/// A device that can be recorded from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The system it belongs to.
    pub host: DeviceHost,
    /// Its name there.
    pub name: String,
    /// What it is, in words, on one line.
    pub description: String,
    /// Whether it is the host's default.
    pub is_default: bool,
}

impl DeviceInfo {
    /// The string by which it is recorded from.
    pub fn locator(&self) -> String {
        if self.is_stable() {
            return format!("device:{}", self.name);
        }
        format!("device:{}:{}", self.host.name(), self.name)
    }

    /// Whether the name is that of the same device after a reboot, in whatever order devices are found then: `usb:VENDOR:PRODUCT:SERIAL`
    /// for what it is, `path:PATH` for where it is plugged in.
    pub fn is_stable(&self) -> bool {
        self.host == DeviceHost::Alsa && stable::is_stable(&self.name)
    }
}

/// Lists the devices of a host that can be recorded from, the default one first, then those by stable names; a card has several names.
/// Opens none of them. Blocks for four seconds at most.
///
/// # Errors
/// [`Error::HostUnavailable`] where there is no such system or it does not answer.
pub fn devices(host: DeviceHost) -> Result<Vec<DeviceInfo>> {
    let _words = AlsaWords::listen();
    let mut found = match host {
        DeviceHost::Alsa => alsa::devices(),
        DeviceHost::PulseAudio => pulse::devices(),
    }?;
    let rank = |device: &DeviceInfo| (!device.is_default, !device.is_stable());
    // Stable names are in the order of cards.
    found.sort_by(|a, b| {
        rank(a).cmp(&rank(b)).then_with(|| if a.is_stable() { Ordering::Equal } else { a.name.cmp(&b.name) })
    });
    Ok(found)
}

/// A device that was found and is not open yet.
pub(super) trait Device {
    /// The name to call it by in errors.
    fn name(&self) -> String;

    /// Tells the shapes in which it can be recorded from.
    ///
    /// # Errors
    /// What the host says.
    fn offer(&self) -> std::result::Result<Offer, String>;

    /// Opens it in one of them. Its frames are dropped until a writer is put into the inlet.
    ///
    /// # Errors
    /// What the host says.
    fn start(self: Box<Self>, choice: &Choice) -> std::result::Result<Started, String>;
}

/// A device that delivers.
pub(super) struct Started {
    pub(super) inlet: Inlet,
    pub(super) watch: Watch,
    /// Dropping it ends the callback, and with it the writer.
    pub(super) _stream: Box<dyn Send>,
}

/// The hosts on which a device is looked for.
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

    /// The name that was asked for.
    pub(super) fn wanted(&self) -> String {
        wanted(self.name.as_deref())
    }

    /// Looks for the device.
    ///
    /// # Errors
    /// [`Error::DeviceNotFound`] with the names that there are, [`Error::HostUnavailable`] for the last host tried.
    pub(super) fn find(&self) -> Result<Box<dyn Device>> {
        let mut failed = Error::DeviceNotFound { host: "sound", name: self.wanted(), available: "none".to_owned() };
        for host in &self.candidates {
            let found = match host {
                DeviceHost::Alsa => alsa::find(self.name.as_deref()),
                DeviceHost::PulseAudio => pulse::find(self.name.as_deref()),
            };
            match found {
                Ok(device) => return Ok(device),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

fn wanted(name: Option<&str>) -> String {
    name.unwrap_or("default").to_owned()
}

/// The error for a device that is not there, with the names of those that are.
pub(super) fn not_found(host: DeviceHost, name: Option<&str>, available: &[String]) -> Error {
    let available = if available.is_empty() { "none".to_owned() } else { available.join(", ") };
    Error::DeviceNotFound { host: host.name(), name: wanted(name), available }
}
