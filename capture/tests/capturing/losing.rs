//! Sources that are lost and come back, hang, or fail for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use capbuf::{GapReason, Registry, SampleFormat, Span, Writer};
use capbuf_capture::{
    Backoff, Capture, CaptureOptions, CircuitBreaker, Error, Format, RequestedFormat, Result, RunOutcome, Source,
    State, Stop, Supervised, Watchdog,
};

use crate::waiting::{DEADLINE, wait_for_state, wait_until};

/// A source whose calls are functions of a test, called with the number of the opening.
struct Scripted {
    opened: Arc<AtomicU32>,
    open: fn(u32, &RequestedFormat, &Stop) -> Result<Format>,
    run: fn(u32, Writer, &Stop) -> Result<RunOutcome>,
}

const FORMAT: Format = Format { sample_rate_hz: 8000, channels: 1, sample_format: SampleFormat::S16 };

impl Source for Scripted {
    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format> {
        (self.open)(self.opened.fetch_add(1, Ordering::Relaxed), requested, stop)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        (self.run)(self.opened.load(Ordering::Relaxed) - 1, writer, stop)
    }
}

fn opens(_: u32, _: &RequestedFormat, _: &Stop) -> Result<Format> {
    Ok(FORMAT)
}

fn lost(reason: &str) -> Error {
    Error::Stream { source_name: "scripted".to_owned(), reason: reason.to_owned() }
}

fn start(
    registry: &Registry,
    open: fn(u32, &RequestedFormat, &Stop) -> Result<Format>,
    run: fn(u32, Writer, &Stop) -> Result<RunOutcome>,
    options: &CaptureOptions,
) -> (Result<Capture>, Arc<AtomicU32>) {
    let opened = Arc::new(AtomicU32::new(0));
    let source = Scripted { opened: Arc::clone(&opened), open, run };
    (Capture::start_source(registry, "scripted", Box::new(source), options), opened)
}

fn quick() -> CaptureOptions {
    let breaker = CircuitBreaker::new(1000, Duration::from_millis(10));
    CaptureOptions::new()
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(10)))
        .circuit_breaker(breaker)
        .watchdog(Watchdog::new().nothing_for(2 * DEADLINE))
}

#[test]
fn lost_source_is_reopened_in_the_same_format_with_a_gap() {
    fn open(number: u32, requested: &RequestedFormat, _: &Stop) -> Result<Format> {
        let again =
            RequestedFormat { sample_rate_hz: Some(8000), channels: Some(1), sample_format: Some(SampleFormat::S16) };
        match number {
            0 => assert_eq!(*requested, RequestedFormat::default()),
            _ => assert_eq!(*requested, again),
        }
        if (1..4).contains(&number) { Err(lost("not yet")) } else { Ok(FORMAT) }
    }
    fn run(number: u32, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let value: i16 = if number == 0 { 1 } else { 2 };
        writer.write_at(&[value; 800], 1_800_000_000_000_000_000 + i64::from(number) * 1_000_000_000)?;
        if number == 0 {
            return Err(lost("pulled"));
        }
        stop.sleep(DEADLINE);
        Ok(RunOutcome::Stopped)
    }
    let registry = Registry::private();
    let (capture, opened) = start(&registry, open, run, &quick());
    let capture = capture.expect("it opens");
    wait_until("new audio", || capture.buffer().status().newest_frame == 1600);
    assert_eq!(opened.load(Ordering::Relaxed), 5);
    assert_eq!(capture.state(), State::Running);
    assert_eq!(registry.stats().rings_mapped, 1, "the buffer stays");
    let segment = capture.buffer().read(Span::Frames(0..1600)).expect("both runs");
    let samples = segment.samples().get::<i16>().expect("s16");
    assert!(samples[..800].iter().all(|sample| *sample == 1) && samples[800..].iter().all(|sample| *sample == 2));
    let [gap] = segment.gaps() else { panic!("one gap, not {:?}", segment.gaps()) };
    assert_eq!((gap.gap.first_frame, gap.gap.reason), (800, GapReason::SourceLost));
    assert_eq!(gap.gap.duration_ns, 3_900_000_000);
}

