//! Versions: of the workspace, the header, the C ABI, the Python package, Go.

use crate::scrape::{between, defined, value};
use crate::tree::Tree;

impl Tree {
    pub(crate) fn compare_versions(&mut self) {
        let version = value(between(&self.text("Cargo.toml"), "[workspace.package]", "\n\n"), "version = ");
        self.same("this package's version", &version.as_str(), &env!("CARGO_PKG_VERSION"));
        for part in ["capbuf = { path = \"core\", version = ", "capbuf-capture = { path = \"capture\", version = "] {
            self.says("Cargo.toml", &format!("{part}\"{version}\""));
        }
        self.says("include/capbuf.h", &format!("#define CAPBUF_VERSION_STRING \"{version}\"\n"));
        for (name, part) in ["MAJOR", "MINOR", "PATCH"].iter().zip(version.split('.')) {
            self.says("include/capbuf.h", &format!("#define CAPBUF_VERSION_{name} {part}\n"));
        }
        let for_c =
            value(between(&self.text("ffi/Cargo.toml"), "[package.metadata.capi.library]", "\n\n"), "version = ");
        self.same("version for cargo-c", &version, &for_c);
        self.says("ffi/Cargo.toml", "\nversion_suffix_components = 1\n");
        self.says("ffi/capbuf.pc.in", "\nVersion: @VERSION@\n");
        for package in ["ffi/Cargo.toml", "python/Cargo.toml"] {
            self.says(package, "\nversion.workspace = true\n");
        }
        self.says("python/pyproject.toml", "\ndynamic = [\"version\"]\n");
        self.says("python/pyproject.toml", "\nrequires-python = \">=3.10\"\n");
        self.says("Cargo.toml", "\"abi3-py310\"");

        let abi = defined(&self.text("include/capbuf.h"), "ABI_")["VERSION"];
        self.says("ffi/build.rs", &format!("-soname,libcapbuf.so.{abi}\""));
        self.says("scripts/install-c", &format!("/lib/libcapbuf.so.{abi}\""));
        let go = value(&self.text("go/go.mod"), "go ");
        self.says("scripts/go", &format!("\nversion={go}."));
    }
}
