//! Sets the SONAME of the shared library, and that it stays loaded.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcapbuf.so.0");
    // Its threads, and the thread-locals and fork handlers that it registers, outlive `dlclose`.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
