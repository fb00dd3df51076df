//! Differences planted one at a time, each of which the comparison must find.

use crate::tree::{Planted, Tree};

/// File, text that it has, text that differs.
const PLANTED: &[(&str, &str, &str)] = &[
    ("core/src/error.rs", "    NotYet = 10,", "    NotYet = 99,"),
    ("core/src/error.rs", "    Forked = 23,", "    Forked = 23,\n    Added = 24,"),
    ("include/capbuf.h", "#define CAPBUF_EVICTED 11", "#define CAPBUF_EVICTED 12"),
    ("include/capbuf.h", "#define CAPBUF_FORKED 23", "#define CAPBUF_FORK 23"),
    ("ffi/src/error.rs", "(CAPBUF_TOO_SMALL, c\"TOO_SMALL\")", "(CAPBUF_TOO_SMALL, c\"TO_SMALL\")"),
    ("go/error.go", "Code(C.CAPBUF_REMOVED)", "Code(C.CAPBUF_NOT_YET)"),
    ("go/error.go", "ErrPanicked error", "ErrPanic error"),
    ("python/python/capbuf/_errors.py", "    code = 5\n", "    code = 6\n"),
    ("python/python/capbuf/_errors.py", "class TimedOut(", "class TimeOut("),
    ("include/capbuf.h", "#define CAPBUF_FORMAT_S24 2", "#define CAPBUF_FORMAT_S24 3"),
    ("go/format.go", "= C.CAPBUF_FORMAT_S32", "= C.CAPBUF_FORMAT_F32"),
    ("core/src/gap.rs", "    Overrun = 6,", "    Overrun = 9,"),
    ("include/capbuf.h", "#define CAPBUF_GAP_OVERRUN 6", "#define CAPBUF_GAP_OVERFLOW 6"),
    ("go/gap.go", "return \"packet loss\"", "return \"packets lost\""),
    ("go/gap.go", "= C.CAPBUF_GAP_RECONFIGURED", "= C.CAPBUF_GAP_REQUESTED"),
    ("python/src/buffer/gap.rs", "``\"clock step\"``", "``\"clock set\"``"),
    ("include/capbuf.h", "#define CAPBUF_LIFETIME_WHILE_OPEN 1", "#define CAPBUF_LIFETIME_WHILE_OPEN 2"),
    ("go/spec.go", "= C.CAPBUF_LIFETIME_WHILE_OPEN", "= C.CAPBUF_LIFETIME_UNTIL_REMOVED"),
    ("capture/src/state.rs", "    Finished,\n", "    Ended,\n"),
    ("go/capture.go", "= C.CAPBUF_STATE_BACKING_OFF", "= C.CAPBUF_STATE_RUNNING"),
    ("python/src/capture/state.rs", "\"failed\"", "\"gave up\""),
    ("core/src/source_state.rs", "=> \"stalled\"", "=> \"stuck\""),
    ("include/capbuf.h", "#define CAPBUF_CHANGE_RESIZED 4", "#define CAPBUF_CHANGE_RESIZED 7"),
    ("go/station.go", "return &c.Reformatted", "return &c.Resized"),
    ("Cargo.toml", "version = \"0.1.0\"\nedition", "version = \"0.2.0\"\nedition"),
    ("include/capbuf.h", "#define CAPBUF_VERSION_MINOR 1", "#define CAPBUF_VERSION_MINOR 2"),
    ("include/capbuf.h", "#define CAPBUF_VERSION_STRING \"0.1.0\"", "#define CAPBUF_VERSION_STRING \"0.1.1\""),
    ("ffi/Cargo.toml", "version = \"0.1.0\"", "version = \"0.0.1\""),
    ("ffi/capbuf.pc.in", "Version: @VERSION@", "Version: 0.1"),
    ("ffi/build.rs", "libcapbuf.so.0", "libcapbuf.so.1"),
    ("scripts/install-c", "libcapbuf.so.0", "libcapbuf.so.1"),
    ("python/pyproject.toml", "dynamic = [\"version\"]", "version = \"0.3.0\""),
    ("go/go.mod", "go 1.24", "go 1.25"),
    ("core/src/registry/handle.rs", "pub fn get_or_allocate(", "pub fn allocate_if_needed("),
    ("include/capbuf.h", " capbuf_writer_gap(", " capbuf_writer_skip("),
    ("go/registry.go", "Registry) Contains(", "Registry) Has("),
    ("python/python/capbuf/_capbuf.pyi", "    def remove(", "    def discard("),
];

#[test]
fn planted_differences_are_found() {
    assert_eq!(Tree::default().compare(), [""; 0], "before planting");
    for &(file, from, to) in PLANTED {
        let differences = Tree::with(Planted { file, from, to }).compare();
        assert!(!differences.is_empty(), "no comparison noticed that {file} says {to:?}");
    }
}
