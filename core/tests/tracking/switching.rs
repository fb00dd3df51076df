//! Tracking switched from outside, and parts of reports.

use std::path::Path;

use capbuf::{AllocationReport, Registry, ReportFilter};

use super::small;

/// Opens the domain as a program that says nothing about tracking.
fn daemon(folder: &Path) -> Registry {
    Registry::builder().domains_folder(folder).commit_ahead(false).open("birds").unwrap()
}

/// Opens the domain as the command `capbuf` does.
fn outside(folder: &Path) -> Registry {
    Registry::builder().domains_folder(folder).track_allocations(false).open("birds").unwrap()
}

fn request(registry: &Registry, source: &str) {
    registry.get_or_allocate(source, small()).unwrap();
}

fn since_reset(registry: &Registry) -> AllocationReport {
    let mut filter = ReportFilter::default();
    filter.since_reset = true;
    registry.filtered_allocation_report(&filter)
}

#[test]
fn running_registries_are_switched_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    let (running, outside) = (daemon(folder.path()), outside(folder.path()));
    request(&running, "mic");
    assert_eq!(outside.allocation_report().totals.attempts, None);
    outside.enable_domain_allocation_tracking(true).unwrap();
    assert!(running.is_allocation_tracking() && !outside.is_allocation_tracking());
    request(&running, "mic");
    request(&outside, "mic");
    let report = outside.allocation_report();
    assert_eq!((report.totals.attempts, report.processes[0].is_tracking), (Some(1), true), "{report}");
    assert!(report.to_string().contains("switching.rs:"), "{report}");
    let later = daemon(folder.path());
    assert!(later.is_allocation_tracking());
    let switches = outside.tracking_switches();
    assert_eq!(switches.registries.iter().map(|(_, on)| *on).collect::<Vec<_>>(), [true, true]);
    assert!(switches.is_on_for_others);
    // A call of the program counts, too, until the next switch.
    later.enable_allocation_tracking(false);
    assert!(!later.is_allocation_tracking() && running.is_allocation_tracking());
    outside.enable_domain_allocation_tracking(false).unwrap();
    assert!(!running.is_allocation_tracking());
    request(&running, "mic");
    let report = outside.allocation_report();
    assert_eq!((report.totals.attempts, report.processes[0].is_tracking), (Some(1), false), "{report}");
    assert!(!outside.tracking_switches().is_on_for_others);
}

#[test]
fn domain_with_switches_and_a_mark_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    drop(daemon(folder.path()));
    let registry = outside(folder.path());
    registry.reset_allocation_report().unwrap();
    drop(registry);
    capbuf::remove_domain("birds", Some(folder.path())).unwrap();
    assert!(!folder.path().join("birds").exists());
}

#[test]
fn counts_are_those_since_the_reset_also_after_the_end_of_their_process() {
    let folder = tempfile::tempdir().unwrap();
    let outside = outside(folder.path());
    let tracking = || {
        let registry = daemon(folder.path());
        registry.enable_allocation_tracking(true);
        registry
    };
    let running = tracking();
    (0..5).for_each(|_| request(&running, "mic"));
    assert!(outside.allocation_report().reset_utc_ns.is_none());
    assert_eq!(since_reset(&outside).totals.attempts, Some(5), "without a reset counts are whole");
    outside.reset_allocation_report().unwrap();
    let report = since_reset(&outside);
    assert_eq!((report.totals.attempts, report.totals.live_buffers), (Some(0), 1), "{report}");
    assert!(report.reset_utc_ns.is_some() && report.to_string().contains("counts from the reset at"), "{report}");
    (0..3).for_each(|_| request(&running, "mic"));
    request(&running, "radio");
    let attempts = |report: &AllocationReport, source: &str| report.source(source).unwrap().attempts;
    let report = since_reset(&outside);
    assert_eq!((report.totals.attempts, attempts(&report, "mic")), (Some(4), Some(3)), "{report}");
    // Other reports and metrics never go backwards.
    assert_eq!(outside.allocation_report().totals.attempts, Some(9));
    assert!(outside.domain_metrics_text().contains("capbuf_allocations_total 2.0"));
    // Its log goes into the sums when others come.
    drop(running);
    for _ in 0..6 {
        request(&tracking(), "mic");
    }
    let report = since_reset(&outside);
    assert!(report.ended_processes >= 1, "{report}");
    assert_eq!((report.totals.attempts, attempts(&report, "mic")), (Some(10), Some(9)), "{report}");
    assert_eq!(outside.allocation_report().totals.attempts, Some(15));
}

#[test]
fn part_of_a_report_has_what_was_used_since() {
    let folder = tempfile::tempdir().unwrap();
    let running = daemon(folder.path());
    running.enable_allocation_tracking(true);
    request(&running, "old");
    running.remove("old").unwrap();
    let mut filter = ReportFilter::default();
    filter.since_utc_ns = Some(running.clock().utc_ns() + 1);
    while running.clock().utc_ns() <= filter.since_utc_ns.unwrap() {}
    request(&running, "new");
    let report = running.filtered_allocation_report(&filter);
    assert!(report.source("old").is_none() && report.source("new").is_some(), "{report}");
    assert_eq!(report.totals.attempts, Some(1), "{report}");
    filter.since_utc_ns = None;
    filter.pid = Some(std::process::id());
    assert_eq!(running.filtered_allocation_report(&filter).totals.attempts, Some(2));
    filter.pid = Some(1);
    let report = running.filtered_allocation_report(&filter);
    assert_eq!((report.totals.attempts, report.processes.len(), report.totals.live_buffers), (None, 0, 1), "{report}");
    assert!(report.sources.iter().all(|source| source.holders.is_empty()), "{report}");
}
