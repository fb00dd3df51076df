//! Rust, C, Go and Python have one vocabulary: the same numbers, names and versions, in four languages and the header.
//!
//! Compared is what is written in the files, so that nothing has to be built to find out. That the comparison finds differences is shown
//! by planting one in each file.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use capbuf::{GapReason, Lifetime, SampleFormat};

const FILES: &[&str] = &[
    "Cargo.toml",
    "core/src/error.rs",
    "core/src/source_health.rs",
    "core/src/registry.rs",
    "core/src/registry/observe.rs",
    "core/src/buffer.rs",
    "core/src/writer.rs",
    "core/src/timeline.rs",
    "core/src/lifetime.rs",
    "core/src/spec.rs",
    "core/src/source.rs",
    "capture/src/supervise/capture.rs",
    "capture/src/clip/cut.rs",
    "capture/src/state.rs",
    "capture/src/station/handle.rs",
    "capture/src/clip/trigger/handle.rs",
    "ffi/Cargo.toml",
    "ffi/build.rs",
    "ffi/capbuf.pc.in",
    "ffi/src/error.rs",
    "include/capbuf.h",
    "scripts/install-c",
    "go/buffer.go",
    "go/capture.go",
    "go/clip.go",
    "go/error.go",
    "go/format.go",
    "go/gap.go",
    "go/go.mod",
    "go/read.go",
    "go/report.go",
    "go/registry.go",
    "go/spec.go",
    "go/station.go",
    "go/status.go",
    "go/text.go",
    "go/track.go",
    "go/trigger.go",
    "go/watch.go",
    "go/windows.go",
    "go/writer.go",
    "scripts/go",
    "python/Cargo.toml",
    "python/pyproject.toml",
    "python/python/capbuf/_capbuf.pyi",
    "python/python/capbuf/_errors.py",
    "python/src/capture.rs",
    "python/src/gap.rs",
];

/// What the files say, and where they differ.
struct Tree {
    files: BTreeMap<&'static str, String>,
    differences: Vec<String>,
}

