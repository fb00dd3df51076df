//! The committed header matches the crate, and every exported function keeps its conventions.

#![allow(clippy::unwrap_used, clippy::panic)]

mod sources;

use std::fs;

use sources::{root, sources};

fn generated() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let mut text = Vec::new();
    cbindgen::Builder::new().with_crate(root()).with_config(config).generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_committed_header_matches_the_crate() {
    let path = root().join("include/capbuf.h");
    let (committed, generated) = (fs::read_to_string(&path).unwrap_or_default(), generated());
    if std::env::var_os("CAPBUF_WRITE_HEADER").is_some() {
        fs::write(path, &generated).unwrap();
    } else {
        let differs = committed.lines().zip(generated.lines()).position(|(one, other)| one != other);
        let line = differs.map(|line| line + 1);
        assert!(committed == generated, "include/capbuf.h differs from the crate at line {line:?}; run: make header");
    }
}

/// The exported functions: each one's name, and its text from the signature to the end.
fn functions() -> Vec<(String, String)> {
    let mut functions = Vec::new();
    for (_, text) in sources() {
        for part in text.split("#[unsafe(no_mangle)]\n").skip(1) {
            let body = &part[..part.find("\n}\n").unwrap()];
            let name = body.split("fn ").nth(1).unwrap().split('(').next().unwrap();
            functions.push((name.to_owned(), body.to_owned()));
        }
    }
    assert!(functions.len() > 40, "{}", functions.len());
    functions
}

/// Functions that return a constant and cannot fail.
const CONSTANT: [&str; 2] = ["capbuf_version", "capbuf_abi_version"];

#[test]
fn every_function_goes_through_the_guard() {
    for (name, body) in functions() {
        let inside = body.split_once("{\n").unwrap().1;
        let first = inside.trim_start();
        let guarded = ["guard(error, || ", "guard_wait_free(error, || ", "guard_value("]
            .iter()
            .any(|guard| first.starts_with(guard));
        let guarded = guarded || inside.contains("guard_wait_free(std::ptr::null_mut(), || ");
        assert!(guarded || CONSTANT.contains(&name.as_str()), "{name} does not go through the guard:\n{body}");
    }
}

#[test]
fn every_extern_function_is_exported() {
    for (file, text) in sources() {
        let declared = text.matches("extern \"C\" fn ").count();
        let exported = text.matches("#[unsafe(no_mangle)]\npub").count();
        assert_eq!(declared, exported, "{file}");
    }
}

#[test]
fn every_exported_name_has_the_prefix() {
    for (name, _) in functions() {
        assert!(name.starts_with("capbuf_"), "{name}");
    }
}

/// The comment of a function in the header.
fn comment<'a>(header: &'a str, name: &str) -> &'a str {
    let end = header.find(&format!("{name}(")).unwrap_or_else(|| panic!("{name} is not in the header"));
    &header[header[..end].rfind("\n\n").unwrap()..end]
}

#[test]
fn every_function_documents_threads_cost_and_errors() {
    let header = generated();
    // The first page names functions too.
    let declarations = &header[header.find("extern \"C\"").unwrap()..];
    for (name, body) in functions() {
        let comment = comment(declarations, &name);
        let mut wanted = vec!["\n// Threads: ", " Cost: "];
        if body.contains("error: *mut *mut capbuf_error") {
            wanted.push("\n// Errors: ");
        }
        for part in wanted {
            assert!(comment.contains(part), "the comment of {name} has no {part:?}:\n{comment}");
        }
    }
}

#[test]
fn every_line_of_the_header_fits_100_columns() {
    for line in generated().lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn versions_are_those_of_the_package() {
    let (header, version) = (generated(), env!("CARGO_PKG_VERSION"));
    assert!(header.contains(&format!("#define CAPBUF_VERSION_STRING \"{version}\"")));
    let parts: Vec<&str> = version.split('.').collect();
    for (name, part) in ["MAJOR", "MINOR", "PATCH"].iter().zip(parts) {
        assert!(header.contains(&format!("#define CAPBUF_VERSION_{name} {part}")), "{name}");
    }
}
