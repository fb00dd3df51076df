//! The wings of `src` import each other in one direction: each uses only wings that stand before
//! it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The modules that are files of `src` itself: words that every wing may use. Each imports only
/// those that stand before it.
const GROUND: &[&str] =
    &["clock", "gap", "timing", "holder", "lifetime", "source", "source_state", "spec", "sample", "error", "checked"];

/// Each wing, and the wings that it may import. Each of these stands before it, so there is no
/// circle.
const ARROWS: &[(&str, &[&str])] = &[
    ("sync", &[]),
    ("ground", &["sync"]),
    ("memory", &["ground", "sync"]),
    ("ring", &["ground", "memory", "sync"]),
    ("time", &["ground", "memory", "ring", "sync"]),
    ("domain", &["ground", "memory", "sync"]),
    ("track", &["domain", "ground", "memory", "sync"]),
    ("buffer", &["domain", "ground", "memory", "ring", "sync", "time", "track"]),
    ("registry", &["buffer", "domain", "ground", "memory", "sync", "track"]),
    ("observe", &["buffer", "domain", "ground", "memory", "registry", "sync", "time", "track"]),
];

/// Folders of `src` that are no wings: documentation, and models, which may import everything.
const APART: &[&str] = &["docs", "models"];

/// A path of an import or an expression that leaves its file's module, with the line it stands in.
#[derive(Debug, PartialEq)]
struct Reference {
    line: usize,
    path: Vec<String>,
}

fn wing_of(module: &str) -> Option<&'static str> {
    if GROUND.contains(&module) {
        return Some("ground");
    }
    ARROWS.iter().map(|(wing, _)| *wing).find(|wing| *wing == module && *wing != "ground")
}

/// Replaces comments, strings and character literals by spaces.
fn without_text(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = text_end(bytes, at);
        out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        at = end.max(at + 1);
    }
    String::from_utf8(out).unwrap()
}

/// The end of the comment or literal that begins here; `at` if none does.
fn text_end(bytes: &[u8], at: usize) -> usize {
    let find = |from: usize, text: &str| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.windows(text.len()).position(|window| window == text.as_bytes()).map_or(bytes.len(), |found| from + found)
    };
    let rest = &bytes[at..];
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins_word = at == 0 || !is_word(bytes[at - 1]);
    if rest.starts_with(b"//") {
        return find(at, "\n");
    }
    if rest.starts_with(b"/*") {
        return (find(at, "*/") + 2).min(bytes.len());
    }
    let hashes = rest.iter().skip(1).take_while(|byte| **byte == b'#').count();
    if begins_word && rest[0] == b'r' && rest.get(1 + hashes) == Some(&b'"') {
        let end = format!("\"{}", "#".repeat(hashes));
        return (find(at + 2 + hashes, &end) + end.len()).min(bytes.len());
    }
    match rest[0] {
        b'"' => quoted_end(bytes, at, b'"'),
        // Else it is a lifetime.
        b'\'' if rest.get(1) == Some(&b'\\') || rest.get(2) == Some(&b'\'') => quoted_end(bytes, at, b'\''),
        _ => at,
    }
}

fn quoted_end(bytes: &[u8], begin: usize, quote: u8) -> usize {
    let mut at = begin + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// The items behind `#[cfg(test)]` or `#[cfg(all(test, ...))]`, with their attributes.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let begins = ["#[cfg(test)]", "#[cfg(all(test,"].into_iter().flat_map(|attribute| code.match_indices(attribute));
    let end_of = |(begin, attribute): (usize, &str)| {
        let mut depth = 0;
        let rest = code[begin + attribute.len()..].char_indices();
        let end = rest.map(|(at, sign)| (begin + attribute.len() + at, sign)).find(|(_, sign)| {
            depth += i32::from(*sign == '{') - i32::from(*sign == '}');
            depth == 0 && matches!(sign, '}' | ';')
        });
        begin..end.map_or(code.len(), |(at, _)| at + 1)
    };
    begins.map(end_of).collect()
}

/// The words and signs of the code, each with its line: `::` is one sign.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut tokens: Vec<(usize, String)> = Vec::new();
    let (mut line, mut is_open) = (1, false);
    for sign in code.chars() {
        let is_word = sign.is_alphanumeric() || sign == '_';
        match tokens.last_mut() {
            Some((_, last)) if is_open && is_word => last.push(sign),
            Some((_, last)) if is_open && sign == ':' && last == ":" => last.push(sign),
            _ if sign.is_whitespace() => {}
            _ => tokens.push((line, sign.to_string())),
        }
        let last = tokens.last().map_or("", |(_, last)| last);
        is_open = !sign.is_whitespace() && (is_word || last == ":");
        line += usize::from(sign == '\n');
    }
    tokens
}

