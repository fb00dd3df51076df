use std::path::PathBuf;

/// Names a file of `tests/rigs`.
pub(crate) fn rig_file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "rigs", name].iter().collect()
}
