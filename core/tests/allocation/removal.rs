//! Handles of a removed buffer.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capbuf::{CaptureBuffer, Clock, Error, ReadOptions, Registry, Span, SystemClock, WindowOptions};

use crate::support::{mono, ms, shorts, signal};

#[test]
fn removed_buffer_refuses_writes() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    registry.remove("x").unwrap();
    assert!(matches!(writer.write(&[1_i16]), Err(Error::Removed { .. })));
    drop(writer);
    assert!(matches!(buffer.writer(), Err(Error::Removed { .. })));
}

#[test]
fn removed_buffer_stays_readable() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    buffer.writer().unwrap().write(&signal(0..8000)).unwrap();
    let mut windows = buffer.windows(WindowOptions::new(4000, 4000)).unwrap();
    registry.remove("x").unwrap();
    assert_eq!(shorts(&buffer.read(Span::Frames(0..8000)).unwrap()), signal(0..8000));
    let mut samples = vec![0_i16; 4000];
    assert_eq!(windows.next_into(&mut samples, ms(0)).unwrap().first_frame, 0);
    assert_eq!(windows.next_into(&mut samples, ms(0)).unwrap().first_frame, 4000);
    let after_last = windows.next_into(&mut samples, ms(60_000));
    assert!(matches!(after_last, Err(Error::Removed { .. })), "{after_last:?}");
}

#[test]
fn removed_buffer_is_unmapped_with_its_last_handle() {
    let registry = Registry::builder().commit_ahead(false).build();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let writer = buffer.writer().unwrap();
    let windows = buffer.windows(WindowOptions::new(4000, 4000)).unwrap();
    registry.remove("x").unwrap();
    assert_eq!(registry.stats().rings_unmapped, 0);
    drop((writer, windows));
    assert_eq!(registry.stats().rings_unmapped, 0, "a handle is left");
    drop(buffer);
    assert_eq!((registry.stats().rings_unmapped, registry.stats().bytes), (1, 0));
}

/// A clock that removes source `x` at the first call of `sleep`.
#[derive(Debug, Default)]
struct RemovesAtFirstSleep {
    registry: Mutex<Option<Registry>>,
    sleeps: AtomicU32,
}

impl Clock for RemovesAtFirstSleep {
    fn utc_ns(&self) -> i64 {
        SystemClock.utc_ns()
    }

    fn monotonic_ns(&self) -> i64 {
        SystemClock.monotonic_ns()
    }

    fn sleep(&self, duration: Duration) {
        let sleeps = self.sleeps.fetch_add(1, Ordering::Relaxed);
        assert!(sleeps < 100, "it still waits for a removed buffer");
        if let Some(registry) = self.registry.lock().unwrap().take() {
            registry.remove("x").unwrap();
        }
        SystemClock.sleep(duration);
    }
}

#[test]
fn removal_ends_waiting_reads_and_windows() {
    type Wait = fn(&CaptureBuffer) -> Result<(), Error>;
    let read: Wait = |buffer| {
        let options = ReadOptions::new().wait(Duration::from_secs(3600));
        buffer.read_with(Span::Frames(0..10), &options).map(drop)
    };
    let next_window: Wait = |buffer| {
        let mut windows = buffer.windows(WindowOptions::new(10, 10))?;
        windows.next_into(&mut [0_i16; 10], Duration::from_secs(3600)).map(drop)
    };
    for wait in [read, next_window] {
        let clock = Arc::new(RemovesAtFirstSleep::default());
        let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).build();
        let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
        *clock.registry.lock().unwrap() = Some(registry);
        let outcome = wait(&buffer);
        assert!(matches!(outcome, Err(Error::Removed { .. })), "{outcome:?}");
    }
}
