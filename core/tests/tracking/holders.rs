//! Processes that hold a removed buffer.

use capbuf::Registry;

use crate::{small, tracking};

#[test]
fn holder_of_a_removed_buffer_is_reported_with_its_call_site() {
    let registry = tracking();
    registry.allocate("tone:440", small()).unwrap();
    let line = line!() + 1;
    let handle = registry.get("tone:440").unwrap();
    let clone = handle.clone();
    registry.remove("tone:440").unwrap();
    drop(handle);
    let report = registry.allocation_report();
    let holders = &report.source("tone:440").unwrap().holders;
    assert_eq!((report.totals.removed_and_held, holders.len()), (1, 1), "{report}");
    let holder = &holders[0];
    assert_eq!((holder.pid, holder.is_removed, holder.handles), (std::process::id(), true, Some(1)));
    assert!(holder.file.ends_with("tests/tracking/holders.rs"), "{report}");
    assert_eq!(holder.line, line, "{report}");
    assert!(report.to_string().contains("REMOVED, still held by process"), "{report}");
    drop(clone);
    let report = registry.allocation_report();
    assert_eq!(report.totals.removed_and_held, 0, "{report}");
    assert!(report.source("tone:440").unwrap().holders.is_empty());
}

#[test]
fn held_removed_buffers_are_counted_without_tracking() {
    let registry = Registry::private();
    let handles = ["tone:440", "tone:550"].map(|source| registry.allocate(source, small()).unwrap());
    registry.remove("tone:440").unwrap();
    registry.remove("tone:550").unwrap();
    let report = registry.allocation_report();
    assert_eq!((report.totals.removed_and_held, report.totals.attempts), (2, None), "{report}");
    assert_eq!(report.sources[0].holders[0].handles, None);
    drop(handles);
    assert_eq!(registry.allocation_report().totals.removed_and_held, 0);
}
