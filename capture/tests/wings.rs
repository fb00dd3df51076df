//! The direction of imports between the wings of this crate, checked over its source text.
//!
//! Each top-level module below `src` is a wing, or part of the ground. A wing may import only the
//! wings listed for it, and no file may import itself through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules that all wings share.
const GROUND: [&str; 3] = ["error", "state", "stop"];

/// The other wings that a wing may import. All may import the ground.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("ground", &[]),
    ("source", &[]),
    ("supervise", &["source"]),
    ("station", &["source", "supervise"]),
    ("clip", &[]),
];

/// A file of the crate, as module path and text.
type Files = BTreeMap<String, String>;

/// An import: the line that holds it, and the path of the imported module or item below `crate`.
#[derive(Debug, PartialEq)]
struct Import {
    line: usize,
    path: Vec<String>,
}

fn files() -> Files {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&source, &mut paths);
    let named = paths.into_iter().map(|path| {
        let name = path.strip_prefix(&source).expect("below src").to_str().expect("UTF-8").to_owned();
        (name, fs::read_to_string(path).expect("a source file"))
    });
    named.filter(|(name, _)| name != "lib.rs").collect()
}

/// Returns the module path of a file: `source/mod.rs` is `source`, `source/format.rs` is
/// `source::format`.
fn module_of(file: &str) -> Vec<String> {
    let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
    file.split('/').map(str::to_owned).collect()
}

fn wing_of(module: &[String]) -> &str {
    match module.first() {
        Some(first) if GROUND.contains(&first.as_str()) => "ground",
        Some(first) => first,
        None => "root",
    }
}

/// Removes comments and string literals, keeping line breaks.
fn without_comments(text: &str) -> String {
    let strip = |line: &str| {
        let (mut kept, mut in_string, mut previous) = (String::new(), false, ' ');
        for character in line.chars() {
            if character == '"' && previous != '\\' && previous != '\'' {
                in_string = !in_string;
            } else if !in_string {
                kept.push(character);
            }
            if kept.ends_with("//") {
                kept.truncate(kept.len() - 2);
                break;
            }
            previous = character;
        }
        kept
    };
    text.lines().map(strip).collect::<Vec<_>>().join("\n")
}

/// Expands the groups of an import: `a::{b, c::{d, self}}` is `a::b`, `a::c::d` and `a::c`.
fn expand(prefix: &[String], tree: &str, expanded: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let mut prefix = prefix.to_vec();
        prefix.extend(tree[..open].split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
        let (mut depth, mut start) = (0, 0);
        for (at, character) in inner.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&prefix, &inner[start..at], expanded);
                    start = at + 1;
                }
                _ => {}
            }
        }
        expand(&prefix, &inner[start..], expanded);
        return;
    }
    let tree = tree.split(" as ").next().unwrap_or_default();
    let parts = tree.split("::").map(str::trim).filter(|part| !part.is_empty() && *part != "self");
    let path: Vec<_> = prefix.iter().cloned().chain(parts.map(str::to_owned)).collect();
    if !tree.trim().is_empty() {
        expanded.push(path);
    }
}

/// Returns the imports of a file from its own crate: `use` trees and paths in code, from `crate` or
/// `super`.
fn imports(file: &str, text: &str) -> Vec<Import> {
    let text = without_comments(text);
    // Without unit tests: their `super` starts one level deeper.
    let text = &text[..text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len())];
    let module = module_of(file);
    let mut imports = Vec::new();
    for keyword in ["crate::", "super::"] {
        for (at, _) in text.match_indices(keyword) {
            let before = text[..at].chars().next_back();
            // A part of a longer path.
            if before.is_some_and(|before| before.is_alphanumeric() || "_:$".contains(before)) {
                continue;
            }
            let rest = &text[at..];
            let statement = text[..at].rsplit([';', '{', '}']).next().unwrap_or_default();
            let is_use = statement.trim_end().ends_with("use");
            let end = if is_use {
                rest.find(';').unwrap_or(rest.len())
            } else {
                rest.find(|character: char| !character.is_alphanumeric() && !"_:".contains(character)).unwrap_or(0)
            };
            let line = text[..at].matches('\n').count() + 1;
            let mut trees = Vec::new();
            expand(&[], &rest[..end], &mut trees);
            for tree in trees {
                let supers = tree.iter().take_while(|part| *part == "super").count();
                let path = match tree.first().map(String::as_str) {
                    Some("crate") => tree[1..].to_vec(),
                    // The module of a folder is `mod.rs`: its `super` is one level up, as for a
                    // file.
                    _ => module[..module.len().saturating_sub(supers)].iter().chain(&tree[supers..]).cloned().collect(),
                };
                imports.push(Import { line, path });
            }
        }
    }
    imports
}

