use std::path::PathBuf;

/// Returns the path of a file in `tests/rigs`.
pub(crate) fn rig_file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "rigs", name].iter().collect()
}
