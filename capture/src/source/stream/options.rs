//! Options of a stream: those in its URL, and those of a configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use super::times::Times;

/// The way in which an RTSP server sends its audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// Within the RTSP connection: no packet is lost on the way. Used unless set.
    Tcp,
    /// In UDP packets to this machine.
    Udp,
    /// In UDP packets to a group of machines.
    Multicast,
    /// Within two HTTP connections, for cameras behind a proxy.
    Http,
}

impl Transport {
    /// All transports.
    pub const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Multicast, Self::Http];

    /// Returns the name used in locators and configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Multicast => "multicast",
            Self::Http => "http",
        }
    }

    /// Returns the transport of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.name().eq_ignore_ascii_case(name))
    }
}

/// Options of a stream: written in the fragment of its URL, or set by
/// [`CaptureOptions::stream`](crate::CaptureOptions::stream).
///
/// | in the URL | method | meaning |
/// |---|---|---|
/// | `#audio=1` | [`track`](Self::track) | the audio track, counted from 0 |
/// | `#transport=udp` | [`transport`](Self::transport) | the transport of an RTSP server: `tcp`, `udp`, `multicast`, `http` |
/// | `#times=sender` | [`times`](Self::times) | the clock of the times: `auto`, `arrival`, `sender` |
/// | `#tls=insecure` | [`insecure_tls`](Self::insecure_tls) | any certificate is accepted |
/// | `#ca=PATH` | [`ca_file`](Self::ca_file) | the authorities that are trusted, a PEM file |
///
/// Several are joined by `&`; `%XX` is a byte of a value. A fragment is never sent to a server.
/// `?transport=udp` in the query of an RTSP URL means the same, and is not sent either.
///
/// ```
/// use capbuf_capture::{Locator, StreamOptions, Transport};
///
/// let url = "rtsp://camera/x".to_owned();
/// let options = StreamOptions::new().track(1).transport(Transport::Udp);
/// assert_eq!("rtsp://camera/x#audio=1&transport=udp".parse::<Locator>()?, Locator::Stream { url, options });
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StreamOptions {
    pub(super) track: Option<u16>,
    pub(super) transport: Option<Transport>,
    pub(super) times: Option<Times>,
    pub(super) is_tls_insecure: bool,
    pub(super) ca_file: Option<PathBuf>,
    /// Names and values.
    pub(super) ffmpeg: Vec<(String, String)>,
}

/// Without the values of ffmpeg's options: a header or a cookie may be a secret.
impl fmt::Debug for StreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { track, transport, times, is_tls_insecure, ca_file, ffmpeg } = self;
        let names: Vec<_> = ffmpeg.iter().map(|(name, _)| name).collect();
        f.debug_struct("StreamOptions")
            .field("track", track)
            .field("transport", transport)
            .field("times", times)
            .field("is_tls_insecure", is_tls_insecure)
            .field("ca_file", ca_file)
            .field("ffmpeg", &names)
            .finish()
    }
}

/// The options of ffmpeg that may be set. Others could read or write files, change the protocols,
/// or what this crate relies on.
const FFMPEG_OPTIONS: [&str; 34] = [
    "allowed_extensions",
    "allowed_segment_extensions",
    "analyzeduration",
    "auth_type",
    "block",
    "buffer_size",
    "cookies",
    "extension_picky",
    "fflags",
    "fifo_size",
    "headers",
    "http_persistent",
    "icy",
    "live_start_index",
    "localaddr",
    "max_delay",
    "max_port",
    "max_reload",
    "min_port",
    "multiple_requests",
    "overrun_nonfatal",
    "pkt_size",
    "probesize",
    "reconnect",
    "reconnect_delay_max",
    "reconnect_on_network_error",
    "reconnect_streamed",
    "referer",
    "reorder_queue_size",
    "rw_timeout",
    "scan_all_pmts",
    "seekable",
    "timeout",
    "user_agent",
];

