//! A capture in a process of its own, and snapshots of its buffer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use capbuf_tests::{Child, pcm, wait_for, wait_until};
use tempfile::TempDir;

/// Far longer than any wait takes, so that a busy machine fails no test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A running `captures_on_demand`.
pub(crate) struct Capturing {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
}

/// The content of the buffer at one moment.
#[derive(Default)]
pub(crate) struct Dump {
    pub(crate) first_frame: u64,
    pub(crate) channels: usize,
    pub(crate) sample_rate_hz: u32,
    /// Interleaved.
    pub(crate) samples: Vec<i16>,
    /// Frame numbers and their times in ns of UTC, each hundredth of a second.
    pub(crate) times: Vec<(u64, i64)>,
    pub(crate) gaps: Vec<Gap>,
    /// The clock of the times.
    pub(crate) clock: String,
    pub(crate) rings: u64,
    pub(crate) restarts: u64,
    pub(crate) state: String,
}

/// The content of the buffer with all bits of its samples.
pub(crate) struct Exact {
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: usize,
    pub(crate) gaps: usize,
    /// The sample format of the buffer.
    pub(crate) format: String,
    /// Interleaved, on the scale of 32 bits.
    pub(crate) samples: Vec<i32>,
}

#[derive(Debug)]
pub(crate) struct Gap {
    pub(crate) first_frame: u64,
    pub(crate) start_ns: i64,
    pub(crate) duration_ns: i64,
    pub(crate) reason: String,
}