#[test]
fn backoff_reports_reason_and_delay_and_ends_when_stopped() {
    fn run(_: u32, _: Writer, _: &Stop) -> Result<RunOutcome> {
        Err(lost("pulled"))
    }
    let patient = CaptureOptions::new().backoff(Backoff::new(DEADLINE, DEADLINE));
    let capture = start(&Registry::private(), opens, run, &patient).0.expect("it opens");
    wait_for_state(&capture, "the backoff", |state| matches!(state, State::BackingOff { .. }));
    let State::BackingOff { reason, attempts, left } = capture.state() else { panic!("the backoff takes a minute") };
    assert_eq!((reason.to_string(), attempts), ("scripted: pulled".to_owned(), 1));
    assert!(left > Duration::ZERO && left <= DEADLINE);
    assert!(capture.state().to_string().starts_with("lost, attempt 1 in "));
    // `stop` waits for less than the backoff.
    assert!(capture.stop(), "stopping ends the backoff");
    assert_eq!(capture.state(), State::Stopped);
}

#[test]
fn failures_to_reopen_are_counted() {
    fn open(number: u32, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        if number == 0 { Ok(FORMAT) } else { Err(lost("gone")) }
    }
    fn run(_: u32, _: Writer, _: &Stop) -> Result<RunOutcome> {
        Err(lost("pulled"))
    }
    let capture = start(&Registry::private(), open, run, &quick()).0.expect("it opens");
    wait_for_state(
        &capture,
        "the tenth attempt",
        |state| matches!(state, State::BackingOff { attempts: 10.., reason, .. } if reason.to_string() == "scripted: gone"),
    );
}

#[test]
fn open_deadline_is_an_error_and_allocates_nothing() {
    fn open(_: u32, _: &RequestedFormat, stop: &Stop) -> Result<Format> {
        stop.sleep(DEADLINE);
        Ok(FORMAT)
    }
    let registry = Registry::private();
    let hurried = CaptureOptions::new().open_deadline(Duration::from_millis(20));
    let error = start(&registry, open, |_, _, _| Ok(RunOutcome::Finished), &hurried).0.expect_err("it hangs");
    assert!(matches!(error, Error::OpenTimedOut { .. }), "{error}");
    assert_eq!(error.to_string(), "scripted did not deliver audio within 20ms");
    assert_eq!(registry.stats().rings_mapped, 0);
    assert!(!registry.contains("scripted"));
}

#[test]
fn failed_first_opening_is_an_error_and_allocates_nothing() {
    let registry = Registry::private();
    let (error, opened) =
        start(&registry, |_, _, _| Err(lost("refused")), |_, _, _| Ok(RunOutcome::Finished), &quick());
    assert_eq!(error.expect_err("it is refused"), lost("refused"));
    assert_eq!(opened.load(Ordering::Relaxed), 1, "no retry");
    assert_eq!(registry.stats().rings_mapped, 0);
}

#[test]
fn invalid_format_of_a_source_is_an_error() {
    fn open(_: u32, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        Ok(Format { sample_rate_hz: 0, ..FORMAT })
    }
    let error = start(&Registry::private(), open, |_, _, _| Ok(RunOutcome::Finished), &quick()).0.expect_err("0 Hz");
    assert!(error.to_string().contains("sample_rate_hz is 0"), "{error}");
}

#[test]
fn removed_buffer_is_made_anew_and_recorded_into() {
    let registry = Registry::private();
    let capture = Capture::start(&registry, "tone:440", &quick()).expect("it starts");
    for _ in 0..3 {
        let removed = capture.buffer();
        registry.remove("tone:440").expect("it is there");
        wait_until("a new buffer", || capture.buffer().frames().end > 0 && !capture.buffer().same_as(&removed));
        assert_eq!(capture.buffer().spec(), removed.spec());
        assert!(registry.get("tone:440").is_some_and(|found| found.same_as(&capture.buffer())));
    }
    wait_for_state(&capture, "it runs", |state| *state == State::Running);
    let reasons: Vec<_> = capture.history().into_iter().filter_map(|change| change.reason).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons.iter().all(|reason| reason.contains("was removed")), "{reasons:?}");
    assert!(capture.stop(), "it has ended");
}

