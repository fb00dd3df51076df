//! Captures one source and reports its buffer on request: a capture in a process of its own, whose
//! environment names the devices.
//!
//! usage: `captures_on_demand LOCATOR SECONDS [FORMAT [CHANNELS [WORD...]]]`, where WORD is
//! `quick`, to open a lost source again at once, `rate=HZ`, `gain=DB` or `channel=NUMBER`
//!
//! - prints `running` once it captures, or ends with the error;
//! - on `frames`, prints the number of frames ever written;
//! - on `dump FILE`, writes all frames as s16 into FILE and prints, a line each: `span FIRST
//!   CHANNELS RATE`, `time FRAME UTC_NS` for each hundredth of a second, `gap FIRST_FRAME START_NS
//!   DURATION_NS REASON`, `clock NAME`, `rings NUMBER`, `restarts NUMBER`, `state TEXT`, `end`;
//! - on `exact FILE`, writes all frames as s32 into FILE and prints `exact RATE CHANNELS GAPS
//!   FORMAT`, where FORMAT is that of the buffer;
//! - ends when standard input ends.

use std::error::Error;
use std::io::{self, BufRead as _, Write};
use std::time::Duration;

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, SampleFormat, Span};
use capbuf_capture::{Backoff, Capture, CaptureOptions, CircuitBreaker, Mix};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [locator, seconds, rest @ ..] = &arguments[..] else {
        return Err("usage: captures_on_demand LOCATOR SECONDS [FORMAT [CHANNELS [WORD...]]]".into());
    };
    let mut options = CaptureOptions::new().length(Length::Seconds(seconds.parse()?));
    if let Some(format) = rest.first() {
        options = options.format(format.parse()?);
    }
    if let Some(channels) = rest.get(1) {
        options = options.channels(channels.parse()?);
    }
    for word in rest.iter().skip(2) {
        options = match word.split_once('=') {
            None if word == "quick" => options
                .backoff(Backoff::new(Duration::from_millis(10), Duration::from_millis(100)))
                .circuit_breaker(CircuitBreaker::new(u32::MAX, Duration::ZERO)),
            Some(("rate", hz)) => options.sample_rate_hz(hz.parse()?),
            Some(("gain", db)) => options.gain_db(db.parse()?),
            Some(("channel", number)) => options.mix(Mix::Channel(number.parse()?)),
            _ => return Err(format!("{word:?} is none of: quick, rate=HZ, gain=DB, channel=NUMBER").into()),
        };
    }
    let registry = Registry::private();
    let capture = Capture::start(&registry, locator, &options)?;
    let mut out = io::stdout().lock();
    writeln!(out, "running")?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("dump", file)) => {
                dump(&capture.buffer(), file, &mut out)?;
                writeln!(out, "rings {}", registry.stats().rings_mapped)?;
                writeln!(out, "restarts {}", capture.restarts())?;
                writeln!(out, "state {}", capture.state())?;
                writeln!(out, "end")?;
            }
            Some(("exact", file)) => write_exactly(&capture.buffer(), file, &mut out)?,
            None if line == "frames" => writeln!(out, "{}", capture.buffer().frames().end)?,
            _ => return Err(format!("{line:?} is none of: frames, dump FILE, exact FILE").into()),
        }
    }
    Ok(())
}

fn write_exactly(buffer: &CaptureBuffer, file: &str, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let everything = ReadOptions::new().available().format(SampleFormat::S32);
    let segment = buffer.read_with(Span::Frames(buffer.frames()), &everything)?;
    std::fs::write(file, segment.samples().as_bytes())?;
    let (spec, gaps) = (buffer.spec(), segment.gaps().len());
    writeln!(out, "exact {} {} {gaps} {}", spec.sample_rate_hz(), spec.channels(), spec.format().name())?;
    Ok(())
}

fn dump(buffer: &CaptureBuffer, file: &str, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let everything = ReadOptions::new().available().format(SampleFormat::S16);
    let (frames, spec) = (buffer.frames(), buffer.spec());
    let rate = spec.sample_rate_hz();
    writeln!(out, "span {} {} {rate}", frames.start, spec.channels())?;
    if frames.is_empty() {
        return Ok(std::fs::write(file, [])?);
    }
    let segment = buffer.read_with(Span::Frames(frames), &everything)?;
    std::fs::write(file, segment.samples().as_bytes())?;
    writeln!(out, "clock {}", segment.timing().clock.name())?;
    for frame in (segment.first_frame()..segment.end_frame()).step_by(rate as usize / 100) {
        if let Ok(one) = buffer.read(Span::Frames(frame..frame + 1)) {
            writeln!(out, "time {frame} {}", one.start_utc_ns())?;
        }
    }
    for gap in segment.gaps() {
        let gap = gap.gap;
        writeln!(out, "gap {} {} {} {}", gap.first_frame, gap.start_utc_ns, gap.duration_ns, gap.reason.name())?;
    }
    Ok(())
}
