//! Stacks and call sites, of Rust and of other languages.

use capbuf::{Caller, CodePlace, Language, Registry};

use crate::{small, tracking};

#[inline(never)]
fn allocates_in_its_own_frame(registry: &Registry) {
    registry.get_or_allocate("tone:440", small()).unwrap();
}

/// A return address inside `allocates_in_its_own_frame`.
fn address() -> CodePlace {
    CodePlace::Address(allocates_in_its_own_frame as fn(&Registry) as usize + 1)
}

fn line(file: &str, line: u32, function: &str) -> CodePlace {
    CodePlace::Line { file: file.into(), line, function: function.into() }
}

#[test]
fn stacks_are_resolved_to_functions_files_and_lines() {
    let registry = tracking();
    allocates_in_its_own_frame(&registry);
    let report = registry.allocation_report();
    let stack = &report.source("tone:440").unwrap().stacks[0];
    assert_eq!((stack.outcome, stack.pid), ("allocated", std::process::id()));
    // The kernel keeps 15 bytes of a thread's name.
    assert!(stack.thread_name.starts_with("callers::stacks"), "{stack:?}");
    let frame = stack.frames.iter().find(|frame| frame.function.contains("allocates_in_its_own_frame"));
    let frame = frame.unwrap_or_else(|| panic!("{report}"));
    assert!(frame.file.ends_with("tests/tracking/callers.rs"), "{frame:?}");
    assert!(frame.line > 0, "{frame:?}");
    assert!(!stack.frames[0].function.contains("track::"), "the tracker's own frames are left out: {report}");
}

#[test]
fn callers_of_other_languages_are_reported_as_passed() {
    let registry = tracking();
    let stack = vec![line("/app/detector.py", 88, "listen"), line("/app/main.py", 12, "main")];
    let held = Caller::new(Language::Python, stack).scope(|| registry.get_or_allocate("tone:440", small())).unwrap();
    Caller::new(Language::C, vec![address()]).scope(|| registry.get("tone:440"));
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
fn address_is_resolved_to_its_line() {
    let registry = tracking();
    registry.allocate("tone:440", small()).unwrap();
    let held = Caller::new(Language::C, vec![address()]).scope(|| registry.get("tone:440")).unwrap();
    let report = registry.allocation_report();
    let holder = &report.source("tone:440").unwrap().holders[0];
    assert_eq!(holder.language, Some("C"));
    assert!(holder.function.contains("allocates_in_its_own_frame"), "{report}");
    assert!(holder.file.ends_with("tests/tracking/callers.rs"), "{report}");
    assert!(holder.line > 0, "{report}");
    drop(held);
}
