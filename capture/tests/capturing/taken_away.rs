//! Files in shared memory that are taken away under a capture, as cleaners, `rm` and logind do it.

use std::path::Path;
use std::time::Duration;

use capbuf::{AnomalyKind, Registry, WatchSettings};
use capbuf_capture::{Backoff, Capture, CaptureOptions, CircuitBreaker, Error, State};

use crate::waiting::{DEADLINE, wait_for_state, wait_until};

/// A way to take files away, and its name.
type Way = (&'static str, fn(&Path));

fn options() -> CaptureOptions {
    CaptureOptions::new()
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(10)))
        .circuit_breaker(CircuitBreaker::new(1000, Duration::from_millis(10)))
}

fn open(base: &Path) -> Registry {
    Registry::builder().domains_folder(base).open("birds").expect("it opens")
}

/// Removes the files of the domain whose names contain `affix`.
fn remove_files(base: &Path, affix: &str) {
    for entry in std::fs::read_dir(base.join("birds")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains(affix)) {
            std::fs::remove_file(path).expect("it is removed");
        }
    }
}

fn has_file(base: &Path, affix: &str) -> bool {
    let names = std::fs::read_dir(base.join("birds")).into_iter().flatten();
    names.flatten().any(|entry| entry.file_name().to_string_lossy().contains(affix))
}

fn is_busy<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Buffer(capbuf::Error::WriterBusy { .. })))
}

#[test]
fn lost_buffer_is_reported_and_its_source_recorded_into_a_new_one() {
    let ways: [Way; 5] = [
        ("the base folder is removed", |base| std::fs::remove_dir_all(base).expect("removed")),
        ("the domain's folder is removed", |base| std::fs::remove_dir_all(base.join("birds")).expect("removed")),
        ("all files are removed", |base| remove_files(base, "")),
        ("the ring is removed", |base| remove_files(base, ".ring")),
        ("the folder is renamed", |base| {
            std::fs::rename(base.join("birds"), tempfile::tempdir_in(base).expect("a folder").keep()).expect("renamed");
        }),
    ];
    for (way, take) in ways {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().join("base");
        let registry = open(&base);
        let capture = Capture::start(&registry, "tone:440", &options()).expect(way);
        let watch = registry.watch(WatchSettings::default()).expect("it watches");
        for round in 0..2 {
            let lost = capture.buffer();
            wait_until("audio", || lost.frames().end > 0);
            take(&base);
            wait_until(way, || !capture.buffer().same_as(&lost) && capture.buffer().frames().end > 0);
            assert!(lost.is_removed() && lost.frames().end > 0, "{way} {round}: its audio stays readable");
            // One recorder, found by all.
            let other = open(&base);
            assert!(is_busy(&Capture::start(&other, "tone:440", &options())), "{way} {round}");
            assert!(other.get("tone:440").is_some_and(|found| found.same_as(&capture.buffer())), "{way} {round}");
            // While it has no buffer, the source may also be reported as down.
            let mut events = std::iter::from_fn(|| watch.next_event(DEADLINE));
            let event = events.find(|event| event.kind == AnomalyKind::LostBuffer).expect(way);
            assert_eq!(event.source.as_deref(), Some("tone:440"), "{event}");
            assert!(event.evidence.contains("taken away"), "{event}");
        }
        wait_for_state(&capture, way, |state| *state == State::Running);
        let reasons: Vec<_> = capture.history().into_iter().filter_map(|change| change.reason).collect();
        assert!(reasons.iter().any(|reason| reason.contains("was taken away: its file ")), "{way}: {reasons:?}");
        let metrics = open(&base).metrics_text();
        assert!(metrics.contains("capbuf_source_buffers_lost_total{source=\"tone:440\"} 2"), "{way}: {metrics}");
    }
}

#[test]
fn missing_lock_files_are_put_back_while_the_capture_runs_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = open(folder.path());
    let capture = Capture::start(&registry, "tone:440", &options()).expect("it starts");
    let buffer = capture.buffer();
    for affix in ["process-", ".feed", ".key"] {
        remove_files(folder.path(), affix);
        let other = open(folder.path());
        assert!(is_busy(&Capture::start(&other, "tone:440", &options())), "{affix}");
        assert!(other.get("tone:440").expect("found").writer().is_err(), "{affix}");
        wait_until(affix, || has_file(folder.path(), affix));
    }
    assert!(capture.state() == State::Running && capture.buffer().same_as(&buffer) && capture.restarts() == 0);
}

#[test]
fn second_recorder_that_was_faster_is_named_and_the_first_one_waits_for_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("base");
    let registry = open(&base);
    let first = Capture::start(&registry, "tone:440", &options()).expect("it starts");
    std::fs::remove_dir_all(&base).expect("removed");
    // Nothing in the new folder knows of the first one.
    let second = Capture::start(&open(&base), "tone:440", &options());
    let Ok(second) = second else {
        // The first one was faster.
        return wait_for_state(&first, "it runs", |state| *state == State::Running);
    };
    let is_refused = |reason: &Error| reason.to_string().contains("has a writer already: process ");
    wait_for_state(&first, "the refusal", |state| state.reason().is_some_and(is_refused));
    assert!(second.state() == State::Running && second.stop());
    drop(second);
    wait_for_state(&first, "it runs", |state| *state == State::Running);
}
