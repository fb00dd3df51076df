//! The arguments and the input script of ffmpeg.

use std::ffi::OsString;

use capbuf::{SampleFormat, UrlParts};

use super::options::{StreamOptions, Transport, scheme};
use crate::source::format::RequestedFormat;

/// The timeout of a silent server. Without it ffmpeg waits forever.
const SERVER_TIMEOUT_US: &str = "5000000";
/// The time in which ffmpeg analyzes the content of a stream.
const ANALYSIS_US: &str = "3000000";

/// The containers that ffmpeg may read: none that names other files.
pub(crate) const CONTAINERS: &str = "3dostr,aac,ac3,aiff,alaw,amr,amrnb,amrwb,ape,asf,ast,au,avi,avr,caf,dfpwm,dsf,dts,dtshd,eac3,\
                          flac,flv,gsm,iff,ircam,loas,matroska,webm,mlp,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,mpeg,\
                          mpegts,mulaw,mxf,nistsphere,nsp,nut,ogg,oma,paf,pvf,qcp,rm,rso,sbc,sds,shn,sln,smjpeg,sox,\
                          spdif,svx,tak,truehd,tta,voc,w64,wav,wsd,wv,wve,xwma";

/// The media requested from a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// Audio only. Saves the bandwidth of the video, and the seconds until its first key frame;
    /// some cameras refuse it.
    AudioOnly,
    /// Everything; other media are dropped by ffmpeg.
    All,
}

impl Media {
    /// Returns the media to request from the server of `url`, in order of preference.
    pub(super) fn to_try(url: &str) -> &'static [Self] {
        // Only RTSP has this option.
        if scheme(url).starts_with("rtsp") { &[Self::AudioOnly, Self::All] } else { &[Self::All] }
    }
}

/// Returns the protocols that ffmpeg may use for a URL, and for all that its server points to: no
/// file of this machine, and no data that a playlist passes off as a server's.
fn protocols(url: &str) -> &'static str {
    match scheme(url).as_str() {
        "rtsp" => "rtp,udp,tcp,http,tls",
        "rtsps" => "rtp,udp,tcp,tls",
        "udp" => "udp",
        _ => "http,https,tcp,tls,httpproxy,crypto",
    }
}

/// Returns the script that names the stream.
pub(super) fn script(url: &str, stream: &StreamOptions, media: Media) -> String {
    let mut options = vec![("analyzeduration", ANALYSIS_US), ("protocol_whitelist", protocols(url))];
    if scheme(url).starts_with("rtsp") {
        // TCP loses no packets on the network; losses in the camera show in the timestamps.
        let transport = match stream.transport.unwrap_or(Transport::Tcp) {
            Transport::Multicast => "udp_multicast",
            transport => transport.name(),
        };
        options.extend([("rtsp_transport", transport), ("timeout", SERVER_TIMEOUT_US)]);
        if media == Media::AudioOnly {
            options.push(("allowed_media_types", "audio"));
        }
    } else {
        options.push(("rw_timeout", SERVER_TIMEOUT_US));
    }
    if !stream.is_tls_insecure {
        options.push(("tls_verify", "1"));
        // ffmpeg checks the certificate of a playlist, and none of its segments, whose requests
        // have the same login.
        if scheme(url) == "https" && has_login(url) {
            options.push(("format_whitelist", CONTAINERS));
        }
    }
    let ca_file = stream.ca_file.as_ref().and_then(|path| path.to_str()).map(quoted);
    options.extend(ca_file.as_deref().map(|path| ("ca_file", path)));
    // They replace those before.
    let own: Vec<_> = stream.ffmpeg.iter().map(|(name, value)| (name.as_str(), quoted(value))).collect();
    options.extend(own.iter().map(|(name, value)| (*name, value.as_str())));
    let options: String = options.iter().map(|(name, value)| format!("option {name} {value}\n")).collect();
    format!("ffconcat version 1.0\nfile {}\n{options}", quoted(url))
}

fn has_login(url: &str) -> bool {
    UrlParts::of(url).is_none_or(|parts| parts.login.is_some())
}

