//! Files under supervision: played once, whatever they hold and however they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use capbuf::{Registry, SampleFormat, SourceState, Span, Writer};
use capbuf_capture::{
    Backoff, CaptureOptions, Error, Format, RequestedFormat, Result, RunOutcome, Source, State, Stop, Supervised,
    Watchdog,
};

use crate::waiting::wait_until;

const RATE_HZ: u32 = 8000;

/// Options by which a lost source is opened again at once, and silence is a fault.
fn options() -> CaptureOptions {
    CaptureOptions::new()
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(1)))
        .watchdog(Watchdog::new().silence_for(Some(Duration::from_millis(250))))
}

fn states(supervised: &Supervised) -> Vec<SourceState> {
    supervised.history().iter().map(|transition| transition.state).collect()
}

#[test]
fn silent_file_is_played_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pause.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).expect("a WAV file");
    let is_silent = |i: u32| (RATE_HZ / 4..RATE_HZ * 2).contains(&i);
    let sample = |i: u32| if is_silent(i) { 0 } else { i.wrapping_mul(40_503) as i16 | 1 };
    (0..RATE_HZ * 9 / 4).for_each(|i| file.write_sample(sample(i)).expect("a sample"));
    file.finalize().expect("a WAV file");

    let registry = Registry::private();
    let locator = format!("file:{}", path.display());
    let supervised = Supervised::begin(&registry, &locator, &options()).expect("it begins");
    wait_until("its end", || supervised.state().has_ended());
    assert_eq!(states(&supervised), [SourceState::Starting, SourceState::Running, SourceState::Finished]);
    let buffer = supervised.buffer().expect("it ran");
    let played = buffer.read(Span::Frames(0..buffer.frames().end)).expect("all of it");
    let samples = played.samples().get::<i16>().expect("s16");
    assert!(samples.iter().copied().eq((0..RATE_HZ * 9 / 4).map(sample)), "{} frames", samples.len());
}

/// A recording of a second, after which it fails or waits for a stop.
struct Recording {
    opened: Arc<AtomicU32>,
    fails: bool,
}

fn unreadable() -> Error {
    Error::Unreadable { path: "recording".into(), reason: "input/output error".to_owned() }
}

impl Source for Recording {
    fn open(&mut self, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        match self.opened.fetch_add(1, Ordering::Relaxed) {
            0 => Err(unreadable()),
            _ => Ok(Format { sample_rate_hz: RATE_HZ, channels: 1, sample_format: SampleFormat::S16 }),
        }
    }

    fn run(&mut self, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        writer.write(&[1_i16; RATE_HZ as usize])?;
        if self.fails {
            return Err(unreadable());
        }
        while !stop.sleep(Duration::from_millis(5)) {
            writer.write(&[1_i16; 40])?;
        }
        Ok(RunOutcome::Stopped)
    }

    fn is_replay(&self) -> bool {
        true
    }
}

fn begin(registry: &Registry, fails: bool) -> (Supervised, Arc<AtomicU32>) {
    let opened = Arc::new(AtomicU32::new(0));
    let recording = Recording { opened: Arc::clone(&opened), fails };
    (Supervised::begin_source(registry, "recording", Box::new(recording), &options()).expect("it begins"), opened)
}

#[test]
fn file_that_fails_midway_has_failed_for_good() {
    let (supervised, opened) = begin(&Registry::private(), true);
    wait_until("its failure", || supervised.state().has_ended());
    assert_eq!(supervised.state(), State::Failed { reason: unreadable() });
    use SourceState::{BackingOff, Failed, Running, Starting};
    assert_eq!(
        states(&supervised),
        [Starting, BackingOff, Starting, Running, Failed],
        "it is awaited, and played once"
    );
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[test]
fn file_whose_buffer_is_removed_is_not_played_again() {
    let registry = Registry::private();
    let (supervised, opened) = begin(&registry, false);
    wait_until("a second", || supervised.buffer().is_some_and(|buffer| buffer.frames().end > u64::from(RATE_HZ)));
    registry.remove("recording").expect("it is removed");
    wait_until("its failure", || supervised.state().has_ended());
    assert!(matches!(supervised.state(), State::Failed { reason: Error::BufferLost { .. } }), "{}", supervised.state());
    assert_eq!((opened.load(Ordering::Relaxed), supervised.restarts()), (2, 0));
}
