//! `capbuf report`, `events` and `metrics` from outside the processes that allocate.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use capbuf::{Length, Registry, SampleFormat, SourceHealth, SourceState, Spec};
use serde_json::Value;

use crate::program::{Running, domains_of, run, wait_for};

fn open(folder: &Path) -> Registry {
    let registry = Registry::builder().domains_folder(domains_of(folder)).track_allocations(true);
    registry.open("default").expect("a domain")
}

fn minute() -> Spec {
    Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16).expect("a spec")
}

/// Reads events until one is of this kind.
fn next_event(follower: &mut Running, kind: &str) -> Value {
    loop {
        let event: Value = serde_json::from_str(&follower.read_line()).expect("an event");
        if event["kind"] == kind {
            return event;
        }
    }
}

#[test]
fn a_report_includes_other_processes_that_track() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = crate::program::capbuf(folder.path(), &["record", "tone:440"]);
    let mut recorder = command.env("DEBUG_BUFFER_ALLOC", "true").stderr(Stdio::null()).spawn().expect("it starts");
    let report = wait_for("a recorder that tracks", || {
        let ended = run(folder.path(), &["report", "--json"]);
        let report: Value = serde_json::from_str(&ended.out).ok()?;
        (report["totals"]["attempts"] == 1).then_some(report)
    });
    assert_eq!((&report["totals"]["allocations"], &report["totals"]["live_buffers"]), (&1.into(), &1.into()));
    let source = &report["sources"][0];
    assert_eq!((&source["source"], &source["audio_bytes"]), (&"tone:440".into(), &5_760_000.into()));
    let holder = &source["holders"][0];
    assert_eq!((&holder["pid"], &holder["is_removed"]), (&recorder.id().into(), &false.into()));
    assert!(holder["file"].as_str().is_some_and(|file| file.ends_with(".rs")), "{report:#}");
    assert_eq!(report["processes"].as_array().map(Vec::len), Some(1), "the reporting process is left out: {report:#}");
    let text = run(folder.path(), &["report"]).out;
    assert!(text.contains("attempts 1, allocations 1, live buffers 1 (5.76 MB of audio"), "{text}");
    recorder.kill().expect("it ends");
    recorder.wait().expect("it ends");
}

#[test]
fn no_report_metric_or_event_shows_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = open(folder.path());
    let cameras = ["rtsp://me:sesame@cam/1", "rtsp://me:sesame@cam/1/", "http://cam/a?token=sesame"];
    let buffers = cameras.map(|camera| registry.get_or_allocate(camera, minute()).expect("a buffer"));
    for camera in cameras {
        assert!(registry.allocate(camera, minute()).is_err());
    }
    registry.remove(cameras[2]).expect("it is there");
    let commands: [&[&str]; 6] = [
        &["report"],
        &["report", "--json"],
        &["metrics"],
        &["events", "--for", "1ms"],
        &["events", "--for", "1ms", "--json"],
        &["list"],
    ];
    for arguments in commands {
        let ended = run(folder.path(), arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        let output = ended.out + &ended.err;
        assert!(output.contains("cam/"), "{arguments:?}: {output}");
        assert!(!output.contains("sesame"), "{arguments:?}: {output}");
    }
    drop(buffers);
}

#[test]
fn following_events_reports_anomalies_as_they_happen() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = open(folder.path());
    let held = registry.get_or_allocate("rtsp://me:sesame@cam/1", minute()).expect("a buffer");
    let looks = &["events", "--follow", "--json", "--every", "50ms", "--held", "100ms"];
    let mut follower = Running::start(folder.path(), looks);
    registry.remove("rtsp://me:sesame@cam/1").expect("it is there");
    let event = next_event(&mut follower, "removed and held");
    let own = std::process::id().to_string();
    let evidence = event["evidence"].as_str().expect("evidence");
    assert!(evidence.contains(&own) && evidence.contains("allocations.rs"), "{event:#}");
    assert_eq!((&event["source"], &event["severity"]), (&"rtsp://***@cam/1".into(), &"notice".into()));
    drop(held);
    // Two names for one camera.
    let _one = registry.get_or_allocate("rtsp://cam/2", minute()).expect("a buffer");
    let _two = registry.get_or_allocate("RTSP://cam/2/", minute()).expect("a buffer");
    next_event(&mut follower, "source under two names");
}

#[test]
fn promtool_accepts_the_metrics() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = open(folder.path());
    let buffer = registry.get_or_allocate("rtsp://me:sesame@\"cam\"/1", minute()).expect("a buffer");
    buffer.writer().expect("a writer").write(&[1_i16; 4800]).expect("it is written");
    let _ = buffer.read(capbuf::Span::Frames(0..100));
    let outside = run(folder.path(), &["metrics"]).out;
    for (text, least) in [(&outside, 18), (&registry.metrics_text(), 24)] {
        let mut promtool = Command::new("promtool");
        let child =
            promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().expect("promtool, of Debian's package prometheus");
        child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
        let ended = child.wait_with_output().expect("it ends");
        let output = String::from_utf8_lossy(&ended.stderr).into_owned() + &String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && output.is_empty(), "{output}\n{text}");
        assert!(text.lines().filter(|line| line.starts_with("# TYPE")).count() >= least, "{text}");
    }
    assert!(outside.contains("capbuf_allocation_attempts_total{result=\"allocated\"} 1"), "{outside}");
    assert!(outside.contains("capbuf_source_frames_total{source=\"\\\"cam\\\"/1\"} 4800"), "{outside}");
}

#[test]
fn unknown_counts_are_null_and_not_zero() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::builder().domains_folder(domains_of(folder.path())).track_allocations(false);
    let registry = registry.open("default").expect("a domain");
    let _buffer = registry.get_or_allocate("mic", minute()).expect("a buffer");
    let claim = registry.claim_source("rtsp://cam/1").expect("a claim");
    let health = SourceHealth::new(SourceState::BackingOff, 0, 0, "connection refused");
    claim.publish(None, &health).expect("it is published");
    let report: Value = serde_json::from_str(&run(folder.path(), &["report", "--json"]).out).expect("JSON");
    assert!(report["totals"]["attempts"].is_null() && report["totals"]["live_buffers"] == 1, "{report:#}");
    let text = run(folder.path(), &["report"]).out;
    assert!(text.contains("attempts unknown, allocations unknown, live buffers 1 "), "{text}");
    assert!(!run(folder.path(), &["metrics"]).out.contains("capbuf_allocation"));
    let sources: Value = serde_json::from_str(&run(folder.path(), &["list", "--json"]).out).expect("JSON");
    let counters = ["oldest_frame", "newest_frame", "writes", "gaps", "evictions", "timeline_ahead_ns"];
    for counter in counters {
        assert!(sources[0][counter].is_number() && sources[1][counter].is_null(), "{counter} in {sources:#}");
    }
}
