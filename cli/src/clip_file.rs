//! Clip files: types, and printing of their paths.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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

/// Prints a path on a line of stdout.
pub(crate) fn print_path(path: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // As bytes: the name of a folder need not be UTF-8.
    out.write_all(path.as_os_str().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}
