//! Enumerations: sample formats, gap reasons, clocks, lifetimes, states of a capture, changes of a
//! station.

use std::collections::BTreeMap;

use capbuf::{GapReason, Lifetime, SampleFormat};
use capbuf_capture::WrongRate;

use crate::scrape::{between, by_number, camel, defined, numbered, upper, variants, words};
use crate::tree::Tree;

impl Tree {
    pub(crate) fn compare_formats(&mut self) {
        let formats = SampleFormat::ALL.map(|format| (format.name().to_uppercase(), format as i64));
        let mut wanted = BTreeMap::from(formats.clone());
        wanted.insert("OWN".to_owned(), 0);
        let mut in_header = defined(&self.text("include/capbuf.h"), "FORMAT_");
        // A status, not a format.
        in_header.remove("MISMATCH");
        self.same("sample formats", &wanted, &in_header);
        for (name, _) in formats {
            self.says("go/format.go", &format!("\t{name} SampleFormat = C.CAPBUF_FORMAT_{name}\n"));
            self.says("go/format.go", &format!("case {name}:\n\t\treturn \"{}\"", name.to_lowercase()));
        }
    }

    pub(crate) fn compare_gap_reasons(&mut self) {
        let core = "core/src/gap.rs";
        let reasons = numbered(between(&self.text(core), "pub enum GapReason {", "\n}"), " = ");
        let in_header = self.in_header("GAP_");
        self.same("gap reasons", &reasons, &in_header);
        for reason in reasons.keys() {
            let name = words(reason);
            self.says(core, &format!("Self::{reason} => \"{name}\""));
            self.says("python/src/buffer/gap.rs", &format!("``\"{name}\"``"));
            self.says("go/gap.go", &format!("\tGap{reason} GapReason = C.CAPBUF_GAP_{}\n", upper(reason)));
            self.says("go/gap.go", &format!("case Gap{reason}:\n\t\treturn \"{name}\""));
        }
        self.same("a gap reason's name", &GapReason::SourceLost.name(), &"source lost");
    }

    pub(crate) fn compare_clocks(&mut self) {
        let core = "core/src/timing.rs";
        let clocks = numbered(between(&self.text(core), "pub enum ClockSource {", "\n}"), " = ");
        let in_header = self.in_header("CLOCK_");
        self.same("clocks", &clocks, &in_header);
        for clock in clocks.keys() {
            let name = words(clock);
            self.says(core, &format!("Self::{clock} => \"{name}\""));
            self.says("go/timing.go", &format!("\tClock{clock} ClockSource = C.CAPBUF_CLOCK_{}\n", upper(clock)));
            self.says("go/timing.go", &format!("case Clock{clock}:\n\t\treturn \"{name}\""));
            self.says("python/python/capbuf/_capbuf.pyi", &format!("\"{name}\""));
            for file in ["buffer/segment.rs", "buffer/clip.rs", "buffer/status.rs", "buffer/windows/window.rs"] {
                self.says(&format!("python/src/{file}"), &format!("``\"{name}\"``"));
            }
        }
    }

    pub(crate) fn compare_lifetimes(&mut self) {
        let core = "core/src/lifetime.rs";
        let lifetimes = numbered(between(&self.text(core), "pub enum Lifetime {", "\n}"), " = ");
        let in_header = self.in_header("LIFETIME_");
        self.same("lifetimes", &lifetimes, &in_header);
        for lifetime in lifetimes.keys() {
            self.says(core, &format!("Self::{lifetime} => \"{}\"", words(lifetime)));
            self.says("go/spec.go", &format!("\t{lifetime} Lifetime = C.CAPBUF_LIFETIME_{}\n", upper(lifetime)));
        }
        self.same("a lifetime's name", &Lifetime::WhileOpen.name(), &"while open");
    }

    pub(crate) fn compare_wrong_rates(&mut self) {
        let in_header = by_number(&defined(&self.text("include/capbuf.h"), "WRONG_RATE_"));
        let names = WrongRate::ALL.map(|wrong_rate| upper(&format!("{wrong_rate:?}")));
        self.same("what becomes of a wrong rate", &names.to_vec(), &in_header);
        for wrong_rate in WrongRate::ALL {
            let constant = upper(wrong_rate.name());
            self.says(
                "go/capture.go",
                &format!("\tWrongRate{wrong_rate:?} WrongRate = C.CAPBUF_WRONG_RATE_{constant}\n"),
            );
            self.says("python/python/capbuf/_capbuf.pyi", &format!("\"{wrong_rate}\""));
            self.says("contrib/capbuf.toml", &format!("\"{wrong_rate}\""));
        }
    }

    pub(crate) fn compare_latencies(&mut self) {
        for (file, says) in [
            ("capture/src/supervise/options.rs", "pub fn latency(mut self, latency_ns: i64) -> Self"),
            ("ffi/src/capture/options.rs", "pub latency_ns: i64,"),
            ("include/capbuf.h", "int64_t latency_ns;"),
            ("go/capture.go", "\tLatency time.Duration\n"),
            ("go/capture.go", "C.int64_t(o.Latency)"),
            ("python/python/capbuf/_capbuf.pyi", "    latency: _Seconds = 0.0,\n) -> Capture"),
            ("python/python/capbuf/_capbuf.pyi", "        latency: _Seconds = 0.0,\n        when_gone"),
            ("contrib/capbuf.toml", "# latency = \""),
            ("cli/src/record/mod.rs", "latency: Option<i64>"),
        ] {
            self.says(file, says);
        }
    }

    pub(crate) fn compare_states(&mut self) {
        let states = variants(between(&self.text("capture/src/state.rs"), "pub enum State {", "\n}"));
        let in_header = by_number(&defined(&self.text("include/capbuf.h"), "STATE_"));
        let in_header: Vec<_> = in_header.iter().map(|name| camel(name)).collect();
        self.same("states of a capture", &states, &in_header);
        for state in &states {
            let constant = upper(state);
            self.says("go/capture.go", &format!("\tCapture{state} CaptureState = C.CAPBUF_STATE_{constant}\n"));
            self.says("python/src/capture/state.rs", &format!("\"{}\"", words(state)));
            self.says("core/src/source_state.rs", &format!("Self::{state} => \"{}\"", words(state)));
        }
    }

    pub(crate) fn compare_changes(&mut self) {
        let fields = between(&self.text("capture/src/station/changes.rs"), "pub struct Changes {", "\n}").to_owned();
        let fields = fields.lines().filter_map(|line| line.strip_prefix("    pub ")?.split(':').next());
        let fields: Vec<_> = fields.map(str::to_uppercase).collect();
        let in_header = by_number(&defined(&self.text("include/capbuf.h"), "CHANGE_"));
        self.same("changes of a reconfiguration", &fields, &in_header);
        for name in &fields[1..] {
            let field = camel(name);
            self.says("go/station.go", &format!("case C.CAPBUF_CHANGE_{name}:\n\t\treturn &c.{field}\n"));
        }
    }

    /// Returns the header's constants with a prefix, named as variants of a Rust enum.
    fn in_header(&self, prefix: &str) -> BTreeMap<String, i64> {
        let constants = defined(&self.text("include/capbuf.h"), prefix);
        constants.into_iter().map(|(name, number)| (camel(&name), number)).collect()
    }
}
