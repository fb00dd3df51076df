//! Finds the loudest part of what another process records, and cuts the exact clip three seconds
//! later.
//!
//! A detector reads overlapping windows while they are recorded. At the first loud passage it
//! sleeps for three seconds, as a slow model would. The clip is cut by the window's frame numbers,
//! so the delay does not matter.
//!
//! Usage: `late_detection SOURCE CLIP.wav`. `make run` starts it beside a recorder.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Level, ReadOptions, Registry, Span, Window, WindowOptions, Windows};
use capbuf_capture::write_clip;

/// Windows are half a second long and overlap by half.
const WINDOWS_PER_S: u64 = 2;
/// Loudness threshold. The birds and voices of the demo's recording stay below -30 dBFS.
const LOUD_DBFS: f32 = -20.0;
/// Time between the detection and the cut.
const MODEL_DELAY: Duration = Duration::from_secs(3);
/// Audio in the clip before and after the window.
const BEFORE_S: u64 = 1;
const AFTER_S: u64 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [source, path] = &arguments[..] else { return Err("usage: late_detection SOURCE CLIP.wav".into()) };
    let mut out = io::stdout().lock();

    // Opens the domain that CAPBUF_DOMAIN names. The recorder may still be starting.
    let registry = Registry::open_default()?;
    let buffer = wait_for_buffer(&registry, source)?;
    writeln!(out, "reader: process {} maps the same memory: {}", std::process::id(), buffer.spec())?;

    // The writer, in the other process, never waits for this reader.
    let rate = u64::from(buffer.spec().sample_rate_hz());
    let window_frames = rate / WINDOWS_PER_S;
    let windows = buffer.windows(WindowOptions::new(window_frames, window_frames / 2))?;
    let (loudest, level) = find_loudest(windows)?;
    let (first, end) = (loudest.first_frame, loudest.end_frame);
    writeln!(out, "reader: loud, {:.1} dBFS, in frames {first}..{end}", Level::dbfs(level.rms))?;

    std::thread::sleep(MODEL_DELAY);

    // Frame numbers stay valid until the frames are evicted.
    let around = loudest.around(BEFORE_S * rate, AFTER_S * rate);
    let clip = buffer.read_with(around, &ReadOptions::new().wait(Duration::from_secs(10)))?;
    let late_s = (buffer.clock().utc_ns() - loudest.start_utc_ns) as f64 / 1e9;
    let (first, end) = (clip.first_frame(), clip.end_frame());
    writeln!(out, "reader: {late_s:.2} s later, cut frames {first}..{end}")?;

    // The window, read again, has the same level to the last bit.
    let mut again = vec![0.0_f32; (window_frames * u64::from(buffer.spec().channels())) as usize];
    buffer.read_into(Span::Frames(loudest.first_frame..loudest.end_frame), &ReadOptions::new(), &mut again)?;
    if Level::of(&again) != level {
        return Err(format!("the window has changed: {:?} instead of {level:?}", Level::of(&again)).into());
    }
    write_clip(&clip, Path::new(path))?;
    Ok(())
}

/// Waits up to 20 s for the recorder to allocate the buffer.
fn wait_for_buffer(registry: &Registry, source: &str) -> Result<CaptureBuffer, String> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if let Some(buffer) = registry.get(source) {
            return Ok(buffer);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("no process records {}", capbuf::redact(source)))
}

/// Reads windows as they are recorded. Returns the loudest window of the first loud passage, and
/// its level.
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
