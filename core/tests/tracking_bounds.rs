//! The tracker's memory is bounded, whatever the number of attempts. One test only: it measures its
//! process.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use capbuf::{Caller, Language, Registry, Spec};
use support::mono;

fn small() -> Spec {
    mono(0.1, 1000)
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn ten_thousand_sources_and_a_million_attempts_stay_within_bounds() {
    let registry = Registry::builder().track_allocations(true).tracked_sources(1024).commit_ahead(false).build();
    let sources: Vec<_> = (0..10_000).map(|number| format!("tone:{number}")).collect();
    for source in &sources {
        registry.get_or_allocate(source, small()).unwrap();
    }
    let before_kb = resident_kb();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (registry, sources) = (&registry, &sources);
            // Without stacks, which take too long a million times.
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
    let grown_kb = resident_kb().saturating_sub(before_kb);
    assert!(grown_kb < 8 << 10, "{grown_kb} kB more");
    let report = registry.allocation_report();
    // And one line for those that had no room.
    assert_eq!(report.sources.len(), 10_001);
    let reported: u64 = report.sources.iter().map(|source| source.attempts.unwrap()).sum();
    assert_eq!(reported, 1_010_000, "none is lost: {:?}", report.dropped);
    let others = report.sources.iter().find(|source| source.source == "(other sources)").unwrap();
    assert_eq!(others.attempts, Some(report.dropped.attempts));
    assert!(report.dropped.sources > 8000, "{:?}", report.dropped);
    assert!(report.dropped.stacks > 0, "{:?}", report.dropped);
    assert!(report.sources.iter().all(|source| source.stacks.len() <= 8));
}
