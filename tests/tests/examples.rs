//! The README shows the quick starts of `examples/` as they stand there, and `examples/README.md`
//! lists every example.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The code blocks of one language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks.map(|block| block.split_inclusive("```").next().unwrap().strip_suffix("```").unwrap()).collect()
}

/// Source files below a folder, by their paths relative to it.
fn sources(folder: &Path, below: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let is_source = path.extension().is_some_and(|end| ["rs", "c", "go", "py"].iter().any(|known| end == *known));
        if path.is_dir() {
            found.extend(sources(folder, &path));
        } else if is_source {
            found.insert(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn readme_quick_starts_equal_the_example_files() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (language, file) in [("rust", "rust/quick_start.rs"), ("python", "python/quick_start.py")] {
        let example = fs::read_to_string(root().join("examples").join(file)).unwrap();
        assert_eq!(blocks(&readme, language), [example], "examples/{file}");
    }
    for file in ["examples/c/quick_start.c", "examples/go/quick_start/main.go"] {
        assert!(readme.contains(&format!("]({file})")) && root().join(file).exists(), "{file} is linked");
    }
}

#[test]
fn examples_page_links_every_example() {
    let folder = root().join("examples");
    let page = fs::read_to_string(folder.join("README.md")).unwrap();
    let links = page.split("](").skip(1).filter_map(|link| link.split(')').next());
    let linked: BTreeSet<_> = links.filter(|link| !link.starts_with("..")).map(str::to_owned).collect();
    assert_eq!(linked, sources(&folder, &folder));
}
