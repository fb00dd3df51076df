//! A sound file as a source.

use std::path::{Path, PathBuf};

use capbuf::{Sample, Writer};

use super::decode::{Decoder, described};
use crate::error::{Error, Result};
use crate::source::contract::{RunOutcome, Source};
use crate::source::format::{Format, RequestedFormat};
use crate::source::pacing::{self, Supplied, Supply};
use crate::source::processing::output::Output;
use crate::stop::Stop;

/// A sound file as a source.
pub(crate) struct FileSource {
    path: PathBuf,
    repeat: bool,
    opened: Option<Decoder>,
}

impl FileSource {
    pub(crate) fn new(path: &Path, repeat: bool) -> Self {
        Self { path: path.to_owned(), repeat, opened: None }
    }

    fn open_decoder(&self, requested: &RequestedFormat, stop: &Stop) -> Result<Decoder> {
        let decoder = Decoder::open(&self.path, self.repeat, stop)?;
        let native = decoder.format();
        let format = requested.or(native);
        if (format.sample_rate_hz, format.channels) != (native.sample_rate_hz, native.channels) {
            let describe = |format: Format| described(format.sample_rate_hz, format.channels);
            return Err(Error::NotOffered {
                source_name: self.path.display().to_string(),
                requested: describe(format),
                offered: describe(native),
            });
        }
        Ok(decoder)
    }
}

impl Source for FileSource {
    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format> {
        let decoder = self.open_decoder(requested, stop)?;
        let format = requested.or(decoder.format());
        self.opened = Some(decoder);
        Ok(format)
    }

    fn is_replay(&self) -> bool {
        true
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        self.run_into(Output::direct(writer), stop)
    }

    fn run_into(&mut self, output: Output, stop: &Stop) -> Result<RunOutcome> {
        let requested = output.requested();
        let decoder = match self.opened.take() {
            Some(decoder) => decoder,
            None => self.open_decoder(&requested, stop)?,
        };
        let mut playback = Playback { file: self, requested, stop, decoder };
        pacing::feed(&mut playback, output, stop)
    }
}

/// The audio of a file, once or repeated without a gap.
struct Playback<'a> {
    file: &'a FileSource,
    requested: RequestedFormat,
    stop: &'a Stop,
    decoder: Decoder,
}

impl Supply for Playback<'_> {
    fn next<D: Sample>(&mut self, chunk: &mut [D], channels: usize) -> Result<Supplied> {
        match self.decoder.next(chunk, channels)? {
            Supplied::End if self.file.repeat => {
                // Opening decodes the first packet, so each round supplies at least one frame.
                self.decoder = self.file.open_decoder(&self.requested, self.stop)?;
                self.decoder.next(chunk, channels)
            }
            supplied => Ok(supplied),
        }
    }
}
