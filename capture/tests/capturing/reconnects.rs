//! Sources whose format is another one after a reconnect.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Length, Registry, SampleFormat, SourceState, Writer};
use capbuf_capture::{
    Backoff, CaptureOptions, Error, Format, RequestedFormat, Result, RunOutcome, Source, Stop, Supervised,
};

use crate::live_server::{Live, LiveServer};
use crate::sounds::frequency_hz;
use crate::waiting::{floats, wait_until};

const RATE_HZ: u32 = 8000;
const TONE_HZ: f64 = 500.0;

fn options() -> CaptureOptions {
    CaptureOptions::new()
        .length(Length::Seconds(60.0))
        .backoff(Backoff::new(Duration::from_millis(10), Duration::from_millis(20)))
}

/// Returns the reason of the newest change to running.
fn newest_note(supervised: &Supervised) -> Option<String> {
    let history = supervised.history();
    history.into_iter().rev().find(|change| change.state == SourceState::Running).and_then(|change| change.reason)
}

/// Waits for a second more, and asserts its frequency.
fn assert_tone(buffer: &CaptureBuffer) {
    let second = u64::from(RATE_HZ);
    let from = buffer.frames().end + second / 2;
    let found = frequency_hz(&floats(buffer, from..from + second), 1, RATE_HZ);
    assert!((found - TONE_HZ).abs() < 5.0, "{found} Hz");
}

/// Checks a source that is opened as 8 kHz mono, then as 16 kHz stereo, then as at first.
fn assert_changes_are_reported(supervised: &Supervised, reconnect: impl Fn()) {
    wait_until("it runs", || supervised.buffer().is_some());
    let buffer = supervised.buffer().expect("it runs");
    assert_eq!((buffer.spec().sample_rate_hz(), buffer.spec().channels()), (RATE_HZ, 1));
    assert_eq!(newest_note(supervised), None);
    assert_tone(&buffer);
    for (restarts, note) in [
        (
            1,
            "it is 16000 Hz with 2 channels now, and was 8000 Hz with 1 channel; recorded as 8000 Hz with 1 channel, \
             and converted",
        ),
        (2, "it is 8000 Hz with 1 channel now, and was 16000 Hz with 2 channels; recorded as 8000 Hz with 1 channel"),
    ] {
        reconnect();
        wait_until("it is opened again", || supervised.restarts() == restarts);
        assert_eq!(newest_note(supervised).as_deref(), Some(note));
        assert!(buffer.status().health.is_some_and(|health| health.reason == note));
        let before = buffer.frames().end;
        wait_until("audio", || buffer.frames().end > before + u64::from(RATE_HZ));
        assert_tone(&buffer);
    }
    reconnect();
    wait_until("it is opened again", || supervised.restarts() == 3);
    assert_eq!(newest_note(supervised), None, "as at first, and as before");
    assert!(supervised.buffer().is_some_and(|newest| newest.same_as(&buffer)));
}

#[test]
fn stream_of_another_format_is_reported_and_converted() {
    const FIRST: Live = Live { declared_hz: 8000, true_hz: 8000, channels: 1, tone_hz: TONE_HZ, frames: None };
    const SECOND: Live = Live { declared_hz: 16_000, true_hz: 16_000, channels: 2, tone_hz: TONE_HZ, frames: None };
    static PLAYS: [Live; 3] = [FIRST, SECOND, FIRST];
    let server = LiveServer::start(&PLAYS);
    let options = options().format(SampleFormat::F32);
    let supervised = Supervised::begin(&Registry::private(), &server.url(), &options).expect("it begins");
    assert_changes_are_reported(&supervised, || server.close());
}

/// A microphone that is another one after each reconnect.
struct Changing {
    opened: AtomicUsize,
    is_unplugged: Arc<AtomicBool>,
    formats: &'static [(u32, u16)],
}

impl Changing {
    fn format(&self, number: usize) -> Format {
        let (sample_rate_hz, channels) = self.formats[number.min(self.formats.len() - 1)];
        Format { sample_rate_hz, channels, sample_format: SampleFormat::F32 }
    }
}

impl Source for Changing {
    fn open(&mut self, requested: &RequestedFormat, _: &Stop) -> Result<Format> {
        let format = self.format(self.opened.load(Ordering::Relaxed));
        let wanted = (requested.sample_rate_hz, requested.channels);
        let is_offered = wanted.0.is_none_or(|hz| hz == format.sample_rate_hz)
            && wanted.1.is_none_or(|channels| channels == format.channels);
        if !is_offered {
            let (source_name, offered) = ("microphone".to_owned(), format!("{format:?}"));
            return Err(Error::NotOffered { source_name, requested: format!("{wanted:?}"), offered });
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(format)
    }

    fn run(&mut self, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let Format { sample_rate_hz, channels, .. } = self.format(self.opened.load(Ordering::Relaxed) - 1);
        let (begin, mut frame) = (Instant::now(), 0_u64);
        while !stop.sleep(Duration::from_millis(20)) {
            if self.is_unplugged.swap(false, Ordering::Relaxed) {
                return Err(Error::Device { name: "microphone".to_owned(), reason: "it is gone".to_owned() });
            }
            let due = (begin.elapsed().as_secs_f64() * f64::from(sample_rate_hz)) as u64;
            let turns = |frame: u64| TONE_HZ * frame as f64 / f64::from(sample_rate_hz);
            let sample = |frame: u64| (std::f64::consts::TAU * turns(frame)).sin() as f32 / 2.0;
            let repeated = |frame: u64| std::iter::repeat_n(sample(frame), usize::from(channels));
            writer.write(&(frame..due).flat_map(repeated).collect::<Vec<_>>())?;
            frame = due;
        }
        Ok(RunOutcome::Stopped)
    }
}

fn begin_changing(formats: &'static [(u32, u16)]) -> (Supervised, Arc<AtomicBool>) {
    let is_unplugged = Arc::new(AtomicBool::new(false));
    let source = Changing { opened: AtomicUsize::new(0), is_unplugged: Arc::clone(&is_unplugged), formats };
    let supervised = Supervised::begin_source(&Registry::private(), "microphone", Box::new(source), &options());
    (supervised.expect("it begins"), is_unplugged)
}

#[test]
fn microphone_of_another_format_is_reported_and_converted() {
    let (supervised, is_unplugged) = begin_changing(&[(8000, 1), (16_000, 2), (8000, 1)]);
    assert_changes_are_reported(&supervised, || is_unplugged.store(true, Ordering::Relaxed));
}

#[test]
fn format_that_can_not_be_converted_is_refused_with_both() {
    let (supervised, is_unplugged) = begin_changing(&[(8000, 2), (8000, 3)]);
    wait_until("it runs", || supervised.buffer().is_some());
    is_unplugged.store(true, Ordering::Relaxed);
    wait_until("it is refused", || {
        let shown = supervised.state().to_string();
        shown.contains("(Some(8000), Some(2))") && shown.contains("channels: 3")
    });
    assert_eq!(supervised.restarts(), 0);
}
