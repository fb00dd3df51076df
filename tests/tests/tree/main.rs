//! Facts about the source tree as a whole: where `unsafe` stands, how long files are.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The most lines of a file. Generated files are exempt, see [`GENERATED`].
const MAX_LINES: usize = 450;
const GENERATED: [&str; 2] = ["include/capbuf.h", "ffi/include/capbuf.h"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The tracked files with one of some endings.
fn tracked(endings: &[&str]) -> Vec<String> {
    let mut git = Command::new("git");
    let listed = git.arg("-C").arg(root()).args(["ls-files", "-co", "--exclude-standard"]).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).unwrap();
    let is_wanted = |name: &&str| endings.iter().any(|ending| name.ends_with(ending)) && root().join(name).exists();
    names.lines().filter(is_wanted).map(str::to_owned).collect()
}

fn has_unsafe(text: &str) -> bool {
    let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    { code }.any(|line| {
        ["unsafe {", "unsafe impl", "unsafe fn", "unsafe extern", "unsafe("].iter().any(|word| line.contains(word))
    })
}

/// The files in a section of a page, by the code spans at the beginning of its list's items.
fn listed(page: &str, section: &str) -> BTreeSet<String> {
    let section = page.split(section).nth(1).unwrap().split("\n## ").next().unwrap();
    let items = section.lines().filter_map(|line| line.strip_prefix("- `")?.split('`').next());
    items.map(str::to_owned).collect()
}

#[test]
fn unsafe_stands_in_the_files_that_the_architecture_lists() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let listed = listed(&page, "## Where `unsafe` may stand");
    let is_of_the_libraries = |name: &String| {
        ["core/src/", "capture/src/", "cli/src/", "ffi/src/", "python/src/"]
            .iter()
            .any(|folder| name.starts_with(folder))
    };
    let sources = tracked(&[".rs"]);
    let found: BTreeSet<_> = sources
        .into_iter()
        .filter(|name| is_of_the_libraries(name) && has_unsafe(&std::fs::read_to_string(root().join(name)).unwrap()))
        .collect();
    let covers = |entry: &str, name: &str| entry == name || (entry.ends_with('/') && name.starts_with(entry));
    let unlisted: Vec<_> = found.iter().filter(|name| !listed.iter().any(|entry| covers(entry, name))).collect();
    assert!(unlisted.is_empty(), "`unsafe` in files that ARCHITECTURE.md does not list: {unlisted:?}");
    let unused: Vec<_> = listed.iter().filter(|entry| !found.iter().any(|name| covers(entry, name))).collect();
    assert!(unused.is_empty(), "listed in ARCHITECTURE.md without `unsafe`: {unused:?}");
}

#[test]
fn unsafe_is_recognised_in_code_and_not_in_comments() {
    for code in ["unsafe { f() }", "    unsafe impl Sync for X {}", "pub unsafe fn f()", "#[unsafe(no_mangle)]"] {
        assert!(has_unsafe(code), "{code}");
    }
    assert!(!has_unsafe("// unsafe { f() }\nlet unsafe_files = 1;"));
}

#[test]
fn no_file_of_code_is_longer_than_the_limit() {
    let long: Vec<_> = tracked(&[".rs", ".go", ".py", ".c", ".h"])
        .into_iter()
        .filter(|name| !GENERATED.contains(&name.as_str()))
        .map(|name| (std::fs::read_to_string(root().join(&name)).unwrap().lines().count(), name))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "longer than {MAX_LINES} lines: {long:?}");
}
