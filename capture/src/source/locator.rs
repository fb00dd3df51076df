//! Locators: the strings that name sources.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::source::stable_name::StableName;
use crate::source::stream::{self, StreamOptions};
use crate::source::url;

/// A sound system: a way to reach the sound devices of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceHost {
    /// The kernel's sound cards, and the devices defined in `asoundrc`.
    Alsa,
    /// The sources of a PulseAudio server, or of PipeWire in its place.
    PulseAudio,
    /// The sound system of another operating system than Linux, such as CoreAudio, through cpal. On
    /// Linux it exists with the feature `cpal`, a second way to ALSA that is never tried by itself.
    #[cfg(any(feature = "cpal", not(target_os = "linux")))]
    Native,
}

impl DeviceHost {
    /// All hosts of this operating system, in the order in which `device:default` tries them.
    pub const ALL: &[Self] = &[
        Self::PulseAudio,
        Self::Alsa,
        #[cfg(not(target_os = "linux"))]
        Self::Native,
    ];

    /// Returns the host of a name.
    fn named(name: &str) -> Option<Self> {
        #[cfg(all(feature = "cpal", target_os = "linux"))]
        if name == Self::Native.name() {
            return Some(Self::Native);
        }
        Self::ALL.iter().copied().find(|host| host.name() == name)
    }

    /// Returns the name used in locators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alsa => "alsa",
            Self::PulseAudio => "pulseaudio",
            #[cfg(any(feature = "cpal", not(target_os = "linux")))]
            Self::Native => "native",
        }
    }
}

/// A source of audio, parsed from a string.
///
/// | string | source |
/// |---|---|
/// | `device:default` | the default microphone of the sound server or, without one, of ALSA |
/// | `device:alsa:NAME`, `device:pulseaudio:NAME` | a device by the name that [`devices`](crate::devices) lists |
/// | `device:native:NAME` | the same where Linux is not the operating system |
/// | `device:usb:VENDOR:PRODUCT`, `device:usb:VENDOR:PRODUCT:SERIAL` | an ALSA card by its USB ids, as in `lsusb`, in any socket |
/// | `device:path:PATH` | an ALSA card by its socket, as in `/dev/snd/by-path` |
/// | `rtsp://…`, `rtsps://…`, `http://…`, `https://…`, `udp://…` | a network stream in any codec |
/// | `rtsp://…#audio=1&transport=udp` | the same with [`StreamOptions`] |
/// | `file:PATH`, `file:PATH?loop` | a sound file in any format, in real time, once or repeated; WAV, FLAC, Ogg Vorbis and MP3 without ffmpeg |
/// | `tone:HERTZ` | a sine, 6 dB below full scale |
/// | `position:` | a signal that encodes the frame number |
///
/// A device of ALSA is opened in the format that loses nothing: any integer, float, mu-law or A-law
/// in either byte order. The buffer keeps all its bits (18, 20 and 24 as s24, a 64-bit float as
/// f32) unless another format is requested. Of several formats, 16 bits are preferred without a
/// request. Formats that are no samples, as S/PDIF subframes and DSD, are refused by name.
///
/// A raw `/`, `?`, `#` or `@` in the password of a URL is escaped if a host can follow in one place
/// only. Else the URL is refused: write them as `%2F`, `%3F`, `%23` and `%40`.
///
/// ```
/// use capbuf_capture::Locator;
///
/// assert_eq!("tone:440".parse::<Locator>()?, Locator::Tone { frequency_hz: 440.0 });
/// let error = "mic:1".parse::<Locator>().expect_err("no such kind");
/// assert!(error.to_string().contains("\"mic:1\""));
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Locator {
    /// The default microphone.
    DefaultDevice,
    /// A sound device.
    Device {
        /// The sound system it belongs to.
        host: DeviceHost,
        /// Its name there.
        name: String,
    },
    /// A network stream.
    Stream {
        /// The URL that is sent to the server, with its credentials.
        url: String,
        /// The options that were written in the locator.
        options: StreamOptions,
    },
    /// A sound file.
    File {
        /// Its path.
        path: PathBuf,
        /// Starts again at its end.
        repeat: bool,
    },
    /// A sine.
    Tone {
        /// Its frequency.
        frequency_hz: f64,
    },
    /// A signal that encodes the frame number: the 16-bit sample of frame `i` is `i * 40503` modulo
    /// 2^16, in all channels.
    Position,
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultDevice => f.write_str("DefaultDevice"),
            Self::Device { host, name } => f.debug_struct("Device").field("host", host).field("name", name).finish(),
            Self::Stream { url, options } => {
                f.debug_struct("Stream").field("url", &capbuf::redact(url)).field("options", options).finish()
            }
            Self::File { path, repeat } => f.debug_struct("File").field("path", path).field("repeat", repeat).finish(),
            Self::Tone { frequency_hz } => f.debug_struct("Tone").field("frequency_hz", frequency_hz).finish(),
            Self::Position => f.write_str("Position"),
        }
    }
}

