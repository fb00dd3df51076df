//! The sources of a PulseAudio server, or of PipeWire in its place, through PulseAudio's protocol.
//!
//! The server queues as much as it can: with a queue of one block, a delay of 100 ms in the program
//! or the server would lose audio without an error.
//! One thread reads the connection, so the server's timing reports are ordered with its audio.

mod capture_times;
mod connection;
#[cfg(test)]
mod lying_reports;
mod report_line;
mod stream;

use capbuf::SampleFormat as BufferFormat;
use pulseaudio::protocol::sample_spec::{MAX_CHANNELS, MAX_RATE};
use pulseaudio::protocol::{
    ChannelMap, Command, DEFAULT_SOURCE, GetSourceInfo, ProtocolError, PulseError, SampleFormat, SourceInfo,
};

use super::callback;
use super::choose::{Choice, Offer, Range};
use super::host::{Device, DeviceInfo, HostResult, Started, not_found};
use crate::error::{Error, Result};
use crate::source::encoding::Encoding;
use crate::source::locator::DeviceHost;
use connection::{Connection, describe};
use stream::Stream;

const HOST: DeviceHost = DeviceHost::PulseAudio;

/// Lists the sources of the server, unordered.
///
/// # Errors
/// [`Error::HostUnavailable`] if there is no server or it does not answer.
pub(super) fn devices() -> Result<Vec<DeviceInfo>> {
    let mut server = connect()?;
    let default = default_source(&mut server)?.map(|info| name(&info));
    let infos = sources(&mut server)?.into_iter().map(|info| {
        let description = info.description.as_ref().unwrap_or(&info.name).to_string_lossy();
        let name = name(&info);
        DeviceInfo {
            host: HOST,
            description: description.replace(char::is_control, " "),
            is_default: default.as_ref() == Some(&name),
            name,
        }
    });
    Ok(infos.collect())
}

/// Finds a source by its name; `None` for the default one.
///
/// # Errors
/// [`Error::DeviceNotFound`] with the names of the sources that exist, [`Error::HostUnavailable`]
/// if there is no server or it does not answer.
pub(super) fn find(requested: Option<&str>) -> Result<Box<dyn Device>> {
    let mut server = connect()?;
    let infos = sources(&mut server)?;
    let names: Vec<_> = infos.iter().map(name).collect();
    let found = match requested {
        None => default_source(&mut server)?,
        Some(requested) => infos.into_iter().find(|info| name(info) == requested),
    };
    match found {
        Some(info) => Ok(Box::new(Microphone { server, info })),
        None => Err(not_found(HOST, requested, &names)),
    }
}

fn unavailable(reason: String) -> Error {
    Error::HostUnavailable { host: HOST.name(), reason }
}

fn connect() -> Result<Connection> {
    Connection::open().map_err(unavailable)
}

fn sources(server: &mut Connection) -> Result<Vec<SourceInfo>> {
    server.ask(&Command::GetSourceInfoList).map_err(|error| unavailable(describe(&error)))
}

fn default_source(server: &mut Connection) -> Result<Option<SourceInfo>> {
    let by_name = GetSourceInfo { index: None, name: Some(DEFAULT_SOURCE.to_owned()) };
    match server.ask(&Command::GetSourceInfo(by_name)) {
        Ok(info) => Ok(Some(info)),
        Err(ProtocolError::ServerError(PulseError::NoEntity)) => Ok(None),
        Err(error) => Err(unavailable(describe(&error))),
    }
}

fn name(info: &SourceInfo) -> String {
    info.name.to_string_lossy().into_owned()
}

/// A source of the server.
struct Microphone {
    server: Connection,
    info: SourceInfo,
}

impl Device for Microphone {
    fn name(&self) -> String {
        name(&self.info)
    }

    /// The server converts to every format that it supports.
    fn offer(&self) -> HostResult<Offer> {
        let formats = [BufferFormat::S16, BufferFormat::S24, BufferFormat::S32, BufferFormat::F32];
        let of_format = |format| {
            let device_format = Encoding::of_buffer(format);
            (1..=u16::from(MAX_CHANNELS)).map(move |channels| Range {
                device_format,
                channels,
                min_rate_hz: 1,
                max_rate_hz: MAX_RATE,
            })
        };
        let spec = &self.info.sample_spec;
        Ok(Offer {
            ranges: formats.into_iter().flat_map(of_format).collect(),
            own_rate_hz: spec.sample_rate,
            own_channels: u16::from(spec.channels),
            own_format: Some(own_format(spec.format)),
            refused: Vec::new(),
        })
    }

    fn start(self: Box<Self>, choice: &Choice) -> HostResult<Started> {
        let (writer_slot, callback) = callback::make(choice);
        let status = callback.status();
        let map = channel_map(&self.info, choice.format.channels);
        let stream = Stream::start(self.server, self.info.index, map, choice, callback);
        Ok(Started { writer_slot, status, _stream: Box::new(stream.map_err(|error| describe(&error))?) })
    }
}

/// Returns the supported format that holds all bits of the source's.
fn own_format(format: SampleFormat) -> BufferFormat {
    match format {
        SampleFormat::S24Le | SampleFormat::S24Be | SampleFormat::S24In32Le | SampleFormat::S24In32Be => {
            BufferFormat::S24
        }
        SampleFormat::S32Le | SampleFormat::S32Be => BufferFormat::S32,
        SampleFormat::Float32Le | SampleFormat::Float32Be => BufferFormat::F32,
        _ => BufferFormat::S16,
    }
}

/// Returns the channel map of a stream: the source's own, or one that the server can mix to.
fn channel_map(info: &SourceInfo, channels: u16) -> ChannelMap {
    use pulseaudio::protocol::ChannelPosition::{
        self, Aux0, FrontCenter, FrontLeft, FrontRight, Lfe, Mono, RearCenter, RearLeft, RearRight, SideLeft, SideRight,
    };
    // The default order of loudspeakers of the server.
    const USUAL: [&[ChannelPosition]; 8] = [
        &[Mono],
        &[FrontLeft, FrontRight],
        &[FrontLeft, FrontRight, FrontCenter],
        &[FrontLeft, FrontRight, RearLeft, RearRight],
        &[FrontLeft, FrontRight, FrontCenter, RearLeft, RearRight],
        &[FrontLeft, FrontRight, FrontCenter, Lfe, RearLeft, RearRight],
        &[FrontLeft, FrontRight, FrontCenter, Lfe, RearLeft, RearRight, RearCenter],
        &[FrontLeft, FrontRight, FrontCenter, Lfe, RearLeft, RearRight, SideLeft, SideRight],
    ];
    if u16::from(info.channel_map.num_channels()) == channels {
        return info.channel_map;
    }
    match USUAL.get(usize::from(channels).wrapping_sub(1)) {
        Some(positions) => ChannelMap::new(positions.iter().copied()),
        // No map has this many positions: the server mixes all channels into each.
        None => ChannelMap::new(std::iter::repeat_n(Aux0, usize::from(channels))),
    }
}
