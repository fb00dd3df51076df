//! Recordings as sources, at the pace of their own time.

mod decode;

use std::path::{Path, PathBuf};

use capbuf::{Sample, Writer};

use crate::error::{Error, Result};
use crate::pace::{self, Supplied, Supply};
use crate::source::{Format, RequestedFormat, RunOutcome, Source};
use crate::stop::Stop;
use decode::Decoder;

/// A WAV, FLAC, Ogg Vorbis or MP3 file as a source.
pub(crate) struct FileSource {
    path: PathBuf,
    repeat: bool,
    opened: Option<Decoder>,
}

impl FileSource {
    pub(crate) fn new(path: &Path, repeat: bool) -> Self {
        Self { path: path.to_owned(), repeat, opened: None }
    }

    fn open_as(&self, wish: &RequestedFormat) -> Result<Decoder> {
        let decoder = Decoder::open(&self.path)?;
        let own = decoder.format();
        let wished = wish.or(own);
        if (wished.sample_rate_hz, wished.channels) != (own.sample_rate_hz, own.channels) {
            let shape = |format: Format| format!("{} Hz with {} channels", format.sample_rate_hz, format.channels);
            return Err(Error::NotOffered {
                source_name: self.path.display().to_string(),
                requested: shape(wished),
                offered: shape(own),
            });
        }
        Ok(decoder)
    }
}

impl Source for FileSource {
    fn open(&mut self, wish: &RequestedFormat, _stop: &Stop) -> Result<Format> {
        let decoder = self.open_as(wish)?;
        let format = wish.or(decoder.format());
        self.opened = Some(decoder);
        Ok(format)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let wish = RequestedFormat::exactly(writer.buffer().spec());
        let decoder = match self.opened.take() {
            Some(decoder) => decoder,
            None => self.open_as(&wish)?,
        };
        let mut rounds = Rounds { file: self, wish, decoder };
        pace::feed(&mut rounds, writer, stop)
    }
}

/// A file once, or again and again without a break.
struct Rounds<'a> {
    file: &'a FileSource,
    wish: RequestedFormat,
    decoder: Decoder,
}

impl Supply for Rounds<'_> {
    fn next<D: Sample>(&mut self, chunk: &mut [D], channels: usize) -> Result<Supplied> {
        match self.decoder.next(chunk, channels)? {
            Supplied::RunOutcome if self.file.repeat => {
                // Opening decodes the first packet, so each round gives something: this ends.
                self.decoder = self.file.open_as(&self.wish)?;
                self.decoder.next(chunk, channels)
            }
            supplied => Ok(supplied),
        }
    }
}
