//! The clips that a recording writes.

use std::path::PathBuf;
use std::time::Duration;

use capbuf::{ReadOptions, Span};
use capbuf_capture::{Capture, ClipInfo, ClipTags, clip_name, write_clip_with};

use super::opening::Recording;
use super::status::StatusLines;
use crate::clip_file::{self, ClipType, unused};
use crate::failure::{Failure, complain};

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
        if !self.clip_type.can_hold(spec) {
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
                Ok(Some(clip)) => drop(clip_file::print_path(&clip.path)),
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
        let segment = match buffer.read_with(Span::Last(self.length), &options) {
            Ok(segment) => segment,
            Err(capbuf::Error::NotYet { .. }) => return Ok(None),
            Err(error) => return Err(format!("{}: no clip: {error}", recording.source_name)),
        };
        let name = clip_name(buffer.source().as_str(), segment.start_utc_ns(), self.clip_type.extension());
        let tags = ClipTags::new(buffer.source().as_str());
        write_clip_with(&segment, &unused(&self.folder, &name), &tags).map(Some).map_err(|error| error.to_string())
    }
}
