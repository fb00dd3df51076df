//! One source is opened once at a time, however many ask.

use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use capbuf::{Registry, SampleFormat, Writer};
use capbuf_capture::{Capture, CaptureOptions, Error, Format, RequestedFormat, Result, RunOutcome, Source, Stop};

/// A camera that counts who connects, and takes its time.
struct Camera {
    connected: Arc<AtomicU32>,
}

impl Source for Camera {
    fn open(&mut self, _: &RequestedFormat, stop: &Stop) -> Result<Format> {
        self.connected.fetch_add(1, Ordering::SeqCst);
        stop.sleep(std::time::Duration::from_millis(200));
        Ok(Format { sample_rate_hz: 8000, channels: 1, sample_format: SampleFormat::S16 })
    }

    fn run(&mut self, _: Writer, stop: &Stop) -> Result<RunOutcome> {
        while !stop.sleep(std::time::Duration::from_secs(1)) {}
        Ok(RunOutcome::Stopped)
    }
}

#[test]
fn eight_threads_that_start_one_source_make_one_connection() {
    let registry = Registry::private();
    let (connected, start) = (Arc::new(AtomicU32::new(0)), Barrier::new(8));
    let begin = || {
        let camera = Box::new(Camera { connected: Arc::clone(&connected) });
        start.wait();
        Capture::start_source(&registry, "rtsp://camera/1", camera, &CaptureOptions::new())
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(connected.load(Ordering::SeqCst), 1);
    let (running, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(running.len(), 1);
    for outcome in refused {
        let busy = matches!(outcome, Err(Error::Buffer(capbuf::Error::WriterBusy { .. })));
        assert!(busy, "{outcome:?}");
    }
    // Stopped, the source can be started again at once.
    assert!(running.iter().flatten().all(Capture::stop));
    let camera = Box::new(Camera { connected: Arc::clone(&connected) });
    Capture::start_source(&registry, "rtsp://camera/1", camera, &CaptureOptions::new()).expect("free again");
    assert_eq!(connected.load(Ordering::SeqCst), 2);
}
