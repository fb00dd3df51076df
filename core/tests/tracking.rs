//! Every attempt is told, with what came of it and where it came from, in bounded memory.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use capbuf::{AllocationReport, Caller, CodePlace, Language, Registry, Spec};
use common::mono;

fn tracking() -> Registry {
    Registry::builder().track_allocations(true).commit_ahead(false).build()
}

fn small() -> Spec {
    mono(0.1, 1000)
}

/// The lines of this file at which attempts were made, and how many at each.
fn sites(report: &AllocationReport, source: &str) -> Vec<(u32, u64)> {
    let sites = &report.source(source).unwrap().call_sites;
    assert!(sites.iter().all(|site| site.file.ends_with("tests/tracking.rs") && site.language == Some("Rust")));
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
    assert_eq!((totals.attempts, totals.allocations, totals.live_buffers), (7, 1, 1), "{report}");
    assert_eq!((totals.live_audio_bytes, totals.removed_and_held), (5_760_000, 0));
    let results = totals.results;
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
    assert_eq!((source.attempts, source.allocations, source.live, source.audio_bytes), (7, 1, 1, 5_760_000));
    assert!(source.first_utc_ns < source.last_utc_ns && source.call_sites[0].attempts == 4, "most first");
    assert!(report.to_string().contains("attempts 7, allocations 1, live buffers 1 (5.76 MB of audio"), "{report}");

    drop(buffer);
    registry.remove("rtsp://me:sesame@cam/1").unwrap();
    let totals = registry.allocation_report().totals;
    assert_eq!((totals.attempts, totals.allocations, totals.live_buffers, totals.live_bytes), (7, 1, 0, 0));
    assert_eq!((totals.results.removed, totals.results.last_handle_ended), (1, 1));
}

#[test]
fn a_report_shows_no_password_and_is_told_the_same_way_twice() {
    let registry = tracking();
    let sources = ["rtsp://me:sesame@a/1", "rtsp://me:sesame@b/1?token=sesame", "rtsp://you:sesame@a/1", "tone:440"];
    for source in sources {
        registry.get_or_allocate(source, small()).unwrap();
        let _ = registry.allocate(source, small());
    }
    let report = registry.allocation_report();
    let names: Vec<_> = report.sources.iter().map(|source| source.source.as_str()).collect();
    assert_eq!(names, ["rtsp://***@a/1", "rtsp://***@a/1", "rtsp://***@b/1?token=***", "tone:440"]);
    assert_ne!(report.sources[0].key, report.sources[1].key);
    for told in [report.to_string(), report.to_json(), format!("{report:?}")] {
        assert!(!told.contains("sesame"), "{told}");
    }
    let mut again = registry.allocation_report();
    again.made_utc_ns = report.made_utc_ns;
    assert_eq!(again.to_json(), report.to_json());
}

#[test]
fn who_holds_a_removed_buffer_and_where_it_was_taken_is_told() {
    let registry = tracking();
    registry.allocate("tone:440", small()).unwrap();
    let taken = line!() + 1;
    let handle = registry.get("tone:440").unwrap();
    let clone = handle.clone();
    registry.remove("tone:440").unwrap();
    drop(handle);
    let report = registry.allocation_report();
    let holders = &report.source("tone:440").unwrap().holders;
    assert_eq!((report.totals.removed_and_held, holders.len()), (1, 1), "{report}");
    let holder = &holders[0];
    assert_eq!((holder.pid, holder.is_removed, holder.handles), (std::process::id(), true, Some(1)));
    assert!(holder.file.ends_with("tests/tracking.rs") && holder.line == taken, "{report}");
    assert!(report.to_string().contains("REMOVED, still held by process"), "{report}");
    drop(clone);
    let report = registry.allocation_report();
    assert_eq!(report.totals.removed_and_held, 0, "{report}");
    assert!(report.source("tone:440").unwrap().holders.is_empty());
}

