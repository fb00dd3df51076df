//! Supervision of sources that stall, keep failing, or block; and the states it reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use capbuf::{Registry, SampleFormat, SourceState, Span, Writer};
use capbuf_capture::{
    Backoff, CaptureOptions, CircuitBreaker, Error, Format, RequestedFormat, Result, RunOutcome, Source, State, Stop,
    Supervised, Transition, Watchdog,
};

use crate::waiting::{DEADLINE, wait_until};

/// A microphone that fails on demand.
struct Microphone {
    opened: Arc<AtomicU32>,
    fails: fn(u32) -> Fails,
}

#[derive(Clone, Copy, PartialEq)]
enum Fails {
    /// Works.
    Not,
    /// Opening blocks until the stop is requested.
    Hangs,
    /// The device is gone.
    Gone,
    /// Delivers some chunks, then nothing, without an error.
    FallsSilent,
    /// Delivers zeros.
    Zeros,
    /// Delivers a fifth of the nominal rate.
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
        // The times of an ideal device: a delay of this thread makes no gap.
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

/// Options by which a working source never stalls, however long its thread is delayed.
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

/// Waits for a restart, and checks the states, the reason and the gaps.
fn assert_restarted_because(supervised: &Supervised, reason: &str) {
    wait_until("it runs again", || supervised.restarts() > 0);
    use SourceState::{BackingOff, Running, Stalled, Starting};
    assert_eq!(states(supervised)[..6], [Starting, Running, Stalled, BackingOff, Starting, Running]);
    let stalled = &supervised.history()[2];
    assert!(stalled.reason.as_ref().is_some_and(|shown| shown.contains(reason)), "{stalled:?}");
    let buffer = supervised.buffer().expect("it ran");
    wait_until("new audio", || buffer.gaps() > 0);
    let newest = buffer.frames().end;
    let segment = buffer.read(Span::Frames(0..newest)).expect("all of it");
    let gaps = segment.gaps();
    assert!(!gaps.is_empty() && gaps.len() as u64 <= supervised.restarts(), "one per restart: {gaps:?}");
    assert!(gaps.iter().all(|gap| gap.gap.reason == capbuf::GapReason::SourceLost), "{gaps:?}");
}

#[test]
fn source_without_frames_is_reopened() {
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
fn source_of_zeros_is_reopened_only_if_configured() {
    let zeros = |number| if number == 0 { Fails::Zeros } else { Fails::Not };
    let rules = Watchdog::new().nothing_for(DEADLINE).silence_for(Some(Duration::from_secs(1)));
    let (supervised, _) = begin(&Registry::private(), &options().watchdog(rules), zeros);
    assert_restarted_because(&supervised, "every sample is zero");
    let (supervised, _) = begin(&Registry::private(), &options(), zeros);
    wait_until("two seconds of zeros", || supervised.buffer().is_some_and(|buffer| buffer.frames().end > 16_000));
    assert_eq!((supervised.restarts(), supervised.state()), (0, State::Running));
}

#[test]
fn blocked_opening_is_stopped_and_retried() {
    let options = options().open_deadline(Duration::from_millis(500));
    let (supervised, opened) =
        begin(&Registry::private(), &options, |number| if number < 2 { Fails::Hangs } else { Fails::Not });
    wait_until("it runs", || supervised.state() == State::Running);
    use SourceState::{BackingOff, Running, Stalled, Starting};
    // On a busy machine a third opening may exceed the deadline, too.
    let given_up = opened.load(Ordering::Relaxed) as usize - 1;
    assert!(given_up >= 2);
    let expected: Vec<_> = std::iter::repeat_n([Starting, Stalled, BackingOff], given_up).flatten().collect();
    assert_eq!(states(&supervised), [&expected[..], &[Starting, Running]].concat());
    assert_eq!(supervised.restarts(), 0, "it had not run before");
}

#[test]
fn opening_is_retried_until_the_source_exists() {
    let registry = Registry::private();
    let (supervised, _) = begin(&registry, &options(), |number| if number < 5 { Fails::Gone } else { Fails::Not });
    wait_until("it runs", || supervised.state() == State::Running);
    assert!(supervised.buffer().is_some() && supervised.stop());
    assert_eq!(supervised.state(), State::Stopped);
}

#[test]
fn circuit_opens_for_a_failing_source_and_the_history_is_bounded() {
    static IS_BACK: AtomicBool = AtomicBool::new(false);
    let breaker = CircuitBreaker::new(4, Duration::from_millis(20));
    let (supervised, opened) =
        begin(&Registry::private(), &options().circuit_breaker(breaker), |_| match IS_BACK.load(Ordering::Relaxed) {
            false => Fails::Gone,
            true => Fails::Not,
        });
    let mut shown = String::new();
    wait_until("the circuit is open", || {
        let state = supervised.state();
        shown = state.to_string();
        matches!(state, State::CircuitOpen { failures: 4.., .. })
    });
    assert!(shown.starts_with("failed ") && shown.contains("next attempt in"), "{shown}");
    assert!(shown.ends_with("it is gone"), "{shown}");
    wait_until("sixty attempts", || opened.load(Ordering::Relaxed) >= 60);
    IS_BACK.store(true, Ordering::Relaxed);
    wait_until("it runs", || supervised.state() == State::Running);
    assert_eq!(supervised.history().len(), 64, "60 attempts are more than 120 changes");
    assert_eq!(states(&supervised)[63], SourceState::Running);
}

#[test]
fn health_of_the_buffer_follows_the_state() {
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
    let last = health().expect("published");
    assert_eq!((last.state, last.restarts, last.reason.as_str()), (SourceState::Stopped, 0, ""));
}

#[test]
fn source_at_a_fifth_of_its_rate_is_stalled() {
    let (supervised, _) = begin(&Registry::private(), &options(), |_| Fails::TooFew);
    wait_until("it runs", || supervised.state() == State::Running);
    wait_until("it is found", || {
        let is_found = |reason: &String| reason.contains("1600 frames a second come, 8000 are declared");
        supervised.history().iter().any(|change| change.reason.as_ref().is_some_and(is_found))
    });
}

#[test]
fn invalid_locators_and_lengths_are_refused_at_once() {
    let registry = Registry::private();
    for locator in ["", "mic:1", "tone:x"] {
        assert!(Supervised::begin(&registry, locator, &options()).is_err_and(|error| error.is_permanent()));
    }
    let none = options().length(capbuf::Length::Seconds(0.0));
    assert!(matches!(Supervised::begin(&registry, "tone:440", &none), Err(Error::Buffer(_))));
}

#[test]
fn opening_is_not_retried_if_disabled() {
    let options = options().retry_opening(false);
    let (supervised, opened) = begin(&Registry::private(), &options, |_| Fails::Gone);
    wait_until("it has failed", || supervised.state() == State::Failed { reason: gone() });
    assert!(supervised.stop());
    assert_eq!(opened.load(Ordering::Relaxed), 1);
}

#[test]
fn source_that_has_run_is_reopened_also_without_retries_of_the_opening() {
    let options = options().retry_opening(false).watchdog(Watchdog::new().nothing_for(Duration::from_millis(500)));
    let (supervised, _) =
        begin(&Registry::private(), &options, |number| if number == 0 { Fails::FallsSilent } else { Fails::Not });
    assert_restarted_because(&supervised, "delivered nothing for 500ms");
}

#[test]
fn callback_gets_every_change_in_order() {
    let (sender, changes) = std::sync::mpsc::channel();
    let report = move |change: &Transition| drop(sender.send(change.clone()));
    let supervised = Supervised::begin_with(&Registry::private(), "tone:440", &options(), report).expect("it begins");
    wait_until("it runs", || supervised.state() == State::Running);
    assert!(supervised.stop());
    // All of them were passed before `stop` returned, and the sender is gone with the thread.
    let received: Vec<_> = changes.iter().collect();
    assert_eq!(received, supervised.history());
    let states: Vec<_> = received.iter().map(|change| change.state).collect();
    assert_eq!(states, [SourceState::Starting, SourceState::Running, SourceState::Stopped]);
}

#[test]
fn panic_of_the_callback_ends_the_source() {
    let panics = |_: &Transition| panic!("a planted defect");
    let supervised = Supervised::begin_with(&Registry::private(), "tone:440", &options(), panics).expect("it begins");
    wait_until("it has failed", || supervised.state().has_ended());
    assert!(supervised.stop());
    assert!(matches!(supervised.state(), State::Failed { reason: Error::Thread { .. } }));
}

#[test]
fn stop_within_does_not_wait_for_a_blocked_source() {
    let registry = Registry::private();
    let (supervised, _) = begin(&registry, &options(), |_| Fails::Not);
    wait_until("it runs", || supervised.state() == State::Running);
    assert!(supervised.stop_within(DEADLINE), "this one stops");

    struct Blocked;
    impl Source for Blocked {
        fn open(&mut self, _: &RequestedFormat, _: &Stop) -> Result<Format> {
            loop {
                std::thread::park();
            }
        }

        fn run(&mut self, _: Writer, _: &Stop) -> Result<RunOutcome> {
            Ok(RunOutcome::Stopped)
        }
    }
    let blocked = Supervised::begin_source(&registry, "blocked", Box::new(Blocked), &options()).expect("it begins");
    assert!(!blocked.stop_within(Duration::ZERO));
}
