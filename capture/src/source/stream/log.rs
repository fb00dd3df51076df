//! The log of a running ffmpeg, read line by line: its errors, the tracks of the stream, and the
//! addresses it connects to.
//!
//! ffmpeg logs without end, so only what is used is kept, in a bounded size.

use std::collections::VecDeque;
use std::io::Read;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::local::OwnServers;
use super::options::scheme;
use super::tracks::Track;
use crate::stop::Stop;

/// The longest line that is kept, in bytes. A playlist may hold a whole file in a line.
const MAX_LINE_BYTES: usize = 2048;
/// The number of errors that are kept.
const MAX_ERRORS: usize = 4;
/// Errors that are older have not ended the stream. Longer than every timeout of ffmpeg.
const ERRORS_COUNT_FOR: Duration = Duration::from_secs(20);
/// The number of tracks that are kept.
const MAX_TRACKS: usize = 256;

/// The log of a process.
#[derive(Debug, Default)]
pub(crate) struct Log {
    state: Mutex<State>,
    changed: Condvar,
    servers: OwnServers,
}

#[derive(Debug, Default)]
struct State {
    /// The process group, until it is waited for: afterwards its number may be another's.
    process: Option<Pid>,
    errors: VecDeque<(Instant, String)>,
    tracks: Vec<Track>,
    /// The number among all streams of the one that ffmpeg chose.
    mapped_stream: Option<usize>,
    /// True if a stream has an unknown codec: it may be audio.
    has_unknown: bool,
    is_listing: bool,
    is_listed: bool,
    is_playlist: bool,
    has_failed_transfer: bool,
    /// The URL that a playlist opens.
    opening: String,
    refused: Option<String>,
    /// True if the newest answer of an HTTP server declares a length.
    has_length: bool,
    has_ended: bool,
}

/// The tracks of a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Listed {
    /// The audio tracks.
    pub(super) tracks: Vec<Track>,
    /// The number among them of the one that ffmpeg decodes.
    pub(super) chosen: Option<usize>,
}

