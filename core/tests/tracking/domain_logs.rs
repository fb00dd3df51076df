//! Logs of the processes of a domain.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use capbuf::Registry;

use crate::small;

fn open(folder: &Path, tracks: bool) -> Registry {
    Registry::builder().domains_folder(folder).track_allocations(tracks).open("birds").unwrap()
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder.join("birds")).unwrap().map(|file| file.unwrap().path())
}

fn logs(folder: &Path) -> impl Iterator<Item = PathBuf> {
    files(folder).filter(|file| file.extension().is_some_and(|end| end == "track"))
}

#[test]
fn log_is_made_anew_in_the_folder_that_replaces_a_lost_one() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), true);
    drop(registry.get_or_allocate("before", small()).unwrap());
    fs::remove_dir_all(folder.path().join("birds")).unwrap();
    let buffer = registry.get_or_allocate("after", small()).unwrap();
    assert_eq!(logs(folder.path()).count(), 1);
    // Another process sees what this one does, under the same key as its own attempts.
    let outside = open(folder.path(), true);
    assert!(outside.get_or_allocate("after", small()).unwrap().same_as(&buffer));
    let report = outside.allocation_report();
    let source = report.source("after").unwrap();
    let results: Vec<_> =
        source.call_sites.iter().map(|site| (site.results.allocated, site.results.already_there)).collect();
    assert!(results.contains(&(1, 0)) && results.contains(&(0, 1)), "{report}");
    assert_eq!(report.sources.iter().filter(|source| source.source == "after").count(), 1, "{report}");
}

#[test]
fn attempts_that_a_log_has_no_room_for_stay_counted_by_result() {
    let folder = tempfile::tempdir().unwrap();
    let base = Registry::builder().domains_folder(folder.path()).track_allocations(true);
    let registry = base.tracked_sources(16).budget_bytes(1).open("birds").unwrap();
    let outside = open(folder.path(), false);
    for number in 1..=500_u64 {
        registry.get_or_allocate(&format!("x{number}"), small()).unwrap_err();
        if number % 50 == 0 {
            let totals = outside.allocation_report().totals;
            assert_eq!(totals.results.map(|results| results.over_budget), Some(number));
        }
    }
    assert!(outside.allocation_report().dropped.attempts > 0, "all had room");
    drop(registry);
    assert_eq!(outside.allocation_report().totals.attempts, Some(500));
}

#[test]
fn report_covers_all_registries_of_a_domain() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other, outside] = [true, true, false].map(|tracks| open(folder.path(), tracks));
    let buffer = one.get_or_allocate("rtsp://me:sesame@cam/1", small()).unwrap();
    let same = other.get_or_allocate("rtsp://me:sesame@cam/1", small()).unwrap();
    let report = outside.allocation_report();
    let totals = report.totals;
    assert_eq!((totals.attempts, totals.allocations, totals.live_buffers), (Some(2), Some(1), 1), "{report}");
    assert_eq!(report.processes.len(), 2);
    let source = report.source("rtsp://***@cam/1").unwrap();
    let mut sites: Vec<_> =
        source.call_sites.iter().map(|site| (site.results.allocated, site.results.already_there)).collect();
    sites.sort_unstable();
    assert_eq!(sites, [(0, 1), (1, 0)]);
    assert_eq!(source.holders.iter().filter(|holder| holder.handles == Some(1)).count(), 2, "{report}");
    // Removed through one registry, still held by another.
    drop(same);
    other.remove("rtsp://me:sesame@cam/1").unwrap();
    let report = outside.allocation_report();
    assert_eq!((report.totals.removed_and_held, report.totals.live_buffers), (1, 0), "{report}");
    drop((buffer, one));
    let report = outside.allocation_report();
    assert_eq!(
        (report.totals.attempts, report.totals.removed_and_held),
        (Some(2), 0),
        "the log outlives its process: {report}"
    );
    assert!(!report.processes[0].is_alive, "{report}");
}

#[test]
fn only_ring_files_contain_the_source_with_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), true);
    let _buffer = registry.get_or_allocate("rtsp://me:sesame@cam/1", small()).unwrap();
    let contains = |file: &Path| fs::read(file).unwrap().windows(6).any(|window| window == b"sesame");
    assert!(logs(folder.path()).next().is_some());
    for file in files(folder.path()) {
        let is_ring = file.extension().is_some_and(|end| end == "ring");
        assert_eq!(contains(&file), is_ring, "{}", file.display());
    }
}

