//! The status lines of a recording: level, length, age and gaps.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::recording::Recording;
use crate::meter::{self, NAME_COLUMNS};

/// A line per source on stderr: redrawn in place on a terminal, else printed periodically.
#[derive(Debug)]
pub(super) struct StatusLines {
    is_terminal: bool,
    /// The number of status lines above the cursor.
    drawn: usize,
    next_look: Instant,
    next_print: Instant,
    /// The states as last printed.
    states: Vec<String>,
}

/// The period of redrawing: levels move smoothly, at negligible cost.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The period of printing without a terminal.
const PRINT_EVERY: Duration = Duration::from_secs(2);

impl StatusLines {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let is_terminal = io::stderr().is_terminal();
        Self { is_terminal, drawn: 0, next_look: now, next_print: now, states: Vec::new() }
    }

    /// Returns when the lines are due.
    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Draws the lines if they are due.
    pub(super) fn draw_if_due(&mut self, recordings: &[Recording]) {
        let now = Instant::now();
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK_EVERY;
        let states: Vec<_> = recordings.iter().map(state_to_compare).collect();
        if self.is_terminal || now >= self.next_print || states != self.states {
            self.draw(recordings);
        }
    }

    /// Draws the lines.
    pub(super) fn draw(&mut self, recordings: &[Recording]) {
        self.next_print = Instant::now() + PRINT_EVERY;
        self.states = recordings.iter().map(state_to_compare).collect();
        self.erase();
        let columns = if self.is_terminal { terminal_columns() } else { usize::MAX };
        let mut text = String::new();
        for recording in recordings {
            // A wrapped line could not be erased.
            text.extend(line(recording).chars().take(columns));
            text.push('\n');
        }
        print(&text);
        self.drawn = if self.is_terminal { recordings.len() } else { 0 };
    }

    /// Erases the lines, to print something else.
    pub(super) fn erase(&mut self) {
        if self.drawn > 0 {
            print(&format!("\x1b[{}A\x1b[J", self.drawn));
            self.drawn = 0;
        }
    }
}

/// Prints to stderr, or drops the text if stderr would block: the recording must not wait for it.
fn print(text: &str) {
    // A pipe that is writable accepts this much without blocking.
    const PIPE_TAKES: usize = 4096;
    let mut stderr = io::stderr();
    for piece in text.as_bytes().chunks(PIPE_TAKES) {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut room = [PollFd::new(&stderr, PollFlags::OUT)];
        let has_room = poll(&mut room, Some(&now)).is_ok() && room[0].revents().contains(PollFlags::OUT);
        // Errors of stderr are ignored.
        if !has_room || stderr.write_all(piece).is_err() {
            return;
        }
    }
}

fn terminal_columns() -> usize {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 1 => usize::from(size.ws_col) - 1,
        _ => 79,
    }
}

/// Returns the state without its countdown.
fn state_to_compare(recording: &Recording) -> String {
    recording.describe().chars().filter(|sign| !sign.is_ascii_digit()).collect()
}

fn line(recording: &Recording) -> String {
    let name = meter::short(&recording.source_name);
    let mut line = format!("{name:<NAME_COLUMNS$}  ");
    if let Some(buffer) = recording.buffer() {
        let (status, spec) = (buffer.status(), buffer.spec());
        let (level, kept, age) = (meter::level(&status), meter::kept(&status, spec), meter::age(&status));
        let age = if status.age.is_some() { format!("age {age}") } else { format!("{age}  ") };
        // Writing into a string does not fail.
        let _ = write!(line, "{level}  {kept:>11}  {age}  gaps {}  ", status.gaps);
    }
    line + &recording.describe()
}
