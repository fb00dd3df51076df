//! A sound device: listed, found, opened.

use std::time::Duration;

use super::callback::WriterSlot;
use super::choose::{Choice, Offer};
use super::stream_status::StreamStatus;
use crate::error::Error;
use crate::source::locator::DeviceHost;
use crate::source::stable_name;

/// Time that a started device may take for its first frames: it may have to wake up.
pub(super) const FIRST_FRAMES_WITHIN: Duration = Duration::from_secs(5);

/// A device that can be recorded from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The host it belongs to.
    pub host: DeviceHost,
    /// Its name on that host.
    pub name: String,
    /// A description of one line.
    pub description: String,
    /// True for the host's default device.
    pub is_default: bool,
}

impl DeviceInfo {
    /// Returns the locator string of this device.
    pub fn locator(&self) -> String {
        if self.is_stable() {
            return format!("device:{}", self.name);
        }
        format!("device:{}:{}", self.host.name(), self.name)
    }

    /// Returns whether the name survives a reboot, in whatever order devices are found then:
    /// `usb:VENDOR:PRODUCT:SERIAL` names the device, `path:PATH` the socket it is plugged into.
    pub fn is_stable(&self) -> bool {
        self.host == DeviceHost::Alsa && stable_name::is_stable(&self.name)
    }
}

/// The result of a host, which reports errors as text.
pub(super) type HostResult<T> = Result<T, String>;

/// A device that was found and does not deliver yet.
pub(super) trait Device {
    /// Returns the name for errors.
    fn name(&self) -> String;

    /// Returns the formats in which it can be recorded from.
    ///
    /// # Errors
    /// The error of the host.
    fn offer(&self) -> HostResult<Offer>;

    /// Starts it in one of them. Its frames are dropped until a writer is put into the slot.
    ///
    /// # Errors
    /// The error of the host.
    fn start(self: Box<Self>, choice: &Choice) -> HostResult<Started>;
}

/// A device that delivers.
pub(super) struct Started {
    pub(super) writer_slot: WriterSlot,
    pub(super) status: StreamStatus,
    /// Dropping it ends the callback, and drops the writer.
    pub(super) _stream: Box<dyn Send>,
}

/// Returns the name of the requested device.
pub(super) fn requested_name(name: Option<&str>) -> String {
    name.unwrap_or("default").to_owned()
}

/// Returns the error for a device that does not exist, with the names of those that do.
pub(super) fn not_found(host: DeviceHost, name: Option<&str>, available: &[String]) -> Error {
    let available = if available.is_empty() { "none".to_owned() } else { available.join(", ") };
    Error::DeviceNotFound { host: host.name(), name: requested_name(name), available }
}
