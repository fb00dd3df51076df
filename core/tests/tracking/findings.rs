//! Findings of a report, without a watch and from outside.

use std::path::Path;
use std::time::Duration;

use capbuf::{Anomaly, AnomalyKind, Detector, Registry, WatchSettings};

use crate::{small, tracking};

fn open(folder: &Path) -> capbuf::RegistryBuilder {
    Registry::builder().domains_folder(folder).commit_ahead(false)
}

fn kinds(anomalies: &[Anomaly]) -> Vec<AnomalyKind> {
    anomalies.iter().map(|anomaly| anomaly.kind).collect()
}

/// Allocates and removes a source's buffer `times` times; returns the line of the allocation.
fn churn(registry: &Registry, times: usize) -> u32 {
    for _ in 0..times {
        registry.get_or_allocate("rtsp://me:sesame@cam/1", small()).unwrap();
        registry.remove("rtsp://me:sesame@cam/1").unwrap();
    }
    line!() - 3
}

#[test]
fn report_names_the_place_that_allocates_again_and_again() {
    let registry = tracking();
    let line = churn(&registry, 11);
    let report = registry.allocation_report();
    let text = report.to_string();
    let warning = text.lines().find(|line| line.contains("allocated 11 times in a minute from")).expect(&text);
    assert!(warning.contains(&format!("findings.rs:{line}")), "{warning}");
    assert!(warning.contains("rtsp://***@cam/1") && warning.contains("removed 11 times at"), "{warning}");
    assert!(!text.contains("0 x "), "a place that only removes has no attempts to show: {text}");
    assert_eq!(kinds(&report.anomalies), [AnomalyKind::Churn]);
    assert!(report.to_json().contains("allocated 11 times in a minute"), "{}", report.to_json());
}

#[test]
fn report_names_the_place_of_refused_allocations_and_of_conflicts() {
    let registry = tracking();
    let _buffer = registry.get_or_allocate("mic", small()).unwrap();
    for _ in 0..3 {
        registry.allocate("mic", small()).unwrap_err();
    }
    registry.get_or_allocate("mic", crate::support::mono(0.2, 1000)).unwrap_err();
    let report = registry.allocation_report();
    let mut found = kinds(&report.anomalies);
    found.sort_unstable();
    assert_eq!(found, [AnomalyKind::RepeatedAllocation, AnomalyKind::SpecConflict], "{report}");
    assert!(report.anomalies.iter().all(|anomaly| anomaly.evidence.contains("findings.rs:")), "{report}");
}

#[test]
fn normal_use_has_no_finding() {
    let registry = tracking();
    let buffers: Vec<_> = (0..50).map(|_| registry.get_or_allocate("mic", small()).unwrap()).collect();
    churn(&registry, 2);
    drop(buffers);
    assert_eq!(registry.allocation_report().anomalies, []);
    let metrics = registry.domain_metrics_text();
    assert!(metrics.contains("capbuf_anomalies_total{kind=\"churn\"} 0.0"), "{metrics}");
    assert!(!metrics.contains("-0"), "{metrics}");
}

#[test]
fn logs_of_a_domain_are_examined_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = open(folder.path()).track_allocations(true).open("birds").unwrap();
    churn(&daemon, 6);
    let outside = open(folder.path()).track_allocations(false).open("birds").unwrap();
    let check = || {
        assert_eq!(kinds(&outside.allocation_report().anomalies), [AnomalyKind::Churn]);
        let metrics = outside.domain_metrics_text();
        assert!(metrics.contains("capbuf_anomalies_total{kind=\"churn\"} 1.0"), "{metrics}");
        let mut detector = Detector::with_past(WatchSettings::default());
        assert_eq!(kinds(&detector.look(&outside)), [AnomalyKind::Churn]);
        assert_eq!(detector.look(&outside), [], "once");
        assert_eq!(Detector::new(WatchSettings::default()).look(&outside), [], "a watch begins with its first look");
    };
    check();
    drop(daemon);
    check();
}