#[test]
fn ring_cut_short_is_made_anew_and_recorded_into() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::builder().domains_folder(folder.path()).open("birds").expect("it opens");
    let options = quick().length(capbuf::Length::Seconds(300.0));
    let capture = Capture::start(&registry, "tone:440", &options).expect("it starts");
    let old = capture.buffer();
    let files = std::fs::read_dir(registry.path().expect("a domain")).expect("its files");
    let mut rings = files.map(|file| file.expect("a file").path());
    let ring = rings.find(|path| path.extension().is_some_and(|end| end == "ring")).expect("a ring");
    let file = std::fs::File::options().write(true).open(&ring).expect("it opens");
    // The writer reaches the last page in minutes; the watchdog looks before.
    file.set_len(file.metadata().expect("its length").len() - 4096).expect("it is cut");
    wait_until("a new buffer", || capture.buffer().frames().end > 0 && !capture.buffer().same_as(&old));
    assert!(registry.get("tone:440").is_some_and(|found| found.same_as(&capture.buffer())));
    let reasons: Vec<_> = capture.history().into_iter().filter_map(|change| change.reason).collect();
    assert!(reasons.iter().any(|reason| reason.contains("cut its file short")), "{reasons:?}");
    assert!(capture.stop(), "it has ended");
}

#[test]
fn budget_that_others_use_up_is_retried_and_a_buffer_beyond_its_limit_is_not() {
    let registry = Registry::builder().budget_bytes(1 << 20).build();
    let spec = capbuf::Spec::new(capbuf::Length::Seconds(10.0), 48_000, 1, SampleFormat::S16).expect("valid");
    registry.get_or_allocate("other", spec).expect("it fits");
    let options = quick().length(capbuf::Length::Seconds(10.0));
    let waiting = Supervised::begin(&registry, "tone:440", &options).expect("it begins");
    wait_until("the refusal", || matches!(waiting.state(), State::BackingOff { .. } | State::CircuitOpen { .. }));
    let refused = waiting.history().into_iter().find_map(|change| change.reason).expect("why");
    assert!(refused.contains("are in use"), "{refused}");
    registry.remove("other").expect("it is there");
    wait_until("it runs", || waiting.state() == State::Running);
    let never = Supervised::begin(&registry, "tone:880", &quick().length(capbuf::Length::Seconds(100.0)));
    let never = never.expect("it begins");
    wait_until("it has failed", || matches!(never.state(), State::Failed { .. }));
}

#[test]
fn finished_source_is_not_reopened() {
    let (capture, opened) = start(&Registry::private(), opens, |_, _, _| Ok(RunOutcome::Finished), &quick());
    let capture = capture.expect("it opens");
    wait_for_state(&capture, "it has finished", |state| *state == State::Finished);
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    assert!(capture.stop());
    assert_eq!(capture.state(), State::Finished, "stopping it later changes nothing");
}

#[test]
fn panic_of_a_source_is_a_failure_of_its_capture() {
    fn panics(_: u32, _: Writer, _: &Stop) -> Result<RunOutcome> {
        panic!("a planted defect");
    }
    let capture = start(&Registry::private(), opens, panics, &quick()).0.expect("it opens");
    wait_for_state(&capture, "it has failed", |state| matches!(state, State::Failed { .. }));
    assert!(capture.stop());

    fn panics_when_opened(_: u32, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        panic!("a planted defect");
    }
    let error = start(&Registry::private(), panics_when_opened, |_, _, _| Ok(RunOutcome::Finished), &quick()).0;
    assert!(matches!(error, Err(Error::Thread { .. })));
}

#[test]
fn stop_returns_although_the_source_never_does() {
    fn blocks(_: u32, _: Writer, _: &Stop) -> Result<RunOutcome> {
        loop {
            std::thread::park();
        }
    }
    let capture = start(&Registry::private(), opens, blocks, &quick()).0.expect("it opens");
    assert!(!capture.stop(), "it has not ended");
    std::mem::forget(capture);
}
