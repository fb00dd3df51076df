//! The systems of sound devices, and the devices in them.

use cpal::traits::{DeviceTrait, HostTrait};

use super::alsa_words::AlsaWords;
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
        format!("device:{}:{}", self.host.name(), self.name)
    }
}

/// Lists the devices of a host that can be recorded from. Opens none of them. Blocks for two seconds at most.
///
/// # Errors
/// [`Error::HostUnavailable`] where there is no such system or it does not answer.
pub fn devices(host: DeviceHost) -> Result<Vec<DeviceInfo>> {
    let _words = AlsaWords::listen();
    let reached = reach(host)?;
    let default = reached.default_input_device().and_then(|device| id(&device));
    let mut found: Vec<_> = inputs(host, &reached)?
        .into_iter()
        .filter_map(|device| {
            let name = id(&device)?;
            let description = device.description().map(|known| known.name().replace(char::is_control, " "));
            let is_default = default.as_ref() == Some(&name);
            Some(DeviceInfo { host, description: description.unwrap_or_default(), is_default, name })
        })
        .collect();
    found.sort_by(|a, b| (!a.is_default, &a.name).cmp(&(!b.is_default, &b.name)));
    Ok(found)
}

fn unavailable(host: DeviceHost, error: &cpal::Error) -> Error {
    Error::HostUnavailable { host: host.name(), reason: error.to_string() }
}

fn reach(host: DeviceHost) -> Result<cpal::Host> {
    // By name, and not by a constant: not every platform has every host.
    let found = host.name().parse::<cpal::HostId>().and_then(cpal::host_from_id);
    found.map_err(|error| unavailable(host, &error))
}

fn inputs(host: DeviceHost, reached: &cpal::Host) -> Result<Vec<cpal::Device>> {
    Ok(reached.input_devices().map_err(|error| unavailable(host, &error))?.collect())
}

fn id(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id| id.id().to_owned())
}

/// The hosts on which a device is looked for, and the connection to the one it was last seen on.
///
/// The connection is kept from one look to the next: the client of the sound server leaks a thread and a socket with
/// each connection that is given up while the server is well.
pub(super) struct Hosts {
    candidates: Vec<DeviceHost>,
    /// `None` for the default device.
    name: Option<String>,
    reached: Option<(DeviceHost, cpal::Host)>,
}

impl Hosts {
    pub(super) fn for_default() -> Self {
        Self { candidates: DeviceHost::ALL.to_vec(), name: None, reached: None }
    }

    pub(super) fn for_named(host: DeviceHost, name: &str) -> Self {
        Self { candidates: vec![host], name: Some(name.to_owned()), reached: None }
    }

    /// The name that was asked for.
    pub(super) fn wanted(&self) -> String {
        self.name.clone().unwrap_or_else(|| "default".to_owned())
    }

    /// The name to call a device by in errors.
    pub(super) fn name(&self, device: &cpal::Device) -> String {
        id(device).unwrap_or_else(|| self.wanted())
    }

    /// Gives the connection up.
    pub(super) fn forget(&mut self) {
        self.reached = None;
    }

    /// Looks for the device.
    ///
    /// # Errors
    /// [`Error::DeviceNotFound`] with the names that there are, [`Error::HostUnavailable`] for the last host tried.
    pub(super) fn find(&mut self) -> Result<(DeviceHost, cpal::Device)> {
        if let Some((host, reached)) = &self.reached {
            match self.find_on(*host, reached) {
                // The server was restarted: its old connection is dead.
                Err(Error::HostUnavailable { .. }) => self.reached = None,
                found => return found.map(|device| (*host, device)),
            }
        }
        let mut failed = Error::DeviceNotFound { host: "sound", name: self.wanted(), available: "none".to_owned() };
        for &host in &self.candidates {
            match reach(host) {
                Ok(reached) => {
                    let found = self.find_on(host, &reached);
                    match found {
                        Ok(device) => {
                            self.reached = Some((host, reached));
                            return Ok((host, device));
                        }
                        Err(error) => failed = error,
                    }
                    self.reached = Some((host, reached));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn find_on(&self, host: DeviceHost, reached: &cpal::Host) -> Result<cpal::Device> {
        let Some(name) = &self.name else {
            return reached.default_input_device().ok_or_else(|| Error::DeviceNotFound {
                host: host.name(),
                name: self.wanted(),
                available: names(host, reached),
            });
        };
        // Refuses by the list, so that an answer of the host that it can't be reached is not taken for "not there".
        let known = inputs(host, reached)?;
        if let Some(device) = known.into_iter().find(|device| id(device).as_ref() == Some(name)) {
            return Ok(device);
        }
        // ALSA knows other ways to write a name that is on the list.
        let host_id = reached.id();
        reached.device_by_id(&cpal::DeviceId::new(host_id, name)).ok_or_else(|| Error::DeviceNotFound {
            host: host.name(),
            name: name.clone(),
            available: names(host, reached),
        })
    }
}

fn names(host: DeviceHost, reached: &cpal::Host) -> String {
    let names: Vec<_> = inputs(host, reached).unwrap_or_default().iter().filter_map(id).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
