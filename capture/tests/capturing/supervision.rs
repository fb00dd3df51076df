//! What a supervisor does about sources that fail without an error, fail at once, or hang; and what it tells of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use capbuf::{Registry, SampleFormat, SourceState, Span, Writer};
use capbuf_capture::{
    Backoff, CaptureOptions, CircuitBreaker, Error, Format, RequestedFormat, Result, RunOutcome, Source, State, Stop,
    Supervised, Watchdog,
};

use crate::waiting::{DEADLINE, wait_until};

/// A microphone that a test can make fail.
struct Microphone {
    opened: Arc<AtomicU32>,
    fails: fn(u32) -> Fails,
}

#[derive(Clone, Copy, PartialEq)]
enum Fails {
    /// Not at all.
    Not,
    /// Its opening takes for ever, but for a request to stop.
    Hangs,
    /// It is not there, or not any more.
    Gone,
    /// It delivers for a while, and then nothing, without an error.
    FallsSilent,
    /// It delivers zeros.
    Zeros,
    /// It delivers a fifth of what it should.
    TooFew,
}

const FORMAT: Format = Format { sample_rate_hz: 8000, channels: 1, sample_format: SampleFormat::S16 };

fn gone() -> Error {
    Error::Device { name: "microphone".to_owned(), reason: "it is gone".to_owned() }
}

impl Source for Microphone {
    fn open(&mut self, _: &RequestedFormat, stop: &Stop) -> Result<Format> {
        match (self.fails)(self.opened.fetch_add(1, Ordering::Relaxed)) {
            Fails::Hangs => {
                stop.sleep(Duration::MAX);
                Err(gone())
            }
            Fails::Gone => Err(gone()),
            _ => Ok(FORMAT),
        }
    }

    fn run(&mut self, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let number = self.opened.load(Ordering::Relaxed) - 1;
        // Times of a device's own clock: a thread that is held up makes no gap.
        let mut capture_utc_ns = writer.buffer().clock().utc_ns();
        let mut chunks = 0;
        while !stop.sleep(Duration::from_millis(20)) {
            chunks += 1;
            match (self.fails)(number) {
                Fails::Gone => return Err(gone()),
                Fails::FallsSilent if chunks > 5 => {}
                Fails::Zeros => writer.write_at(&[0_i16; 160], capture_utc_ns)?,
                Fails::TooFew => writer.write_at(&[1_i16; 32], capture_utc_ns)?,
                _ => writer.write_at(&[1_i16; 160], capture_utc_ns)?,
            }
            capture_utc_ns += 20_000_000;
        }
        Ok(RunOutcome::Stopped)
    }
}

/// A source that works is never taken for one that does not, however long its thread is held up.
fn options() -> CaptureOptions {
    CaptureOptions::new()
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(10)))
        .circuit_breaker(CircuitBreaker::new(1000, Duration::from_millis(10)))
        .watchdog(Watchdog::new().nothing_for(DEADLINE))
}

fn begin(registry: &Registry, options: &CaptureOptions, fails: fn(u32) -> Fails) -> (Supervised, Arc<AtomicU32>) {
    let opened = Arc::new(AtomicU32::new(0));
    let microphone = Microphone { opened: Arc::clone(&opened), fails };
    (Supervised::begin_source(registry, "microphone", Box::new(microphone), options).expect("it begins"), opened)
}

fn states(supervised: &Supervised) -> Vec<SourceState> {
    supervised.history().iter().map(|transition| transition.state).collect()
}

/// Waits until it runs again after the first time, and checks what it went through.
fn assert_restarted_because(supervised: &Supervised, reason: &str) {
    wait_until("it runs again", || supervised.restarts() > 0);
    use SourceState::{BackingOff, Running, Stalled, Starting};
    assert_eq!(states(supervised)[..6], [Starting, Running, Stalled, BackingOff, Starting, Running]);
    let told = &supervised.history()[2];
    assert!(told.reason.as_ref().is_some_and(|told| told.contains(reason)), "{told:?}");
    let buffer = supervised.buffer().expect("it ran");
    wait_until("new audio", || buffer.gaps() > 0);
    let newest = buffer.frames().end;
    let segment = buffer.read(Span::Frames(0..newest)).expect("all of it");
    let gaps = segment.gaps();
    assert!(!gaps.is_empty() && gaps.len() as u64 <= supervised.restarts(), "one each: {gaps:?}");
    assert!(gaps.iter().all(|gap| gap.gap.reason == capbuf::GapReason::SourceLost), "{gaps:?}");
}

#[test]
fn a_source_that_falls_silent_without_an_error_is_opened_again() {
    let registry = Registry::private();
    let options = options().watchdog(Watchdog::new().nothing_for(Duration::from_millis(500)));
    let (supervised, opened) =
        begin(&registry, &options, |number| if number == 0 { Fails::FallsSilent } else { Fails::Not });
    assert_restarted_because(&supervised, "delivered nothing for 500ms");
    assert!(supervised.stop());
    let restarts = u32::try_from(supervised.restarts()).expect("a few");
    assert!(opened.load(Ordering::Relaxed) > restarts && registry.stats().rings_mapped == 1);
}

