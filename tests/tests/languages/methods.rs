//! Functions and methods: each operation of the interface has a name in Rust, C, Go and Python.

use crate::scrape::between;
use crate::tree::Tree;

/// The operations of one type.
struct Methods {
    /// The Rust file, or folder, of the methods.
    rust: &'static str,
    /// The prefix of the C functions.
    c: &'static str,
    /// The Python class; empty for functions of the module.
    python: &'static str,
    /// Rust method, C function without the prefix, Go file and declaration, Python method.
    rows: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

const METHODS: &[Methods] = &[
    Methods {
        rust: "core/src/registry",
        c: "capbuf_registry_",
        python: "Registry",
        rows: &[
            ("open", "open", "registry.go: func Open", "open"),
            ("private", "private", "registry.go: func Private", "private"),
            ("domain", "domain", "registry.go: Registry) Domain", "domain"),
            ("path", "path", "registry.go: Registry) Path", "path"),
            ("allocate", "allocate", "registry.go: Registry) Allocate", "allocate"),
            ("get_or_allocate", "get_or_allocate", "registry.go: Registry) GetOrAllocate", "get_or_allocate"),
            ("get", "get", "registry.go: Registry) Get", "get"),
            ("contains", "contains", "registry.go: Registry) Contains", "__contains__"),
            ("remove", "remove", "registry.go: Registry) Remove", "remove"),
            ("buffers", "list", "registry.go: Registry) Buffers", "buffers"),
            ("sources", "sources", "sources.go: Registry) Sources", "sources"),
            ("stats", "get_stats", "registry.go: Registry) Stats", "stats"),
            ("sweep", "sweep", "registry.go: Registry) Sweep", "sweep"),
            ("trim_pool", "trim_pool", "registry.go: Registry) TrimPool", "trim_pool"),
        ],
    },
    Methods {
        rust: "core/src/observe",
        c: "capbuf_registry_",
        python: "Registry",
        rows: &[
            (
                "enable_allocation_tracking",
                "enable_allocation_tracking",
                "track.go: Registry) EnableAllocationTracking",
                "enable_allocation_tracking",
            ),
            (
                "is_allocation_tracking",
                "is_allocation_tracking",
                "track.go: Registry) IsAllocationTracking",
                "is_allocation_tracking",
            ),
            ("allocation_report", "allocation_report", "report.go: Registry) AllocationReport", "allocation_report"),
            ("metrics_text", "metrics", "track.go: Registry) MetricsText", "metrics_text"),
            ("domain_metrics_text", "domain_metrics", "track.go: Registry) DomainMetricsText", "domain_metrics_text"),
            ("watch", "watch", "watch.go: Registry) Watch", "watch"),
        ],
    },
    Methods {
        rust: "core/src/buffer",
        c: "capbuf_buffer_",
        python: "CaptureBuffer",
        rows: &[
            ("id", "id", "buffer.go: CaptureBuffer) ID", "id"),
            ("source", "source", "buffer.go: CaptureBuffer) Source", "source"),
            ("spec", "get_spec", "buffer.go: CaptureBuffer) Spec", "spec"),
            ("frames", "frames", "buffer.go: CaptureBuffer) Frames", "frames"),
            ("is_removed", "is_removed", "buffer.go: CaptureBuffer) IsRemoved", "is_removed"),
            ("read", "read", "read.go: CaptureBuffer) Read", "read"),
            ("status", "get_status", "status.go: CaptureBuffer) Status", "status"),
            ("windows", "windows", "windows.go: CaptureBuffer) Windows", "windows"),
            ("writer", "writer", "writer.go: CaptureBuffer) Writer", "writer"),
        ],
    },
    Methods {
        rust: "core/src/buffer",
        c: "capbuf_writer_",
        python: "Writer",
        rows: &[
            ("write", "write", "writer.go: Writer) Write", "write"),
            ("write_bytes", "write_bytes", "writer.go: Writer) WriteBytesAt", "write_bytes"),
            ("gap", "gap", "writer.go: Writer) Gap", "gap"),
            ("next_frame", "next_frame", "writer.go: Writer) NextFrame", "next_frame"),
        ],
    },
    Methods {
        rust: "capture/src/supervise",
        c: "capbuf_capture_",
        python: "Capture",
        rows: &[
            ("buffer", "buffer", "capture.go: Capture) Buffer", "buffer"),
            ("state", "state", "capture.go: Capture) State", "state"),
            ("stop", "stop", "capture.go: Capture) Stop", "stop"),
        ],
    },
    Methods {
        rust: "capture/src/supervise",
        c: "capbuf_capture_",
        python: "",
        rows: &[("start", "start", "capture.go: func StartCapture", "record")],
    },
    Methods {
        rust: "capture/src/station",
        c: "capbuf_station_",
        python: "Station",
        rows: &[
            ("reconfigure", "reconfigure", "station.go: Station) Reconfigure", "reconfigure"),
            ("sources", "sources", "station.go: Station) Sources", "sources"),
        ],
    },
    Methods {
        rust: "capture/src/clip",
        c: "capbuf_buffer_",
        python: "CaptureBuffer",
        rows: &[("cut_clip", "clip", "clip.go: CaptureBuffer) ClipAround", "clip_around")],
    },
    Methods {
        rust: "capture/src/clip/trigger",
        c: "capbuf_trigger_",
        python: "Trigger",
        rows: &[
            ("begin", "begin", "trigger.go: func BeginTrigger", "__new__"),
            ("fire", "fire", "trigger.go: Trigger) Fire", "fire"),
        ],
    },
    Methods {
        rust: "core/src/source.rs",
        c: "capbuf_",
        python: "",
        rows: &[("redact", "redact", "text.go: func Redact", "redact")],
    },
];

impl Tree {
    pub(crate) fn compare_methods(&mut self) {
        let (header, stubs) = (self.text("include/capbuf.h"), self.text("python/python/capbuf/_capbuf.pyi"));
        for Methods { rust, c, python, rows } in METHODS {
            let rust_text = self.text(rust);
            let (class, indent) = match *python {
                "" => (stubs.as_str(), "\n"),
                class => (between(&stubs, &format!("\nclass {class}:\n"), "\nclass "), "    "),
            };
            for (in_rust, in_c, in_go, in_python) in *rows {
                // A generic method has its parameters before the bracket.
                let declared = ["(", "<"].map(|bracket| format!("pub fn {in_rust}{bracket}"));
                if !declared.iter().any(|wanted| rust_text.contains(wanted)) {
                    self.differs(format!("{rust} has no {in_rust}"));
                }
                if !header.contains(&format!(" {c}{in_c}(")) {
                    self.differs(format!("the header has no {c}{in_c}"));
                }
                let (file, declaration) = in_go.split_once(": ").unwrap();
                self.says(&format!("go/{file}"), &format!("{declaration}("));
                if !class.contains(&format!("{indent}def {in_python}(")) {
                    self.differs(format!("Python has no {python}.{in_python}"));
                }
            }
        }
    }
}