/// The valid forms, for errors.
const ALLOWED: &str = "device:default, device:alsa:NAME, device:pulseaudio:NAME, \
                       device:usb:VENDOR:PRODUCT:SERIAL, device:path:PATH, rtsp://, rtsps://, http://, https:// and \
                       udp:// URLs, file:PATH, file:PATH?loop, tone:HERTZ, position:";

const STREAM_SCHEMES: [&str; 5] = ["rtsp", "rtsps", "http", "https", "udp"];

impl FromStr for Locator {
    type Err = Error;

    /// # Errors
    /// [`Error::Locator`] with the string, without credentials, and the valid forms;
    /// [`Error::Buffer`] for a string that cannot name a buffer.
    fn from_str(given: &str) -> Result<Self> {
        // Empty, overlong and unprintable strings are refused as names of buffers.
        capbuf::Source::new(given)?;
        let refused = |reason: &str| Error::locator(given, reason, ALLOWED);
        let (kind, rest) = given.split_once(':').ok_or_else(|| refused("it names no kind of source"))?;
        match kind {
            "device" if rest.starts_with("usb:") && StableName::parse(rest).is_none() => {
                Err(refused("a USB device is named by two numbers of four hexadecimal digits, and its serial number"))
            }
            "device" => device(rest).ok_or_else(|| refused("it names no device")),
            "file" => {
                let (path, repeat) = match rest.strip_suffix("?loop") {
                    Some(path) => (path, true),
                    None => (rest, false),
                };
                match path {
                    "" => Err(refused("the path is missing")),
                    _ => Ok(Self::File { path: path.into(), repeat }),
                }
            }
            "tone" => match rest.parse::<f64>() {
                Ok(frequency_hz) if frequency_hz.is_finite() && frequency_hz > 0.0 => Ok(Self::Tone { frequency_hz }),
                _ => Err(refused("the frequency is not a positive number of hertz")),
            },
            "position" if rest.is_empty() => Ok(Self::Position),
            "position" => Err(refused("nothing may follow position:")),
            _ if STREAM_SCHEMES.iter().any(|scheme| kind.eq_ignore_ascii_case(scheme)) => {
                let url = url::with_escaped_login(given).map_err(refused)?;
                // A URL has no blanks; text after one could be taken for an option.
                if url.contains(char::is_whitespace) {
                    return Err(refused("a URL has no blanks"));
                }
                let (url, options) = StreamOptions::split(&url)
                    .map_err(|reason| Error::locator(given, &reason, stream::OPTIONS_ALLOWED))?;
                Ok(Self::Stream { url, options })
            }
            _ => Err(refused("there is no such kind of source")),
        }
    }
}

