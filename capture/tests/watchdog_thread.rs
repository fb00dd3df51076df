//! The watchdog thread of a process. One test, so that no other capture runs in this process.

use std::fs;
use std::time::Duration;

use capbuf::{Registry, SampleFormat, SourceState, Writer};
use capbuf_capture::{
    Backoff, Capture, CaptureOptions, Format, RequestedFormat, Result, RunOutcome, Source, Stop, Supervised, Watchdog,
};
use wait::{DEADLINE, wait_until};

#[path = "support/wait.rs"]
mod wait;

fn watchdog_threads() -> usize {
    threads("capbuf-watchdog")
}

fn threads(wanted: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("tasks").flatten();
    // A thread that has ended meanwhile has no name.
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == wanted).count()
}

/// A source that opens, delivers nothing, and never returns.
struct Blocked;

impl Source for Blocked {
    fn open(&mut self, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        Ok(Format { sample_rate_hz: 8000, channels: 1, sample_format: SampleFormat::S16 })
    }

    fn run(&mut self, _: Writer, _: &Stop) -> Result<RunOutcome> {
        loop {
            std::thread::park();
        }
    }
}

/// A source that delivers nothing, but stops when requested.
struct Silent;

impl Source for Silent {
    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format> {
        Blocked.open(requested, stop)
    }

    fn run(&mut self, _: Writer, stop: &Stop) -> Result<RunOutcome> {
        stop.sleep(2 * DEADLINE);
        Ok(RunOutcome::Stopped)
    }
}

#[test]
fn fifty_captures_share_one_watchdog_thread() {
    assert_eq!(watchdog_threads(), 0);
    let registry = Registry::private();
    let options = CaptureOptions::new().sample_rate_hz(8000);
    let start = |number| Capture::start(&registry, &format!("tone:{number}"), &options).expect("it starts");
    let captures: Vec<_> = (1..=50).map(start).collect();
    assert_eq!(watchdog_threads(), 1);
    drop(captures);
    assert_eq!(watchdog_threads(), 0, "it ends with the last capture");

    // Captures that are converted need no thread beside that of their source. The kernel keeps 15
    // letters of a name.
    let louder = options.clone().gain_db(6.0);
    let start = |number| Capture::start(&registry, &format!("tone:{number}"), &louder).expect("it starts");
    let captures: Vec<_> = (101..=120).map(start).collect();
    wait_until("all deliver", || captures.iter().all(|capture| capture.buffer().frames().end > 800));
    assert_eq!((threads("capbuf-source"), threads("capbuf-processi"), watchdog_threads()), (20, 0, 1));
    drop(captures);

    // A blocked source does not keep the thread from checking others.
    let options = options
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(10)))
        .watchdog(Watchdog::new().nothing_for(Duration::from_millis(500)));
    let blocked = Supervised::begin_source(&registry, "blocked", Box::new(Blocked), &options).expect("it begins");
    wait_until("the blocked source is stalled", || blocked.state().kind() == SourceState::Stalled);
    let silent = Supervised::begin_source(&registry, "silent", Box::new(Silent), &options).expect("it begins");
    wait_until("the silent source is opened again", || silent.restarts() > 1);
    assert_eq!(blocked.state().kind(), SourceState::Stalled);
    assert_eq!(watchdog_threads(), 1);
    assert!(silent.stop());
    // The blocked source never ends: it is left behind.
    assert!(!blocked.stop_within(Duration::ZERO));
    assert_eq!(watchdog_threads(), 1, "it watches the blocked source");
}
