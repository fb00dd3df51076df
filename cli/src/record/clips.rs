//! The clips that a recording writes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use capbuf::{ReadOptions, SampleFormat, Stretch};
use capbuf_capture::{Capture, ClipInfo, clip_name, write_clip};
use clap::ValueEnum;

use super::opening::Recording;
use super::status::StatusLines;
use crate::failure::{Failure, complain};

/// What clips are stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ClipType {
    /// WAV: every sample format, 4 GiB at most
    Wav,
    /// FLAC: half the size; s16 and s24, f32 as 24 bits
    Flac,
}

impl ClipType {
    fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Flac => "flac",
        }
    }
}

/// How clips are written.
#[derive(Debug)]
pub(super) struct Clips {
    pub(super) length: Duration,
    pub(super) folder: PathBuf,
    pub(super) clip_type: ClipType,
}

/// What it is if a source has no audio yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing worth a word.
    Unsaid,
    /// To be told.
    Told,
    /// A failure.
    Fails,
}

impl Clips {
    /// Refuses a source whose clips could not be written, before it has recorded for an hour.
    pub(super) fn check(&self, capture: &Capture) -> Result<(), Failure> {
        let spec = capture.buffer().spec();
        if self.clip_type == ClipType::Flac && (spec.format() == SampleFormat::S32 || spec.channels() > 8) {
            let source = capture.buffer().source();
            return Err(Failure::Run(format!(
                "{source}: --type flac can't hold {spec}; ask for less, or for --type wav"
            )));
        }
        Ok(())
    }

    /// Writes the newest audio of every source, prints the paths, and tells whether all went well. What did not is told on stderr.
    pub(super) fn write(&self, recordings: &[Recording], lines: &mut StatusLines, silence: Silence) -> bool {
        lines.erase();
        let mut all_written = true;
        for recording in recordings {
            match self.write_one(recording) {
                // Nobody may listen: the clip is written, and the recording goes on.
                Ok(Some(clip)) => drop(print(&clip)),
                Ok(None) => {
                    if silence != Silence::Unsaid {
                        complain(&format!("{}: no clip, for there is no audio yet", recording.source_name));
                    }
                    all_written &= silence != Silence::Fails;
                }
                Err(reason) => {
                    complain(&reason);
                    all_written = false;
                }
            }
        }
        all_written
    }

    /// The clip, or nothing if there is no audio.
    fn write_one(&self, recording: &Recording) -> Result<Option<ClipInfo>, String> {
        let Some(buffer) = recording.buffer() else { return Ok(None) };
        // What there is: a source that has just begun has less.
        let options = ReadOptions::new().available();
        let segment = match buffer.read_with(Stretch::Last(self.length), &options) {
            Ok(segment) => segment,
            Err(capbuf::Error::NotYet { .. }) => return Ok(None),
            Err(error) => return Err(format!("{}: no clip: {error}", recording.source_name)),
        };
        let name = clip_name(buffer.source().as_str(), segment.start_utc_ns(), self.clip_type.extension());
        write_clip(&segment, &unused(&self.folder, &name)).map(Some).map_err(|error| error.to_string())
    }
}

fn print(clip: &ClipInfo) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // As it is: a folder's name need not be UTF-8.
    out.write_all(clip.path.as_os_str().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The path of a name in a folder, numbered if there is such a file: sources that differ in signs only have like names.
fn unused(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let numbered = (2..1000).map(|number| folder.join(format!("{stem}-{number}.{extension}")));
    std::iter::once(path.clone()).chain(numbered).find(|path| fs::symlink_metadata(path).is_err()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_numbered() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(unused(folder.path(), "a.b.wav"), folder.path().join("a.b.wav"));
        fs::write(folder.path().join("a.b.wav"), "").expect("a file");
        assert_eq!(unused(folder.path(), "a.b.wav"), folder.path().join("a.b-2.wav"));
        fs::write(folder.path().join("a.b-2.wav"), "").expect("a file");
        assert_eq!(unused(folder.path(), "a.b.wav"), folder.path().join("a.b-3.wav"));
    }
}
