//! The header is what this crate says, and the crate keeps to what the header says.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header_path() -> PathBuf {
    root().join("../include/capbuf.h")
}

fn generated() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let mut text = Vec::new();
    cbindgen::Builder::new().with_crate(root()).with_config(config).generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_committed_header_is_what_the_crate_says() {
    let (committed, generated) = (fs::read_to_string(header_path()).unwrap_or_default(), generated());
    if std::env::var_os("CAPBUF_WRITE_HEADER").is_some() {
        fs::write(header_path(), &generated).unwrap();
    } else {
        let differs = committed.lines().zip(generated.lines()).position(|(one, other)| one != other);
        assert!(
            committed == generated,
            "include/capbuf.h is not what ffi/ says, from line {:?} on; run: make header",
            differs.map(|line| line + 1)
        );
    }
}

fn sources() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

/// The exported functions: name, and everything from its signature to its end.
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

/// Those that return a constant, and can do nothing wrong.
const CONSTANT: [&str; 2] = ["capbuf_version", "capbuf_abi_version"];

#[test]
fn every_function_goes_through_the_guard() {
    for (name, body) in functions() {
        let inside = body.split_once("{\n").unwrap().1;
        let first = inside.trim_start();
        let guarded = ["guard(error, || ", "guard_value("].iter().any(|guard| first.starts_with(guard));
        let guarded = guarded || inside.contains("guard(std::ptr::null_mut(), || ");
        assert!(guarded || CONSTANT.contains(&name.as_str()), "{name} does not go through the guard:\n{body}");
    }
}

#[test]
fn no_function_is_exported_without_the_prefix_or_beside_the_list() {
    for (file, text) in sources() {
        let exported = text.matches("extern \"C\" fn ").count();
        let listed = text.matches("#[unsafe(no_mangle)]\npub").count();
        assert_eq!(exported, listed, "{file}");
    }
    assert!(functions().iter().all(|(name, _)| name.starts_with("capbuf_")));
}

#[test]
fn every_function_tells_its_thread_and_what_goes_wrong() {
    let header = generated();
    // The text before it names functions, too.
    let header = &header[header.find("extern \"C\"").unwrap()..];
    for (name, body) in functions() {
        let doc_end = header.find(&format!("{name}(")).unwrap_or_else(|| panic!("{name} is not in the header"));
        let doc = &header[header[..doc_end].rfind("\n\n").unwrap()..doc_end];
        let told =
            ["Any thread", "thread.", "thread,", "thread;", "NULL is nothing"].iter().any(|word| doc.contains(word));
        assert!(told, "{name} does not tell its thread:\n{doc}");
        let fails = body.contains("error: *mut *mut capbuf_error");
        assert!(!fails || doc.contains("Errors: "), "{name} does not tell its errors:\n{doc}");
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
