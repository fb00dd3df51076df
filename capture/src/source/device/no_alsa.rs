//! The devices of ALSA on a system without it: none.

use super::host::{Device, DeviceInfo};
use crate::error::{Error, Result};
use crate::source::locator::DeviceHost;

/// Returns the error of every call.
fn unavailable<T>() -> Result<T> {
    Err(Error::HostUnavailable { host: DeviceHost::Alsa.name(), reason: "this is not Linux".to_owned() })
}

pub(super) fn devices() -> Result<Vec<DeviceInfo>> {
    unavailable()
}

pub(super) fn find(_name: Option<&str>) -> Result<Box<dyn Device>> {
    unavailable()
}
