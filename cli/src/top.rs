//! `capbuf top`: the sources of a domain, live.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use capbuf::CaptureBuffer;

use crate::failure::Failure;
use crate::{domain, duration, interrupt, meter, moment, table};

const EXAMPLES: &str = "\
A line for each source: the loudness of its last second (a bar from -60 dBFS, and
the peak), how much is kept, how long ago the newest audio was captured, gaps, the
process that records, how many other processes have the buffer open, and how the
source is doing. Redrawn in place on a terminal until Ctrl-C; elsewhere printed again and again.

Examples:
  capbuf top
  capbuf top --every 200ms
  capbuf top --once";

/// Show the sources of a domain, live
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// How often to look
    #[arg(long, value_name = "DURATION", value_parser = every, default_value = "1s", allow_hyphen_values = true)]
    every: Duration,
    /// RunOutcome after so many looks [default: when asked to]
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Look once
    #[arg(long, conflicts_with = "count")]
    once: bool,
}

/// More often nobody can see, and it would cost a processor.
const SHORTEST: Duration = Duration::from_millis(50);

fn every(given: &str) -> Result<Duration, String> {
    let every = duration::parse(given)?;
    if every < SHORTEST { Err(format!("{given:?} is too often; allowed: {SHORTEST:?} or more")) } else { Ok(every) }
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let interrupted = interrupt::listen()?;
    let count = if arguments.once { Some(1) } else { arguments.count };
    let mut screen = Screen { is_terminal: io::stdout().is_terminal(), drawn: 0 };
    let mut next = Instant::now();
    let mut looks = 0;
    loop {
        screen.show(&look(domain, screen.is_terminal)?)?;
        looks += 1;
        if count == Some(looks) {
            return Ok(());
        }
        // At an even pace; looks that were missed are left out.
        next = (next + arguments.every).max(Instant::now());
        if interrupted.recv_timeout(next.saturating_duration_since(Instant::now())).is_ok() {
            return Ok(());
        }
    }
}

/// The lines of one look.
///
/// The domain is opened for each: who looks all the time must not keep alive what was removed, or was to go with its recorder.
fn look(domain: Option<&str>, is_narrow: bool) -> Result<Vec<String>, Failure> {
    let registry = domain::open_existing(domain)?;
    let buffers = registry.buffers();
    let mut rows = vec![table::row(["SOURCE", "LEVEL", "KEPT", "AGE", "GAPS", "WRITER", "READERS", "STATE"])];
    rows.extend(buffers.iter().map(|buffer| row(buffer, is_narrow)));
    let (domain, now) = (registry.domain().unwrap_or_default(), moment::now().timestamp());
    let mut lines = vec![format!("{domain} at {now:.3}, sources: {}", buffers.len())];
    lines.extend(table::lines(&rows));
    Ok(lines)
}

fn row(buffer: &CaptureBuffer, is_narrow: bool) -> Vec<String> {
    let (status, spec) = (buffer.status(), buffer.spec());
    let name = buffer.source().to_string();
    table::row([
        &if is_narrow { meter::short(&name) } else { name },
        &meter::level(&status),
        &meter::kept(&status, spec),
        &meter::age(&status),
        &status.gaps.to_string(),
        &meter::writer(&status),
        &meter::readers(buffer, &status).len().to_string(),
        &meter::state(&status),
    ])
}

/// Where the lines go. Nothing of a terminal's settings is changed, so there is nothing to restore, however this ends.
struct Screen {
    is_terminal: bool,
    /// How many lines of ours are above the cursor.
    drawn: usize,
}

impl Screen {
    fn show(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = String::new();
        if self.is_terminal {
            let (columns, rows) = terminal_size();
            if self.drawn > 0 {
                text = format!("\x1b[{}A\x1b[J", self.drawn);
            }
            // A line that wraps or has left the screen could not be redrawn.
            self.drawn = lines.len().min(rows);
            for line in &lines[..self.drawn] {
                text.extend(line.chars().take(columns));
                text.push('\n');
            }
        } else {
            for line in lines {
                text.push_str(line);
                text.push('\n');
            }
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// Columns and lines that can be used.
fn terminal_size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 1 && size.ws_row > 1 => (usize::from(size.ws_col) - 1, usize::from(size.ws_row) - 1),
        _ => (79, 23),
    }
}