impl Capturing {
    pub(crate) fn start(locator: &str, arguments: &[&str], env: Vec<(String, String)>) -> Self {
        let mut command = Child::command(env!("CARGO_BIN_EXE_captures_on_demand"));
        command.arg(locator).args(arguments).envs(env).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Child::start(command).expect("starts");
        let stdin = child.take_stdin().expect("its input");
        let stdout = BufReader::new(child.take_stdout().expect("its output"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut own = Self { child, stdin, stdout, folder };
        let first = own.line();
        assert_eq!(first, "running", "{}", own.child.stderr());
        own
    }

    /// Returns the error of a source that cannot be captured.
    pub(crate) fn refusal(locator: &str, arguments: &[&str], env: Vec<(String, String)>) -> String {
        let mut command = Child::command(env!("CARGO_BIN_EXE_captures_on_demand"));
        let output = command.arg(locator).args(arguments).envs(env).stdin(Stdio::null()).output().expect("it runs");
        assert!(!output.status.success(), "{locator} is captured");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("its output");
        line.trim_end().to_owned()
    }

    fn send(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").unwrap_or_else(|error| panic!("{error}: {}", self.child.stderr()));
    }

    /// Returns the number of frames ever written.
    pub(crate) fn frames(&mut self) -> u64 {
        self.send("frames");
        let line = self.line();
        line.parse().unwrap_or_else(|_| panic!("{line:?}: {}", self.child.stderr()))
    }

    /// Waits until `frames` frames were ever written.
    pub(crate) fn wait_for_frames(&mut self, frames: u64) {
        let came = wait_until(DEADLINE, || self.frames() >= frames);
        assert!(came, "{frames} frames did not come: {}", self.dump().state);
    }

    /// Waits for `frames` more frames.
    pub(crate) fn wait_for_more(&mut self, frames: u64) {
        let now = self.frames();
        self.wait_for_frames(now + frames);
    }

    /// Waits until no frame has come for half a second, and returns their number.
    pub(crate) fn wait_for_quiet(&mut self) -> u64 {
        let (mut frames, mut since) = (self.frames(), Instant::now());
        let is_quiet = wait_until(DEADLINE, || {
            let now = self.frames();
            if now != frames {
                (frames, since) = (now, Instant::now());
            }
            since.elapsed() > Duration::from_millis(500)
        });
        assert!(is_quiet, "frames still come");
        frames
    }

    /// Waits until a dump fulfils `condition`, described by `wanted`.
    pub(crate) fn wait_for_dump(&mut self, wanted: &str, condition: impl Fn(&Dump) -> bool) -> Dump {
        let found = wait_for(DEADLINE, || Some(self.dump()).filter(&condition));
        found.unwrap_or_else(|| panic!("not {wanted} but {}", self.dump().state))
    }

    /// Waits until the state begins with `state`.
    pub(crate) fn wait_for_state(&mut self, state: &str) -> Dump {
        self.wait_for_dump(state, |dump| dump.state.starts_with(state))
    }

    /// Waits until the state contains `reason`.
    pub(crate) fn wait_for_reason(&mut self, reason: &str) -> Dump {
        self.wait_for_dump(reason, |dump| dump.state.contains(reason))
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process and waits until it has ended.
    pub(crate) fn kill(mut self) {
        self.child.kill();
    }

    /// Stops the process, as a stalled machine would.
    pub(crate) fn freeze(&mut self) {
        self.child.freeze().expect("it runs");
    }

    /// Continues the stopped process.
    pub(crate) fn thaw(&mut self) {
        self.child.thaw().expect("it runs");
    }

    /// Takes a snapshot of the buffer with all bits of its samples.
    pub(crate) fn exact(&mut self) -> Exact {
        let file: PathBuf = self.folder.path().join("exact.s32");
        self.send(&format!("exact {}", file.display()));
        let line = self.line();
        let ["exact", rate, channels, gaps, format] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line:?}: {}", self.child.stderr());
        };
        let number = |word: &str| word.parse::<usize>().expect(word);
        let bytes = std::fs::read(file).expect("the snapshot");
        Exact {
            sample_rate_hz: number(rate) as u32,
            channels: number(channels),
            gaps: number(gaps),
            format: format.to_owned(),
            samples: bytes.as_chunks().0.iter().copied().map(i32::from_le_bytes).collect(),
        }
    }

    /// Takes a snapshot of the buffer and of the capture's state.
    pub(crate) fn dump(&mut self) -> Dump {
        let file: PathBuf = self.folder.path().join("dump.s16");
        self.send(&format!("dump {}", file.display()));
        let mut dump = Dump::default();
        loop {
            let line = self.line();
            let (kind, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let numbers: Vec<i64> = rest.split(' ').map_while(|word| word.parse().ok()).collect();
            match (kind, &numbers[..]) {
                ("span", [first, channels, rate]) => {
                    (dump.first_frame, dump.channels, dump.sample_rate_hz) =
                        (*first as u64, *channels as usize, *rate as u32);
                }
                ("time", [frame, utc_ns]) => dump.times.push((*frame as u64, *utc_ns)),
                ("gap", [first_frame, start_ns, duration_ns]) => dump.gaps.push(Gap {
                    first_frame: *first_frame as u64,
                    start_ns: *start_ns,
                    duration_ns: *duration_ns,
                    reason: rest.splitn(4, ' ').last().unwrap_or_default().to_owned(),
                }),
                ("rings", [rings]) => dump.rings = *rings as u64,
                ("restarts", [restarts]) => dump.restarts = *restarts as u64,
                ("clock", _) => dump.clock = rest.to_owned(),
                ("state", _) => dump.state = rest.to_owned(),
                ("end", _) => break,
                _ => panic!("{line:?}: {}", self.child.stderr()),
            }
        }
        dump.samples = pcm::s16_from_bytes(&std::fs::read(file).expect("the dump"));
        dump
    }
}

impl Dump {
    /// Returns the reasons of the gaps.
    pub(crate) fn reasons(&self) -> Vec<&str> {
        self.gaps.iter().map(|gap| gap.reason.as_str()).collect()
    }

    /// Returns the samples of one channel.
    pub(crate) fn channel(&self, number: usize) -> Vec<i16> {
        self.samples.iter().skip(number).step_by(self.channels).copied().collect()
    }

    /// Returns a frame's time, from the next known one: the one before may lie before a gap.
    pub(crate) fn time_ns(&self, frame: u64) -> i64 {
        let (known, utc_ns) = self.times[self.times.partition_point(|(known, _)| *known < frame)];
        utc_ns - ((known - frame) * 1_000_000_000 / u64::from(self.sample_rate_hz)) as i64
    }

    pub(crate) fn end_frame(&self) -> u64 {
        self.first_frame + (self.samples.len() / self.channels) as u64
    }

    /// Fills the gaps by repeating the samples before each, so that filling adds no loud or quiet
    /// edge.
    pub(crate) fn filled(&self) -> Self {
        let mut samples = Vec::new();
        let mut at = self.first_frame;
        for gap in &self.gaps {
            let part = (at - self.first_frame) as usize..(gap.first_frame - self.first_frame) as usize;
            samples.extend_from_slice(&self.samples[part.start * self.channels..part.end * self.channels]);
            let missing = gap.duration_ns as i128 * i128::from(self.sample_rate_hz) / 1_000_000_000;
            let missing = (missing as usize * self.channels).min(samples.len());
            samples.extend_from_within(samples.len() - missing..);
            at = gap.first_frame;
        }
        samples.extend_from_slice(&self.samples[(at - self.first_frame) as usize * self.channels..]);
        let frames = (samples.len() / self.channels) as u64;
        let start_ns = self.time_ns(self.first_frame);
        let time = |frame: u64| start_ns + (u128::from(frame) * 1_000_000_000 / u128::from(self.sample_rate_hz)) as i64;
        let times = (0..=frames).map(|frame| (self.first_frame + frame, time(frame))).collect();
        let (first_frame, channels, sample_rate_hz) = (self.first_frame, self.channels, self.sample_rate_hz);
        Self { first_frame, channels, sample_rate_hz, samples, times, ..Self::default() }
    }

    /// Returns the spans of frames between the gaps.
    pub(crate) fn spans(&self) -> Vec<std::ops::Range<u64>> {
        let mut begin = self.first_frame;
        let mut spans = Vec::new();
        for gap in &self.gaps {
            spans.push(begin..gap.first_frame);
            begin = gap.first_frame;
        }
        spans.push(begin..self.end_frame());
        spans
    }

    /// Returns the first channel's samples of a span without gaps.
    pub(crate) fn samples_of(&self, frames: &std::ops::Range<u64>) -> Vec<i16> {
        let at = |frame: u64| (frame - self.first_frame) as usize;
        self.channel(0)[at(frames.start)..at(frames.end)].to_vec()
    }
}
