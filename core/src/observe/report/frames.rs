//! Stacks without the frames of libraries and runtimes, and the frames that tell equal call sites
//! apart.

use std::collections::BTreeMap;

use crate::track::Place;

/// The folder of this crate's source, as it stands in debug information.
fn own_folder() -> &'static str {
    file!().strip_suffix("observe/report/frames.rs").unwrap_or("capbuf/src/")
}

/// True for code of this library or of a binding.
fn is_library(place: &Place) -> bool {
    let (function, file) = (place.function.trim_start_matches('<'), place.file.as_str());
    if !file.is_empty() {
        // The bindings are built in this crate's workspace only.
        let folders = ["core/src/", "ffi/src/", "python/src/"];
        let is_binding = own_folder().ends_with(folders[0]) && folders.iter().any(|folder| file.contains(folder));
        return is_binding || file.contains(own_folder()) || file.contains("/backtrace-");
    }
    let is_c_function = function.starts_with("capbuf_") && !function.contains("::");
    is_c_function || ["capbuf::", "capbuf_ffi::", "backtrace::"].iter().any(|own| function.starts_with(own))
}

/// True for code that runs a program, or ends its values, in any language.
fn is_runtime(place: &Place) -> bool {
    let (function, file) = (place.function.trim_start_matches('<'), place.file.as_str());
    const RUST: [&str; 5] = ["core::", "std::", "alloc::", "test::", "__rust_"];
    const C: [&str; 10] = [
        "_start",
        "__libc_start_main",
        "__libc_start_call_main",
        "start_thread",
        "clone",
        "clone3",
        "__clone",
        "__clone3",
        "runtime.goexit",
        "runtime.main",
    ];
    // Without the version that a symbol may have.
    let symbol = function.split('@').next().unwrap_or_default();
    let is_python = file.contains("/lib/python3") && !file.contains("-packages/") || file.starts_with("<frozen ");
    let is_rust = file.starts_with("/rustc/") || file.contains("/rustlib/src/rust/library/");
    let is_named = C.contains(&symbol) || symbol.starts_with("__libc_start_main") || symbol == "testing.tRunner";
    let is_system =
        file.is_empty() && ["libc.so", "ld-linux", "libpthread"].iter().any(|lib| function.starts_with(lib));
    is_python || is_rust || is_named || is_system || file.is_empty() && RUST.iter().any(|own| function.starts_with(own))
}

/// The frames of a program in a stack.
pub(super) fn of_program(mut places: Vec<Place>) -> Vec<Place> {
    places.retain(|place| !is_library(place) && !is_runtime(place));
    places
}

/// Returns for each of several different stacks the frames at which it departs from others,
/// innermost first.
pub(super) fn differing(stacks: &[&[Place]]) -> Vec<Vec<Place>> {
    let mut differing = vec![Vec::new(); stacks.len()];
    let mut groups = vec![((0..stacks.len()).collect::<Vec<_>>(), 0)];
    while let Some((group, depth)) = groups.pop() {
        if group.len() < 2 {
            continue;
        }
        let mut branches: BTreeMap<Option<&Place>, Vec<usize>> = BTreeMap::new();
        group.iter().for_each(|at| branches.entry(stacks[*at].get(depth)).or_default().push(*at));
        let is_branching = branches.len() > 1;
        for (place, branch) in branches {
            // Stacks that end here are equal.
            let Some(place) = place else { continue };
            if is_branching {
                branch.iter().for_each(|at| differing[*at].push(place.clone()));
            }
            groups.push((branch, depth + 1));
        }
    }
    differing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(functions: &str) -> Vec<Place> {
        let place = |function: &str| Place { function: function.into(), file: "a.rs".into(), line: 1 };
        functions.split_ascii_whitespace().map(place).collect()
    }

    #[test]
    fn stacks_differ_by_the_innermost_frames_that_are_not_equal() {
        let stacks =
            ["ensure start main", "ensure stop main", "ensure retry start main", "ensure retry stop main", "ensure"];
        let stacks = stacks.map(stack);
        let named = |places: Vec<Place>| places.into_iter().map(|place| place.function).collect::<Vec<_>>().join(" ");
        let differing = differing(&stacks.each_ref().map(Vec::as_slice)).into_iter().map(named).collect::<Vec<_>>();
        assert_eq!(differing, ["start", "stop", "retry start", "retry stop", ""]);
    }

    #[test]
    fn frames_of_libraries_and_runtimes_are_left_out() {
        let place = |function: &str, file: &str| Place { function: function.into(), file: file.into(), line: 1 };
        let places = vec![
            place("begin", file!()),
            place("capbuf::registry::Registry::allocate", ""),
            place("<alloc::sync::Arc<T> as core::ops::drop::Drop>::drop", ""),
            place("drop_in_place<x>", "/rustc/59807616/library/core/src/ptr/mod.rs"),
            place("capbuf_buffer_free", ""),
            place("ensure", "src/app.rs"),
            place("run", "/usr/lib/python3.13/threading.py"),
            place("work", "/usr/lib/python3.13/site-packages/app/work.py"),
            place("capbuf_recorder::main", ""),
            place("runtime.goexit", "/usr/lib/go/src/runtime/asm.s"),
            place("__libc_start_main@@GLIBC_2.34", ""),
        ];
        let kept: Vec<_> = of_program(places).into_iter().map(|place| place.function).collect();
        assert_eq!(kept, ["ensure", "work", "capbuf_recorder::main"]);
    }
}