#[test]
fn removed_buffers_that_are_held_are_told_without_tracking() {
    let registry = Registry::private();
    let handles = ["tone:440", "tone:550"].map(|source| registry.allocate(source, small()).unwrap());
    registry.remove("tone:440").unwrap();
    registry.remove("tone:550").unwrap();
    let report = registry.allocation_report();
    assert_eq!((report.totals.removed_and_held, report.totals.attempts), (2, 0), "{report}");
    assert_eq!(report.sources[0].holders[0].handles, None);
    drop(handles);
    assert_eq!(registry.allocation_report().totals.removed_and_held, 0);
}

#[test]
fn tracking_is_switched_on_and_off_while_running() {
    let registry = Registry::builder().track_allocations(false).build();
    assert!(!registry.is_allocation_tracking());
    let ask = || drop(registry.get_or_allocate("tone:440", small()).unwrap());
    ask();
    assert!(registry.allocation_report().to_string().contains("nobody tracks"));
    assert_eq!(registry.allocation_report().totals.live_buffers, 1, "what there is is known");
    registry.enable_allocation_tracking(true);
    ask();
    assert!(registry.is_allocation_tracking() && registry.allocation_report().is_tracking);
    registry.enable_allocation_tracking(false);
    ask();
    assert_eq!(registry.allocation_report().totals.attempts, 1);
    registry.enable_allocation_tracking(true);
    ask();
    assert_eq!(registry.allocation_report().totals.attempts, 2, "it goes on from there");
}

#[inline(never)]
fn a_function_to_be_found(registry: &Registry) {
    registry.get_or_allocate("tone:440", small()).unwrap();
}

#[test]
fn stacks_are_resolved_to_functions_files_and_lines() {
    let registry = tracking();
    a_function_to_be_found(&registry);
    let report = registry.allocation_report();
    let stack = &report.source("tone:440").unwrap().stacks[0];
    assert_eq!((stack.outcome, stack.pid), ("allocated", std::process::id()));
    assert!(stack.thread_name.starts_with("stacks_are_reso"), "{stack:?}");
    let frame = stack.frames.iter().find(|frame| frame.function.contains("a_function_to_be_found"));
    let frame = frame.unwrap_or_else(|| panic!("{report}"));
    assert!(frame.file.ends_with("tests/tracking.rs") && frame.line > 0, "{frame:?}");
    assert!(!stack.frames[0].function.contains("track::"), "it begins with the registry: {report}");
}

#[test]
fn callers_of_other_languages_are_told_as_they_say() {
    let registry = tracking();
    let line =
        |file: &str, line, function: &str| CodePlace::Line { file: file.into(), line, function: function.into() };
    let stack = vec![line("/app/detector.py", 88, "listen"), line("/app/main.py", 12, "main")];
    let held = Caller::new(Language::Python, stack).scope(|| registry.get_or_allocate("tone:440", small())).unwrap();
    let address = CodePlace::Address(a_function_to_be_found as fn(&Registry) as usize + 1);
    Caller::new(Language::C, vec![address]).scope(|| registry.get("tone:440"));
    drop(Caller::new(Language::C, vec![]).scope(|| registry.get_or_allocate("tone:440", small())));
    let report = registry.allocation_report();
    let source = report.source("tone:440").unwrap();
    let site = source.call_sites.iter().find(|site| site.language == Some("Python")).unwrap();
    assert_eq!((site.file.as_str(), site.line, site.function.as_str()), ("/app/detector.py", 88, "listen"));
    let stack = source.stacks.iter().find(|stack| stack.frames.iter().any(|frame| frame.line == 12)).unwrap();
    assert_eq!((stack.frames.len(), stack.frames[1].file.as_str()), (2, "/app/main.py"));
    assert_eq!((source.holders.len(), source.holders[0].language), (1, Some("Python")));
    drop(held);
}

#[test]
fn an_address_is_resolved_to_its_line() {
    let registry = tracking();
    registry.allocate("tone:440", small()).unwrap();
    let address = CodePlace::Address(a_function_to_be_found as fn(&Registry) as usize + 1);
    let held = Caller::new(Language::C, vec![address]).scope(|| registry.get("tone:440")).unwrap();
    let report = registry.allocation_report();
    let holder = &report.source("tone:440").unwrap().holders[0];
    assert_eq!(holder.language, Some("C"));
    assert!(holder.function.contains("a_function_to_be_found"), "{report}");
    assert!(holder.file.ends_with("tests/tracking.rs") && holder.line > 0, "{report}");
    drop(held);
}

