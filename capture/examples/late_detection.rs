//! Records, detects something loud, thinks about it for three seconds, and still cuts the exact clip around it.
//!
//! Two sources run: a recording, at the pace of its own time, and a tone. A detector goes through overlapping windows of the
//! recording while it is being written. When it has found the loudest one, it does what a slow model would: it takes three seconds.
//! The clip is cut by the frame numbers of the window, so it doesn't matter how late that is.
//!
//! Run it with `make run`.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use capbuf::{Level, ReadOptions, Registry, SampleFormat, Samples, Window, WindowOptions, Windows};
use capbuf_capture::{Capture, CaptureOptions, clip_name, write_clip};

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
    let mut out = io::stdout().lock();
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/recording.flac").canonicalize()?;

    // One registry, one buffer a source. Each capture opens its source, allocates, and feeds the buffer on a thread of its own.
    let registry = Registry::private();
    let options = CaptureOptions::new();
    let captures = [
        Capture::start(&registry, &format!("file:{}", recording.display()), &options)?,
        Capture::start(&registry, "tone:440", &options)?,
    ];
    for capture in &captures {
        writeln!(out, "recording {} into {}", capture.buffer().source(), capture.buffer().spec())?;
    }
    let stats = registry.stats();
    writeln!(
        out,
        "allocated {} rings, {} bytes in all, and nothing more from here on",
        stats.rings_mapped, stats.bytes
    )?;

    // The detector is a reader like any other: the writer never waits for it.
    let buffer = captures[0].buffer();
    let rate = u64::from(buffer.spec().sample_rate_hz());
    let window_frames = rate / WINDOWS_PER_S;
    let windows = buffer.windows(WindowOptions::new(window_frames, window_frames / 2))?;
    let (loudest, level) = find_loudest(windows)?;
    writeln!(
        out,
        "loud at {}: {:.1} dBFS in frames {}..{}",
        utc(loudest.start_utc_ns),
        Level::dbfs(level.rms),
        loudest.first_frame,
        loudest.end_frame
    )?;

    std::thread::sleep(THINKING);

    // Whatever the time is now: the clip is cut by the numbers of the frames.
    let around = loudest.around(BEFORE_S * rate, AFTER_S * rate);
    let options = ReadOptions::new().format(SampleFormat::F32).wait(Duration::from_secs(10));
    let clip = buffer.read_with(around, &options)?;
    let late = now_utc_ns() - loudest.start_utc_ns;
    writeln!(out, "cut {:.2} s later: {} frames from {}", late as f64 / 1e9, clip.frames(), utc(clip.start_utc_ns()))?;

    let path = std::env::temp_dir().join(clip_name("late detection", clip.start_utc_ns(), "wav"));
    let written = write_clip(&clip, &path)?;
    writeln!(out, "written to {} ({} bytes)", written.path.display(), written.bytes)?;

    // The proof: the window of the clip that begins a second after its beginning is the one that was detected, to the sample.
    let Samples::F32(samples) = clip.samples() else { return Err("floats were asked for".into()) };
    let begin = (loudest.first_frame - clip.first_frame()) as usize;
    let found = Level::of(&samples[begin..begin + window_frames as usize]);
    if begin as u64 != BEFORE_S * rate || found != level {
        return Err(format!("the clip does not hold what was detected: {found:?} instead of {level:?}").into());
    }
    writeln!(out, "the clip holds the detected window {BEFORE_S} s after its beginning, sample for sample")?;
    Ok(())
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

fn now_utc_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The time of day, to the millisecond.
fn utc(utc_ns: i64) -> String {
    let ms = utc_ns.div_euclid(1_000_000);
    let (seconds, ms) = (ms.div_euclid(1000), ms.rem_euclid(1000));
    format!("{:02}:{:02}:{:02}.{ms:03} UTC", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}
