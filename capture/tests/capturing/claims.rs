//! A source has one capture, however many threads start it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use capbuf::{Registry, SampleFormat, SourceState, Writer};
use capbuf_capture::{
    Capture, CaptureOptions, Error, Format, RequestedFormat, Result, RunOutcome, Source, Stop, Supervised,
};

use crate::waiting::{DEADLINE, Gate, wait_until};

const THREADS: u32 = 8;

/// A camera that counts connections, and opens once all other threads were refused.
struct Camera {
    connected: Arc<AtomicU32>,
    refused: Arc<AtomicU32>,
}

impl Source for Camera {
    fn open(&mut self, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        self.connected.fetch_add(1, Ordering::SeqCst);
        wait_until("the others are refused", || self.refused.load(Ordering::SeqCst) == THREADS - 1);
        Ok(Format { sample_rate_hz: 8000, channels: 1, sample_format: SampleFormat::S16 })
    }

    fn run(&mut self, _: Writer, stop: &Stop) -> Result<RunOutcome> {
        stop.sleep(DEADLINE);
        Ok(RunOutcome::Stopped)
    }
}

#[test]
fn racing_starts_open_the_source_once() {
    let registry = Registry::private();
    let (connected, refused) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let options = CaptureOptions::new().open_deadline(2 * DEADLINE);
    let camera = || Box::new(Camera { connected: Arc::clone(&connected), refused: Arc::clone(&refused) });
    let gate = Gate::default();
    let begin = || {
        gate.wait();
        let outcome = Capture::start_source(&registry, "rtsp://camera/1", camera(), &options);
        if outcome.is_err() {
            refused.fetch_add(1, Ordering::SeqCst);
        }
        outcome
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let opener = gate.opener();
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(begin)).collect();
        drop(opener);
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(connected.load(Ordering::SeqCst), 1);
    let (running, refusals): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(running.len(), 1);
    for outcome in refusals {
        let is_busy = matches!(outcome, Err(Error::Buffer(capbuf::Error::WriterBusy { .. })));
        assert!(is_busy, "{outcome:?}");
    }
    // A stopped source can be started again at once.
    assert!(running.iter().flatten().all(Capture::stop));
    Capture::start_source(&registry, "rtsp://camera/1", camera(), &options).expect("the claim is free");
    assert_eq!(connected.load(Ordering::SeqCst), 2);
}

#[test]
fn source_that_never_opened_is_listed_from_outside_until_its_capture_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Registry::builder().domains_folder(folder.path()).open("birds").expect("a domain");
    let (ours, theirs) = (open(), open());
    let find =
        |name: &str| theirs.sources().expect("they are listed").into_iter().find(|info| info.source.as_str() == name);
    let retried = Supervised::begin(&ours, "file:missing.wav", &CaptureOptions::new()).expect("it begins");
    let options = CaptureOptions::new().retry_opening(false);
    let failed = Supervised::begin(&ours, "file:also missing.wav", &options).expect("it begins");
    for (name, state) in [("file:missing.wav", SourceState::BackingOff), ("file:also missing.wav", SourceState::Failed)]
    {
        wait_until("the state is published", || {
            find(name).and_then(|info| info.health).is_some_and(|health| health.state == state)
        });
        let found = find(name).expect("it is listed");
        assert!(found.buffer.is_none() && found.recorder.is_some_and(|holder| holder.pid == std::process::id()));
        assert!(found.health.is_some_and(|health| health.reason.contains("missing.wav")));
    }
    // A failed capture does not keep others from trying.
    let again = Supervised::begin(&theirs, "file:also missing.wav", &CaptureOptions::new()).expect("it begins");
    wait_until("the second one tries", || {
        again.state().kind() == SourceState::BackingOff
            && find("file:also missing.wav")
                .and_then(|info| info.health)
                .is_some_and(|health| health.state == SourceState::BackingOff)
    });
    drop(failed);
    assert!(find("file:also missing.wav").is_some(), "the second one's state stays");
    drop((again, retried));
    assert_eq!(theirs.sources().expect("they are listed").len(), 0);
}