#[test]
fn what_threads_ask_for_at_once_is_all_counted() {
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
    assert_eq!((totals.attempts, totals.allocations, totals.live_buffers), (8000, 10, 10));
}

#[test]
fn the_logs_of_a_domain_are_told_by_all_who_have_it_open() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |track| Registry::builder().domains_folder(folder.path()).track_allocations(track).open("birds").unwrap();
    let (one, other, outside) = (open(true), open(true), open(false));
    let buffer = one.get_or_allocate("rtsp://me:sesame@cam/1", small()).unwrap();
    let same = other.get_or_allocate("rtsp://me:sesame@cam/1", small()).unwrap();
    let report = outside.allocation_report();
    assert_eq!((report.totals.attempts, report.totals.allocations, report.totals.live_buffers), (2, 1, 1), "{report}");
    assert_eq!(report.processes.len(), 2);
    let source = report.source("rtsp://***@cam/1").unwrap();
    let sites: Vec<_> =
        source.call_sites.iter().map(|site| (site.results.allocated, site.results.already_there)).collect();
    assert_eq!(sites.len(), 2);
    assert_eq!(source.holders.iter().filter(|holder| holder.handles == Some(1)).count(), 2, "{report}");
    let files = std::fs::read_dir(folder.path().join("birds")).unwrap();
    for file in files {
        let file = file.unwrap().path();
        let is_ring = file.extension().is_some_and(|end| end == "ring");
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(bytes.windows(6).any(|window| window == b"sesame"), is_ring, "{}", file.display());
    }
    // Removed there, and still held here.
    drop(same);
    other.remove("rtsp://me:sesame@cam/1").unwrap();
    let report = outside.allocation_report();
    assert_eq!((report.totals.removed_and_held, report.totals.live_buffers), (1, 0), "{report}");
    drop((buffer, one));
    let report = outside.allocation_report();
    assert_eq!((report.totals.attempts, report.totals.removed_and_held), (2, 0), "its log outlives it: {report}");
    assert!(!report.processes[0].is_alive, "{report}");
}

#[test]
fn a_log_that_is_damaged_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |track| Registry::builder().domains_folder(folder.path()).track_allocations(track).open("birds").unwrap();
    let (one, outside) = (open(true), open(false));
    let _buffer = one.get_or_allocate("tone:440", small()).unwrap();
    let domain = folder.path().join("birds");
    let names = || std::fs::read_dir(&domain).unwrap().map(|file| file.unwrap().path());
    let log = names().find(|name| name.extension().is_some_and(|end| end == "track")).unwrap();
    let right = std::fs::read(&log).unwrap();
    for seed in 0..64_u64 {
        let mut wrong = right.clone();
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for _ in 0..200 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let at = if seed % 2 == 0 { dice as usize % 4096 } else { dice as usize % wrong.len() };
            wrong[at] = (dice >> 32) as u8;
        }
        std::fs::write(domain.join(format!("{:016x}.track", seed + 1)), &wrong).unwrap();
    }
    for (name, bytes) in [("00000000000000f1.track", 0), ("00000000000000f2.track", 100), ("nonsense.track", 8192)] {
        std::fs::write(domain.join(name), vec![0xff_u8; bytes]).unwrap();
    }
    for name in names() {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(name, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let report = outside.allocation_report();
    assert!(report.source("tone:440").is_some_and(|source| source.live == 1));
    let told = report.to_string() + &report.to_json();
    assert!(!told.chars().any(|char| char.is_control() && char != '\n'), "{told:?}");
    // Of ended processes few logs are kept.
    outside.sweep().unwrap();
    assert!(names().filter(|name| name.extension().is_some_and(|end| end == "track")).count() <= 6);
}
