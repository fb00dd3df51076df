//! The choice among the formats that a device offers.

use std::collections::BTreeSet;

use capbuf::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, SampleFormat};

use crate::error::{Error, Result};
use crate::source::encoding::Encoding;
use crate::source::format::{Format, RequestedFormat};

/// The formats in which a device can be recorded from.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    /// Combinations that can be captured. Of equally good ones the first is chosen.
    pub(super) ranges: Vec<Range>,
    /// The native rate and channels.
    pub(super) own_rate_hz: u32,
    pub(super) own_channels: u16,
    /// The native sample format, if it is known.
    pub(super) own_format: Option<SampleFormat>,
    /// The names of sample formats on offer that cannot be captured.
    pub(super) refused: Vec<String>,
}

/// A range of sample rates in one sample format with one number of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) device_format: Encoding,
    pub(super) channels: u16,
    pub(super) min_rate_hz: u32,
    pub(super) max_rate_hz: u32,
}

impl Range {
    fn contains(&self, rate_hz: u32) -> bool {
        (self.min_rate_hz..=self.max_rate_hz).contains(&rate_hz)
    }

    /// Returns whether a buffer can hold it, whose limits may be below the device's.
    fn can_be_captured(&self) -> bool {
        (1..=MAX_CHANNELS).contains(&self.channels) && (1..=MAX_SAMPLE_RATE_HZ).contains(&self.min_rate_hz)
    }

    /// Returns the native rate, else a usual one, else the highest.
    fn preferred_rate(&self, own_rate_hz: u32) -> u32 {
        let usual = USUAL_RATES_HZ.into_iter().find(|rate| self.contains(*rate));
        if self.contains(own_rate_hz) { own_rate_hz } else { usual.unwrap_or(self.max_rate_hz.min(MAX_SAMPLE_RATE_HZ)) }
    }
}

/// The rates of microphones, the usual one first.
const USUAL_RATES_HZ: [u32; 2] = [48_000, 44_100];

impl Offer {
    /// Makes the offer of a device that names no native format: stereo, else mono, else the most
    /// channels, at a usual rate or else the highest.
    pub(super) fn without_own(ranges: Vec<Range>, refused: Vec<String>) -> Self {
        let usable = || ranges.iter().filter(|range| range.can_be_captured());
        let channels: BTreeSet<_> = usable().map(|range| range.channels).collect();
        let usual = [2, 1].into_iter().find(|usual| channels.contains(usual));
        let own_channels = usual.or(channels.last().copied()).unwrap_or(1);
        let own_rate_hz = USUAL_RATES_HZ
            .into_iter()
            .find(|rate| usable().any(|range| range.channels == own_channels && range.contains(*rate)))
            .or_else(|| usable().map(|range| range.max_rate_hz.min(MAX_SAMPLE_RATE_HZ)).max())
            .unwrap_or(USUAL_RATES_HZ[0]);
        Self { own_rate_hz, own_channels, own_format: None, ranges, refused }
    }
}

/// The format in which a device is opened, and that of the buffer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) device_format: Encoding,
    pub(super) format: Format,
}

/// A device delivers blocks of 100 ms.
const BLOCKS_PER_S: u32 = 10;

impl Choice {
    /// Chooses the format closest to the requested one, else to the native one.
    ///
    /// Without a request for a sample format, that is the smallest which loses no bit of 16, or
    /// else the device's best.
    ///
    /// # Errors
    /// [`Error::NotOffered`] with all formats on offer.
    pub(super) fn make(name: &str, offer: &Offer, requested: &RequestedFormat) -> Result<Self> {
        let Offer { ranges, own_rate_hz, own_channels, own_format, .. } = offer;
        let wanted = requested.sample_format.or(*own_format).unwrap_or(SampleFormat::S16);
        let best = ranges
            .iter()
            .filter(|range| range.can_be_captured())
            .filter(|range| requested.channels.is_none_or(|channels| range.channels == channels))
            .filter(|range| requested.sample_rate_hz.is_none_or(|rate| range.contains(rate)))
            .min_by_key(|range| {
                (
                    // Native channels first, then the native rate: those are not converted here.
                    range.channels.abs_diff(*own_channels),
                    requested.sample_rate_hz.is_none() && !range.contains(*own_rate_hz),
                    range.device_format.rank(wanted),
                )
            });
        let Some(best) = best else {
            return Err(Error::NotOffered {
                source_name: format!("device {name:?}"),
                requested: describe_requested(requested),
                offered: describe_offer(offer),
            });
        };
        let sample_rate_hz = requested.sample_rate_hz.unwrap_or_else(|| best.preferred_rate(*own_rate_hz));
        let device_format = best.device_format;
        let sample_format = requested.sample_format.unwrap_or_else(|| device_format.buffer_format());
        let format = Format { sample_rate_hz, channels: best.channels, sample_format };
        Ok(Self { device_format, format })
    }

