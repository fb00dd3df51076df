//! The choice among the formats that a device offers.

use std::collections::BTreeSet;

use capbuf::{MAX_CHANNELS, SampleFormat};
use cpal::{SampleFormat as DeviceFormat, SupportedStreamConfig, SupportedStreamConfigRange};

use crate::error::{Error, Result};
use crate::source::format::{Format, RequestedFormat};

/// The formats in which a device can be recorded from.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) ranges: Vec<SupportedStreamConfigRange>,
    /// The native one.
    pub(super) own: SupportedStreamConfig,
    /// True if the native sample format is known, and not a guess of the host.
    pub(super) trust_own: bool,
}

/// The format in which a device is opened, and that of the buffer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) device_format: DeviceFormat,
    pub(super) format: Format,
}

/// A device delivers blocks of 100 ms. A sound card has room for two: the thread may be delayed by
/// that before frames are lost, which matters more here than latency. A sound server queues many
/// more.
const BLOCKS_PER_S: u32 = 10;

impl Choice {
    /// Chooses the format closest to the requested one, else to the native one.
    ///
    /// # Errors
    /// [`Error::NotOffered`] with all formats on offer.
    pub(super) fn make(name: &str, offer: &Offer, requested: &RequestedFormat) -> Result<Self> {
        let Offer { ranges: offered, own, trust_own } = offer;
        let known = |range: &&SupportedStreamConfigRange| {
            buffer_format(range.sample_format()).is_some() && (1..=MAX_CHANNELS).contains(&range.channels())
        };
        let preferred = preference(requested.sample_format, trust_own.then_some(own.sample_format()));
        let best = offered
            .iter()
            .filter(known)
            .filter(|range| requested.channels.is_none_or(|channels| range.channels() == channels))
            .filter(|range| requested.sample_rate_hz.is_none_or(|rate| range.contains_rate(rate)))
            .min_by_key(|range| {
                (
                    // Native channels first, then the native rate: those are not converted here.
                    range.channels().abs_diff(own.channels()),
                    !range.contains_rate(own.sample_rate()),
                    preferred.iter().position(|format| *format == range.sample_format()),
                )
            });
        let Some(best) = best else {
            return Err(Error::NotOffered {
                source_name: format!("device {name:?}"),
                requested: describe_requested(requested),
                offered: describe_offer(offered.iter().filter(known)),
            });
        };
        let own_rate = own.sample_rate();
        let sample_rate_hz = requested.sample_rate_hz.unwrap_or_else(|| {
            let standard = best.try_with_standard_sample_rate().map(|config| config.sample_rate());
            if best.contains_rate(own_rate) { own_rate } else { standard.unwrap_or(best.max_sample_rate()) }
        });
        let device_format = best.sample_format();
        let sample_format = requested.sample_format.or(buffer_format(device_format)).unwrap_or(SampleFormat::S16);
        let channels = best.channels();
        Ok(Self { device_format, format: Format { sample_rate_hz, channels, sample_format } })
    }

    /// Returns the requested block size in frames.
    pub(super) fn block_frames(&self) -> u32 {
        (self.format.sample_rate_hz / BLOCKS_PER_S).max(1)
    }
}

/// Returns the sample format of buffers that holds all bits of a device format.
fn buffer_format(format: DeviceFormat) -> Option<SampleFormat> {
    match format {
        DeviceFormat::I16 => Some(SampleFormat::S16),
        DeviceFormat::I24 => Some(SampleFormat::S24),
        DeviceFormat::I32 => Some(SampleFormat::S32),
        DeviceFormat::F32 => Some(SampleFormat::F32),
        _ => None,
    }
}

/// Returns the device formats in order of preference: the requested one, then those that lose least
/// in the conversion to it.
fn preference(requested: Option<SampleFormat>, own: Option<DeviceFormat>) -> Vec<DeviceFormat> {
    use DeviceFormat::{F32, I16, I24, I32};
    let by_request = match requested {
        None | Some(SampleFormat::S16) => [I16, I24, I32, F32],
        Some(SampleFormat::S24) => [I24, I32, F32, I16],
        Some(SampleFormat::S32) => [I32, I24, F32, I16],
        Some(SampleFormat::F32) => [F32, I32, I24, I16],
    };
    own.filter(|_| requested.is_none()).into_iter().chain(by_request).collect()
}

fn describe_requested(requested: &RequestedFormat) -> String {
    let rate = requested.sample_rate_hz.map(|rate| format!("{rate} Hz"));
    let channels = requested.channels.map(|channels| format!("{channels} channels"));
    let requested: Vec<_> = [rate, channels].into_iter().flatten().collect();
    if requested.is_empty() { "format that can be captured".to_owned() } else { requested.join(" with ") }
}