impl Tree {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let read = |name: &&'static str| (*name, fs::read_to_string(root.join(name)).unwrap());
        Self { files: FILES.iter().map(read).collect(), differences: Vec::new() }
    }

    fn text(&self, file: &str) -> String {
        self.files[file].clone()
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, one: &T, other: &T) {
        if one != other {
            self.differences.push(format!("{what}: {one:?}, but {other:?}"));
        }
    }

    fn says(&mut self, file: &str, wanted: &str) {
        if !self.files[file].contains(wanted) {
            self.differences.push(format!("{file} does not say {wanted:?}"));
        }
    }

    /// Everything that is compared.
    fn compare(mut self) -> Vec<String> {
        self.compare_errors();
        self.compare_constants();
        self.compare_changes();
        self.compare_versions();
        self.compare_names();
        self.differences
    }

    fn compare_errors(&mut self) {
        let core = numbered(between(&self.text("core/src/error.rs"), "pub enum ErrorCode {", "\n}"), " = ");
        let header = self.text("include/capbuf.h");
        let statuses = defined(between(&header, "#define CAPBUF_OK 0", "#define CAPBUF_FORMAT_OWN"), "");
        assert!(core.len() >= 23 && statuses.len() >= 27, "{} and {} kinds were found", core.len(), statuses.len());
        let of_core: BTreeMap<_, _> =
            statuses.iter().filter(|(_, number)| **number < 100).map(|(name, number)| (camel(name), *number)).collect();
        self.same("error codes of the core and the header", &core, &of_core);

        let in_ffi = named_statuses(&self.text("ffi/src/error.rs"));
        let names: Vec<_> = std::iter::once("OK".to_owned()).chain(by_number(&statuses)).collect();
        self.same("statuses of the header and their names", &names, &in_ffi);

        let in_go = sentinels(&self.text("go/error.go"));
        let wanted: Vec<_> = by_number(&statuses).into_iter().map(|name| (camel(&name), name)).collect();
        self.same("statuses of the header and sentinels of Go", &wanted, &in_go);

        let in_python = classes(&self.text("python/python/capbuf/_errors.py"));
        self.same("error codes of the core and classes of Python", &core, &in_python);
    }

    fn compare_constants(&mut self) {
        let header = self.text("include/capbuf.h");

        let formats = SampleFormat::ALL.map(|format| (format.name().to_uppercase(), format as i64));
        let mut wanted = BTreeMap::from(formats.clone());
        wanted.insert("OWN".to_owned(), 0);
        let mut in_header = defined(&header, "FORMAT_");
        // A status, not a format.
        in_header.remove("MISMATCH");
        self.same("sample formats", &wanted, &in_header);
        for (name, _) in formats {
            self.says("go/format.go", &format!("\t{name} SampleFormat = C.CAPBUF_FORMAT_{name}\n"));
            self.says("go/format.go", &format!("case {name}:\n\t\treturn \"{}\"", name.to_lowercase()));
        }

        let reasons = numbered(between(&self.text("core/src/timeline.rs"), "pub enum GapReason {", "\n}"), " = ");
        let in_header = defined(&header, "GAP_").into_iter().map(|(name, number)| (camel(&name), number)).collect();
        self.same("gap reasons", &reasons, &in_header);
        for reason in reasons.keys() {
            let name = words(reason);
            self.says("core/src/timeline.rs", &format!("Self::{reason} => \"{name}\""));
            self.says("python/src/gap.rs", &format!("``\"{name}\"``"));
            self.says("go/gap.go", &format!("\tGap{reason} GapReason = C.CAPBUF_GAP_{}\n", upper(reason)));
            self.says("go/gap.go", &format!("case Gap{reason}:\n\t\treturn \"{name}\""));
        }
        self.same("a gap reason's name", &GapReason::SourceLost.name(), &"source lost");

        let lifetimes = numbered(between(&self.text("core/src/lifetime.rs"), "pub enum Lifetime {", "\n}"), " = ");
        let in_header =
            defined(&header, "LIFETIME_").into_iter().map(|(name, number)| (camel(&name), number)).collect();
        self.same("lifetimes", &lifetimes, &in_header);
        for lifetime in lifetimes.keys() {
            self.says("core/src/lifetime.rs", &format!("Self::{lifetime} => \"{}\"", words(lifetime)));
            self.says("go/spec.go", &format!("\t{lifetime} Lifetime = C.CAPBUF_LIFETIME_{}\n", upper(lifetime)));
        }
        self.same("a lifetime's name", &Lifetime::WhileOpen.name(), &"while open");

        let states = variants(between(&self.text("capture/src/state.rs"), "pub enum State {", "\n}"));
        let in_header: Vec<_> = by_number(&defined(&header, "STATE_")).iter().map(|name| camel(name)).collect();
        self.same("states of a capture", &states, &in_header);
        for state in &states {
            let constant = upper(state);
            self.says("go/capture.go", &format!("\tCapture{state} CaptureState = C.CAPBUF_STATE_{constant}\n"));
            self.says("python/src/capture.rs", &format!("\"{}\"", words(state)));
            self.says("core/src/source_health.rs", &format!("Self::{state} => \"{}\"", words(state)));
        }
    }

    fn compare_changes(&mut self) {
        let fields = between(&self.text("capture/src/station/changes.rs"), "pub struct Changes {", "\n}").to_owned();
        let fields = fields.lines().filter_map(|line| line.strip_prefix("    pub ")?.split(':').next());
        let fields: Vec<_> = fields.map(str::to_uppercase).collect();
        let in_header = by_number(&defined(&self.text("include/capbuf.h"), "CHANGE_"));
        self.same("what a reconfiguration did", &fields, &in_header);
        for name in &fields[1..] {
            let field = camel(name);
            self.says("go/station.go", &format!("case C.CAPBUF_CHANGE_{name}:\n\t\treturn &c.{field}\n"));
        }
    }

    fn compare_versions(&mut self) {
        let version = value(between(&self.text("Cargo.toml"), "[workspace.package]", "\n\n"), "version = ");
        let parts: Vec<&str> = version.split('.').collect();
        self.same("this package's version", &version.as_str(), &env!("CARGO_PKG_VERSION"));
        for part in ["capbuf = { path = \"core\", version = ", "capbuf-capture = { path = \"capture\", version = "] {
            self.says("Cargo.toml", &format!("{part}\"{version}\""));
        }
        self.says("include/capbuf.h", &format!("#define CAPBUF_VERSION_STRING \"{version}\"\n"));
        for (name, part) in ["MAJOR", "MINOR", "PATCH"].iter().zip(parts) {
            self.says("include/capbuf.h", &format!("#define CAPBUF_VERSION_{name} {part}\n"));
        }
        let for_c =
            value(between(&self.text("ffi/Cargo.toml"), "[package.metadata.capi.library]", "\n\n"), "version = ");
        self.same("version for cargo-c", &version, &for_c);
        self.says("ffi/Cargo.toml", "\nversion_suffix_components = 1\n");
        self.says("ffi/capbuf.pc.in", "\nVersion: @VERSION@\n");
        for package in ["ffi/Cargo.toml", "python/Cargo.toml"] {
            self.says(package, "\nversion.workspace = true\n");
        }
        self.says("python/pyproject.toml", "\ndynamic = [\"version\"]\n");
        self.says("python/pyproject.toml", "\nrequires-python = \">=3.10\"\n");
        self.says("Cargo.toml", "\"abi3-py310\"");

        let abi = defined(&self.text("include/capbuf.h"), "ABI_")["VERSION"];
        self.says("ffi/build.rs", &format!("-soname,libcapbuf.so.{abi}\""));
        self.says("scripts/install-c", &format!("/lib/libcapbuf.so.{abi}\""));
        let go = self.text("go/go.mod").lines().find_map(|line| line.strip_prefix("go ").map(str::to_owned)).unwrap();
        self.says("scripts/go", &format!("\nversion={go}."));
    }

    fn compare_names(&mut self) {
        for (rust, c, go, python) in NAMES {
            let entries = [("Rust", rust), ("C", c), ("Go", go), ("Python", python)];
            for (language, entry) in entries.into_iter().filter(|(_, entry)| !entry.is_empty()) {
                let (file, wanted) = match (language, *entry) {
                    ("C", name) => ("include/capbuf.h", format!(" {name}(")),
                    (_, entry) => {
                        let (file, wanted) = entry.split_once(": ").unwrap();
                        (file, wanted.to_owned())
                    }
                };
                let file = if language == "Python" { "python/python/capbuf/_capbuf.pyi" } else { file };
                let text = match (language, entry.split_once(": ")) {
                    ("Python", Some((class, _))) if class != "module" => {
                        let text = self.text(file);
                        between(&text, &format!("\nclass {class}:\n"), "\nclass ").to_owned()
                    }
                    _ => self.text(file),
                };
                if !text.contains(&wanted) {
                    self.differences.push(format!("{language} has no {entry}"));
                }
            }
        }
    }
}

