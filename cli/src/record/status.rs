//! The status lines of a recording: how loud, how full, how old, how whole.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::opening::Recording;
use crate::meter::{self, NAME_COLUMNS};

/// Lines on stderr, one for each source: redrawn in place on a terminal, printed now and then elsewhere.
#[derive(Debug)]
pub(super) struct StatusLines {
    is_terminal: bool,
    /// How many lines of ours are above the cursor.
    drawn: usize,
    next_look: Instant,
    next_print: Instant,
    /// The states as last printed.
    states: Vec<String>,
}

/// Often enough to see a level move, seldom enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Where lines pile up, fewer are better.
const PRINT_EVERY: Duration = Duration::from_secs(2);

impl StatusLines {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let is_terminal = io::stderr().is_terminal();
        Self { is_terminal, drawn: 0, next_look: now, next_print: now, states: Vec::new() }
    }

    /// When to look at the sources again.
    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Draws the lines if it is time.
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
            // A line that wraps could not be erased.
            text.extend(line(recording).chars().take(columns));
            text.push('\n');
        }
        print(&text);
        self.drawn = if self.is_terminal { recordings.len() } else { 0 };
    }

    /// Makes room for something else to be printed.
    pub(super) fn erase(&mut self) {
        if self.drawn > 0 {
            print(&format!("\x1b[{}A\x1b[J", self.drawn));
            self.drawn = 0;
        }
    }
}

/// Prints what is lost without harm. Where nobody drains stderr it is left out: the recording must not wait for a reader.
fn print(text: &str) {
    // What takes a byte takes this much, without blocking.
    const PIPE_TAKES: usize = 4096;
    let mut stderr = io::stderr();
    for piece in text.as_bytes().chunks(PIPE_TAKES) {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut room = [PollFd::new(&stderr, PollFlags::OUT)];
        let has_room = poll(&mut room, Some(&now)).is_ok() && room[0].revents().contains(PollFlags::OUT);
        // An error is that nobody is there to be told.
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

/// The state without its countdown.
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