#[test]
fn damaged_logs_do_not_harm_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let (one, outside) = (open(folder.path(), true), open(folder.path(), false));
    let _buffer = one.get_or_allocate("tone:440", small()).unwrap();
    let domain = folder.path().join("birds");
    let good = fs::read(logs(folder.path()).next().unwrap()).unwrap();
    for seed in 0..64_u64 {
        let mut damaged = good.clone();
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for _ in 0..200 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let range = if seed % 2 == 0 { 4096 } else { damaged.len() };
            damaged[random as usize % range] = (random >> 32) as u8;
        }
        fs::write(domain.join(format!("{:016x}.track", seed + 1)), &damaged).unwrap();
    }
    for (name, bytes) in [("00000000000000f1.track", 0), ("00000000000000f2.track", 100), ("nonsense.track", 8192)] {
        fs::write(domain.join(name), vec![0xff_u8; bytes]).unwrap();
    }
    for file in files(folder.path()) {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let report = outside.allocation_report();
    assert!(report.source("tone:440").is_some_and(|source| source.live == 1));
    let text = report.to_string() + &report.to_json();
    assert!(!text.chars().any(|char| char.is_control() && char != '\n'), "{text:?}");
    // Only a few logs of ended processes are kept.
    outside.sweep().unwrap();
    assert!(logs(folder.path()).count() <= 6);
}

#[test]
fn counters_of_a_domain_never_go_backwards() {
    let folder = tempfile::tempdir().unwrap();
    let outside = open(folder.path(), false);
    let mut before = 0;
    for process in 0..9_u64 {
        let tracked = open(folder.path(), true);
        for attempt in 0..=process * 100 {
            tracked.get_or_allocate(&format!("mic {}", attempt % 3), small()).unwrap();
        }
        drop(tracked);
        let report = outside.allocation_report();
        assert_eq!(report.totals.attempts, Some(before + process * 100 + 1), "{report}");
        assert_eq!(report.totals.allocations, Some(report.sources.len() as u64), "{report}");
        assert_eq!(report.ended_processes, process.saturating_sub(3), "{report}");
        before = report.totals.attempts.unwrap();
    }
    assert_eq!(logs(folder.path()).count(), 4);
    let report = outside.allocation_report();
    assert_eq!((report.processes.len(), report.dropped), (4, capbuf::Dropped::default()), "{report}");
    let text = report.to_string();
    assert!(
        text.contains("ended processes summed up without call sites: 5") && text.contains("x by ended processes"),
        "{text}"
    );
    let attempts = format!("capbuf_allocation_attempts_total{{result=\"already_there\"}} {}.0", before - 3);
    assert!(outside.domain_metrics_text().contains(&attempts), "{}", outside.domain_metrics_text());
    // Swept as often as one likes.
    outside.sweep().unwrap();
    outside.sweep().unwrap();
    assert_eq!(outside.allocation_report().totals.attempts, Some(before));
    // Damaged sums are begun anew, and harm nothing.
    let sums = folder.path().join("birds/ended.sums");
    fs::write(&sums, vec![0xff_u8; fs::metadata(&sums).unwrap().len() as usize]).unwrap();
    drop(outside.allocation_report());
    open(folder.path(), true).get_or_allocate("mic 0", small()).unwrap();
    assert_eq!(outside.allocation_report().ended_processes, 1);
    drop(outside);
    capbuf::remove_domain("birds", Some(folder.path())).unwrap();
    assert!(!folder.path().join("birds").exists());
}

#[test]
fn metrics_of_a_domain_show_no_attempts_that_nobody_has_counted() {
    let folder = tempfile::tempdir().unwrap();
    let silent = open(folder.path(), false);
    let _buffer = silent.get_or_allocate("mic", small()).unwrap();
    let text = silent.domain_metrics_text();
    for unknown in ["capbuf_allocation_attempts", "capbuf_allocations", "capbuf_removals"] {
        assert!(!text.contains(unknown), "{unknown} in\n{text}");
    }
    assert!(text.contains("capbuf_live_buffers 1.0") && text.contains("capbuf_tracking_enabled 0.0"), "{text}");
    assert!(!silent.metrics_text().contains("capbuf_read_duration_seconds"));
    let tracking = open(folder.path(), true);
    let text = silent.domain_metrics_text();
    assert!(text.contains("capbuf_allocations_total 0.0") && text.contains("capbuf_tracking_enabled 1.0"), "{text}");
    assert!(tracking.metrics_text().contains("capbuf_read_duration_seconds"));
}
