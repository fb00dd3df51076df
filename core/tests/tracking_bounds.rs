//! However much is asked for, the tracker takes no more memory than it was given. Alone in its program, whose memory it measures.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use capbuf::{Caller, Language, Registry, Spec};
use common::mono;

fn small() -> Spec {
    mono(0.1, 1000)
}

#[test]
fn ten_thousand_sources_and_a_million_attempts_stay_within_bounds() {
    let registry = Registry::builder().track_allocations(true).tracked_sources(1024).commit_ahead(false).build();
    let sources: Vec<_> = (0..10_000).map(|number| format!("tone:{number}")).collect();
    for source in &sources {
        registry.get_or_allocate(source, small()).unwrap();
    }
    let before = memory_kb();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (registry, sources) = (&registry, &sources);
            // Without the stack: a million of them take a while.
            scope.spawn(move || {
                Caller::new(Language::C, vec![]).scope(|| {
                    for attempt in 0..250_000_usize {
                        let source = &sources[(attempt * 7 + thread) % sources.len()];
                        registry.get_or_allocate(source, small()).unwrap();
                    }
                });
            });
        }
    });
    let grown_kb = memory_kb().saturating_sub(before);
    assert!(grown_kb < 8 << 10, "{grown_kb} kB more");
    let report = registry.allocation_report();
    assert_eq!(report.sources.len(), 10_000);
    let told: u64 = report.sources.iter().map(|source| source.attempts).sum();
    assert_eq!(told + report.dropped.attempts, 1_010_000, "{:?}", report.dropped);
    assert!(report.dropped.sources > 8000 && report.dropped.stacks > 0, "{:?}", report.dropped);
    assert!(report.sources.iter().all(|source| source.stacks.len() <= 4));
}

fn memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}
