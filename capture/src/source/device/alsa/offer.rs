//! The formats that a device of ALSA offers.

use std::collections::BTreeSet;

use alsa::Result;
use alsa::pcm::{Access, Format, HwParams, PCM};
use capbuf::MAX_CHANNELS;

use super::formats::{FORMATS, layout};
use crate::source::device::choose::{Offer, Range};

/// The most rates of a device that offers a list of them; a longer list is taken for a range.
const MAX_LISTED_RATES: usize = 64;

/// Returns the parameters that a device has without resampling. ALSA's converting devices keep the
/// rate of the hardware: another one is resampled here, with more quality.
pub(super) fn parameters(pcm: &PCM) -> Result<HwParams<'_>> {
    let parameters = HwParams::any(pcm)?;
    parameters.set_rate_resample(false)?;
    Ok(parameters)
}

/// Returns whether a device can deliver the samples of a frame one after the other; if not, it
/// delivers each channel on its own.
pub(super) fn is_interleaved(pcm: &PCM) -> Result<bool> {
    Ok(HwParams::any(pcm)?.test_access(Access::RWInterleaved).is_ok())
}

/// Asks a device for its formats: one may be limited to some rates and channels.
pub(super) fn offer(pcm: &PCM) -> Result<Offer> {
    let all = parameters(pcm)?;
    let mut ranges = Vec::new();
    for (format, device_format) in FORMATS {
        let of_format = all.clone();
        if of_format.set_format(format).is_err() {
            continue;
        }
        let fewest = of_format.get_channels_min()?;
        let most = of_format.get_channels_max()?;
        // One beyond the limit suffices for the error.
        for channels in fewest..=most.min(fewest.max(u32::from(MAX_CHANNELS))) {
            let of_channels = of_format.clone();
            if of_channels.set_channels(channels).is_err() {
                continue;
            }
            let channels = u16::try_from(channels).unwrap_or(u16::MAX);
            for (min_rate_hz, max_rate_hz) in rates(&of_channels)? {
                ranges.push(Range { device_format, channels, min_rate_hz, max_rate_hz });
            }
        }
    }
    let others = Format::all().iter().filter(|format| **format != Format::Unknown && layout(**format).is_none());
    let refused = others.filter(|format| all.test_format(**format).is_ok()).map(ToString::to_string).collect();
    Ok(Offer::without_own(ranges, refused))
}

/// Returns the sample rates on offer: one range, or each rate of a list.
fn rates(parameters: &HwParams<'_>) -> Result<Vec<(u32, u32)>> {
    let (min, max) = (parameters.get_rate_min()?, parameters.get_rate_max()?);
    if min >= max || parameters.test_rate(min + 1).is_ok() {
        return Ok(vec![(min, max)]);
    }
    let listed = members(min, max, |rate| parameters.clone().set_rate_near(rate, alsa::ValueOr::Nearest).ok());
    Ok(listed.map_or_else(|| vec![(min, max)], |rates| rates.into_iter().map(|rate| (rate, rate)).collect()))
}

/// Finds all members of a set of numbers from `min` to `max`, by the member that is nearest to a
/// number; `None` if there are more than [`MAX_LISTED_RATES`].
///
/// A member between two others is nearer to their middle than they are. But where `max` is the only
/// member above a number, ALSA takes it for the nearest.
fn members(min: u32, max: u32, nearest: impl Fn(u32) -> Option<u32>) -> Option<BTreeSet<u32>> {
    let mut found = BTreeSet::from([min, max]);
    // Between these numbers there may be more members.
    let mut spans = vec![(min, max)];
    while let Some((low, high)) = spans.pop() {
        let middle = low + (high - low) / 2;
        if middle == low {
            continue;
        }
        match nearest(middle) {
            Some(between) if (low + 1..high).contains(&between) => {
                found.insert(between);
                if found.len() > MAX_LISTED_RATES {
                    return None;
                }
                spans.extend([(low, between), (between, high)]);
            }
            Some(above) if above == max => spans.push((low, middle)),
            _ => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rates: &[u32]) -> Option<BTreeSet<u32>> {
        let nearest = |wanted: u32| rates.iter().copied().min_by_key(|rate| rate.abs_diff(wanted));
        let max = rates[rates.len() - 1];
        let as_alsa = |wanted: u32| {
            if rates.iter().any(|rate| (wanted..max).contains(rate)) { nearest(wanted) } else { Some(max) }
        };
        let found = members(rates[0], max, as_alsa);
        assert_eq!(found, members(rates[0], max, nearest), "another search finds other rates");
        found
    }

    #[test]
    fn every_rate_of_a_list_is_found() {
        for rates in [
            &[8_000, 48_000][..],
            &[8_000, 8_001, 48_000],
            &[16_000, 32_000, 44_100, 48_000, 96_000, 192_000, 250_000, 256_000, 312_500, 384_000, 500_000],
            &[5_512, 7_350, 8_000, 11_025, 12_000, 22_050, 22_051, 22_052, 767_999, 768_000],
        ] {
            assert_eq!(found(rates), Some(rates.iter().copied().collect()));
        }
    }

    #[test]
    fn list_that_is_too_long_is_no_list() {
        let many: Vec<u32> = (0..200).map(|number| 4_000 + 10 * number).collect();
        assert_eq!(found(&many), None);
    }
}
