//! Attempts, allocations and live buffers, in total and by call site.

use capbuf::{AllocationReport, Registry};

use crate::support::mono;
use crate::{small, tracking};

/// Call sites of a source: line of this file, attempts. Sorted by line.
fn sites(report: &AllocationReport, source: &str) -> Vec<(u32, u64)> {
    let sites = &report.source(source).unwrap().call_sites;
    assert!(sites.iter().all(|site| site.file.ends_with("tests/tracking/counts.rs") && site.language == Some("Rust")));
    let mut sites: Vec<_> = sites.iter().map(|site| (site.line, site.attempts)).collect();
    sites.sort_unstable();
    sites
}

#[test]
fn attempts_allocations_and_live_buffers_are_three_numbers() {
    let registry = tracking();
    let minute = mono(60.0, 48_000);
    let first = line!() + 1;
    let buffer = registry.get_or_allocate("rtsp://me:sesame@cam/1", minute).unwrap();
    for _ in 0..4 {
        let _again = registry.get_or_allocate("rtsp://me:sesame@cam/1", minute).unwrap();
    }
    assert!(registry.allocate("rtsp://me:sesame@cam/1", minute).is_err());
    assert!(registry.get_or_allocate("rtsp://me:sesame@cam/1", small()).is_err());
    let report = registry.allocation_report();
    let totals = report.totals;
    assert_eq!((totals.attempts, totals.allocations, totals.live_buffers), (Some(7), Some(1), 1), "{report}");
    assert_eq!((totals.live_audio_bytes, totals.removed_and_held), (5_760_000, 0));
    let results = totals.results.unwrap();
    assert_eq!(
        [results.allocated, results.already_there, results.refused, results.spec_mismatch, results.failed],
        [1, 4, 1, 1, 0]
    );
    assert_eq!(
        sites(&report, "rtsp://***@cam/1"),
        [(first, 1), (first + 2, 4), (first + 4, 1), (first + 5, 1)],
        "{report}"
    );
    let source = &report.sources[0];
    assert_eq!(
        (source.attempts, source.allocations, source.live, source.audio_bytes),
        (Some(7), Some(1), 1, 5_760_000)
    );
    assert!(source.first_utc_ns < source.last_utc_ns);
    assert_eq!(source.call_sites[0].attempts, 4, "the busiest call site comes first");
    assert!(report.to_string().contains("attempts 7, allocations 1, live buffers 1 (5.76 MB of audio"), "{report}");

    drop(buffer);
    registry.remove("rtsp://me:sesame@cam/1").unwrap();
    let totals = registry.allocation_report().totals;
    assert_eq!((totals.attempts, totals.allocations, totals.live_buffers, totals.live_bytes), (Some(7), Some(1), 0, 0));
    let results = totals.results.unwrap();
    assert_eq!((results.removed, results.last_handle_ended), (1, 1));
}

#[test]
fn report_shows_no_password() {
    let registry = tracking();
    let sources = ["rtsp://me:sesame@a/1", "rtsp://me:sesame@b/1?token=sesame", "rtsp://you:sesame@a/1", "tone:440"];
    for source in sources {
        registry.get_or_allocate(source, small()).unwrap();
        let _ = registry.allocate(source, small());
    }
    let report = registry.allocation_report();
    let names: Vec<_> = report.sources.iter().map(|source| source.source.as_str()).collect();
    assert_eq!(names, ["rtsp://***@a/1", "rtsp://***@a/1", "rtsp://***@b/1?token=***", "tone:440"]);
    assert_ne!(report.sources[0].key, report.sources[1].key, "the key distinguishes sources that look alike");
    for output in [report.to_string(), report.to_json(), format!("{report:?}")] {
        assert!(!output.contains("sesame"), "{output}");
    }
}

#[test]
fn two_reports_of_the_same_state_are_equal() {
    let registry = tracking();
    for source in ["rtsp://me:sesame@a/1", "rtsp://me:sesame@b/1", "tone:440"] {
        registry.get_or_allocate(source, small()).unwrap();
        let _ = registry.allocate(source, small());
    }
    let report = registry.allocation_report();
    let mut again = registry.allocation_report();
    again.made_utc_ns = report.made_utc_ns;
    assert_eq!(again.to_json(), report.to_json());
}

#[test]
fn tracking_is_switched_on_and_off_at_run_time() {
    let registry = Registry::builder().track_allocations(false).build();
    assert!(!registry.is_allocation_tracking());
    let attempt = || drop(registry.get_or_allocate("tone:440", small()).unwrap());
    attempt();
    let report = registry.allocation_report();
    assert!(report.to_string().contains("no process tracks"), "{report}");
    assert!(report.to_string().contains("attempts unknown, allocations unknown, live buffers 1 "), "{report}");
    assert!(report.to_string().contains("tone:440: attempts unknown, allocations unknown, live 1"), "{report}");
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    for counts in [&json["totals"], &json["sources"][0]] {
        assert!(["attempts", "allocations", "results"].iter().all(|count| counts[count].is_null()), "{json:#}");
    }
    assert_eq!(report.totals.live_buffers, 1, "live buffers are known without tracking");
    registry.enable_allocation_tracking(true);
    attempt();
    assert!(registry.is_allocation_tracking());
    assert!(registry.allocation_report().is_tracking);
    registry.enable_allocation_tracking(false);
    attempt();
    assert_eq!(registry.allocation_report().totals.attempts, Some(1));
    registry.enable_allocation_tracking(true);
    attempt();
    assert_eq!(registry.allocation_report().totals.attempts, Some(2));
}

#[test]
fn concurrent_attempts_are_all_counted() {
    let registry = tracking();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for attempt in 0..1000 {
                    let source = format!("tone:{}", attempt % 10);
                    registry.get_or_allocate(&source, small()).unwrap();
                }
            });
        }
    });
    let totals = registry.allocation_report().totals;
    assert_eq!((totals.attempts, totals.allocations, totals.live_buffers), (Some(8000), Some(10), 10));
}
