//! The header, Rust, C, Go and Python agree: numbers, names and versions.
//!
//! The comparison reads the source files, so it needs nothing built. `planted.rs` proves that it
//! finds differences.
#![allow(clippy::unwrap_used, clippy::panic)]

mod constants;
mod errors;
mod methods;
mod planted;
mod scrape;
mod tree;
mod versions;

use tree::Tree;

#[test]
fn header_and_languages_agree() {
    assert_eq!(Tree::default().compare(), [""; 0]);
}
