//! The ffmpeg child process. It never outlives this process, and its errors are collected.
//!
//! Every user of the machine can read the arguments of a process. So the URL, which may hold a
//! password, is passed through a pipe, as the one entry of a script for ffmpeg's `concat` demuxer.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::local::OwnServers;
use super::log::Log;
use super::sender::Stamps;
use crate::error::{Error, Result};

/// An ffmpeg process that reads a stream or a file. Killed and waited for when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    log: Arc<Log>,
    log_reader: Option<JoinHandle<()>>,
    stamps_reader: Option<JoinHandle<()>>,
}

/// Time to wait for a killed child.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

impl Child {
    /// Starts `ffmpeg`, or `ffprobe` beside it, and returns the pipe of its standard output.
    /// `script` is its standard input, shorter than a pipe. It may connect to `servers` of this
    /// machine, and to no others.
    ///
    /// The kernel kills the child when the calling *thread* ends: call it on the thread of the
    /// source.
    ///
    /// # Errors
    /// [`Error::FfmpegMissing`] if ffmpeg is not installed or cannot be started.
    pub(crate) fn start(
        program: &str,
        arguments: &[OsString],
        script: &str,
        servers: OwnServers,
    ) -> Result<(Self, ChildStdout)> {
        let (mut child, stdout) = Self::spawn(program, arguments, Stdio::piped(), servers)?;
        if let Some(mut stdin) = child.process.stdin.take() {
            // Shorter than a pipe, so it never blocks. If ffmpeg has ended already, its errors say
            // why.
            let _ = stdin.write_all(script.as_bytes());
        }
        Ok((child, stdout))
    }

    /// As [`start`](Self::start), and reads the stamps of a second output, which the child writes
    /// into its standard *input*: that is a socket.
    pub(super) fn start_with_stamps(
        program: &str,
        arguments: &[OsString],
        script: &str,
        servers: OwnServers,
    ) -> Result<(Self, ChildStdout, Stamps)> {
        let missing = |error: std::io::Error| Error::FfmpegMissing { reason: error.to_string() };
        let (mut ours, theirs) = UnixStream::pair().map_err(missing)?;
        // Before the child runs, so that its end is open; shorter than the socket's buffer.
        ours.write_all(script.as_bytes()).and_then(|()| ours.shutdown(Shutdown::Write)).map_err(missing)?;
        let (mut child, stdout) = Self::spawn(program, arguments, OwnedFd::from(theirs).into(), servers)?;
        let (stamps, reader) = Stamps::read(ours).map_err(missing)?;
        child.stamps_reader = Some(reader);
        Ok((child, stdout, stamps))
    }

    fn spawn(program: &str, arguments: &[OsString], stdin: Stdio, servers: OwnServers) -> Result<(Self, ChildStdout)> {
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
        // Its log is parsed: no colours, no file besides, and no other level.
        command.env("AV_LOG_FORCE_NOCOLOR", "1").env_remove("AV_LOG_FORCE_COLOR").env_remove("FFREPORT");
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process group of its own: Ctrl-C in the terminal must reach this program only.
        command.process_group(0);
        let missing = |error: std::io::Error| Error::FfmpegMissing { reason: error.to_string() };
        let mut process = command.spawn().map_err(missing)?;
        let pipes = (process.stdout.take(), process.stderr.take());
        let log = Arc::new(Log::new(servers));
        log.set_process(Some(Pid::from_child(&process)));
        // From here on dropping `child` ends the process.
        let mut child = Self { process, log, log_reader: None, stamps_reader: None };
        let (Some(stdout), Some(stderr)) = pipes else {
            return Err(Error::FfmpegMissing { reason: "it has no pipes".to_owned() });
        };
        let reader = std::thread::Builder::new().name("capbuf-ffmpeg-err".to_owned());
        let log = Arc::clone(&child.log);
        child.log_reader = Some(reader.spawn(move || log.read(stderr)).map_err(missing)?);
        Ok((child, stdout))
    }

    /// Returns what it has logged so far.
    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Kills it, and returns its whole log.
    pub(crate) fn end(mut self) -> Arc<Log> {
        self.kill();
        self.whole_log()
    }

    /// Waits until it has ended by itself, and returns whether it succeeded, and its log. Kills it
    /// if it takes too long.
    pub(crate) fn finish(mut self) -> (bool, Arc<Log>) {
        let began = Instant::now();
        // Not by `try_wait`: until the log knows, its number must not become another process's.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let pid = Pid::from_child(&self.process);
        let succeeded = loop {
            match waitid(WaitId::Pid(pid), options) {
                Ok(Some(status)) => break status.exit_status() == Some(0),
                Ok(None) if began.elapsed() < KILL_TIMEOUT => std::thread::sleep(Duration::from_millis(1)),
                _ => break false,
            }
        };
        self.kill();
        (succeeded, self.whole_log())
    }

    fn whole_log(&mut self) -> Arc<Log> {
        // Its ends of the pipes are closed now, so the readers end.
        let _ = self.stamps_reader.take().map(JoinHandle::join);
        let _ = self.log_reader.take().map(JoinHandle::join);
        Arc::clone(&self.log)
    }

    fn kill(&mut self) {
        self.log.set_process(None);
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