#[test]
fn a_source_that_delivers_zeros_is_opened_again_only_if_that_was_asked() {
    let zeros = |number| if number == 0 { Fails::Zeros } else { Fails::Not };
    let rules = Watchdog::new().nothing_for(DEADLINE).silence_for(Some(Duration::from_secs(1)));
    let (supervised, _) = begin(&Registry::private(), &options().watchdog(rules), zeros);
    assert_restarted_because(&supervised, "every sample is zero");
    let (supervised, _) = begin(&Registry::private(), &options(), zeros);
    wait_until("two seconds of zeros", || supervised.buffer().is_some_and(|buffer| buffer.frames().end > 16_000));
    assert_eq!((supervised.restarts(), supervised.state()), (0, State::Running));
}

#[test]
fn an_opening_that_hangs_is_given_up_and_tried_again() {
    let options = options().open_deadline(Duration::from_millis(500));
    let (supervised, opened) =
        begin(&Registry::private(), &options, |number| if number < 2 { Fails::Hangs } else { Fails::Not });
    wait_until("it runs", || supervised.state() == State::Running);
    use SourceState::{BackingOff, Running, Stalled, Starting};
    // A third opening that is held up is given up, too.
    let given_up = opened.load(Ordering::Relaxed) as usize - 1;
    assert!(given_up >= 2);
    let expected: Vec<_> = std::iter::repeat_n([Starting, Stalled, BackingOff], given_up).flatten().collect();
    assert_eq!(states(&supervised), [&expected[..], &[Starting, Running]].concat());
    assert_eq!(supervised.restarts(), 0, "it had not run before");
}

#[test]
fn a_source_that_is_not_there_at_first_is_waited_for() {
    let registry = Registry::private();
    let (supervised, _) = begin(&registry, &options(), |number| if number < 5 { Fails::Gone } else { Fails::Not });
    wait_until("it runs", || supervised.state() == State::Running);
    assert!(supervised.buffer().is_some() && supervised.stop());
    assert_eq!(supervised.state(), State::Stopped);
}

#[test]
fn what_fails_at_once_again_and_again_is_left_alone_for_longer_and_longer_and_its_history_is_bounded() {
    static IS_BACK: AtomicBool = AtomicBool::new(false);
    let breaker = CircuitBreaker::new(4, Duration::from_millis(20));
    let (supervised, opened) =
        begin(&Registry::private(), &options().circuit_breaker(breaker), |_| match IS_BACK.load(Ordering::Relaxed) {
            false => Fails::Gone,
            true => Fails::Not,
        });
    let mut told = String::new();
    wait_until("the circuit is open", || {
        let state = supervised.state();
        told = state.to_string();
        matches!(state, State::CircuitOpen { failures: 4.., .. })
    });
    assert!(told.starts_with("failed ") && told.contains("next attempt in") && told.ends_with("it is gone"), "{told}");
    wait_until("sixty attempts", || opened.load(Ordering::Relaxed) >= 60);
    IS_BACK.store(true, Ordering::Relaxed);
    wait_until("it runs", || supervised.state() == State::Running);
    assert_eq!(supervised.history().len(), 64, "all of 60 attempts would be 121");
    assert_eq!(states(&supervised)[63], SourceState::Running);
}

#[test]
fn how_a_source_is_doing_is_told_with_its_buffer() {
    static IS_PULLED: AtomicBool = AtomicBool::new(false);
    let registry = Registry::private();
    let (supervised, _) =
        begin(&registry, &options(), |_| if IS_PULLED.load(Ordering::Relaxed) { Fails::Gone } else { Fails::Not });
    let health = || supervised.buffer().and_then(|buffer| buffer.status().health);
    wait_until("it runs", || health().is_some_and(|health| health.state == SourceState::Running));
    IS_PULLED.store(true, Ordering::Relaxed);
    wait_until("it is gone", || health().is_some_and(|health| health.reason.contains("it is gone")));
    wait_until("it backs off", || health().is_some_and(|health| health.state == SourceState::BackingOff));
    supervised.stop();
    let told = health().expect("it was told");
    assert_eq!((told.state, told.restarts, told.reason.as_str()), (SourceState::Stopped, 0, ""));
}

#[test]
fn a_source_that_delivers_a_fifth_of_what_it_should_is_found_out() {
    let (supervised, _) = begin(&Registry::private(), &options(), |_| Fails::TooFew);
    wait_until("it runs", || supervised.state() == State::Running);
    // It takes half a minute.
    wait_until("it is found", || {
        supervised.history().iter().any(|told| told.reason.as_ref().is_some_and(|why| why.contains("instead of 8000")))
    });
}

#[test]
fn what_can_not_be_is_refused_before_anything_begins() {
    let registry = Registry::private();
    for locator in ["", "mic:1", "tone:x"] {
        assert!(Supervised::begin(&registry, locator, &options()).is_err_and(|error| error.is_permanent()));
    }
    let none = options().length(capbuf::Length::Seconds(0.0));
    assert!(matches!(Supervised::begin(&registry, "tone:440", &none), Err(Error::Buffer(_))));
}