/// The options that a fragment may contain, for errors.
pub(crate) const ALLOWED: &str = "after the # of a URL audio=NUMBER, transport=tcp, udp, multicast or http, \
                                  times=auto, arrival or sender, tls=insecure and ca=PATH, joined by &; a # of a user \
                                  name or password is written %23";

impl StreamOptions {
    /// Leaves the track to ffmpeg, uses TCP, and checks certificates.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the audio track, counted from 0. Unless set, ffmpeg chooses one that delivers.
    pub fn track(mut self, track: u16) -> Self {
        self.track = Some(track);
        self
    }

    /// Sets the transport of an RTSP server.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Sets the clock of the times, [`Times::Auto`] unless set. Only RTSP servers report theirs.
    pub fn times(mut self, times: Times) -> Self {
        self.times = Some(times);
        self
    }

    /// Accepts any certificate: whoever answers gets the user name and password of the URL.
    pub fn insecure_tls(mut self) -> Self {
        self.is_tls_insecure = true;
        self
    }

    /// Sets the authorities whose certificates are trusted, instead of the system's: a PEM file. A
    /// camera's own certificate is one, too.
    pub fn ca_file(mut self, ca_file: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(ca_file.into());
        self
    }

    /// Sets an option of ffmpeg's input, such as `reorder_queue_size` or `user_agent`. One that
    /// could read files or change protocols is refused when the source is begun. No locator can
    /// set one.
    pub fn ffmpeg_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.ffmpeg.push((name.into(), value.into()));
        self
    }

    /// Returns whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Splits a URL into what is sent to its server, and the options in it.
    ///
    /// # Errors
    /// The reason, which quotes nothing: a `#` may be part of a password.
    pub(crate) fn split(url: &str) -> Result<(String, Self), String> {
        let (sent, fragment) = url.split_once('#').unwrap_or((url, ""));
        let mut options = Self::new();
        for pair in fragment.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            options = Self::read(key, value)?.or(&options)?;
        }
        let (sent, from_query) = without_transport(sent);
        let options = from_query.or(&options)?;
        options.check(&sent)?;
        Ok((sent, options))
    }

    fn read(key: &str, value: &str) -> Result<Self, String> {
        let value = decoded(value).ok_or("a % in its fragment is followed by no two hexadecimal digits")?;
        let own = Self::new();
        match key {
            "audio" => {
                let number = value.parse().map_err(|_| "audio is no number of a track; allowed: 0, 1, 2, ...")?;
                Ok(own.track(number))
            }
            "transport" => Transport::named(&value)
                .map(|transport| own.transport(transport))
                .ok_or_else(|| "its transport is unknown; allowed: tcp, udp, multicast, http".to_owned()),
            "times" => Times::named(&value)
                .map(|times| own.times(times))
                .ok_or_else(|| "its times are unknown; allowed: auto, arrival, sender".to_owned()),
            "tls" if value == "insecure" => Ok(own.insecure_tls()),
            "tls" => Err("tls has an unknown value; allowed: insecure".to_owned()),
            "ca" if value.is_empty() => Err("ca names no file; allowed: the path of a PEM file".to_owned()),
            "ca" => Ok(own.ca_file(value)),
            _ => Err("its fragment, the part after #, has an unknown option".to_owned()),
        }
    }

    /// Returns these options, completed by others.
    ///
    /// # Errors
    /// The reason, if an option is set twice to different values.
    pub(crate) fn or(self, other: &Self) -> Result<Self, String> {
        fn one<T: PartialEq + Clone>(name: &str, own: Option<T>, other: &Option<T>) -> Result<Option<T>, String> {
            match (own, other) {
                (Some(own), Some(other)) if own != *other => Err(format!("{name} is set twice, to different values")),
                (own, other) => Ok(own.or_else(|| other.clone())),
            }
        }
        let options = Self {
            track: one("the audio track", self.track, &other.track)?,
            transport: one("transport", self.transport, &other.transport)?,
            times: one("times", self.times, &other.times)?,
            is_tls_insecure: self.is_tls_insecure || other.is_tls_insecure,
            ca_file: one("the CA file", self.ca_file, &other.ca_file)?,
            ffmpeg: [self.ffmpeg, other.ffmpeg.clone()].concat(),
        };
        if options.is_tls_insecure && options.ca_file.is_some() {
            return Err("tls=insecure checks no certificate, so a CA file has no use; allowed: one of both".to_owned());
        }
        Ok(options)
    }

    /// Checks that the options suit the scheme of `url`.
    ///
    /// # Errors
    /// The reason.
    pub(crate) fn check(&self, url: &str) -> Result<(), String> {
        let scheme = scheme(url);
        if self.transport.is_some() && !scheme.starts_with("rtsp") {
            return Err(format!("a transport can be chosen for rtsp:// and rtsps:// only, not for {scheme}://"));
        }
        if self.transport.is_some_and(|transport| transport != Transport::Tcp) && scheme == "rtsps" {
            return Err("rtsps:// is encrypted over TCP only; allowed: transport=tcp, or rtsp://".to_owned());
        }
        if self.times == Some(Times::Sender) && !scheme.starts_with("rtsp") {
            return Err(format!(
                "only an RTSP server reports its clock, so times=sender is for rtsp:// and rtsps://, not for {scheme}://; \
                 allowed: auto, arrival"
            ));
        }
        if scheme == "udp" && (self.is_tls_insecure || self.ca_file.is_some()) {
            return Err("udp:// has no certificates; allowed: tls and ca for https:// and rtsps://".to_owned());
        }
        let is_line = |path: &Path| path.to_str().is_some_and(|path| !path.contains(char::is_control));
        if self.ca_file.as_deref().is_some_and(|path| !is_line(path)) {
            return Err("the path of the CA file has control characters, or is no UTF-8".to_owned());
        }
        for (name, value) in &self.ffmpeg {
            if !FFMPEG_OPTIONS.contains(&name.as_str()) {
                return Err(format!(
                    "ffmpeg_options has {name:?}, which could open files, change protocols, or is unknown; allowed: {}",
                    FFMPEG_OPTIONS.join(", ")
                ));
            }
            if value.contains(char::is_control) {
                return Err(format!("the value of {name} in ffmpeg_options has control characters"));
            }
        }
        Ok(())
    }
}

