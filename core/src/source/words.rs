//! Words that may be shown in the path of a URL.

/// Words of the paths of cameras and media servers, in lower case.
const COMMON: [&str; 117] = [
    "0",
    "aac",
    "amp",
    "asp",
    "audio",
    "audiostream",
    "av",
    "axis",
    "bin",
    "c",
    "cam",
    "camera",
    "cgi",
    "ch",
    "channel",
    "channels",
    "cif",
    "default",
    "encoder",
    "feed",
    "flac",
    "flv",
    "g711",
    "getaudio",
    "getstream",
    "h",
    "hd",
    "high",
    "hls",
    "http",
    "image",
    "in",
    "index",
    "input",
    "isapi",
    "jpeg",
    "jpg",
    "l",
    "left",
    "listen",
    "live",
    "livemedia",
    "livestream",
    "low",
    "m",
    "m3u",
    "m3u8",
    "main",
    "mainstream",
    "master",
    "media",
    "mediainput",
    "mic",
    "microphone",
    "mjpeg",
    "mjpg",
    "mkv",
    "mono",
    "mov",
    "mp",
    "mp3",
    "mp4",
    "mpeg",
    "mpegts",
    "mpg",
    "mt",
    "multicast",
    "ogg",
    "onvif",
    "opus",
    "out",
    "output",
    "pcm",
    "php",
    "picture",
    "playlist",
    "preview",
    "primary",
    "profile",
    "psia",
    "quality",
    "radio",
    "realmonitor",
    "right",
    "rtmp",
    "rtp",
    "rtsp",
    "rtsph",
    "s",
    "sav",
    "sd",
    "sdp",
    "second",
    "secondary",
    "sensor",
    "smp",
    "snapshot",
    "sound",
    "src",
    "stereo",
    "stream",
    "streaming",
    "streams",
    "sub",
    "substream",
    "tcp",
    "third",
    "track",
    "trackid",
    "ts",
    "udp",
    "unicast",
    "v",
    "video",
    "videoinput",
    "videomain",
    "videosub",
];
/// Words after which a password or a key may follow.
const BEFORE_SECRETS: [&str; 26] = [
    "access",
    "account",
    "admin",
    "administrator",
    "api",
    "auth",
    "client",
    "credentials",
    "guest",
    "key",
    "keys",
    "login",
    "operator",
    "pass",
    "passwd",
    "password",
    "private",
    "pwd",
    "root",
    "secret",
    "service",
    "supervisor",
    "token",
    "user",
    "username",
    "viewer",
];
/// Names of parameters in the queries of cameras and media servers, in lower case.
const PARAMETERS: [&str; 56] = [
    "access_token",
    "accesskey",
    "account",
    "action",
    "api_key",
    "apikey",
    "audio",
    "auth",
    "authbasic",
    "bitrate",
    "ca",
    "camera",
    "ch",
    "channel",
    "codec",
    "format",
    "id",
    "key",
    "login",
    "loginpas",
    "loginuse",
    "mode",
    "mount",
    "name",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "profile",
    "pw",
    "pwd",
    "quality",
    "rate",
    "resolution",
    "secret",
    "session",
    "sessionid",
    "sig",
    "signature",
    "size",
    "src",
    "stream",
    "streamid",
    "subtype",
    "tls",
    "token",
    "track",
    "transport",
    "type",
    "unicast",
    "uri",
    "url",
    "user",
    "username",
    "usr",
    "video",
];
/// The most digits of a number, and of all numbers of a part.
const MAX_DIGITS: (usize, usize) = (3, 5);

/// Returns whether a part of a path holds only characters without a meaning in URLs.
pub(super) fn is_plain(part: &str) -> bool {
    part.chars().all(|sign| sign.is_ascii_alphanumeric() || "._-".contains(sign))
}