/// Quotes a word of the script, which has no line break. Quotes are closed, escaped, and opened
/// again.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Returns the arguments. Without a track, ffmpeg chooses one. With `stamps`, a second output has
/// the packets of the same track with the sender's times, in its standard input: a socket.
pub(super) fn arguments(
    requested: &RequestedFormat,
    track: Option<u16>,
    codec: SampleFormat,
    log_level: &str,
    stamps: bool,
) -> Vec<OsString> {
    let log_level = format!("repeat+level+{log_level}");
    let mut arguments = vec!["-nostdin", "-nostats", "-hide_banner", "-loglevel", &log_level];
    // The stream is analyzed when the script opens it; a second analysis would take seconds.
    arguments.extend(["-analyzeduration", "0", "-probesize", "32"]);
    // The script lists the protocols of the stream itself.
    arguments.extend(["-f", "concat", "-safe", "0", "-protocol_whitelist", "pipe", "-i", "pipe:0"]);
    let track = track.map(|track| format!("0:a:{track}"));
    arguments.extend(track.iter().flat_map(|track| ["-map", track]));
    arguments.extend(AUDIO_ALONE);
    arguments.extend(["-c:a", codec_name(codec)]);
    let rate = requested.sample_rate_hz.map(|rate| rate.to_string());
    let channels = requested.channels.map(|channels| channels.to_string());
    arguments.extend(rate.iter().flat_map(|rate| ["-ar", rate]));
    arguments.extend(channels.iter().flat_map(|channels| ["-ac", channels]));
    arguments.extend(OUTPUT);
    if stamps {
        arguments.extend(track.iter().flat_map(|track| ["-map", track]));
        arguments.extend(AUDIO_ALONE);
        arguments.extend(STAMPS);
    }
    arguments.into_iter().map(OsString::from).collect()
}

/// Returns ffmpeg's name of the PCM of a sample format.
pub(crate) const fn codec_name(format: SampleFormat) -> &'static str {
    match format {
        SampleFormat::S16 => "pcm_s16le",
        SampleFormat::S24 => "pcm_s24le",
        SampleFormat::S32 => "pcm_s32le",
        SampleFormat::F32 => "pcm_f32le",
    }
}

/// The last arguments of an ffmpeg whose output is read as [`Packets`](super::packets::Packets).
///
/// One cluster per packet: the muxer sends whole clusters, by default of five seconds.
pub(crate) const OUTPUT: [&str; 7] = ["-flush_packets", "1", "-cluster_time_limit", "1", "-f", "matroska", "pipe:1"];

const AUDIO_ALONE: [&str; 7] = ["-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"];

/// The last arguments of an output that is read as [`Stamps`](super::sender::Stamps).
///
/// The tag is no codec's: some codecs have none in NUT, and its muxer refuses them.
const STAMPS: [&str; 13] = [
    "-c",
    "copy",
    "-tag:a",
    "capb",
    "-f",
    "nut",
    "-strict",
    "experimental",
    "-syncpoints",
    "timestamped",
    "-flush_packets",
    "1",
    "pipe:0",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_a_server_timeout_and_none_reads_files() {
        for url in ["rtsp://h/x", "RTSPS://h/x", "http://h/x", "https://h/x", "udp://h:5"] {
            let script = script(url, &StreamOptions::new(), Media::to_try(url)[0]);
            assert!(script.contains(&format!("file '{url}'\n")) && script.contains("timeout 5000000\n"), "{script}");
            assert!(script.contains("option tls_verify 1\n"), "{script}");
            let list = script.split_once("protocol_whitelist ").and_then(|(_, rest)| rest.lines().next()).expect(url);
            for local in ["file", "pipe", "concat", "subfile", "data", "fd", "cache", "unix", "async"] {
                assert!(list.split(',').all(|protocol| protocol != local), "{list}");
            }
        }
    }

    #[test]
    fn quotes_and_backslashes_of_a_url_are_escaped() {
        let script = script("http://h/it's\\'", &StreamOptions::new(), Media::All);
        assert!(script.starts_with("ffconcat version 1.0\nfile 'http://h/it'\\''s\\'\\'''\noption "), "{script}");
    }

    #[test]
    fn options_of_a_configuration_come_last_and_quoted() {
        let own = StreamOptions::new().ffmpeg_option("user_agent", "it's \\ me").ffmpeg_option("timeout", "1");
        let script = script("rtsp://h/x", &own, Media::All);
        assert!(script.ends_with("option user_agent 'it'\\''s \\ me'\noption timeout '1'\n"), "{script}");
    }

    #[test]
    fn requested_format_and_track_are_passed_to_ffmpeg() {
        let command_line = |requested: RequestedFormat, track, codec| {
            arguments(&requested, track, codec, "verbose", false).join(" ".as_ref()).into_string().expect("UTF-8")
        };
        let requested = RequestedFormat { sample_rate_hz: Some(8000), channels: Some(2), sample_format: None };
        let all = command_line(requested, Some(3), SampleFormat::S24);
        assert!(all.contains("-c:a pcm_s24le -ar 8000 -ac 2 ") && all.contains(" -map 0:a:3 "), "{all}");
        let nothing = command_line(RequestedFormat::default(), None, SampleFormat::S16);
        assert!(nothing.contains("-c:a pcm_s16le -flush") && !nothing.contains("-ar") && !nothing.contains("-map 0"));
    }
}