/// Reads a path or a tree of paths from a token on; returns all paths in it.
fn read_paths(tokens: &[(usize, String)], at: &mut usize, before: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    while let Some((_, token)) = tokens.get(*at) {
        *at += 1;
        if token == "{" {
            while tokens.get(*at).is_some_and(|(_, token)| token != "}") {
                read_paths(tokens, at, &path, found);
                while tokens.get(*at).is_some_and(|(_, token)| token != "," && token != "}") {
                    *at += 1;
                }
                *at += usize::from(tokens.get(*at).is_some_and(|(_, token)| token == ","));
            }
            *at += 1;
            return;
        }
        if token != "self" {
            path.push(token.clone());
        }
        let goes_on = tokens.get(*at).is_some_and(|(_, token)| token == "::");
        let is_turbofish = tokens.get(*at + 1).is_some_and(|(_, token)| token == "<");
        if !goes_on || is_turbofish {
            break;
        }
        *at += 1;
    }
    found.push(path);
}

/// All paths of a file that begin with `crate` or `super`, from the crate's root on. `module` is
/// the file's own.
fn references(source: &str, module: &[&str]) -> Vec<Reference> {
    let mut code = without_text(source);
    for item in test_items(&code) {
        let blank: String = code[item.clone()].chars().map(|sign| if sign == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(item, &blank);
    }
    let tokens = tokens(&code);
    let mut references = Vec::new();
    // The inline modules around a token, each with the depth of its braces.
    let (mut inline, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
    let mut at = 0;
    while let Some((line, token)) = tokens.get(at) {
        let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at)).map_or("", |(_, token)| token);
        match token.as_str() {
            "{" => {
                depth += 1;
                if before(2) == "mod" {
                    inline.push((before(1).to_owned(), depth));
                }
            }
            "}" => {
                inline.retain(|(_, of)| *of < depth);
                depth = depth.saturating_sub(1);
            }
            // A macro names the crate's public interface by `$crate`.
            "crate" | "super" if before(1) != "$" && tokens.get(at + 1).is_some_and(|(_, next)| next == "::") => {
                let mut own: Vec<String> = module.iter().map(|name| (*name).to_owned()).collect();
                own.extend(inline.iter().map(|(name, _)| name.clone()));
                let mut found = Vec::new();
                let mut end = at;
                read_paths(&tokens, &mut end, &[], &mut found);
                references.extend(found.into_iter().map(|path| {
                    let supers = path.iter().take_while(|name| *name == "super").count();
                    let is_crate = path[0] == "crate";
                    let root = if is_crate { &[][..] } else { &own[..own.len().saturating_sub(supers)] };
                    let rest = &path[supers.max(usize::from(is_crate))..];
                    Reference { line: *line, path: [root, rest].concat() }
                }));
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    references
}

/// The forbidden imports of a file, and the arrows that it uses.
fn check(file: &Path, source: &str) -> (Vec<String>, BTreeSet<(&'static str, &'static str)>) {
    let mut module: Vec<_> = file.iter().map(|part| part.to_str().unwrap().trim_end_matches(".rs")).collect();
    module.retain(|name| *name != "mod");
    let wing = wing_of(module[0]).unwrap_or_else(|| panic!("{} is in no wing", file.display()));
    let allowed = ARROWS.iter().find(|(name, _)| *name == wing).unwrap().1;
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for Reference { line, path } in references(source, &module) {
        let place = format!("{}:{line}: {}", file.display(), path.join("::"));
        match path.first().map(|first| wing_of(first)) {
            // The rest of a path whose tree ended with `self`.
            None => {}
            Some(None) => wrong.push(format!("{place} is a re-export of lib.rs: name its wing")),
            Some(Some(target)) if target == wing => {}
            Some(Some(target)) if allowed.contains(&target) => {
                used.insert((wing, target));
            }
            Some(Some(target)) => wrong.push(format!("{place}: the arrow {wing} -> {target} is not allowed")),
        }
    }
    (wrong, used)
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of all wings, relative to `src`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files_found = Vec::new();
    for entry in src().join(folder).read_dir().unwrap() {
        let path = folder.join(entry.unwrap().file_name());
        let name = path.to_str().unwrap();
        if src().join(&path).is_dir() && !APART.contains(&name) {
            files_found.extend(files(&path));
        } else if name.ends_with(".rs") && name != "lib.rs" && !name.ends_with("tests.rs") {
            files_found.push(path);
        }
    }
    files_found.sort();
    files_found
}

#[test]
fn wings_import_only_what_is_allowed_and_all_of_it() {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for file in files(Path::new("")) {
        let (wrong_here, used_here) = check(&file, &std::fs::read_to_string(src().join(&file)).unwrap());
        wrong.extend(wrong_here);
        used.extend(used_here);
    }
    let allowed = ARROWS.iter().flat_map(|(wing, targets)| targets.iter().map(|target| (*wing, *target)));
    wrong.extend(
        allowed
            .filter(|arrow| !used.contains(arrow))
            .map(|(wing, target)| format!("the arrow {wing} -> {target} is allowed and not used")),
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn ground_modules_import_only_earlier_ones() {
    for (at, module) in GROUND.iter().enumerate() {
        let source = std::fs::read_to_string(src().join(module).with_extension("rs")).unwrap();
        for Reference { line, path } in references(&source, &[module]) {
            let later = GROUND[at + 1..].iter().find(|later| path.first().is_some_and(|first| first == *later));
            assert_eq!(later, None, "{module}.rs:{line} imports a later module");
        }
    }
}

#[test]
fn no_circle_of_wings_is_allowed() {
    for (at, (wing, targets)) in ARROWS.iter().enumerate() {
        for target in *targets {
            assert!(ARROWS[..at].iter().any(|(before, _)| before == target), "{wing} -> {target} runs upward");
        }
    }
}

#[test]
fn page_of_each_wing_names_its_arrows() {
    for (wing, targets) in ARROWS.iter().filter(|(wing, _)| *wing != "ground") {
        let page = std::fs::read_to_string(src().join(wing).join("mod.rs")).unwrap();
        let lines: Vec<_> = page.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(lines[0].starts_with(&format!("//! Wing `{wing}`: ")), "{wing}: {}", lines[0]);
        assert!((10..=30).contains(&lines.len()), "the page of {wing} has {} lines", lines.len());
        let named = |begin: &str| -> BTreeSet<&str> {
            let rest = lines.iter().skip_while(|line| !line.starts_with(begin)).take_while(|line| **line != "//!");
            rest.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
        };
        assert_eq!(named("//! May use: "), targets.iter().copied().collect(), "{wing} may use");
        let users = ARROWS.iter().filter(|(_, targets)| targets.contains(wing)).map(|(user, _)| *user);
        assert_eq!(named("//! Used by: "), users.collect(), "{wing} is used by");
    }
}

/// The report on a planted file.
fn planted(file: &str, source: &str) -> Vec<String> {
    check(Path::new(file), source).0
}

#[test]
fn a_forbidden_import_is_reported_with_file_line_and_arrow() {
    let upward = planted("ring/frames.rs", "use std::fmt;\n\nuse crate::buffer::Shared;\n");
    assert_eq!(upward, ["ring/frames.rs:3: buffer::Shared: the arrow ring -> buffer is not allowed"]);
    for (file, source) in [
        ("ring/frames.rs", "use crate::{memory::{Region, copy}, registry::{Registry}};"),
        ("ring/frames.rs", "use crate::{\n    memory::Region,\n    registry,\n};"),
        ("ring/frames.rs", "fn f() { crate::observe::report::text(); }"),
        ("ring/frames.rs", "fn f() -> Vec<crate::time::Extent> { Vec::<crate::sync::AtomicU64>::new() }"),
        ("ring/frames.rs", "use super::super::track::Log;"),
        ("ring/frames.rs", "mod inner {\n    use super::super::super::domain;\n}"),
        ("ring/mod.rs", "pub(crate) use super::domain::Domain;"),
        ("registry/lookup/slot.rs", "use super::super::super::observe;"),
        ("spec.rs", "use crate::memory::Layout;"),
        ("sync/fork.rs", "use super::super::error::Error;"),
        ("ring/frames.rs", "use crate::Error;"),
        ("ring/frames.rs", "use crate::{Error, sync};"),
        ("ring/frames.rs", "fn f() { g(\"\\\"\", 'x', '\\'', r#\"\"\"#, b\"//\"); crate::track::count() }"),
        ("ring/frames.rs", "#[cfg(test)]\nmod tests {}\nuse crate::track::Log;"),
        ("ring/frames.rs", "#[cfg(test)]\nuse crate::track::Log;\nuse crate::buffer::Span;"),
    ] {
        assert_eq!(planted(file, source).len(), 1, "{file}: {source}");
    }
}

#[test]
fn text_and_foreign_imports_are_not_reported() {
    for (file, source) in [
        ("ring/frames.rs", "use crate::memory::{Region, copy};\nuse super::anchors::Anchor;"),
        ("ring/frames.rs", "// use crate::buffer::Shared;\n/* crate::buffer */\n/// [`crate::Registry`]\nfn f() {}"),
        ("ring/frames.rs", "const PATH: &str = \"crate::buffer\";\nconst RAW: &str = r#\"\"crate::track\"\"#;"),
        ("ring/frames.rs", "#[cfg(test)]\nmod tests {\n    use crate::Registry;\n    fn f() { {} }\n}"),
        ("ring/frames.rs", "#[cfg(all(test, miri))]\nfn tiny() { crate::buffer::tiny() }"),
        ("ring/frames.rs", "macro_rules! m { () => { $crate::I24 }; }\npub(crate) fn f<'a>(one: &'a str) {}"),
        ("sync/real.rs", "mod inner {\n    use super::super::process;\n    use super::*;\n}"),
        ("registry/lookup/slot.rs", "use super::super::handle::Registry;\nuse crate::registry::claim;"),
        ("observe/mod.rs", "use super::track::Log;"),
    ] {
        assert_eq!(planted(file, source), Vec::<String>::new(), "{file}: {source}");
    }
}
