//! The ffmpeg child: started, listened to, ended, never left behind.
//!
//! Its arguments can be seen by every user of the machine, so the URL, which may hold a password, is not among them: it is sent
//! down a pipe, as the one entry of a script for ffmpeg's `concat` demuxer.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use capbuf::SampleFormat;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Error, Result};
use crate::source::RequestedFormat;

/// An ffmpeg that reads a stream. Killed and waited for when dropped.
pub(super) struct Child {
    process: std::process::Child,
    listener: Option<JoinHandle<String>>,
}

/// What is asked of a server that may have more than sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// Only the sound. Spares the bandwidth of the video and the seconds until its first whole picture; but there are
    /// cameras that refuse it.
    AudioOnly,
    /// Everything. What is not sound is thrown away here.
    All,
}

impl Media {
    /// What can be asked of the server of a URL, best first.
    pub(super) fn to_try(url: &str) -> &'static [Self] {
        // Only RTSP has the choice.
        if scheme(url).starts_with("rtsp") { &[Self::AudioOnly, Self::All] } else { &[Self::All] }
    }
}

fn scheme(url: &str) -> String {
    url.split(':').next().unwrap_or_default().to_ascii_lowercase()
}

/// ffmpeg gives up on a server that says nothing for this long. Without it a frozen server would hold it for ever.
const SERVER_TIMEOUT_US: &str = "5000000";
/// It looks at a stream for this long to find out what is in it.
const ANALYSIS_US: &str = "3000000";
/// How long a child may take to end that was killed.
const KILLED_WITHIN: Duration = Duration::from_secs(2);
/// Of what ffmpeg says only the end is kept: it has been known to say gigabytes.
const WORDS_BYTES: usize = 4096;