/// The words of the interface: where a language has its own for an idea, it is in the row; where it has none yet, nothing is.
const NAMES: &[(&str, &str, &str, &str)] = &[
    ("core/src/registry.rs: pub fn open(", "capbuf_registry_open", "go/registry.go: func Open(", "Registry: def open("),
    (
        "core/src/registry.rs: pub fn private(",
        "capbuf_registry_private",
        "go/registry.go: func Private(",
        "Registry: def private(",
    ),
    (
        "core/src/registry.rs: pub fn domain(",
        "capbuf_registry_domain",
        "go/registry.go: Registry) Domain(",
        "Registry: def domain(",
    ),
    (
        "core/src/registry.rs: pub fn path(",
        "capbuf_registry_path",
        "go/registry.go: Registry) Path(",
        "Registry: def path(",
    ),
    (
        "core/src/registry.rs: pub fn allocate(",
        "capbuf_registry_allocate",
        "go/registry.go: Registry) Allocate(",
        "Registry: def allocate(",
    ),
    (
        "core/src/registry.rs: pub fn get_or_allocate(",
        "capbuf_registry_get_or_allocate",
        "go/registry.go: Registry) GetOrAllocate(",
        "Registry: def get_or_allocate(",
    ),
    (
        "core/src/registry.rs: pub fn get(",
        "capbuf_registry_get",
        "go/registry.go: Registry) Get(",
        "Registry: def get(",
    ),
    (
        "core/src/registry.rs: pub fn contains(",
        "capbuf_registry_contains",
        "go/registry.go: Registry) Contains(",
        "Registry: def __contains__(",
    ),
    (
        "core/src/registry.rs: pub fn remove(",
        "capbuf_registry_remove",
        "go/registry.go: Registry) Remove(",
        "Registry: def remove(",
    ),
    (
        "core/src/registry.rs: pub fn buffers(",
        "capbuf_registry_list",
        "go/registry.go: Registry) Buffers(",
        "Registry: def buffers(",
    ),
    (
        "core/src/registry.rs: pub fn stats(",
        "capbuf_registry_get_stats",
        "go/registry.go: Registry) Stats(",
        "Registry: def stats(",
    ),
    (
        "core/src/registry.rs: pub fn sweep(",
        "capbuf_registry_sweep",
        "go/registry.go: Registry) Sweep(",
        "Registry: def sweep(",
    ),
    (
        "core/src/registry.rs: pub fn trim_pool(",
        "capbuf_registry_trim_pool",
        "go/registry.go: Registry) TrimPool(",
        "Registry: def trim_pool(",
    ),
    (
        "core/src/buffer.rs: pub fn id(",
        "capbuf_buffer_id",
        "go/buffer.go: CaptureBuffer) ID(",
        "CaptureBuffer: def id(",
    ),
    (
        "core/src/buffer.rs: pub fn source(",
        "capbuf_buffer_source",
        "go/buffer.go: CaptureBuffer) Source(",
        "CaptureBuffer: def source(",
    ),
    (
        "core/src/buffer.rs: pub fn spec(",
        "capbuf_buffer_get_spec",
        "go/buffer.go: CaptureBuffer) Spec(",
        "CaptureBuffer: def spec(",
    ),
    (
        "core/src/buffer.rs: pub fn frames(",
        "capbuf_buffer_frames",
        "go/buffer.go: CaptureBuffer) Frames(",
        "CaptureBuffer: def frames(",
    ),
    (
        "core/src/buffer.rs: pub fn is_removed(",
        "capbuf_buffer_is_removed",
        "go/buffer.go: CaptureBuffer) IsRemoved(",
        "CaptureBuffer: def is_removed(",
    ),
    (
        "core/src/buffer.rs: pub fn read(",
        "capbuf_buffer_read",
        "go/read.go: CaptureBuffer) Read(",
        "CaptureBuffer: def read(",
    ),
    (
        "core/src/buffer.rs: pub fn status(",
        "capbuf_buffer_get_status",
        "go/status.go: CaptureBuffer) Status(",
        "CaptureBuffer: def status(",
    ),
    (
        "core/src/buffer.rs: pub fn windows(",
        "capbuf_buffer_windows",
        "go/windows.go: CaptureBuffer) Windows(",
        "CaptureBuffer: def windows(",
    ),
    (
        "core/src/buffer.rs: pub fn writer(",
        "capbuf_buffer_writer",
        "go/writer.go: CaptureBuffer) Writer(",
        "CaptureBuffer: def writer(",
    ),
    ("core/src/writer.rs: pub fn write<", "capbuf_writer_write", "go/writer.go: Writer) Write(", "Writer: def write("),
    (
        "core/src/writer.rs: pub fn write_bytes(",
        "capbuf_writer_write_bytes",
        "go/writer.go: Writer) WriteBytesAt(",
        "Writer: def write_bytes(",
    ),
    ("core/src/writer.rs: pub fn gap(", "capbuf_writer_gap", "go/writer.go: Writer) Gap(", "Writer: def gap("),
    (
        "core/src/writer.rs: pub fn next_frame(",
        "capbuf_writer_next_frame",
        "go/writer.go: Writer) NextFrame(",
        "Writer: def next_frame(",
    ),
    (
        "capture/src/supervise/capture.rs: pub fn start(",
        "capbuf_capture_start",
        "go/capture.go: func StartCapture(",
        "module: \ndef record(",
    ),
    (
        "capture/src/supervise/capture.rs: pub fn buffer(",
        "capbuf_capture_buffer",
        "go/capture.go: Capture) Buffer(",
        "Capture: def buffer(",
    ),
    (
        "capture/src/supervise/capture.rs: pub fn state(",
        "capbuf_capture_state",
        "go/capture.go: Capture) State(",
        "Capture: def state(",
    ),
    (
        "capture/src/supervise/capture.rs: pub fn stop(",
        "capbuf_capture_stop",
        "go/capture.go: Capture) Stop(",
        "Capture: def stop(",
    ),
    (
        "capture/src/station/handle.rs: pub fn reconfigure(",
        "capbuf_station_reconfigure",
        "go/station.go: Station) Reconfigure(",
        "Station: def reconfigure(",
    ),
    (
        "capture/src/station/handle.rs: pub fn sources(",
        "capbuf_station_sources",
        "go/station.go: Station) Sources(",
        "Station: def sources(",
    ),
    (
        "capture/src/clip/cut.rs: pub fn cut_clip(",
        "capbuf_buffer_clip",
        "go/clip.go: CaptureBuffer) ClipAround(",
        "CaptureBuffer: def clip_around(",
    ),
    (
        "capture/src/clip/trigger/handle.rs: pub fn begin(",
        "capbuf_trigger_begin",
        "go/trigger.go: func BeginTrigger(",
        "Trigger: def __new__(",
    ),
    (
        "capture/src/clip/trigger/handle.rs: pub fn fire(",
        "capbuf_trigger_fire",
        "go/trigger.go: Trigger) Fire(",
        "Trigger: def fire(",
    ),
    (
        "core/src/registry/observe.rs: pub fn enable_allocation_tracking(",
        "capbuf_registry_enable_allocation_tracking",
        "go/track.go: Registry) EnableAllocationTracking(",
        "Registry: def enable_allocation_tracking(",
    ),
    (
        "core/src/registry/observe.rs: pub fn is_allocation_tracking(",
        "capbuf_registry_is_allocation_tracking",
        "go/track.go: Registry) IsAllocationTracking(",
        "Registry: def is_allocation_tracking(",
    ),
    (
        "core/src/registry/observe.rs: pub fn allocation_report(",
        "capbuf_registry_allocation_report",
        "go/report.go: Registry) AllocationReport(",
        "Registry: def allocation_report(",
    ),
    (
        "core/src/registry/observe.rs: pub fn metrics_text(",
        "capbuf_registry_metrics",
        "go/track.go: Registry) MetricsText(",
        "Registry: def metrics_text(",
    ),
    (
        "core/src/registry/observe.rs: pub fn domain_metrics_text(",
        "capbuf_registry_domain_metrics",
        "go/track.go: Registry) DomainMetricsText(",
        "Registry: def domain_metrics_text(",
    ),
    (
        "core/src/registry/observe.rs: pub fn watch(",
        "capbuf_registry_watch",
        "go/watch.go: Registry) Watch(",
        "Registry: def watch(",
    ),
    ("core/src/source.rs: pub fn redact(", "capbuf_redact", "go/text.go: func Redact(", "module: \ndef redact("),
];

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let begin = text.find(from).unwrap_or_else(|| panic!("{from:?} is gone")) + from.len();
    let rest = &text[begin..];
    &rest[..rest.find(to).unwrap_or(rest.len())]
}