fn device(rest: &str) -> Option<Locator> {
    if rest == "default" {
        return Some(Locator::DefaultDevice);
    }
    if let Some(stable) = StableName::parse(rest) {
        return (stable != StableName::Path(""))
            .then(|| Locator::Device { host: DeviceHost::Alsa, name: rest.to_owned() });
    }
    let (host, name) = rest.split_once(':')?;
    let host = DeviceHost::named(host)?;
    (!name.is_empty()).then(|| Locator::Device { host, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &str) -> Locator {
        given.parse().expect(given)
    }

    #[test]
    fn every_kind_is_parsed() {
        assert_eq!(parse("device:default"), Locator::DefaultDevice);
        assert_eq!(
            parse("device:alsa:hw:CARD=1,DEV=0"),
            Locator::Device { host: DeviceHost::Alsa, name: "hw:CARD=1,DEV=0".into() }
        );
        assert_eq!(
            parse("device:pulseaudio:mic.monitor"),
            Locator::Device { host: DeviceHost::PulseAudio, name: "mic.monitor".into() }
        );
        for name in ["usb:046d:082D", "usb:046d:082d:6B4E:9 F,DEV=1", "usb:046d:082d,DEV=1", "path:pci-0000:00:1f.3"] {
            let device = Locator::Device { host: DeviceHost::Alsa, name: name.into() };
            assert_eq!(
                (parse(&format!("device:{name}")), parse(&format!("device:alsa:{name}"))),
                (device.clone(), device)
            );
        }
        for url in ["rtsp://u:p@host:554/a?b=c", "RTSPS://[::1]/x", "http://h", "https://h/", "udp://@239.0.0.1:5004"] {
            assert_eq!(parse(url), Locator::Stream { url: url.into(), options: StreamOptions::new() });
        }
        let (url, options) = ("rtsp://h/x".to_owned(), StreamOptions::new().track(1));
        assert_eq!(parse("rtsp://h/x#audio=1"), Locator::Stream { url, options });
        let (url, options) = ("rtsp://u:p%23%20w@h/x".to_owned(), StreamOptions::new().track(1));
        assert_eq!(parse("rtsp://u:p# w@h/x#audio=1"), Locator::Stream { url, options });
        assert_eq!(parse("file:a b.wav"), Locator::File { path: "a b.wav".into(), repeat: false });
        assert_eq!(parse("file:/x/y?z.flac?loop"), Locator::File { path: "/x/y?z.flac".into(), repeat: true });
        assert_eq!(parse("tone:1e3"), Locator::Tone { frequency_hz: 1000.0 });
        assert_eq!(parse("position:"), Locator::Position);
    }

    #[test]
    fn refusal_names_the_string_and_the_valid_forms() {
        for bad in [
            "tone",
            "440",
            "mic:1",
            "device:",
            "device:alsa",
            "device:alsa:",
            "device:oss:x",
            "device:usb",
            "device:usb:",
            "device:usb:046d",
            "device:usb:046d:82d",
            "device:usb:046d:082d:",
            "device:usb:1-1.2",
            "device:path:",
            "device:defaults",
            "file:",
            "file:?loop",
            "tone:",
            "tone:-1",
            "tone:0",
            "tone:NaN",
            "tone:inf",
            "tone:1e999",
            "tone:440Hz",
            "position:7",
            "rtsp:host/x",
            "rtsp://",
            "rtsp:///x",
            "http://?x",
            "http://host/a b",
            "ftp://host/x",
            "javascript://x",
            "-i:x",
            ":",
            "::",
            "://",
        ] {
            let error = bad.parse::<Locator>().expect_err(bad).to_string();
            assert!(error.contains(&format!("{:?}", capbuf::redact(bad))), "{bad:?}: {error}");
            assert!(error.contains("tone:HERTZ") && error.contains("rtsp://"), "{error}");
        }
    }

    #[test]
    fn refused_fragment_names_the_options_that_are_allowed() {
        for bad in ["rtsp://h/x#t=30", "rtsp://me:pw@h/x#sesame", "https://h/x#audio=first"] {
            let error = bad.parse::<Locator>().expect_err(bad).to_string();
            assert!(error.contains("audio=NUMBER") && error.contains("tls=insecure and ca=PATH"), "{error}");
        }
    }

    #[test]
    fn refusal_of_hostile_strings_is_one_printable_line() {
        for bad in ["", "tone:\u{0}", "rtsp://a\nb", "file:\u{1b}[2J", &format!("file:{}", "x".repeat(5000))] {
            let error = bad.parse::<Locator>().expect_err(bad).to_string();
            assert!(error.len() < 600 && !error.chars().any(char::is_control), "{error:?}");
        }
    }

    #[test]
    fn refusal_hides_the_password_of_a_url() {
        for bad in [
            "rtspx://me:sesame@host/x",
            "http://me:sesame@host/a b",
            "ftp://host/?token=sesame",
            "rtsp://me:sesame@/x",
            "rtsp://me:1/sesame@host/x",
        ] {
            let error = bad.parse::<Locator>().expect_err(bad).to_string();
            assert!(!error.contains("sesame"), "{error}");
        }
    }
}