impl Child {
    /// Starts ffmpeg on a stream, and gives the pipe on which it sends PCM in Matroska.
    ///
    /// The child dies with the calling *thread*, so this is for the thread that will run the source.
    ///
    /// # Errors
    /// [`Error::FfmpegMissing`] where it isn't installed or can't be started.
    pub(super) fn start(url: &str, wish: &RequestedFormat, media: Media) -> Result<(Self, ChildStdout)> {
        let ffmpeg = find_program("ffmpeg")
            .ok_or_else(|| Error::FfmpegMissing { reason: "there is none on the PATH".to_owned() })?;
        let mut command = match death_wrapper() {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(DIE_WITH_PARENT).arg("--").arg(ffmpeg);
                command
            }
            None => Command::new(ffmpeg),
        };
        command.args(arguments(wish));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its own group: a Ctrl-C in the terminal is for this program, which ends its children in order.
        command.process_group(0);
        let missing = |error: std::io::Error| Error::FfmpegMissing { reason: error.to_string() };
        let mut process = command.spawn().map_err(missing)?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        // From here on the process is ended whatever happens.
        let mut child = Self { process, listener: None };
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(Error::FfmpegMissing { reason: "it has no pipes".to_owned() });
        };
        let listener = std::thread::Builder::new().name("capbuf-ffmpeg-words".to_owned());
        child.listener = Some(listener.spawn(move || listen(stderr)).map_err(missing)?);
        // Less than any pipe holds, so this waits for nobody; and an ffmpeg that has ended already says why.
        let _ = stdin.write_all(script(url, media).as_bytes());
        Ok((child, stdout))
    }

    /// Ends it, and returns the last of what it said.
    pub(super) fn end(mut self) -> String {
        self.kill();
        // Its end of the pipe is closed now, so the listener ends, too.
        self.listener.take().and_then(|listener| listener.join().ok()).unwrap_or_default()
    }

    fn kill(&mut self) {
        // With whatever it may have started. Fails only if it has been waited for.
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let began = Instant::now();
        while let Ok(None) = self.process.try_wait() {
            // Killed, it ends at once, unless the kernel itself waits for a device in its name: then it ends when that does.
            if began.elapsed() > KILLED_WITHIN {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The script that names the stream.
fn script(url: &str, media: Media) -> String {
    let mut options = vec![("analyzeduration", ANALYSIS_US)];
    if scheme(url).starts_with("rtsp") {
        // Over TCP nothing is lost on the way; what the camera itself loses shows in the timestamps.
        options.extend([("rtsp_transport", "tcp"), ("timeout", SERVER_TIMEOUT_US)]);
        if media == Media::AudioOnly {
            options.push(("allowed_media_types", "audio"));
        }
    } else {
        options.push(("rw_timeout", SERVER_TIMEOUT_US));
    }
    let options: String = options.iter().map(|(name, value)| format!("option {name} {value}\n")).collect();
    // A locator holds no line break. Quotes are closed, escaped, and opened again.
    format!("ffconcat version 1.0\nfile '{}'\n{options}", url.replace('\'', "'\\''"))
}

/// What ffmpeg may open by itself: the stream, and what streams are made of.
const PROTOCOLS: &str = "pipe,rtsp,rtp,srtp,tcp,tls,udp,http,https,httpproxy,crypto,data";

fn arguments(wish: &RequestedFormat) -> Vec<OsString> {
    let mut words = vec!["-nostdin", "-hide_banner", "-loglevel", "warning"];
    // The stream is looked at when the script opens it; looking again at what it sends would take seconds more.
    words.extend(["-analyzeduration", "0", "-probesize", "32"]);
    words.extend(["-f", "concat", "-safe", "0", "-protocol_whitelist", PROTOCOLS, "-i", "pipe:0"]);
    words.extend(["-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"]);
    let codec = match wish.sample_format {
        None | Some(SampleFormat::S16) => "pcm_s16le",
        Some(SampleFormat::S24) => "pcm_s24le",
        Some(SampleFormat::S32) => "pcm_s32le",
        Some(SampleFormat::F32) => "pcm_f32le",
    };
    words.extend(["-c:a", codec]);
    let rate = wish.sample_rate_hz.map(|rate| rate.to_string());
    let channels = wish.channels.map(|channels| channels.to_string());
    words.extend(rate.iter().flat_map(|rate| ["-ar", rate]));
    words.extend(channels.iter().flat_map(|channels| ["-ac", channels]));
    // A cluster for each packet: the muxer sends whole clusters, and its own limit is five seconds.
    words.extend(["-flush_packets", "1", "-cluster_time_limit", "1", "-f", "matroska", "pipe:1"]);
    words.into_iter().map(OsString::from).collect()
}

/// Keeps the last of what a child says, to its end.
fn listen(mut stderr: ChildStderr) -> String {
    let mut words = VecDeque::with_capacity(WORDS_BYTES);
    let mut said = 0;
    let mut chunk = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut chunk) {
        said += length;
        words.extend(&chunk[..length]);
        words.drain(..words.len().saturating_sub(WORDS_BYTES));
    }
    let words = String::from_utf8_lossy(words.make_contiguous()).into_owned();
    if said <= WORDS_BYTES {
        return words;
    }
    // Half a line could hold half a password, which nobody would recognise.
    words.split_once('\n').map_or_else(String::new, |(_, whole_lines)| whole_lines.to_owned())
}

const DIE_WITH_PARENT: [&str; 2] = ["--pdeathsig", "KILL"];

/// The program that has the kernel kill ffmpeg when its parent dies, however that happens.
///
/// Where there is none (it belongs to util-linux), an orphan ends when it next writes into the closed pipe.
fn death_wrapper() -> Option<&'static PathBuf> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    SETPRIV
        .get_or_init(|| {
            let setpriv = find_program("setpriv")?;
            // Others of that name don't know the option.
            let mut trial = Command::new(&setpriv);
            trial.args(DIE_WITH_PARENT).args(["--", "true"]);
            trial.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            trial.status().is_ok_and(|status| status.success()).then_some(setpriv)
        })
        .as_ref()
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_server_has_a_timeout_in_every_protocol() {
        for url in ["rtsp://h/x", "RTSPS://h/x", "http://h/x", "https://h/x", "udp://h:5"] {
            let script = script(url, Media::to_try(url)[0]);
            assert!(script.contains(&format!("file '{url}'\n")) && script.contains("timeout 5000000\n"), "{script}");
        }
    }

    #[test]
    fn no_sign_in_a_url_ends_it() {
        let script = script("http://h/it's", Media::All);
        assert!(script.starts_with("ffconcat version 1.0\nfile 'http://h/it'\\''s'\noption "), "{script}");
    }

    #[test]
    fn what_is_asked_is_asked_of_ffmpeg() {
        let words = |wish: RequestedFormat| arguments(&wish).join(" ".as_ref()).into_string().expect("UTF-8");
        let wish =
            RequestedFormat { sample_rate_hz: Some(8000), channels: Some(2), sample_format: Some(SampleFormat::S24) };
        assert!(words(wish).contains("-c:a pcm_s24le -ar 8000 -ac 2 "));
        let nothing = words(RequestedFormat::default());
        assert!(nothing.contains("-c:a pcm_s16le -flush") && !nothing.contains("-ar"));
    }
}
