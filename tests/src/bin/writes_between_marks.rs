//! Writes to a buffer as an audio callback does, between two system calls that mark begin and end.
//!
//! A test runs it under `strace` and looks for other system calls of the writing thread.
//!
//! usage: `writes_between_marks [--with-fault]`; the fault is a system call among the writes

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capbuf::{Clock, GapReason, Length, ReadOptions, Registry, SampleFormat, Span, Spec, SystemClock};
use capbuf_tests::StopOnDrop;

/// Makes a system call that this program makes nowhere else.
fn mark(name: &str) {
    let _ = std::fs::metadata(format!("/capbuf-mark-{name}"));
}

fn main() -> Result<(), Box<dyn Error>> {
    let fault = std::env::args().any(|argument| argument == "--with-fault");
    let registry = Registry::private();
    let spec = Spec::new(Length::Seconds(2.0), 48_000, 1, SampleFormat::S16)?;
    let buffer = registry.get_or_allocate("traced", spec)?;
    let mut writer = buffer.writer()?;
    let chunk = [1_i16; 480];
    writer.write(&chunk)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut out = vec![0_i16; 96_000];
                while !done.load(Ordering::Relaxed) {
                    let last = Span::Last(Duration::from_secs(2));
                    let _ = buffer.read_into(last, &ReadOptions::new().available(), &mut out);
                }
            });
        }
        let _stop = StopOnDrop(&done);
        // The first call probes which variant the kernel has.
        mark("first");
        mark("begin");
        for number in 0..20_000 {
            match number % 100 {
                0 => writer.gap(GapReason::Requested),
                1 => writer.write_bytes(&[0; 4095])?,
                2 => writer.write(&[0_i16; 100_000])?,
                3..50 => writer.write(&chunk)?,
                _ => writer.write_at(&chunk, SystemClock.utc_ns())?,
            }
            if fault && number == 10_000 {
                std::thread::yield_now();
            }
        }
        mark("end");
        Ok(())
    })
}