/// Returns the imports between wings that are not allowed.
fn forbidden(files: &Files) -> Vec<String> {
    let mut forbidden = Vec::new();
    for (file, text) in files {
        let module = module_of(file);
        let own = wing_of(&module);
        let allowed = ALLOWED.iter().find(|(wing, _)| *wing == own).map_or(&[][..], |(_, allowed)| *allowed);
        for Import { line, path } in imports(file, text) {
            let other = wing_of(&path);
            if other != own && other != "ground" && !allowed.contains(&other) {
                forbidden.push(format!("src/{file}:{line}: {own} must not import {}", path.join("::")));
            }
        }
    }
    forbidden
}

/// Returns the cycles of imports between files: each as the files on it.
fn cycles(files: &Files) -> Vec<String> {
    let modules: BTreeMap<Vec<String>, &str> = files.keys().map(|file| (module_of(file), file.as_str())).collect();
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, text) in files {
        for Import { path, .. } in imports(file, text) {
            // The longest prefix that is a module; an item of a wing is its `mod.rs`.
            let target = (1..=path.len()).rev().find_map(|length| modules.get(&path[..length]));
            if let Some(target) = target.filter(|target| **target != file.as_str()) {
                graph.entry(file).or_default().insert(target);
            }
        }
        // A folder's page re-exports its files.
        if let Some(folder) = file.strip_suffix("mod.rs") {
            let inner = files.keys().filter(|inner| inner.starts_with(folder) && *inner != file);
            graph.entry(file).or_default().extend(inner.map(String::as_str));
        }
    }
    let reaches = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in graph.get(file).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reachable: BTreeMap<&str, BTreeSet<&str>> = files.keys().map(|file| (file.as_str(), reaches(file))).collect();
    let on_cycle = files.keys().filter(|file| reachable[file.as_str()].contains(file.as_str()));
    on_cycle
        .map(|file| {
            let back = reachable[file.as_str()].iter().filter(|other| reachable[**other].contains(file.as_str()));
            format!("src/{file} imports itself through {}", back.copied().collect::<Vec<_>>().join(", "))
        })
        .collect()
}

#[test]
fn imports_between_wings_follow_the_allowed_arrows() {
    assert_eq!(forbidden(&files()), Vec::<String>::new());
}

#[test]
fn no_file_imports_itself_through_others() {
    assert_eq!(cycles(&files()), Vec::<String>::new());
}

#[test]
fn every_wing_is_listed() {
    let found: BTreeSet<_> = files().keys().map(|file| wing_of(&module_of(file)).to_owned()).collect();
    assert_eq!(found, ALLOWED.iter().map(|(wing, _)| (*wing).to_owned()).collect());
}

/// The files, with `line` planted as the second line of one.
fn planted(file: &str, line: &str) -> Files {
    let mut files = files();
    let text = files.get_mut(file).expect(file);
    *text = format!("\n{line}\n{text}");
    files
}

#[test]
fn planted_imports_are_found_with_file_and_line() {
    for (file, line, found) in [
        ("source/signal.rs", "use crate::supervise::Capture;", "source must not import supervise::Capture"),
        (
            "clip/cut.rs",
            "use crate::{error::Error, supervise::{Capture, CaptureOptions}};",
            "clip must not import supervise::Capture",
        ),
        ("stop.rs", "fn f(_: crate::source::Format) {}", "ground must not import source::Format"),
        ("clip/wav.rs", "use super::super::station::Station;", "clip must not import station::Station"),
        (
            "supervise/runner.rs",
            "fn f() { let _ = crate::clip::clip_name(\"\", 0, \"\"); }",
            "supervise must not import clip::clip_name",
        ),
        ("source/device/mod.rs", "pub(crate) use crate::station as x;", "source must not import station"),
    ] {
        let expected = format!("src/{file}:2: {found}");
        assert!(
            forbidden(&planted(file, line)).contains(&expected),
            "{expected}: {:?}",
            forbidden(&planted(file, line))
        );
    }
}

#[test]
fn planted_cycle_is_found() {
    let found = cycles(&planted("source/format.rs", "use super::{contract::Source as _, kinds};"));
    assert!(found.iter().any(|cycle| cycle.starts_with("src/source/format.rs imports itself")), "{found:?}");
}

#[test]
fn comments_and_strings_are_no_imports() {
    let text = "// use crate::station::X;\n/// [`crate::station`]\nconst A: &str = \"crate::station::X\";\n";
    assert_eq!(imports("stop.rs", text), []);
}
