//! The devices of the operating system's own sound system, through cpal.

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, SampleFormat, StreamConfig, SupportedStreamConfigRange};

use super::callback;
use super::choose::{Choice, Offer, Range};
use super::host::{Device, DeviceInfo, FIRST_FRAMES_WITHIN, HostResult, Started, not_found};
use super::stream_status::{Lost, StreamStatus};
use crate::error::{Error, Result};
use crate::source::encoding::{ByteOrder, Encoding};
use crate::source::locator::DeviceHost;

const HOST: DeviceHost = DeviceHost::Native;

/// Lists the devices that can be recorded from, unordered.
///
/// # Errors
/// [`Error::HostUnavailable`] if the sound system does not answer.
pub(super) fn devices() -> Result<Vec<DeviceInfo>> {
    let host = cpal::default_host();
    let default = host.default_input_device().and_then(|device| id(&device));
    let infos = inputs(&host)?.into_iter().filter_map(|device| {
        let name = id(&device)?;
        let description = device.description().map(|known| known.name().replace(char::is_control, " "));
        let is_default = default.as_ref() == Some(&name);
        Some(DeviceInfo { host: HOST, description: description.unwrap_or_default(), is_default, name })
    });
    Ok(infos.collect())
}

/// Finds a device by its name; `None` for the default one.
///
/// # Errors
/// [`Error::DeviceNotFound`] with the names of the devices that exist, [`Error::HostUnavailable`]
/// if the sound system does not answer.
pub(super) fn find(name: Option<&str>) -> Result<Box<dyn Device>> {
    let host = cpal::default_host();
    let found = match name {
        None => host.default_input_device(),
        Some(name) => host.device_by_id(&cpal::DeviceId::new(host.id(), name)),
    };
    match found {
        Some(device) => Ok(Box::new(Microphone { name: id(&device).unwrap_or_else(|| "default".to_owned()), device })),
        None => Err(not_found(HOST, name, &inputs(&host)?.iter().filter_map(id).collect::<Vec<_>>())),
    }
}

fn inputs(host: &cpal::Host) -> Result<Vec<cpal::Device>> {
    let unavailable = |error: cpal::Error| Error::HostUnavailable { host: HOST.name(), reason: error.to_string() };
    Ok(host.input_devices().map_err(unavailable)?.collect())
}

fn id(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id| id.id().to_owned())
}

/// The layouts that cpal delivers, all in the byte order of this machine.
const FORMATS: [(SampleFormat, Encoding); 9] = {
    const fn integer(bits: u8, bytes: u8, signed: bool) -> Encoding {
        Encoding::Integer { bits, bytes, signed, order: ByteOrder::NATIVE }
    }
    [
        (SampleFormat::I8, integer(8, 1, true)),
        (SampleFormat::U8, integer(8, 1, false)),
        (SampleFormat::I16, integer(16, 2, true)),
        (SampleFormat::U16, integer(16, 2, false)),
        (SampleFormat::I24, integer(24, 4, true)),
        (SampleFormat::I32, integer(32, 4, true)),
        (SampleFormat::U32, integer(32, 4, false)),
        (SampleFormat::F32, Encoding::Float(ByteOrder::NATIVE)),
        (SampleFormat::F64, Encoding::Double(ByteOrder::NATIVE)),
    ]
};

fn range(of: &SupportedStreamConfigRange) -> Option<Range> {
    let (_, device_format) = *FORMATS.iter().find(|(format, _)| *format == of.sample_format())?;
    let (min_rate_hz, max_rate_hz) = (of.min_sample_rate(), of.max_sample_rate());
    Some(Range { device_format, channels: of.channels(), min_rate_hz, max_rate_hz })
}

/// A device of the sound system.
struct Microphone {
    name: String,
    device: cpal::Device,
}

impl Device for Microphone {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn offer(&self) -> HostResult<Offer> {
        let offered: Vec<_> = self.device.supported_input_configs().map_err(|error| error.to_string())?.collect();
        let own = self.device.default_input_config().map_err(|error| error.to_string())?;
        let refused = offered.iter().filter(|offered| range(offered).is_none());
        Ok(Offer {
            ranges: offered.iter().filter_map(range).collect(),
            own_rate_hz: own.sample_rate(),
            own_channels: own.channels(),
            own_format: None,
            refused: refused.map(|offered| offered.sample_format().to_string()).collect(),
        })
    }

    fn start(self: Box<Self>, choice: &Choice) -> HostResult<Started> {
        // Not every device supports the requested block size.
        let started = match self.start_with(choice, BufferSize::Fixed(choice.block_frames())) {
            Err(error) if error.kind() == ErrorKind::UnsupportedConfig => self.start_with(choice, BufferSize::Default),
            started => started,
        };
        started.map_err(|error| error.to_string())
    }
}

impl Microphone {
    fn start_with(&self, choice: &Choice, buffer_size: BufferSize) -> std::result::Result<Started, cpal::Error> {
        let chosen = FORMATS.iter().find(|(_, format)| *format == choice.device_format);
        let Some((sample_format, _)) = chosen else { return Err(ErrorKind::UnsupportedConfig.into()) };
        let (writer_slot, mut callback) = callback::make(choice);
        let (status, errors) = (callback.status(), callback.status());
        let channels = choice.format.channels;
        let config = StreamConfig { channels, sample_rate: choice.format.sample_rate_hz, buffer_size };
        let write = move |data: &cpal::Data, info: &cpal::InputCallbackInfo| {
            let timestamp = info.timestamp();
            // The age of the chunk's first frame. Both times have the same origin, which is the
            // stream's own.
            let age = timestamp.callback.duration_since(timestamp.capture);
            callback.write(data.bytes(), data.len() / usize::from(channels), age, callback::Age::Reported);
        };
        let fail = move |error| record(&errors, &error);
        let stream =
            self.device.build_input_stream_raw(config, *sample_format, write, fail, Some(FIRST_FRAMES_WITHIN))?;
        stream.play()?;
        Ok(Started { writer_slot, status, _stream: Box::new(stream) })
    }
}

/// Records an error of a stream. Costs one store: errors may come at any rate.
fn record(status: &StreamStatus, error: &cpal::Error) {
    let lost = match error.kind() {
        ErrorKind::Xrun => return status.set_gap(capbuf::GapReason::Overrun),
        // The stream continues.
        ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => return,
        ErrorKind::DeviceNotAvailable => Lost::Gone,
        ErrorKind::StreamInvalidated => Lost::Moved,
        ErrorKind::HostUnavailable => Lost::ServerGone,
        ErrorKind::DeviceBusy => Lost::Busy,
        ErrorKind::PermissionDenied => Lost::Denied,
        ErrorKind::ResourceExhausted => Lost::Exhausted,
        _ => Lost::Failed,
    };
    status.set_lost(lost);
}
