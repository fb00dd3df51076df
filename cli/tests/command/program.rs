//! Running the command and waiting for it, without depending on how long it takes.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Nothing takes a fraction of this; a machine that is busy elsewhere may.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The command with arguments, in a folder.
pub(crate) fn capbuf(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capbuf"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command that ended said, and how it ended.
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
    /// The lines on stderr that are not status lines.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        self.err.lines().filter(|line| line.starts_with("capbuf: ")).collect()
    }
}

/// Runs the command to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ended {
    capbuf(folder, arguments).output().expect("it runs").into()
}

/// The command while it runs. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Running {
    /// Starts it, and reads its stderr from then on.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = capbuf(folder, arguments).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, out, lines, said: Vec::new() }
    }

    /// Waits for a line on stderr.
    pub(crate) fn wait_for_line(&mut self, what: &str, is_it: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let left = DEADLINE.saturating_sub(began.elapsed());
            let line = self.lines.recv_timeout(left);
            let line = line.map_err(|_| format!("waited for {what}, it said: {:#?}", self.said)).expect("a line");
            let found = is_it(&line);
            self.said.push(line);
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

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(mut self) -> Ended {
        let mut out = String::new();
        self.out.read_to_string(&mut out).expect("UTF-8");
        let code = self.child.wait().expect("it ends").code();
        self.said.extend(self.lines.iter());
        Ended { code, out, err: self.said.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `soxi` says of a file: frames, rate, channels, bits.
pub(crate) fn soxi(path: &Path) -> [u64; 4] {
    ["-s", "-r", "-c", "-b"].map(|asked| {
        let told = Command::new("soxi").arg(asked).arg(path).output();
        let told = told.expect("soxi is needed: scripts/install test").stdout;
        let told = String::from_utf8(told).expect("UTF-8");
        told.trim().parse().map_err(|_| format!("soxi {asked} {}: {told}", path.display())).expect("a number")
    })
}

/// A sound file of two seconds in a folder.
pub(crate) fn sound(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let arguments = ["-r", "16000", "-c", "2", "-b", "16"];
    let made = Command::new("sox").arg("-n").args(arguments).arg(&path).args(["synth", "2", "sine", "440"]).status();
    assert!(made.expect("sox is needed: scripts/install test").success());
    path
}

/// The files in a folder, sorted.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