fn value(text: &str, key: &str) -> String {
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim_matches('"').to_owned()
}

/// The lines that are a name and its number.
fn numbered(text: &str, sign: &str) -> BTreeMap<String, i64> {
    let lines = text.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(sign));
    lines.filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?))).collect()
}

/// The variants of an enum, numbered or not.
fn variants(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    let named = lines.filter(|line| line.starts_with(char::is_uppercase));
    named.map(|line| line.trim_end_matches([',', ' ', '{']).to_owned()).collect()
}

/// The header's constants that begin so, without it.
fn defined(header: &str, prefix: &str) -> BTreeMap<String, i64> {
    let wanted = format!("#define CAPBUF_{prefix}");
    let lines = header.lines().filter_map(|line| line.strip_prefix(&wanted));
    lines.filter_map(|line| line.split_once(' ')).filter_map(|(n, v)| Some((n.to_owned(), v.parse().ok()?))).collect()
}

fn by_number(constants: &BTreeMap<String, i64>) -> Vec<String> {
    let mut names: Vec<_> = constants.iter().collect();
    names.sort_by_key(|(_, number)| **number);
    names.into_iter().map(|(name, _)| name.clone()).collect()
}

/// The names of `(CAPBUF_NAME, c"NAME")`, where both are the same.
fn named_statuses(text: &str) -> Vec<String> {
    let rows = text.lines().filter_map(|line| line.trim().strip_prefix("(CAPBUF_")?.split_once(", c\""));
    rows.filter(|(name, rest)| rest.split('"').next() == Some(*name)).map(|(name, _)| name.to_owned()).collect()
}

