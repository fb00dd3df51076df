//! The kernel's sound cards, and what ALSA's configuration makes of them, through cpal.

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};

use super::choose::{Choice, Offer};
use super::hosts::{Device, DeviceInfo, Started, not_found};
use super::{FIRST_FRAMES_WITHIN, callback, stable};
use crate::error::{Error, Result};
use crate::locator::DeviceHost;

const HOST: DeviceHost = DeviceHost::Alsa;

/// Lists the devices that can be recorded from, in no order.
///
/// # Errors
/// [`Error::HostUnavailable`] on a platform without ALSA.
pub(super) fn devices() -> Result<Vec<DeviceInfo>> {
    let host = host()?;
    let default = host.default_input_device().and_then(|device| id(&device));
    let infos = inputs(&host)?.into_iter().filter_map(|device| {
        let name = id(&device)?;
        let description = device.description().map(|known| known.name().replace(char::is_control, " "));
        let is_default = default.as_ref() == Some(&name);
        Some(DeviceInfo { host: HOST, description: description.unwrap_or_default(), is_default, name })
    });
    let stable = stable::names().into_iter().map(|(name, description)| DeviceInfo {
        host: HOST,
        name,
        description,
        is_default: false,
    });
    Ok(infos.chain(stable).collect())
}

/// Looks for a device by its name, or for the default one.
///
/// # Errors
/// [`Error::DeviceNotFound`] with the names that there are, [`Error::HostUnavailable`] on a platform without ALSA.
pub(super) fn find(name: Option<&str>) -> Result<Box<dyn Device>> {
    let host = host()?;
    // What is plugged in now is what counts, whenever it is opened.
    let resolved = name.filter(|name| stable::is_stable(name)).map(stable::alsa_name).transpose()?;
    let found = match resolved.as_deref().or(name) {
        None => host.default_input_device(),
        // ALSA knows other ways to write a name that is on the list.
        Some(name) => match inputs(&host)?.into_iter().find(|device| id(device).as_deref() == Some(name)) {
            None => host.device_by_id(&cpal::DeviceId::new(host.id(), name)),
            found => found,
        },
    };
    match found {
        Some(device) => {
            let own = id(&device).unwrap_or_else(|| "default".to_owned());
            let name = if resolved.is_some() { name.map_or(own, str::to_owned) } else { own };
            Ok(Box::new(Card { name, device }))
        }
        None => {
            let names: Vec<_> = inputs(&host).unwrap_or_default().iter().filter_map(id).collect();
            Err(not_found(HOST, name, &names))
        }
    }
}

fn unavailable(error: &cpal::Error) -> Error {
    Error::HostUnavailable { host: HOST.name(), reason: error.to_string() }
}

fn host() -> Result<cpal::Host> {
    // By name, and not by a constant: not every platform has it.
    let found = HOST.name().parse::<cpal::HostId>().and_then(cpal::host_from_id);
    found.map_err(|error| unavailable(&error))
}

fn inputs(host: &cpal::Host) -> Result<Vec<cpal::Device>> {
    Ok(host.input_devices().map_err(|error| unavailable(&error))?.collect())
}

fn id(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id| id.id().to_owned())
}

/// A device of ALSA.
struct Card {
    name: String,
    device: cpal::Device,
}

impl Device for Card {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn offer(&self) -> std::result::Result<Offer, String> {
        let ranges = self.device.supported_input_configs().map_err(|error| error.to_string())?.collect();
        let own = self.device.default_input_config().map_err(|error| error.to_string())?;
        Ok(Offer { ranges, own, trust_own: false })
    }

    fn start(self: Box<Self>, choice: &Choice) -> std::result::Result<Started, String> {
        // Not every device can have blocks of the size that is asked.
        let started = match self.start_with(choice, cpal::BufferSize::Fixed(choice.block_frames())) {
            Err(error) if error.kind() == cpal::ErrorKind::UnsupportedConfig => {
                self.start_with(choice, cpal::BufferSize::Default)
            }
            started => started,
        };
        started.map_err(|error| error.to_string())
    }
}

impl Card {
    fn start_with(&self, choice: &Choice, buffer_size: cpal::BufferSize) -> std::result::Result<Started, cpal::Error> {
        let (inlet, mut callback) = callback::make(choice);
        let (watch, errors) = (callback.watch(), callback.watch());
        let config = cpal::StreamConfig {
            channels: choice.format.channels,
            sample_rate: choice.format.sample_rate_hz,
            buffer_size,
        };
        let stream = self.device.build_input_stream_raw(
            config,
            choice.device_format,
            move |data, info| callback.take(data, info),
            move |error| errors.note(&error),
            Some(FIRST_FRAMES_WITHIN),
        )?;
        stream.play()?;
        Ok(Started { inlet, watch, _stream: Box::new(stream) })
    }
}
