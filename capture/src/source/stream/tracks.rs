//! The tracks of a stream, as ffmpeg lists them.

use capbuf::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, SampleFormat};

use crate::source::format::{Format, RequestedFormat};

/// An audio track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Track {
    /// Its number among all streams, in ffmpeg's list.
    pub(super) stream: usize,
    pub(super) sample_rate_hz: u64,
    pub(super) channels: u64,
    /// The smallest format that holds what its codec yields. That of lossy codecs is 16 bits.
    pub(super) sample_format: SampleFormat,
    /// True if the stream marks it as the default.
    is_default: bool,
}

impl Track {
    /// Returns its format. Of one that is [refused](Self::refusal) the numbers are those allowed.
    pub(super) fn format(&self) -> Format {
        Format {
            sample_rate_hz: u32::try_from(self.sample_rate_hz).unwrap_or(MAX_SAMPLE_RATE_HZ),
            channels: u16::try_from(self.channels).unwrap_or(MAX_CHANNELS),
            sample_format: self.sample_format,
        }
    }

    /// Parses `  Stream #0:1(eng): Audio: pcm_s24be, 44100 Hz, stereo, s32 (24 bit), 2116 kb/s`.
    /// `None` for other lines, also for video.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (number, rest) = line.strip_prefix("  Stream #0:")?.split_once(": Audio: ")?;
        let stream = number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        let mut parts = rest.split(", ");
        let codec = parts.next()?.split(' ').next()?;
        let rate = parts.find_map(|part| part.strip_suffix(" Hz"));
        let (layout, format) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Some(Self {
            stream,
            sample_rate_hz: rate.and_then(|rate| rate.parse().ok()).unwrap_or_default(),
            channels: channels_of(layout),
            sample_format: native_format(codec, format),
            is_default: rest.ends_with("(default)"),
        })
    }

    /// Returns why no buffer can hold it, if none can.
    pub(super) fn refusal(&self, requested: &RequestedFormat) -> Option<String> {
        if self.channels > u64::from(MAX_CHANNELS) {
            return Some(format!("its audio has {} channels; allowed: 1 to {MAX_CHANNELS}", self.channels));
        }
        if self.sample_rate_hz > u64::from(MAX_SAMPLE_RATE_HZ) && requested.sample_rate_hz.is_none() {
            return Some(format!(
                "its audio has {} Hz; allowed: 1 to {MAX_SAMPLE_RATE_HZ} Hz, or a requested sample rate",
                self.sample_rate_hz
            ));
        }
        None
    }
}

/// Returns the numbers of the tracks in the order in which ffmpeg prefers them: default ones, most
/// channels, first.
pub(super) fn by_preference(tracks: &[Track]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tracks.len()).collect();
    let fits = |track: &Track| track.channels <= u64::from(MAX_CHANNELS);
    order.sort_by_key(|number| {
        let track = &tracks[*number];
        std::cmp::Reverse((fits(track), track.is_default, track.channels))
    });
    order
}

fn channels_of(layout: &str) -> u64 {
    let name = layout.split(['(', ' ']).next().unwrap_or_default();
    match name {
        "mono" => 1,
        "stereo" | "downmix" => 2,
        "quad" => 4,
        "hexagonal" => 6,
        "octagonal" | "cube" => 8,
        "hexadecagonal" => 16,
        // `5.1`, or `65 channels`.
        _ => name.split('.').map(|number| number.parse::<u64>().unwrap_or_default()).fold(0, u64::saturating_add),
    }
}

fn native_format(codec: &str, format: &str) -> SampleFormat {
    let (name, bits) = format.split_once(" (").unwrap_or((format, ""));
    let bits = bits.split(' ').next().and_then(|bits| bits.parse::<u32>().ok());
    let is_lossless = codec.starts_with("pcm_") || codec == "wavpack";
    match (name.trim_end_matches('p'), bits) {
        ("s32", Some(..=24)) => SampleFormat::S24,
        ("s32" | "s64", _) => SampleFormat::S32,
        ("flt" | "dbl", _) if is_lossless => SampleFormat::F32,
        _ => SampleFormat::S16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_of_ffmpeg_is_parsed() {
        for (line, expected) in [
            ("  Stream #0:0: Audio: pcm_mulaw, 8000 Hz, mono, s16, 64 kb/s", (0, 8000, 1, SampleFormat::S16)),
            (
                "  Stream #0:1: Audio: pcm_s24be, 44100 Hz, stereo, s32 (24 bit), 2116 kb/s",
                (1, 44_100, 2, SampleFormat::S24),
            ),
            (
                "  Stream #0:0(und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, 5.1(side), fltp, 69 kb/s (default)",
                (0, 48_000, 6, SampleFormat::S16),
            ),
            ("  Stream #0:2[0x101]: Audio: flac, 96000 Hz, mono, s32 (24 bit)", (2, 96_000, 1, SampleFormat::S24)),
            (
                "  Stream #0:0: Audio: alac (alac / 0x63616C61), 44100 Hz, stereo, s32p (24 bit)",
                (0, 44_100, 2, SampleFormat::S24),
            ),
            (
                "  Stream #0:0: Audio: pcm_s32le ([1][0][0][0] / 0x0001), 48000 Hz, mono, s32, 1536 kb/s",
                (0, 48_000, 1, SampleFormat::S32),
            ),
            (
                "  Stream #0:0: Audio: pcm_f32le ([3][0][0][0] / 0x0003), 768001 Hz, mono, flt, 1 kb/s",
                (0, 768_001, 1, SampleFormat::F32),
            ),
            ("  Stream #0:0: Audio: pcm_f64le, 8000 Hz, 65 channels, dbl, 1 kb/s", (0, 8000, 65, SampleFormat::F32)),
            ("  Stream #0:0: Audio: mp3, 44100 Hz, mono, fltp, 64 kb/s", (0, 44_100, 1, SampleFormat::S16)),
            ("  Stream #0:0: Audio: opus, 48000 Hz, 2 channels (FL+FR), fltp", (0, 48_000, 2, SampleFormat::S16)),
            ("  Stream #0:0: Audio: pcm_u8, 8000 Hz, quad, u8", (0, 8000, 4, SampleFormat::S16)),
        ] {
            let track = Track::parse(line).expect(line);
            assert_eq!((track.stream, track.sample_rate_hz, track.channels, track.sample_format), expected, "{line}");
        }
        for other in
            ["  Stream #0:0: Video: h264, 25 fps", "    Stream #0:0: Audio: x", "  Stream #0:0 -> #0:0 (mp3)", ""]
        {
            assert_eq!(Track::parse(other), None, "{other}");
        }
    }

    #[test]
    fn most_channels_are_preferred_then_the_first_track() {
        let track = |channels: u64, is_default| Track {
            stream: 0,
            sample_rate_hz: 8000,
            channels,
            sample_format: SampleFormat::S16,
            is_default,
        };
        assert_eq!(by_preference(&[track(1, false), track(2, false), track(2, false), track(65, false)]), [1, 2, 0, 3]);
        assert_eq!(by_preference(&[track(2, false), track(1, true)]), [1, 0]);
    }
}
