//! Runs the command and waits for its results, however long they take.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::without_stalls::without_stalls;

/// The longest wait before a test fails: far longer than any step takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The folder of a test's domains, beside its other files.
const DOMAINS: &str = ".domains";

/// Makes a command that runs in `folder`, with its own domains there: no test uses the user's.
pub(crate) fn capbuf(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capbuf"));
    command.current_dir(folder).env("CAPBUF_DIR", domains_of(folder)).env_remove("CAPBUF_DOMAIN");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns the folder of a test's domains.
pub(crate) fn domains_of(folder: &Path) -> PathBuf {
    folder.join(DOMAINS)
}

/// The exit code and the output of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ended {
    /// Returns the lines on stderr that are not status lines.
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.err.lines().filter(|line| line.starts_with("capbuf: ")).collect()
    }
}

/// Runs the command to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ended {
    capbuf(folder, arguments).output().expect("it runs").into()
}

/// Runs the command with `--json`, which must succeed, and returns its output.
pub(crate) fn json(folder: &Path, arguments: &[&str]) -> Value {
    let ended = run(folder, &[arguments, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
    serde_json::from_str(&ended.out).expect("JSON")
}

/// Polls until `look` returns a value.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `seconds` of a source were recorded, and returns its status.
pub(crate) fn wait_for_audio(folder: &Path, source: &str, seconds: f64) -> Value {
    wait_for(&format!("{seconds} s of {source}"), || {
        let ended = run(folder, &["status", source, "--json"]);
        let status: Value = serde_json::from_str(&ended.out).ok()?;
        let recorded_s = status["newest_frame"].as_f64()? / status["sample_rate_hz"].as_f64()?;
        (recorded_s >= seconds).then_some(status)
    })
}

/// Records `seconds` of `position:` without a gap, and returns the recorder and the status.
pub(crate) fn record_positions(folder: &Path, options: &[&str], seconds: f64) -> (Running, Value) {
    without_stalls(|| {
        let recorder = Running::start(folder, &[&["record", "position:"], options].concat());
        let status = wait_for_audio(folder, "position:", seconds);
        if status["gaps"] == 0 {
            return Ok((recorder, status));
        }
        recorder.kill();
        run(folder, &["remove", "position:"]);
        Err(format!("gaps: {}", status["gaps"]))
    })
}

/// A running command; killed when dropped.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    lines: Receiver<String>,
    stderr: Vec<String>,
}

impl Running {
    /// Starts a command, and a thread that reads its stderr.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::of(capbuf(folder, arguments))
    }

    /// As [`Self::start`], with `CAPBUF_GRACE`.
    pub(crate) fn start_with_grace(folder: &Path, arguments: &[&str], grace: &str) -> Self {
        let mut command = capbuf(folder, arguments);
        command.env("CAPBUF_GRACE", grace);
        Self::of(command)
    }

    /// As [`Self::start`], of a command.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let reader = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || reader.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, out, lines, stderr: Vec::new() }
    }

    /// Waits for a line on stderr.
    pub(crate) fn wait_for_line(&mut self, what: &str, is_it: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let left = DEADLINE.saturating_sub(began.elapsed());
            let line = self.lines.recv_timeout(left);
            let line = line.map_err(|_| format!("waited for {what}, stderr: {:#?}", self.stderr)).expect("a line");
            let found = is_it(&line);
            self.stderr.push(line);
            if found {
                return;
            }
        }
    }

    /// Reads a line of stdout, waiting for it.
    pub(crate) fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("UTF-8");
        line.trim_end().to_owned()
    }

    /// Returns its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, and waits for its end.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(mut self) -> Ended {
        let mut out = String::new();
        self.out.read_to_string(&mut out).expect("UTF-8");
        let code = self.child.wait().expect("it ends").code();
        self.stderr.extend(self.lines.iter());
        Ended { code, out, err: self.stderr.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only after its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns frames, rate, channels and bits of a file, read by `soxi`.
pub(crate) fn soxi(path: &Path) -> [u64; 4] {
    ["-s", "-r", "-c", "-b"].map(|option| {
        let output = Command::new("soxi").arg(option).arg(path).output();
        let output = output.expect("soxi is needed: scripts/install test").stdout;
        let output = String::from_utf8(output).expect("UTF-8");
        output.trim().parse().map_err(|_| format!("soxi {option} {}: {output}", path.display())).expect("a number")
    })
}

/// Writes a sound file of two seconds.
pub(crate) fn sound(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let arguments = ["-r", "16000", "-c", "2", "-b", "16"];
    let made = Command::new("sox").arg("-n").args(arguments).arg(&path).args(["synth", "2", "sine", "440"]).status();
    assert!(made.expect("sox is needed: scripts/install test").success());
    path
}

/// Returns the names in a folder, sorted, without hidden ones: the folder of domains, and the key
/// of the names in a domain.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

/// Returns the samples of a 16-bit WAV file.
pub(crate) fn wav_samples(path: &Path) -> Vec<i16> {
    let samples = hound::WavReader::open(path).expect("a WAV file").into_samples();
    samples.map(|sample| sample.expect("a sample")).collect()
}

/// Returns the samples of `position:` from `first_frame` on.
pub(crate) fn positions(first_frame: u64, frames: usize) -> Vec<i16> {
    (first_frame..).map(|frame| frame.wrapping_mul(40_503) as i16).take(frames).collect()
}
