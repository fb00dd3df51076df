//! Finds something loud in what another process records, thinks about it for three seconds, and still cuts the exact clip.
//!
//! A detector goes through overlapping windows of the recording while it is being written. When it has found the loudest one, it
//! does what a slow model would: it takes three seconds. The clip is cut by the frame numbers of the window, so it doesn't
//! matter how late that is.
//!
//! Called with the name of a source and the clip to write. `make run` calls it, beside a recorder.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Level, ReadOptions, Registry, Span, Window, WindowOptions, Windows};
use capbuf_capture::write_clip;

/// Windows of half a second, each half a window after the last one.
const WINDOWS_PER_S: u64 = 2;
/// What is louder than this is worth a thought. The recording's birds and voices are below -30 dBFS.
const LOUD_DBFS: f32 = -20.0;
/// How long the model takes to be sure.
const THINKING: Duration = Duration::from_secs(3);
/// The clip: so much before the window and so much after it.
const BEFORE_S: u64 = 1;
const AFTER_S: u64 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [source, path] = &arguments[..] else { return Err("usage: late_detection SOURCE CLIP.wav".into()) };
    let mut out = io::stdout().lock();

    // The domain that CAPBUF_DOMAIN names. The recorder may be just starting.
    let registry = Registry::open_default()?;
    let buffer = wait_for_buffer(&registry, source)?;
    writeln!(out, "reader: process {} has the same memory open: {}", std::process::id(), buffer.spec())?;

    // The detector is a reader like any other: the writer, in its process, never waits for it.
    let rate = u64::from(buffer.spec().sample_rate_hz());
    let window_frames = rate / WINDOWS_PER_S;
    let windows = buffer.windows(WindowOptions::new(window_frames, window_frames / 2))?;
    let (loudest, level) = find_loudest(windows)?;
    let (first, end) = (loudest.first_frame, loudest.end_frame);
    writeln!(out, "reader: loud, {:.1} dBFS, in frames {first}..{end}", Level::dbfs(level.rms))?;

    std::thread::sleep(THINKING);

    // Whatever the time is now: the clip is cut by the numbers of the frames.
    let around = loudest.around(BEFORE_S * rate, AFTER_S * rate);
    let clip = buffer.read_with(around, &ReadOptions::new().wait(Duration::from_secs(10)))?;
    let late_s = (buffer.clock().utc_ns() - loudest.start_utc_ns) as f64 / 1e9;
    let (first, end) = (clip.first_frame(), clip.end_frame());
    writeln!(out, "reader: {late_s:.2} s later, cut frames {first}..{end}")?;

    // What was detected is still there: the samples that are read once more are as loud, to the last bit.
    let mut again = vec![0.0_f32; (window_frames * u64::from(buffer.spec().channels())) as usize];
    buffer.read_into(Span::Frames(loudest.first_frame..loudest.end_frame), &ReadOptions::new(), &mut again)?;
    if Level::of(&again) != level {
        return Err(format!("the window has changed: {:?} instead of {level:?}", Level::of(&again)).into());
    }
    write_clip(&clip, Path::new(path))?;
    Ok(())
}

/// Waits until the recorder has made the buffer.
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

/// Goes through windows as they are recorded, and returns the loudest of the first that are loud.
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
