//! The clips that a recording writes.

use std::path::PathBuf;
use std::time::Duration;

use capbuf::{CaptureBuffer, ReadOptions, Span};
use capbuf_capture::{ClipInfo, ClipTags, IfExists, clip_name, write_clip_with};

use super::recording::Recording;
use super::status::StatusLines;
use crate::clip_file::{self, ClipType};
use crate::failure::{Failure, complain};

/// The clips to write.
#[derive(Debug)]
pub(super) struct Clips {
    pub(super) length: Duration,
    pub(super) folder: PathBuf,
    pub(super) clip_type: ClipType,
}

/// The handling of a source without audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Skip it.
    Ignored,
    /// Report it.
    Reported,
    /// Report it as a failure.
    Fails,
}

impl Clips {
    /// Checks at the start that the clips of a source can be written.
    pub(super) fn check(&self, buffer: &CaptureBuffer) -> Result<(), Failure> {
        let spec = buffer.spec();
        if !self.clip_type.can_hold(spec) {
            let source = buffer.source();
            return Err(Failure::Run(format!(
                "{source}: --type flac can't hold {spec}; ask for less, or for --type wav"
            )));
        }
        Ok(())
    }

    /// Writes the newest audio of every source, and prints the paths. Returns whether all were
    /// written; failures are printed on stderr.
    pub(super) fn write(&self, recordings: &[Recording], lines: &mut StatusLines, silence: Silence) -> bool {
        lines.erase();
        let mut all_written = true;
        for recording in recordings {
            match self.write_one(recording) {
                // A closed stdout does not end the recording.
                Ok(Some(clip)) => drop(clip_file::print_path(&clip.path)),
                Ok(None) => {
                    if silence != Silence::Ignored {
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

    /// Writes the clip of one source; `None` if there is no audio.
    fn write_one(&self, recording: &Recording) -> Result<Option<ClipInfo>, String> {
        let Some(buffer) = recording.buffer() else { return Ok(None) };
        // As much as there is: a source that has just started has less.
        let options = ReadOptions::new().available();
        let segment = match buffer.read_with(Span::Last(self.length), &options) {
            Ok(segment) => segment,
            Err(capbuf::Error::NotYet { .. }) => return Ok(None),
            Err(error) => return Err(format!("{}: no clip: {error}", recording.source_name)),
        };
        let name = clip_name(buffer.source().as_str(), segment.start_utc_ns(), self.clip_type.extension());
        let tags = ClipTags::new(buffer.source().as_str());
        let written = write_clip_with(&segment, &self.folder.join(name), &tags, IfExists::Number);
        written.map(Some).map_err(|error| error.to_string())
    }
}
