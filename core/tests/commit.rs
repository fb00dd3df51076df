//! A registry commits memory ahead of the writer, unless `commit_ahead(false)`. One test only: it
//! measures its process.
#![allow(clippy::unwrap_used)]

mod support;

use capbuf::Registry;
use support::{mono, wait_until};

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn memory_is_committed_ahead_of_the_writer_unless_turned_off() {
    let before_kb = resident_kb();
    let grown_kb = || resident_kb().saturating_sub(before_kb);
    // 192 MB.
    let spec = mono(2000.0, 48_000);
    let lazy = Registry::builder().commit_ahead(false).build();
    let untouched = lazy.get_or_allocate("x", spec).unwrap();
    assert!(grown_kb() < 10_000, "{} kB before the first write", grown_kb());
    drop((untouched, lazy));
    let eager = Registry::private();
    let committed = eager.get_or_allocate("x", spec).unwrap();
    wait_until("the memory to be committed", || grown_kb() > 187_000);
    drop((committed, eager));
    wait_until("the memory to be freed", || grown_kb() < 10_000);
}