impl Log {
    pub(super) fn new(servers: OwnServers) -> Self {
        Self { servers, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the process whose log is read; `None` before it is waited for.
    pub(super) fn set_process(&self, process: Option<Pid>) {
        self.lock().process = process;
    }

    /// Reads to the end, and kills the process if it connects to an address that is not allowed.
    pub(super) fn read(&self, mut stderr: impl Read) {
        let mut line = Vec::with_capacity(MAX_LINE_BYTES);
        let mut is_cut = false;
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = stderr.read(&mut chunk) {
            for &byte in &chunk[..length] {
                if matches!(byte, b'\n' | b'\r') {
                    self.add(&line, is_cut);
                    (is_cut, _) = (false, line.clear());
                } else if line.len() < MAX_LINE_BYTES {
                    line.push(byte);
                } else {
                    is_cut = true;
                }
            }
        }
        self.add(&line, is_cut);
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    fn add(&self, line: &[u8], is_cut: bool) {
        let text = String::from_utf8_lossy(line);
        let mut text = text.as_ref();
        if is_cut {
            // Half a URL in it could hold half a password, which would not be recognized.
            text = text.rsplit_once(' ').map_or("", |(words, _)| words);
        }
        let Some(line) = Line::parse(text) else { return };
        // Asks DNS perhaps, so without the lock.
        let refused = line.connection().filter(|(address, port)| self.servers.refuses(*address, *port));
        let mut state = self.lock();
        if let Some((address, port)) = refused {
            state.refuse(format!("the stream points to {address} port {port}, an address of this machine: refused"));
        }
        state.add(&line);
        if state.refused.is_some()
            && let Some(process) = state.process
        {
            // It fails only if it has ended.
            let _ = kill_process_group(process, Signal::KILL);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until ffmpeg has listed the tracks, and returns them; `None` if it ends before, or
    /// does not within `deadline`, or `stop` is requested.
    pub(super) fn wait_for_tracks(&self, stop: &Stop, deadline: Duration) -> Option<Listed> {
        const LOOK_EVERY: Duration = Duration::from_millis(50);
        let mut state = self.lock();
        // Waits are counted instead of time: while the process is stopped, the stream waits for it.
        for _ in 0..deadline.as_millis() / LOOK_EVERY.as_millis() {
            if state.is_listed || state.has_ended || stop.is_requested() {
                break;
            }
            state = self.changed.wait_timeout(state, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        let is_listed = state.is_listed || (state.is_listing && state.has_ended);
        (is_listed && state.refused.is_none()).then(|| state.listed())
    }

    /// Returns the errors that may have ended the process, the oldest first.
    pub(super) fn errors(&self) -> Vec<String> {
        let now = Instant::now();
        let counts = |(at, _): &&(Instant, String)| now.saturating_duration_since(*at) < ERRORS_COUNT_FOR;
        self.lock().errors.iter().filter(counts).map(|(_, error)| error.clone()).collect()
    }

    /// Returns all errors that are kept, the last few.
    pub(crate) fn last_errors(&self) -> Vec<String> {
        self.lock().errors.iter().map(|(_, error)| error.clone()).collect()
    }

    /// Returns what was refused, if anything was.
    pub(super) fn refused(&self) -> Option<String> {
        self.lock().refused.clone()
    }

    /// Returns whether the list of streams has one of an unknown codec.
    pub(super) fn has_unknown(&self) -> bool {
        self.lock().has_unknown
    }

    /// Returns whether the stream is a playlist.
    pub(super) fn is_playlist(&self) -> bool {
        self.lock().is_playlist
    }

    /// Returns whether a part of the stream could not be transferred.
    pub(super) fn has_failed_transfer(&self) -> bool {
        self.lock().has_failed_transfer
    }

    /// Returns whether the server declares the length of what it sends.
    pub(super) fn has_length(&self) -> bool {
        self.lock().has_length
    }
}

impl State {
    fn listed(&self) -> Listed {
        let chosen = self.tracks.iter().position(|track| Some(track.stream) == self.mapped_stream);
        Listed { tracks: self.tracks.clone(), chosen }
    }

    fn refuse(&mut self, reason: String) {
        self.refused.get_or_insert(reason);
    }

    fn add(&mut self, line: &Line<'_>) {
        let message = line.message;
        if matches!(line.component, "hls" | "dash") {
            self.is_playlist = true;
            let opening = message.strip_prefix("Opening '").or_else(|| message.strip_prefix("HLS request for url '"));
            if let Some(url) = opening.and_then(|rest| rest.split('\'').next()) {
                self.open(url);
            }
            self.has_failed_transfer |= line.level == "warning" && message.starts_with("Failed to ");
        }
        match line.level {
            "info" if line.component == "rtsp" => self.redirect(message),
            "info" => self.list(message),
            "trace" => self.answer(message),
            "error" | "fatal" | "panic" => self.fail(line),
            // These are warnings to ffmpeg, which may try again.
            "warning" if message.starts_with("HTTP error ") => self.fail(line),
            _ => {}
        }
    }

    /// Notes the URL that a playlist opens next.
    fn open(&mut self, url: &str) {
        url.clone_into(&mut self.opening);
        let encrypted = url.strip_prefix("crypto+").or_else(|| url.strip_prefix("crypto:")).unwrap_or(url);
        if !encrypted.starts_with("http://") && !encrypted.starts_with("https://") {
            self.refuse(format!("the stream points to {}: refused", short(url)));
        }
    }

    /// Refuses what ffmpeg's RTSP client can't follow, without a word of its own.
    fn redirect(&mut self, message: &str) {
        let Some((_, url)) = message.split_once(": Redirecting to ") else { return };
        if !matches!(scheme(url).as_str(), "rtsp" | "rtsps") {
            self.refuse(format!("the server redirects to {}, no rtsp:// or rtsps:// URL: refused", short(url)));
        }
    }

    /// Reads a line of the list of streams.
    fn list(&mut self, message: &str) {
        if self.is_listed && self.mapped_stream.is_some() {
            return;
        }
        if message.starts_with("Input #0") {
            self.is_listing = true;
        } else if message.starts_with("Output #0") {
            self.is_listed = self.is_listing;
        } else if let Some(mapped) = message.strip_prefix("  Stream #0:").filter(|rest| rest.contains(" -> #0:0 ")) {
            self.mapped_stream = mapped.split(' ').next().and_then(|number| number.parse().ok());
            self.is_listed = self.is_listing;
        } else if self.is_listing && message.starts_with("  Stream #0:") && message.contains(": Unknown: ") {
            self.has_unknown = true;
        } else if self.is_listing
            && let Some(track) = Track::parse(message)
            && self.tracks.len() < MAX_TRACKS
        {
            self.tracks.push(track);
        }
    }

    /// Reads a header of an HTTP answer.
    fn answer(&mut self, message: &str) {
        let Some(header) = message.strip_prefix("header='") else { return };
        let header = header.to_ascii_lowercase();
        if header.starts_with("http/") || header.starts_with("transfer-encoding:") {
            self.has_length = false;
        } else if let Some(length) = header.strip_prefix("content-length:") {
            let length = length.trim_end_matches('\'').trim().parse::<u64>();
            self.has_length = length.is_ok_and(|length| length < u64::MAX / 2);
        }
    }

    fn fail(&mut self, line: &Line<'_>) {
        let message = line.message;
        // ffmpeg opens another connection then.
        if message.starts_with("Cannot reuse HTTP connection") {
            return;
        }
        if let Some(url) = message.strip_prefix("Unable to open key file ").filter(|url| !url.starts_with("http")) {
            self.refuse(format!("the stream points to {}: refused", short(url)));
        }
        let is_transfer = matches!(line.component, "http" | "https" | "tcp" | "tls" | "crypto" | "hls" | "dash");
        self.has_failed_transfer |= is_transfer || message.starts_with("pipe:0: ");
        if let Some(url) = message.strip_suffix(" is not in allowed_segment_extensions")
            && let Some(url) = url.strip_prefix("URL ").filter(|url| !url.starts_with("http"))
        {
            self.refuse(format!("the stream points to {}: refused", short(url)));
        } else if let Some((protocol, _)) =
            message.strip_prefix("Protocol '").and_then(|rest| rest.split_once("' not on whitelist"))
        {
            let prefix = |url: &&String| url.starts_with(protocol);
            let target =
                Some(&self.opening).filter(prefix).map_or_else(|| format!("{protocol}://..."), |url| short(url));
            self.refuse(format!("the stream points to {target}: refused"));
        }
        if self.errors.back().is_some_and(|(_, last)| last == message) {
            // The cause before it stays.
            self.errors.pop_back();
        }
        if self.errors.len() == MAX_ERRORS {
            self.errors.pop_front();
        }
        self.errors.push_back((Instant::now(), message.to_owned()));
    }
}

/// Cuts a URL to a readable length.
fn short(url: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    let shown: String = url.chars().take(SHOWN_CHARS).collect();
    if shown.len() < url.len() { format!("{shown}...") } else { shown }
}

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    /// The part of ffmpeg, as `http`, or empty.
    component: &'a str,
    level: &'a str,
    message: &'a str,
}

const LEVELS: [&str; 8] = ["panic", "fatal", "error", "warning", "info", "verbose", "debug", "trace"];

impl<'a> Line<'a> {
    /// Parses `[http @ 0x55d0] [error] the message`. `None` without a level: a line of a longer
    /// text.
    fn parse(line: &'a str) -> Option<Self> {
        let mut component = "";
        let mut rest = line;
        loop {
            let (tag, after) = rest.strip_prefix('[')?.split_once("] ")?;
            if LEVELS.contains(&tag) {
                return Some(Self { component, level: tag, message: after.trim_end() });
            }
            component = tag.split_once(" @ 0x")?.0;
            rest = after;
        }
    }

    /// Returns the address to which ffmpeg connects, if this line is about that.
    fn connection(&self) -> Option<(IpAddr, u16)> {
        let (address, port) = self.message.strip_prefix("Starting connection attempt to ")?.split_once(" port ")?;
        // A link-local address has a scope: `fe80::1%eth0`.
        let address = address.split('%').next()?.parse().ok()?;
        Some((address, port.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Log {
        let log = Log::new(OwnServers::of("http://192.0.2.1/x"));
        log.read(text.as_bytes());
        log
    }

    #[test]
    fn errors_are_kept_and_warnings_are_not() {
        let log = read(
            "[tcp @ 0x5] [verbose] Starting connection attempt to 192.0.2.1 port 80\n\
             [http @ 0x5] [error] HTTP error 404 Not Found\n[warning] Guessed Channel Layout\nv=0\n[error] pipe:0: no\n",
        );
        assert_eq!(log.errors(), ["HTTP error 404 Not Found", "pipe:0: no"]);
        assert_eq!(log.refused(), None);
    }

    #[test]
    fn memory_is_bounded_and_a_cut_line_ends_before_a_url() {
        let long = format!("[error] opening http://me:{}@h/x\n", "sesame".repeat(10_000));
        let log = read(&long.repeat(50));
        assert_eq!(log.errors(), ["opening"]);
        let numbered: String = (0..999).map(|number| format!("[error] {number}\n")).collect();
        assert_eq!(read(&numbered).errors(), ["995", "996", "997", "998"]);
        let tracks =
            "[info] Input #0, x\n".to_owned() + &"[info]   Stream #0:0: Audio: mp3, 8000 Hz, mono, s16\n".repeat(9999);
        assert_eq!(read(&tracks).lock().tracks.len(), MAX_TRACKS);
    }

    #[test]
    fn tracks_are_complete_once_one_is_mapped() {
        let list = "[info] Input #0, concat, from 'pipe:0':\n[info]   Stream #0:0: Video: h264, 25 fps\n\
                    [info]   Stream #0:1: Audio: pcm_mulaw, 8000 Hz, mono, s16\n\
                    [info]   Stream #0:2: Audio: aac (LC), 48000 Hz, stereo, fltp\n[info] Stream mapping:\n\
                    [info]   Stream #0:2 -> #0:0 (aac (native) -> pcm_s16le (native))\n\
                    [info]   Stream #0:0: Audio: pcm_s16le, 48000 Hz, stereo, s16\n";
        let listed = read(list).wait_for_tracks(&Stop::new(), Duration::ZERO).expect("a list");
        assert_eq!((listed.tracks.len(), listed.chosen), (2, Some(1)));
    }

    #[test]
    fn refusal_names_its_target() {
        for (lines, target) in [
            ("[tcp @ 0x5] [verbose] Starting connection attempt to 127.0.0.2 port 80", "127.0.0.2 port 80"),
            ("[tcp @ 0x5] [verbose] Starting connection attempt to fe80::1%eth0 port 80", "fe80::1 port 80"),
            (
                "[hls @ 0x5] [error] URL file:///etc/hostname is not in allowed_segment_extensions",
                "file:///etc/hostname",
            ),
            (
                "[hls @ 0x5] [info] Opening 'file:///a.ts' for reading\n[file @ 0x6] [error] Protocol 'file' not on whitelist 'http'!",
                "file:///a.ts",
            ),
            ("[hls @ 0x5] [verbose] HLS request for url 'subfile,,:/a', offset 0, playlist 0", "subfile,,:/a"),
            ("[rtp @ 0x6] [error] Protocol 'rtp' not on whitelist 'http'!", "rtp://...: refused"),
            ("[hls @ 0x5] [error] Unable to open key file file:///etc/hostname", "file:///etc/hostname"),
            ("[rtsp @ 0x5] [info] Status 302: Redirecting to file:///etc/hostname", "file:///etc/hostname"),
            ("[rtsp @ 0x5] [info] Status 301: Redirecting to http://192.0.2.1/x", "http://192.0.2.1/x"),
        ] {
            let refused = read(lines).refused().expect(lines);
            assert!(refused.contains(target) && refused.ends_with("refused"), "{refused}");
        }
        let data = format!("[hls @ 0x5] [error] URL data:x,{} is not in allowed_segment_extensions", "A".repeat(500));
        assert!(read(&data).refused().expect("refused").len() < 150);
    }

    #[test]
    fn length_is_that_of_the_last_answer() {
        let length = "[http @ 0x5] [trace] header='Content-Length: 5'\n";
        let status = "[http @ 0x5] [trace] header='HTTP/1.1 200 OK'\n";
        let chunked = "[http @ 0x5] [trace] header='Transfer-Encoding: chunked'\n";
        assert!(read(&format!("{status}{length}")).has_length());
        assert!(!read(&format!("{status}{length}{status}")).has_length());
        assert!(!read(&format!("{status}{length}{chunked}")).has_length());
    }
}