    /// Returns the requested block size in frames.
    pub(super) fn block_frames(&self) -> u32 {
        (self.format.sample_rate_hz / BLOCKS_PER_S).max(1)
    }
}

fn describe_requested(requested: &RequestedFormat) -> String {
    let rate = requested.sample_rate_hz.map(|rate| format!("{rate} Hz"));
    let channels = requested.channels.map(|channels| format!("{channels} channels"));
    let requested: Vec<_> = [rate, channels].into_iter().flatten().collect();
    if requested.is_empty() { "format that can be captured".to_owned() } else { requested.join(" with ") }
}

fn describe_offer(offer: &Offer) -> String {
    let usable = || offer.ranges.iter().filter(|range| range.can_be_captured());
    let (mut rates, mut channels, mut formats) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    // If none can be captured, the limits are named behind all of them.
    let shown: Vec<_> = if usable().next().is_some() { usable().collect() } else { offer.ranges.iter().collect() };
    for range in &shown {
        rates.insert((range.min_rate_hz, range.max_rate_hz));
        channels.insert(range.channels);
        formats.insert(range.device_format.buffer_format().name());
    }
    if shown.is_empty() {
        let refused = if offer.refused.is_empty() { "none".to_owned() } else { offer.refused.join(", ") };
        return format!("only {refused}; allowed: samples that are integers, floats, MU_LAW or A_LAW");
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
    let limits = match usable().next() {
        Some(_) => String::new(),
        None => format!("; allowed: up to {MAX_CHANNELS} channels and {MAX_SAMPLE_RATE_HZ} Hz"),
    };
    format!("{}; {channels}; {}{limits}", rates.join(", "), formats.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::encoding::ByteOrder;

    const fn of(format: SampleFormat) -> Encoding {
        Encoding::of_buffer(format)
    }

    const S16: Encoding = of(SampleFormat::S16);
    const S24: Encoding = of(SampleFormat::S24);
    const S32: Encoding = of(SampleFormat::S32);
    const F32: Encoding = of(SampleFormat::F32);
    const U8: Encoding = Encoding::Integer { bits: 8, bytes: 1, signed: false, order: ByteOrder::Little };
    const S24_BE: Encoding = Encoding::Integer { bits: 24, bytes: 3, signed: true, order: ByteOrder::Big };

    fn range(channels: u16, min_rate_hz: u32, max_rate_hz: u32, device_format: Encoding) -> Range {
        Range { device_format, channels, min_rate_hz, max_rate_hz }
    }

    fn offer(ranges: &[Range], channels: u16, rate: u32, format: Option<SampleFormat>) -> Offer {
        Offer {
            ranges: ranges.to_vec(),
            own_rate_hz: rate,
            own_channels: channels,
            own_format: format,
            refused: Vec::new(),
        }
    }

    fn requested(rate: Option<u32>, channels: Option<u16>, format: Option<SampleFormat>) -> RequestedFormat {
        RequestedFormat { sample_rate_hz: rate, channels, sample_format: format }
    }

    fn choose(offer: &Offer, requested: &RequestedFormat) -> Choice {
        Choice::make("card", offer, requested).expect("it is on offer")
    }

    fn refusal(offer: &Offer, requested: &RequestedFormat) -> String {
        Choice::make("card", offer, requested).expect_err("it is not on offer").to_string()
    }

    fn format(sample_rate_hz: u32, channels: u16, sample_format: SampleFormat) -> Format {
        Format { sample_rate_hz, channels, sample_format }
    }

    const ANY: RequestedFormat = RequestedFormat { sample_rate_hz: None, channels: None, sample_format: None };

    fn card() -> Vec<Range> {
        let mut offered = Vec::new();
        for channels in [1, 2] {
            for rate in [44_100, 48_000, 96_000] {
                offered.extend([U8, S16, S32, F32].map(|format| range(channels, rate, rate, format)));
            }
        }
        offered
    }

    #[test]
    fn default_request_yields_native_rate_and_channels_in_s16() {
        let choice = choose(&Offer::without_own(card(), Vec::new()), &ANY);
        assert_eq!((choice.device_format, choice.format), (S16, format(48_000, 2, SampleFormat::S16)));
        assert_eq!(choice.block_frames(), 4800);
    }

    #[test]
    fn known_native_format_is_preferred() {
        let choice = choose(&offer(&card(), 1, 44_100, Some(SampleFormat::F32)), &ANY);
        assert_eq!((choice.device_format, choice.format), (F32, format(44_100, 1, SampleFormat::F32)));
    }

    #[test]
    fn buffer_keeps_all_bits_of_the_only_format() {
        for (device_format, expected) in
            [(U8, SampleFormat::S16), (S24_BE, SampleFormat::S24), (F32, SampleFormat::F32)]
        {
            let choice = choose(&offer(&[range(1, 48_000, 48_000, device_format)], 1, 48_000, None), &ANY);
            assert_eq!((choice.device_format, choice.format), (device_format, format(48_000, 1, expected)));
        }
    }

    #[test]
    fn best_of_several_formats_is_chosen() {
        for (offered, wanted, expected) in [
            (&[U8, S24_BE, F32][..], None, S24_BE),
            (&[U8, Encoding::MuLaw, F32], None, F32),
            (&[Encoding::ALaw, U8], None, Encoding::ALaw),
            (&[S16, S24_BE, S32], Some(SampleFormat::S24), S24_BE),
            (&[S24, S24_BE, S32], Some(SampleFormat::S32), S32),
            (&[S16, S24_BE, F32], Some(SampleFormat::S32), S24_BE),
            (&[S16, S24_BE, S32], Some(SampleFormat::F32), S32),
        ] {
            let ranges: Vec<_> = offered.iter().map(|format| range(1, 8_000, 48_000, *format)).collect();
            let choice = choose(&offer(&ranges, 1, 48_000, None), &requested(None, None, wanted));
            assert_eq!(choice.device_format, expected, "{offered:?} for {wanted:?}");
        }
    }

    #[test]
    fn format_of_another_rate_is_not_chosen() {
        let offered = [range(2, 48_000, 48_000, S24), range(2, 44_100, 44_100, S16), range(1, 96_000, 96_000, S32)];
        let offer = Offer::without_own(offered.to_vec(), Vec::new());
        assert_eq!(choose(&offer, &ANY).format, format(48_000, 2, SampleFormat::S24));
        let at = |rate| choose(&offer, &requested(Some(rate), None, None));
        assert_eq!((at(44_100).device_format, at(96_000).device_format), (S16, S32));
        assert_eq!(at(96_000).format.channels, 1);
    }

    #[test]
    fn native_format_without_a_usual_one_is_the_most_channels_at_the_highest_rate() {
        let offered = [range(4, 8_000, 16_000, S32), range(6, 8_000, 22_050, S32), range(80, 8_000, 48_000, S32)];
        let offer = Offer::without_own(offered.to_vec(), Vec::new());
        assert_eq!(choose(&offer, &ANY).format, format(22_050, 6, SampleFormat::S32));
    }

    #[test]
    fn requested_format_is_converted_from_the_widest_offer() {
        let offer = offer(&card(), 2, 48_000, Some(SampleFormat::S16));
        let choice = choose(&offer, &requested(Some(96_000), Some(1), Some(SampleFormat::S24)));
        assert_eq!((choice.device_format, choice.format), (S32, format(96_000, 1, SampleFormat::S24)));
    }

    #[test]
    fn requested_channels_without_the_native_rate_take_the_nearest_rate() {
        let offer = offer(&[range(2, 48_000, 48_000, S16), range(4, 8_000, 16_000, S32)], 2, 48_000, None);
        let choice = choose(&offer, &requested(None, Some(4), None));
        assert_eq!(choice.format, format(16_000, 4, SampleFormat::S32));
    }

    #[test]
    fn refusal_lists_the_formats_on_offer() {
        let refused = refusal(&offer(&card(), 2, 48_000, None), &requested(Some(192_000), Some(6), None));
        assert_eq!(
            refused,
            "device \"card\" has no 192000 Hz with 6 channels; it offers 44100 Hz, 48000 Hz, 96000 Hz; 1 to 2 channels; \
             f32, s16, s32"
        );
    }

    #[test]
    fn refusal_names_formats_that_are_no_samples() {
        let encoded = Offer::without_own(Vec::new(), vec!["IEC958_SUBFRAME_LE".to_owned(), "DSD_U8".to_owned()]);
        assert_eq!(
            refusal(&encoded, &ANY),
            "device \"card\" has no format that can be captured; it offers only IEC958_SUBFRAME_LE, DSD_U8; allowed: \
             samples that are integers, floats, MU_LAW or A_LAW"
        );
        assert!(refusal(&Offer::without_own(Vec::new(), Vec::new()), &ANY).contains("only none"));
    }

    #[test]
    fn refusal_beyond_the_limits_of_buffers_names_them() {
        for beyond in [range(65, 48_000, 48_000, S16), range(2, 768_001, 900_000, S16)] {
            let refused = refusal(&Offer::without_own(vec![beyond], Vec::new()), &ANY);
            assert!(refused.ends_with("s16; allowed: up to 64 channels and 768000 Hz"), "{refused}");
            assert!(refused.contains("65 channels") || refused.contains("768001 to 900000 Hz"), "{refused}");
        }
    }
}
