//! The devices of ALSA, through cpal: the kernel's sound cards and the devices that `asoundrc`
//! defines.

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};

use super::choose::{Choice, Offer};
use super::host::{Device, DeviceInfo, FIRST_FRAMES_WITHIN, HostResult, Started, not_found};
use super::{callback, stable};
use crate::error::{Error, Result};
use crate::source::locator::DeviceHost;
use crate::source::stable_name;

const HOST: DeviceHost = DeviceHost::Alsa;

/// Lists the devices that can be recorded from, unordered.
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

/// Finds a device by its name; `None` for the default one.
///
/// # Errors
/// [`Error::DeviceNotFound`] with the names of the devices that exist, [`Error::HostUnavailable`]
/// on a platform without ALSA.
pub(super) fn find(name: Option<&str>) -> Result<Box<dyn Device>> {
    let host = host()?;
    // Resolved each time it is opened: the card may be plugged in elsewhere by then.
    let resolved = name.filter(|name| stable_name::is_stable(name)).map(stable::alsa_name).transpose()?;
    let found = match resolved.as_deref().or(name) {
        None => host.default_input_device(),
        // ALSA accepts other spellings of a listed name.
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
    // By name: the constant does not exist on every platform.
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

    fn offer(&self) -> HostResult<Offer> {
        let ranges = self.device.supported_input_configs().map_err(|error| error.to_string())?.collect();
        let own = self.device.default_input_config().map_err(|error| error.to_string())?;
        Ok(Offer { ranges, own, trust_own: false })
    }

    fn start(self: Box<Self>, choice: &Choice) -> HostResult<Started> {
        // Not every device supports the requested block size.
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
        let (writer_slot, mut callback) = callback::make(choice);
        let (status, errors) = (callback.status(), callback.status());
        let config = cpal::StreamConfig {
            channels: choice.format.channels,
            sample_rate: choice.format.sample_rate_hz,
            buffer_size,
        };
        let stream = self.device.build_input_stream_raw(
            config,
            choice.device_format,
            move |data, info| callback.write_cpal(data, info),
            move |error| errors.record(&error),
            Some(FIRST_FRAMES_WITHIN),
        )?;
        stream.play()?;
        Ok(Started { writer_slot, status, _stream: Box::new(stream) })
    }
}
