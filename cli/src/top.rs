//! `capbuf top`: shows the sources of a domain, live.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use capbuf::SourceInfo;

use crate::failure::Failure;
use crate::{domain, duration, interrupt, meter, moment, number, table};

const EXAMPLES: &str = "\
A line for each source: peak level of the last second (a bar from -60 dBFS), audio in
memory and capacity, age of the newest audio, gaps, the process that records, the
number of other processes that have the buffer open, and the state of the source. A
terminal is redrawn in place until Ctrl-C; other outputs get the lines repeatedly.

Examples:
  capbuf top
  capbuf top --every 200ms
  capbuf top --once";

/// Show the sources of a domain, live
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Interval between looks
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_interval, default_value = "1s", allow_hyphen_values = true)]
    every: Duration,
    /// Number of looks [default: until interrupted]
    #[arg(long, value_name = "TIMES", value_parser = number::times, allow_hyphen_values = true)]
    count: Option<u64>,
    /// Look once
    #[arg(long, conflicts_with = "count")]
    once: bool,
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
        // At an even pace: missed looks are skipped.
        next = (next + arguments.every).max(Instant::now());
        if interrupted.recv_timeout(next.saturating_duration_since(Instant::now())).is_ok() {
            return Ok(());
        }
    }
}

/// Formats the lines of one look.
///
/// Opens the domain each time, to keep no removed buffer alive.
fn look(domain: Option<&str>, is_narrow: bool) -> Result<Vec<String>, Failure> {
    let registry = domain::open_existing(domain)?;
    let sources = registry.sources()?;
    let mut rows = vec![table::row(["SOURCE", "LEVEL", "KEPT", "AGE", "GAPS", "WRITER", "READERS", "STATE"])];
    rows.extend(sources.iter().map(|info| row(info, is_narrow)));
    let (domain, now) = (registry.domain().unwrap_or_default(), moment::now().timestamp());
    let mut lines = vec![format!("{domain} at {now:.3}, sources: {}", sources.len())];
    lines.extend(table::lines(&rows));
    Ok(lines)
}

fn row(info: &SourceInfo, is_narrow: bool) -> Vec<String> {
    let name = info.source.to_string();
    let name = if is_narrow { meter::short(&name) } else { name };
    let Some(buffer) = &info.buffer else {
        let state = meter::state(info.health.as_ref(), None);
        return table::row([&name, "not opened yet", "-", "no audio", "-", "-", "-", &state]);
    };
    let (status, spec) = (buffer.status(), buffer.spec());
    table::row([
        &name,
        &meter::level(&status),
        &meter::kept(&status, spec),
        &meter::age(&status),
        &status.gaps.to_string(),
        &meter::writer(&status),
        &meter::reader_count(buffer, &status).to_string(),
        &meter::state(info.health.as_ref(), status.orphaned_left),
    ])
}

/// The output. Changes no mode of the terminal, so there is nothing to restore.
struct Screen {
    is_terminal: bool,
    /// Number of our lines above the cursor.
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
            // A line that wraps or scrolls away can't be redrawn.
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

/// Returns the usable columns and rows.
fn terminal_size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 1 && size.ws_row > 1 => (usize::from(size.ws_col) - 1, usize::from(size.ws_row) - 1),
        _ => (79, 23),
    }
}