fn describe_offer<'a>(offered: impl Iterator<Item = &'a SupportedStreamConfigRange>) -> String {
    let (mut rates, mut channels, mut formats) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for range in offered {
        rates.insert((range.min_sample_rate(), range.max_sample_rate()));
        channels.insert(range.channels());
        formats.insert(buffer_format(range.sample_format()).map_or("", SampleFormat::name));
    }
    if formats.is_empty() {
        return "none of s16, s24, s32, f32".to_owned();
    }
    let rates: Vec<_> = rates
        .into_iter()
        .map(|(low, high)| if low == high { format!("{low} Hz") } else { format!("{low} to {high} Hz") })
        .collect();
    let channels = match (channels.first(), channels.last()) {
        (Some(fewest), Some(most)) if fewest == most => format!("{most} channels"),
        (Some(fewest), Some(most)) if channels.len() == usize::from(most - fewest) + 1 => {
            format!("{fewest} to {most} channels")
        }
        _ => {
            let each: Vec<_> = channels.iter().map(ToString::to_string).collect();
            format!("{} channels", each.join(", "))
        }
    };
    let formats: Vec<_> = formats.into_iter().collect();
    format!("{}; {channels}; {}", rates.join(", "), formats.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(channels: u16, low: u32, high: u32, format: DeviceFormat) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, low, high, cpal::SupportedBufferSize::Unknown, format)
    }

    fn own(channels: u16, rate: u32, format: DeviceFormat) -> SupportedStreamConfig {
        SupportedStreamConfig::new(channels, rate, cpal::SupportedBufferSize::Unknown, format)
    }

    fn requested(rate: Option<u32>, channels: Option<u16>, format: Option<SampleFormat>) -> RequestedFormat {
        RequestedFormat { sample_rate_hz: rate, channels, sample_format: format }
    }

    fn choose(
        name: &str,
        ranges: &[SupportedStreamConfigRange],
        own: &SupportedStreamConfig,
        trust_own: bool,
        requested: &RequestedFormat,
    ) -> Result<Choice> {
        Choice::make(name, &Offer { ranges: ranges.to_vec(), own: *own, trust_own }, requested)
    }

    fn card() -> Vec<SupportedStreamConfigRange> {
        let mut offered = Vec::new();
        for channels in [1, 2] {
            for rate in [44_100, 48_000, 96_000] {
                for format in [DeviceFormat::I16, DeviceFormat::I32, DeviceFormat::F32, DeviceFormat::U8] {
                    offered.push(range(channels, rate, rate, format));
                }
            }
        }
        offered
    }

    #[test]
    fn default_request_yields_native_rate_and_channels_in_s16() {
        let choice =
            choose("card", &card(), &own(2, 48_000, DeviceFormat::F32), false, &RequestedFormat::default()).unwrap();
        assert_eq!(choice.device_format, DeviceFormat::I16);
        assert_eq!(choice.format, Format { sample_rate_hz: 48_000, channels: 2, sample_format: SampleFormat::S16 });
        assert_eq!(choice.block_frames(), 4800);
    }

    #[test]
    fn trusted_native_format_is_preferred() {
        let choice =
            choose("mic", &card(), &own(1, 44_100, DeviceFormat::F32), true, &RequestedFormat::default()).unwrap();
        assert_eq!(choice.device_format, DeviceFormat::F32);
        assert_eq!(choice.format, Format { sample_rate_hz: 44_100, channels: 1, sample_format: SampleFormat::F32 });
    }

    #[test]
    fn requested_format_is_converted_from_the_widest_offer() {
        let own = own(2, 48_000, DeviceFormat::I16);
        let choice =
            choose("card", &card(), &own, true, &requested(Some(96_000), Some(1), Some(SampleFormat::S24))).unwrap();
        assert_eq!(choice.device_format, DeviceFormat::I32);
        assert_eq!(choice.format, Format { sample_rate_hz: 96_000, channels: 1, sample_format: SampleFormat::S24 });
    }

    #[test]
    fn requested_channels_without_the_native_rate_take_the_nearest_rate() {
        let offered = [range(2, 48_000, 48_000, DeviceFormat::I16), range(4, 8_000, 16_000, DeviceFormat::I32)];
        let choice =
            choose("array", &offered, &own(2, 48_000, DeviceFormat::I16), false, &requested(None, Some(4), None))
                .unwrap();
        assert_eq!(choice.format, Format { sample_rate_hz: 16_000, channels: 4, sample_format: SampleFormat::S32 });
    }

    #[test]
    fn refusal_lists_the_formats_on_offer() {
        let own = own(2, 48_000, DeviceFormat::I16);
        let refuse = |offered: &[SupportedStreamConfigRange], requested: RequestedFormat| {
            choose("card", offered, &own, false, &requested).expect_err("not offered").to_string()
        };
        assert_eq!(
            refuse(&card(), requested(Some(192_000), Some(6), None)),
            "device \"card\" has no 192000 Hz with 6 channels; it offers 44100 Hz, 48000 Hz, 96000 Hz; 1 to 2 channels; \
             f32, s16, s32"
        );
        assert_eq!(
            refuse(&[range(2, 8_000, 48_000, DeviceFormat::U8)], RequestedFormat::default()),
            "device \"card\" has no format that can be captured; it offers none of s16, s24, s32, f32"
        );
        assert!(refuse(&[], RequestedFormat::default()).contains("none of"));
    }
}