/// Go's `ErrName error = Code(C.CAPBUF_NAME)`.
fn sentinels(text: &str) -> Vec<(String, String)> {
    let rows = text.lines().filter_map(|line| line.trim().strip_prefix("Err")?.split_once(" error = Code(C.CAPBUF_"));
    rows.map(|(name, rest)| (name.to_owned(), rest.trim_end_matches(')').to_owned())).collect()
}

/// Python's classes that have a code.
fn classes(text: &str) -> BTreeMap<String, i64> {
    let bodies = text.split("\nclass ").skip(1);
    let coded = bodies.filter_map(|body| {
        let code = body.lines().find_map(|line| line.strip_prefix("    code = "))?.parse().ok()?;
        Some((body.split('(').next()?.to_owned(), code))
    });
    coded.collect()
}

/// `NOT_YET` as `NotYet`.
fn camel(name: &str) -> String {
    let parts = name.split('_').map(|word| format!("{}{}", &word[..1], word[1..].to_lowercase()));
    parts.collect()
}

/// `NotYet` as `not yet`.
fn words(name: &str) -> String {
    let spaced: String =
        name.chars().flat_map(|sign| [sign.is_uppercase().then_some(' '), Some(sign)]).flatten().collect();
    spaced.trim().to_lowercase()
}

