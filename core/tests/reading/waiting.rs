//! Reads that wait for frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use capbuf::{CaptureBuffer, Clock, Error, ReadOptions, Registry, Span};

use crate::support::{CountedSleeps, START_NS, mono, ms, shorts, signal};

/// A buffer of one second whose clock reports when a read sleeps.
fn buffer_with_sleep_count() -> (CaptureBuffer, Arc<CountedSleeps>) {
    let clock = Arc::new(CountedSleeps::default());
    let registry = Registry::builder().clock(clock.clone()).build();
    (registry.get_or_allocate("x", mono(1.0, 8000)).unwrap(), clock)
}

#[test]
fn waiting_read_returns_frames_written_meanwhile() {
    let (buffer, clock) = buffer_with_sleep_count();
    let options = ReadOptions::new().wait(Duration::from_secs(120));
    thread::scope(|scope| {
        let reader = scope.spawn(|| buffer.read_with(Span::Frames(700..900), &options).unwrap());
        clock.wait_for_sleeper();
        let mut writer = buffer.writer().unwrap();
        for first in (0..900).step_by(100) {
            writer.write(&signal(first..first + 100)).unwrap();
        }
        assert_eq!(shorts(&reader.join().unwrap()), signal(700..900));
    });
}

#[test]
fn available_read_waits_for_its_end_although_its_start_is_evicted() {
    let (buffer, clock) = buffer_with_sleep_count();
    let mut writer = buffer.writer().unwrap();
    writer.write(&signal(0..24_000)).unwrap();
    let options = ReadOptions::new().available().wait(Duration::from_secs(120));
    thread::scope(|scope| {
        let reader = scope.spawn(|| buffer.read_with(Span::Frames(15_999..24_400), &options).unwrap());
        clock.wait_for_sleeper();
        writer.write(&signal(24_000..24_400)).unwrap();
        let segment = reader.join().unwrap();
        assert_eq!(segment.missing().not_yet_frames, 0);
        assert_eq!(shorts(&segment), signal(segment.first_frame()..24_400));
    });
}

/// A clock whose time passes only in `sleep`.
#[derive(Debug)]
struct TimePassesAsleep(AtomicI64);

impl Clock for TimePassesAsleep {
    fn utc_ns(&self) -> i64 {
        START_NS + self.monotonic_ns()
    }

    fn monotonic_ns(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) {
        self.0.fetch_add(duration.as_nanos() as i64, Ordering::Relaxed);
    }
}

fn registry_asleep() -> Registry {
    Registry::builder().clock(Arc::new(TimePassesAsleep(AtomicI64::new(1)))).commit_ahead(false).build()
}

#[test]
fn wait_ends_with_its_timeout() {
    let buffer = registry_asleep().get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let wait = ReadOptions::new().wait(ms(20));
    let timed_out = Error::TimedOut { waited: ms(20) };
    assert_eq!(buffer.read_with(Span::Last(ms(100)), &wait).unwrap_err(), timed_out, "an empty buffer");
    buffer.writer().unwrap().write(&signal(0..400)).unwrap();
    assert_eq!(buffer.read_with(Span::Last(ms(100)), &wait).unwrap_err(), timed_out, "half of the frames");
}

#[test]
fn available_read_returns_what_is_there_at_its_timeout() {
    let buffer = registry_asleep().get_or_allocate("x", mono(1.0, 8000)).unwrap();
    buffer.writer().unwrap().write(&signal(0..400)).unwrap();
    let options = ReadOptions::new().wait(ms(20)).available();
    let partial = buffer.read_with(Span::Last(ms(100)), &options).unwrap();
    assert_eq!((partial.frames(), partial.missing().evicted_frames, partial.missing().not_yet_frames), (400, 400, 0));
}

#[test]
#[cfg(feature = "observe")]
fn waiting_read_is_counted_once_however_often_it_looks() {
    let registry = registry_asleep();
    let buffer = registry.allocate("mic", mono(10.0, 8000)).unwrap();
    buffer.writer().unwrap().write_at(&[1_i16; 800], START_NS).unwrap();
    let read = |end| buffer.read_with(Span::Frames(0..end), &ReadOptions::new().wait(ms(1000)));
    let waits = || {
        let metrics = registry.metrics_text();
        metrics.lines().find_map(|line| line.strip_prefix("capbuf_read_waits_total ").map(str::to_owned))
    };
    assert!(read(800).is_ok());
    assert_eq!(waits().as_deref(), Some("0.0"));
    assert_eq!(read(801).unwrap_err(), Error::TimedOut { waited: ms(1000) });
    assert_eq!(waits().as_deref(), Some("1.0"));
}
