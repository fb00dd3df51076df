//! Clip files: types, names, and printing of their paths.

use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use capbuf::{SampleFormat, Spec};
use clap::ValueEnum;

/// The file type of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClipType {
    /// WAV: all sample formats, up to 4 GiB
    Wav,
    /// FLAC: about half the size; s16, s24, and f32 stored as 24 bits
    Flac,
}

impl ClipType {
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Flac => "flac",
        }
    }

    /// Returns the type of a path's extension.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        [Self::Wav, Self::Flac].into_iter().find(|clip_type| clip_type.extension() == extension)
    }

    /// Returns whether a clip of such a buffer can be of this type.
    pub(crate) fn can_hold(self, spec: &Spec) -> bool {
        self != Self::Flac || (spec.format() != SampleFormat::S32 && spec.channels() <= 8)
    }
}

/// Returns a path in the folder that no file has: numbered if the name is in use.
///
/// Sources that differ only in punctuation have the same name in file names.
pub(crate) fn unused(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let numbered = (2..1000).map(|number| folder.join(format!("{stem}-{number}.{extension}")));
    std::iter::once(path.clone()).chain(numbered).find(|path| fs::symlink_metadata(path).is_err()).unwrap_or(path)
}

/// Prints a path on a line of stdout.
pub(crate) fn print_path(path: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // As bytes: the name of a folder need not be UTF-8.
    out.write_all(path.as_os_str().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_use_gets_a_number() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(unused(folder.path(), "a.b.wav"), folder.path().join("a.b.wav"));
        fs::write(folder.path().join("a.b.wav"), "").expect("a file");
        assert_eq!(unused(folder.path(), "a.b.wav"), folder.path().join("a.b-2.wav"));
        fs::write(folder.path().join("a.b-2.wav"), "").expect("a file");
        assert_eq!(unused(folder.path(), "a.b.wav"), folder.path().join("a.b-3.wav"));
    }
}
