//! Paths behind a helper are call sites of their own.

use capbuf::{CaptureBuffer, Registry, SourceReport};

use crate::{small, tracking};

/// The one function that all paths call.
#[inline(never)]
fn ensure(registry: &Registry) -> CaptureBuffer {
    registry.get_or_allocate("rtsp://me:sesame@cam/1", small()).unwrap()
}

#[inline(never)]
fn starts(registry: &Registry) {
    std::hint::black_box(ensure(registry));
}

#[inline(never)]
fn reconnects(registry: &Registry) {
    std::hint::black_box(ensure(registry));
}

#[inline(never)]
fn restarts(registry: &Registry) {
    starts(registry);
    std::hint::black_box(());
}

fn paths(source: &SourceReport) -> Vec<(u64, String)> {
    let named = |frames: &[capbuf::StackFrame]| frames.iter().map(|frame| frame.function.clone()).collect::<Vec<_>>();
    let mut paths: Vec<_> = source.call_sites.iter().map(|site| (site.attempts, named(&site.via).join(" "))).collect();
    paths.sort();
    paths
}

#[test]
fn paths_through_one_helper_are_call_sites_with_counts() {
    let registry = tracking();
    for _ in 0..2 {
        starts(&registry);
    }
    for _ in 0..30 {
        reconnects(&registry);
    }
    restarts(&registry);
    let report = registry.allocation_report();
    let source = report.source("rtsp://***@cam/1").unwrap();
    let paths = paths(source);
    assert_eq!(paths.iter().map(|(attempts, _)| *attempts).collect::<Vec<_>>(), [1, 2, 30], "{report}");
    for ((_, via), name) in paths.iter().zip(["restarts", "paths_through_one_helper", "reconnects"]) {
        assert!(via.contains(name), "{report}");
    }
    let text = report.to_string();
    assert!(
        text.lines().any(|line| line.contains("30 x") && line.contains("via") && line.contains("reconnects")),
        "{text}"
    );
    // One stack for each path and result, whatever the number of attempts; the newest first.
    let stacks: Vec<_> = source.stacks.iter().map(|stack| (stack.outcome, stack.count)).collect();
    assert_eq!(
        stacks,
        [("already there", 1), ("already there", 30), ("already there", 1), ("allocated", 1)],
        "{report}"
    );
    for stack in &source.stacks {
        assert!(stack.frames[0].function.contains("ensure"), "it begins with the program's own code: {report}");
        let of_others =
            |function: &str| ["capbuf::", "core::", "std::", "call_once"].iter().any(|other| function.contains(other));
        assert!(!stack.frames.iter().any(|frame| of_others(&frame.function)), "{report}");
    }
}

#[test]
fn end_of_the_last_handle_is_shown_where_the_program_ends_it() {
    let registry = tracking();
    starts(&registry);
    registry.remove("rtsp://me:sesame@cam/1").unwrap();
    let report = registry.allocation_report();
    let stacks = &report.source("rtsp://***@cam/1").unwrap().stacks;
    let ended = stacks.iter().find(|stack| stack.outcome == "last handle ended").unwrap();
    assert!(ended.frames[0].function.contains("end_of_the_last_handle"), "{report}");
}

#[test]
fn end_of_a_handle_of_go_or_python_has_no_native_stack() {
    let registry = tracking();
    let place = capbuf::CodePlace::Line { file: "main.go".into(), line: 7, function: "main.main".into() };
    drop(capbuf::Caller::new(capbuf::Language::Go, vec![place]).scope(|| ensure(&registry)));
    registry.remove("rtsp://me:sesame@cam/1").unwrap();
    let report = registry.allocation_report();
    let stacks = &report.source("rtsp://***@cam/1").unwrap().stacks;
    let ended = stacks.iter().find(|stack| stack.outcome == "last handle ended").unwrap();
    assert!(ended.frames.is_empty(), "{report}");
}
