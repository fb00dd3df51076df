//! The ffmpeg child process. It never outlives this process, and its errors are collected.
//!
//! Every user of the machine can read the arguments of a process. So the URL, which may hold a
//! password, is passed through a pipe, as the one entry of a script for ffmpeg's `concat` demuxer.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Error, Result};

/// An ffmpeg process that reads a stream or a file. Killed and waited for when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    stderr_reader: Option<JoinHandle<String>>,
}

/// Time to wait for a killed child.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);
/// The size of the kept end of its standard error, which can grow to gigabytes.
const STDERR_BYTES: usize = 4096;

impl Child {
    /// Starts `ffmpeg`, or `ffprobe` beside it, and returns the pipe of its standard output.
    /// `script` is its standard input, shorter than a pipe.
    ///
    /// The kernel kills the child when the calling *thread* ends: call it on the thread of the
    /// source.
    ///
    /// # Errors
    /// [`Error::FfmpegMissing`] if ffmpeg is not installed or cannot be started.
    pub(crate) fn start(program: &str, arguments: &[OsString], script: &str) -> Result<(Self, ChildStdout)> {
        let ffmpeg = find_program(program)
            .ok_or_else(|| Error::FfmpegMissing { reason: format!("there is no {program} on the PATH") })?;
        let mut command = match death_wrapper() {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(DIE_WITH_PARENT).arg("--").arg(ffmpeg);
                command
            }
            None => Command::new(ffmpeg),
        };
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process group of its own: Ctrl-C in the terminal must reach this program only.
        command.process_group(0);
        let missing = |error: std::io::Error| Error::FfmpegMissing { reason: error.to_string() };
        let mut process = command.spawn().map_err(missing)?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        // From here on dropping `child` ends the process.
        let mut child = Self { process, stderr_reader: None };
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(Error::FfmpegMissing { reason: "it has no pipes".to_owned() });
        };
        let reader = std::thread::Builder::new().name("capbuf-ffmpeg-err".to_owned());
        child.stderr_reader = Some(reader.spawn(move || read_end(stderr)).map_err(missing)?);
        // Shorter than a pipe, so it never blocks. If ffmpeg has ended already, its errors say
        // why.
        let _ = stdin.write_all(script.as_bytes());
        Ok((child, stdout))
    }

    /// Kills it, and returns the end of its standard error.
    pub(crate) fn end(mut self) -> String {
        self.kill();
        self.words()
    }

    /// Waits until it has ended by itself, and returns whether it succeeded, and the end of its
    /// standard error. Kills it if it takes too long.
    pub(crate) fn finish(mut self) -> (bool, String) {
        let began = Instant::now();
        let succeeded = loop {
            match self.process.try_wait() {
                Ok(Some(status)) => break status.success(),
                Ok(None) if began.elapsed() < KILL_TIMEOUT => std::thread::sleep(Duration::from_millis(1)),
                _ => break false,
            }
        };
        self.kill();
        (succeeded, self.words())
    }

    fn words(&mut self) -> String {
        // Its end of the pipe is closed now, so the reader ends.
        self.stderr_reader.take().and_then(|reader| reader.join().ok()).unwrap_or_default()
    }

    fn kill(&mut self) {
        // The whole group, with its children. Fails only if the process was waited for already.
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let began = Instant::now();
        while let Ok(None) = self.process.try_wait() {
            // A killed process ends at once, unless it waits for a device in the kernel.
            if began.elapsed() > KILL_TIMEOUT {
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

/// Reads the standard error of a child to its end, and returns the last lines.
fn read_end(mut stderr: ChildStderr) -> String {
    let mut end = VecDeque::with_capacity(STDERR_BYTES);
    let mut total = 0;
    let mut chunk = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut chunk) {
        total += length;
        end.extend(&chunk[..length]);
        end.drain(..end.len().saturating_sub(STDERR_BYTES));
    }
    let text = String::from_utf8_lossy(end.make_contiguous()).into_owned();
    if total <= STDERR_BYTES {
        return text;
    }
    // A cut line is dropped: half a password in it would not be recognized and hidden.
    text.split_once('\n').map_or_else(String::new, |(_, whole_lines)| whole_lines.to_owned())
}

const DIE_WITH_PARENT: [&str; 2] = ["--pdeathsig", "KILL"];

/// Returns the program that has the kernel kill ffmpeg when its parent dies, in whatever way.
///
/// It is part of util-linux. Without it, an orphan ends when it next writes into the closed pipe.
fn death_wrapper() -> Option<&'static PathBuf> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    SETPRIV
        .get_or_init(|| {
            let setpriv = find_program("setpriv")?;
            // Other programs of that name do not know the option.
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