#[test]
fn findings_of_a_watch_are_seen_by_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = open(folder.path()).budget_bytes(100_000).open("birds").unwrap();
    let outside = open(folder.path()).open("birds").unwrap();
    let _buffer = daemon.get_or_allocate("rtsp://me:sesame@cam/1", crate::support::mono(1.0, 5000)).unwrap();
    assert_eq!(outside.allocation_report().anomalies, []);
    let mut settings = WatchSettings::default();
    // Only the daemon knows its budget.
    (settings.every, settings.budget_share) = (Duration::from_millis(1), 0.1);
    let watch = daemon.watch(settings).unwrap();
    let found = watch.next_event(Duration::from_secs(60)).expect("the budget is nearly used");
    assert_eq!(found.kind, AnomalyKind::Budget);
    // The event is queued before it is published.
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while outside.allocation_report().anomalies.is_empty() && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    let seen = outside.allocation_report().anomalies;
    assert_eq!((seen.len(), seen[0].kind, &seen[0].evidence), (1, AnomalyKind::Budget, &found.evidence));
    assert_eq!((seen[0].severity, seen[0].first_utc_ns), (found.severity, found.first_utc_ns));
    let metrics = outside.domain_metrics_text();
    assert!(metrics.contains("capbuf_anomalies_total{kind=\"budget\"} 1.0"), "{metrics}");
    let seen = Detector::with_past(WatchSettings::default()).look(&outside);
    assert_eq!(kinds(&seen), [AnomalyKind::Budget]);
    // Another process may have written anything.
    for text in ["", "{", "[1]", "{\"kind\":\"churn\"}", "\u{0}\n\n{\"kind\":7}"] {
        for file in std::fs::read_dir(folder.path().join("birds")).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|end| end == "found") {
                std::fs::write(file, text).unwrap();
            }
        }
        assert_eq!(outside.allocation_report().anomalies, []);
    }
}

#[test]
fn anomaly_counter_of_a_domain_never_goes_backwards() {
    let folder = tempfile::tempdir().unwrap();
    let outside = open(folder.path()).track_allocations(false).open("birds").unwrap();
    let counted = || {
        let metrics = outside.domain_metrics_text();
        let line = metrics.lines().find_map(|line| {
            line.strip_prefix("capbuf_anomalies_total{kind=\"source_under_two_names\"} ").map(str::to_owned)
        });
        line.expect(&metrics).parse::<f64>().unwrap() as u64
    };
    for process in 1..=8_u64 {
        let daemon = open(folder.path()).open("birds").unwrap();
        let names = ["", "/"].map(|end| format!("rtsp://cam/{process}{end}"));
        let buffers = names.each_ref().map(|name| daemon.get_or_allocate(name, small()).unwrap());
        let mut settings = WatchSettings::default();
        settings.every = Duration::from_millis(1);
        let watch = daemon.watch(settings).unwrap();
        watch.next_event(Duration::from_secs(60)).expect("one camera under two names");
        // The watch publishes what it has found after it was found.
        crate::support::wait_until("the finding is published", || {
            std::fs::read_dir(folder.path().join("birds")).unwrap().any(|file| {
                let path = file.unwrap().path();
                let is_found = path.extension().is_some_and(|end| end == "found");
                is_found && std::fs::read_to_string(path).is_ok_and(|text| text.contains(&names[0]))
            })
        });
        drop((watch, buffers));
        names.iter().for_each(|name| daemon.remove(name).unwrap());
        drop(daemon);
        assert_eq!(counted(), process);
        outside.sweep().unwrap();
        assert_eq!(counted(), process, "after a sweep");
    }
    let kept = outside.allocation_report().anomalies;
    assert!(kept.len() <= 4, "{kept:?}");
    // What passes is counted once it was shown.
    let _one = outside.get_or_allocate("rtsp://cam/now", small()).unwrap();
    let _two = outside.get_or_allocate("rtsp://cam/now/", small()).unwrap();
    assert_eq!(counted(), 9);
    outside.remove("rtsp://cam/now").unwrap();
    assert_eq!(counted(), 9);
}
