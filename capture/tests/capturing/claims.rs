//! A source has one capture, however many threads start it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use capbuf::{Registry, SampleFormat, Writer};
use capbuf_capture::{Capture, CaptureOptions, Error, Format, RequestedFormat, Result, RunOutcome, Source, Stop};

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
