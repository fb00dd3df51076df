//! Imports between the files of this crate have one direction and no cycles.

#![allow(clippy::unwrap_used, clippy::panic)]

mod sources;

use sources::sources;

/// Every file but `lib.rs` and the `mod.rs` files. A file imports only files listed above it.
const ORDER: &[&str] = &[
    "boundary/status",
    "boundary/ffi_error",
    "boundary/pointers",
    "boundary/text_in",
    "boundary/versioned",
    "boundary/arguments",
    "boundary/text_out",
    "boundary/durations",
    "boundary/error_detail",
    "boundary/cancellation",
    "boundary/guard",
    "error",
    "version",
    "text",
    "caller",
    "spec",
    "registry_options",
    "registry_open",
    "registry_stats",
    "buffer",
    "registry",
    "buffer_info",
    "buffer_status",
    "writer",
    "reading/span",
    "reading/options",
    "reading/extracted",
    "reading/segment",
    "reading/read",
    "reading/window_options",
    "reading/windows",
    "capture/state",
    "capture/options",
    "capture/capture",
    "capture/clip",
    "capture/clip_queue",
    "capture/trigger_options",
    "capture/trigger",
    "registry_sources",
    "station/source_config",
    "station/changes",
    "station/source_list",
    "station/station",
    "domains",
    "observe/tracking",
    "observe/report",
    "observe/metrics",
    "observe/watch_settings",
    "observe/watch",
];

/// Returns what is wrong with the imports of the file `name`, apart from its unit tests.
fn wrong_imports(name: &str, text: &str) -> Vec<String> {
    let Some(place) = ORDER.iter().position(|file| *file == name) else {
        return vec![format!("{name} is not in ORDER")];
    };
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut wrong = Vec::new();
    if code.contains("super::") {
        wrong.push(format!("{name} imports by `super`; write `crate::` and the file"));
    }
    for import in code.split("crate::").skip(1) {
        let path: String = import.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
        let path = path.replace("::", "/");
        match ORDER.iter().position(|file| path == *file || path.starts_with(&format!("{file}/"))) {
            Some(imported) if imported <= place => {}
            Some(_) => wrong.push(format!("{name} imports upward: {path}")),
            None => wrong.push(format!("{name} imports {path}, which names no file")),
        }
    }
    wrong
}

#[test]
fn files_import_only_files_below_them() {
    let files: Vec<_> = sources().into_iter().filter(|(name, _)| name != "lib" && !name.ends_with("mod")).collect();
    let wrong: Vec<_> = files.iter().flat_map(|(name, text)| wrong_imports(name, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(files.len(), ORDER.len(), "ORDER lists a file that does not exist, or one twice");
}

#[test]
fn planted_wrong_imports_are_found() {
    for (name, planted) in [
        ("boundary/pointers", "use crate::boundary::guard::guard;"),
        ("buffer", "fn f() { crate::registry::capbuf_registry_get(); }"),
        ("reading/read", "use crate::boundary::*;"),
        ("reading/read", "use super::segment::capbuf_segment;"),
        ("unlisted", ""),
    ] {
        assert_eq!(wrong_imports(name, planted).len(), 1, "{name}: {planted}");
    }
    assert!(wrong_imports("registry", "use crate::buffer::capbuf_buffer;").is_empty());
}