/// Returns whether a query begins with a parameter, `name=`.
pub(super) fn begins_with_name(query: &str) -> bool {
    query.split_once('=').is_some_and(|(name, _)| !name.is_empty() && is_plain(name))
}

/// Returns whether the name of a parameter is common.
pub(super) fn is_parameter(name: &str) -> bool {
    PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Returns whether a password may follow this part of a path.
pub(super) fn precedes_secret(part: &str) -> bool {
    BEFORE_SECRETS.contains(&part.to_ascii_lowercase().as_str())
}

/// Returns whether a plain part of a path is too short for a secret, or consists of common words
/// and small numbers.
pub(super) fn is_common(part: &str) -> bool {
    let lower = part.to_ascii_lowercase();
    part.len() <= 2 || lower.split(['.', '_', '-']).all(is_common_word) && digits(part) <= MAX_DIGITS.1
}

/// Returns whether a word, with a small number behind it, is common.
fn is_common_word(word: &str) -> bool {
    let name = word.trim_end_matches(|sign: char| sign.is_ascii_digit());
    COMMON.contains(&word) || word.len() - name.len() <= MAX_DIGITS.0 && (name.is_empty() || COMMON.contains(&name))
}

fn digits(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

/// Returns whether a plain text looks like a key or a token: a long mix of letters and digits.
pub(super) fn is_random(text: &str) -> bool {
    if is_common(text) {
        return false;
    }
    let joined: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let digits = digits(text);
    let is_hexadecimal = joined.len() >= 8 && digits > 1 && joined.iter().all(char::is_ascii_hexdigit);
    let is_number = digits > MAX_DIGITS.0 && digits == joined.len();
    is_hexadecimal || is_number || text.split(['.', '_', '-']).any(is_random_segment)
}

/// The longest segment that is no key.
const MAX_SEGMENT: usize = 24;

fn is_random_segment(segment: &str) -> bool {
    // 0: upper case, 1: lower case, 2: digits. A word may begin with a capital.
    let class = |sign: char| if sign.is_ascii_digit() { 2 } else { u8::from(sign.is_ascii_lowercase()) };
    let classes: Vec<u8> = segment.chars().map(class).collect();
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1] && *pair != [0, 1]).count();
    // The runs of a camel-case name are longer than those of a key.
    segment.len() > MAX_SEGMENT || segment.len() >= 8 && changes >= 3 && segment.len() * 2 < (changes + 1) * 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(COMMON.is_sorted() && PARAMETERS.is_sorted() && BEFORE_SECRETS.is_sorted());
    }

    #[test]
    fn keys_look_random_and_paths_of_cameras_do_not() {
        for key in [
            "Hx8wPLCVbL1zTt0v",
            "550e8400-e29b-41d4-a716-446655440000",
            "d41d8cd98f00b204e9800998ecf8427e",
            "a1b2c3d4",
            "12345",
            "x7Gq2Lp9",
            "abcdefghijklmnopqrstuvwxyzabc",
        ] {
            assert!(is_random(key), "{key}");
        }
        for path in [
            "live",
            "1",
            "101",
            "h264Preview_01_main",
            "h264",
            "ch01.264",
            "tcpav0_0",
            "MediaInput",
            "axis-media",
            "videoMain",
            "nest",
            "garden-north",
            "live.sdp",
            "cam1",
            "onvif1",
            "getLiveStreamAudio",
            "birds.mp3",
            "stream1h264",
            "b827eb",
        ] {
            assert!(!is_random(path), "{path}");
        }
    }

    #[test]
    fn common_parts_are_words_with_small_numbers() {
        for part in
            ["Channels", "101", "realmonitor", "media.amp", "profile2", "ch1", "main", "av_stream", "live.m3u8", "c1"]
        {
            assert!(is_common(part), "{part}");
        }
        for part in ["sesame", "live-sesame", "1234", "live1234", "1-2-3-4-5-6", "sesame.mp3", "123-456"] {
            assert!(!is_common(part), "{part}");
        }
    }
}
