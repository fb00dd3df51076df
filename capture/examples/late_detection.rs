//! Detects a loud event in the recording of another process, and cuts the exact clip three seconds
//! later.
//!
//! The detector reads overlapping windows while the recording is written. After the loudest one it
//! waits for three seconds, as a slow model would. The clip is cut by frame numbers, so the delay
//! does not matter.
//!
//! Arguments: the name of a source, and the path of the clip. `make run` runs it beside a recorder.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Level, ReadOptions, Registry, Span, Window, WindowOptions, Windows};
use capbuf_capture::write_clip;

/// The rate of windows, which overlap by half.
const WINDOWS_PER_S: u64 = 2;
/// The threshold. The birds and voices of the recording are below -30 dBFS.
const LOUD_DBFS: f32 = -20.0;
/// The duration of the simulated model.
const THINKING: Duration = Duration::from_secs(3);
/// The clip: from `BEFORE_S` before the window to `AFTER_S` after it.
const BEFORE_S: u64 = 1;
const AFTER_S: u64 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [source, path] = &arguments[..] else { return Err("usage: late_detection SOURCE CLIP.wav".into()) };
    let mut out = io::stdout().lock();

    // The domain named by CAPBUF_DOMAIN. The recorder may not have started yet.
    let registry = Registry::open_default()?;
    let buffer = wait_for_buffer(&registry, source)?;
    writeln!(out, "reader: process {} has the same memory open: {}", std::process::id(), buffer.spec())?;

    // The writer, in the other process, never waits for a reader.
    let rate = u64::from(buffer.spec().sample_rate_hz());
    let window_frames = rate / WINDOWS_PER_S;
    let windows = buffer.windows(WindowOptions::new(window_frames, window_frames / 2))?;
    let (loudest, level) = find_loudest(windows)?;
    let (first, end) = (loudest.first_frame, loudest.end_frame);
    writeln!(out, "reader: loud, {:.1} dBFS, in frames {first}..{end}", Level::dbfs(level.rms))?;

    std::thread::sleep(THINKING);

    // Cut by frame numbers, independent of the current time.
    let around = loudest.around(BEFORE_S * rate, AFTER_S * rate);
    let clip = buffer.read_with(around, &ReadOptions::new().wait(Duration::from_secs(10)))?;
    let late_s = (buffer.clock().utc_ns() - loudest.start_utc_ns) as f64 / 1e9;
    let (first, end) = (clip.first_frame(), clip.end_frame());
    writeln!(out, "reader: {late_s:.2} s later, cut frames {first}..{end}")?;

    // The window is unchanged: its level is bit-exactly the same.
    let mut again = vec![0.0_f32; (window_frames * u64::from(buffer.spec().channels())) as usize];
    buffer.read_into(Span::Frames(loudest.first_frame..loudest.end_frame), &ReadOptions::new(), &mut again)?;
    if Level::of(&again) != level {
        return Err(format!("the window has changed: {:?} instead of {level:?}", Level::of(&again)).into());
    }
    write_clip(&clip, Path::new(path))?;
    Ok(())
}

/// Waits until the recorder has allocated the buffer.
fn wait_for_buffer(registry: &Registry, source: &str) -> Result<CaptureBuffer, String> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if let Some(buffer) = registry.get(source) {
            return Ok(buffer);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("nobody records {}", capbuf::redact(source)))
}

/// Reads windows as they are recorded, and returns the loudest one of the first loud event.
fn find_loudest(mut windows: Windows) -> capbuf::Result<(Window, Level)> {
    let mut samples = vec![0.0_f32; windows.window_samples() as usize];
    let mut loudest: Option<(Window, Level)> = None;
    loop {
        let window = windows.next_into(&mut samples, Duration::from_secs(30))?;
        let level = Level::of(&samples);
        let is_loud = Level::dbfs(level.rms) > LOUD_DBFS;
        match &loudest {
            Some((window, best)) if !is_loud => return Ok((*window, *best)),
            Some((_, best)) if best.rms >= level.rms => {}
            _ if is_loud => loudest = Some((window, level)),
            _ => {}
        }
    }
}