/// `NotYet` as `NOT_YET`.
fn upper(name: &str) -> String {
    words(name).replace(' ', "_").to_uppercase()
}

#[test]
fn the_four_languages_and_the_header_say_the_same() {
    let differences = Tree::read().compare();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_difference_in_any_of_them_is_found() {
    let planted = [
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
        ("core/src/timeline.rs", "    Overrun = 6,", "    Overrun = 9,"),
        ("include/capbuf.h", "#define CAPBUF_GAP_OVERRUN 6", "#define CAPBUF_GAP_OVERFLOW 6"),
        ("go/gap.go", "return \"packet loss\"", "return \"packets lost\""),
        ("go/gap.go", "= C.CAPBUF_GAP_RECONFIGURED", "= C.CAPBUF_GAP_REQUESTED"),
        ("python/src/gap.rs", "``\"clock step\"``", "``\"clock set\"``"),
        ("include/capbuf.h", "#define CAPBUF_LIFETIME_WHILE_OPEN 1", "#define CAPBUF_LIFETIME_WHILE_OPEN 2"),
        ("go/spec.go", "= C.CAPBUF_LIFETIME_WHILE_OPEN", "= C.CAPBUF_LIFETIME_UNTIL_REMOVED"),
        ("capture/src/state.rs", "    Finished,\n", "    Ended,\n"),
        ("go/capture.go", "= C.CAPBUF_STATE_BACKING_OFF", "= C.CAPBUF_STATE_RUNNING"),
        ("python/src/capture.rs", "\"failed\"", "\"gave up\""),
        ("core/src/source_health.rs", "=> \"stalled\"", "=> \"stuck\""),
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
        ("core/src/registry.rs", "pub fn get_or_allocate(", "pub fn allocate_if_needed("),
        ("include/capbuf.h", " capbuf_writer_gap(", " capbuf_writer_skip("),
        ("go/registry.go", "Registry) Contains(", "Registry) Has("),
        ("python/python/capbuf/_capbuf.pyi", "    def remove(", "    def discard("),
    ];
    assert!(Tree::read().compare().is_empty(), "there is one already");
    for (file, from, to) in planted {
        let mut tree = Tree::read();
        let text = tree.files.get_mut(file).unwrap();
        assert!(text.contains(from), "{file} does not say {from:?} any more: plant something else");
        *text = text.replace(from, to);
        assert!(!tree.compare().is_empty(), "nobody noticed that {file} says {to:?}");
    }
}