/// Returns the scheme of a URL, in lower case.
pub(super) fn scheme(url: &str) -> String {
    url.split(':').next().unwrap_or_default().to_ascii_lowercase()
}

/// Takes a known transport out of the query of an RTSP URL. Another value is a parameter of the
/// camera's own.
fn without_transport(url: &str) -> (String, StreamOptions) {
    let own = StreamOptions::new();
    let Some((before, query)) = url.split_once('?').filter(|_| scheme(url).starts_with("rtsp")) else {
        return (url.to_owned(), own);
    };
    let transport = |pair: &str| pair.strip_prefix("transport=").and_then(Transport::named);
    let Some(found) = query.split('&').find_map(transport) else { return (url.to_owned(), own) };
    let rest: Vec<_> = query.split('&').filter(|pair| transport(pair) != Some(found)).collect();
    let url = if rest.is_empty() { before.to_owned() } else { format!("{before}?{}", rest.join("&")) };
    (url, own.transport(found))
}

/// Replaces `%XX` by bytes.
fn decoded(value: &str) -> Option<String> {
    let mut parts = value.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_from_what_is_sent() {
        let new = StreamOptions::new;
        for (given, sent, options) in [
            ("rtsp://u:p@h/x?a=b", "rtsp://u:p@h/x?a=b", new()),
            ("rtsp://h/x#", "rtsp://h/x", new()),
            ("rtsp://h/x#audio=1", "rtsp://h/x", new().track(1)),
            ("https://h/x?q#tls=insecure&audio=0", "https://h/x?q", new().track(0).insecure_tls()),
            ("http://h/x#ca=/etc/my%20CA%26%25.pem", "http://h/x", new().ca_file("/etc/my CA&%.pem")),
            ("RTSP://h/x#transport=UDP", "RTSP://h/x", new().transport(Transport::Udp)),
            ("rtsp://h/x?transport=udp", "rtsp://h/x", new().transport(Transport::Udp)),
            ("rtsps://h/x#times=Sender", "rtsps://h/x", new().times(Times::Sender)),
            ("http://h/x#times=arrival", "http://h/x", new().times(Times::Arrival)),
            (
                "rtsp://h/x?a=b&transport=multicast&c#audio=2",
                "rtsp://h/x?a=b&c",
                new().transport(Transport::Multicast).track(2),
            ),
            // A parameter of the server's own.
            ("rtsp://h/x?transport=pigeon", "rtsp://h/x?transport=pigeon", new()),
            ("http://h/x?transport=udp", "http://h/x?transport=udp", new()),
        ] {
            assert_eq!(StreamOptions::split(given), Ok((sent.to_owned(), options)), "{given}");
        }
    }

    #[test]
    fn options_of_ffmpeg_are_allowed_by_name() {
        let check = |name: &str, value: &str| StreamOptions::new().ffmpeg_option(name, value).check("rtsp://h/x");
        assert_eq!(check("reorder_queue_size", "500"), Ok(()));
        for name in
            ["protocol_whitelist", "i", "f", "ca_file", "tls_verify", "key_file", "rtsp_flags", "-y", "", "timeout x"]
        {
            let refused = check(name, "1").expect_err(name);
            assert!(refused.contains(&format!("{name:?}")) && refused.contains("reorder_queue_size"), "{refused}");
        }
        assert!(check("user_agent", "a\noption protocol_whitelist file").is_err());
    }

    #[test]
    fn values_of_ffmpeg_options_are_not_shown() {
        let options = StreamOptions::new().track(1).ffmpeg_option("headers", "Authorization: Bearer sesame");
        let shown = format!("{options:?}");
        assert!(shown.contains("Some(1)") && shown.contains("headers") && !shown.contains("sesame"), "{shown}");
    }

    #[test]
    fn refusal_says_why_and_quotes_nothing() {
        for (given, reason) in [
            ("rtsp://h/x#sesame", "unknown option"),
            ("rtsp://me:ses#sesame@h/x", "unknown option"),
            ("rtsp://h/x#sesame=1", "unknown option"),
            ("rtsp://h/x#Audio=1", "unknown option"),
            ("rtsp://h/x#audio", "audio is no number of a track"),
            ("rtsp://h/x#audio=sesame", "audio is no number of a track"),
            ("rtsp://h/x#audio=-1", "audio is no number of a track"),
            ("rtsp://h/x#audio=70000", "audio is no number of a track"),
            ("rtsp://h/x#audio=1&audio=2", "the audio track is set twice"),
            ("rtsp://h/x?transport=tcp#transport=udp", "transport is set twice"),
            ("rtsp://h/x#transport=sesame", "allowed: tcp, udp, multicast, http"),
            ("rtsp://h/x#times=sesame", "allowed: auto, arrival, sender"),
            ("rtsp://h/x#times=auto&times=sender", "times is set twice"),
            ("http://h/x#times=sender", "for rtsp:// and rtsps://, not for http://"),
            ("http://h/x#transport=tcp", "for rtsp:// and rtsps:// only, not for http://"),
            ("rtsps://h/x#transport=udp", "encrypted over TCP only"),
            ("https://h/x#tls=sesame", "allowed: insecure"),
            ("https://h/x#ca=", "ca names no file"),
            ("https://h/x#ca=%zz", "two hexadecimal digits"),
            ("https://h/x#ca=%0asesame", "control characters"),
            ("https://h/x#ca=/sesame&tls=insecure", "one of both"),
            ("udp://h:5#tls=insecure", "udp:// has no certificates"),
        ] {
            let refused = StreamOptions::split(given).expect_err(given);
            assert!(refused.contains(reason) && !refused.contains("sesame"), "{given}: {refused}");
        }
    }
}
