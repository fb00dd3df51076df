//! The contract of a source of audio.

use capbuf::Writer;

use crate::error::Result;
use crate::source::format::{Format, RequestedFormat};
use crate::source::processing::apart;
use crate::source::processing::output::Output;
use crate::source::remarks::Remarks;
use crate::stop::Stop;

/// Why a run ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// The audio is complete, as at the end of a file.
    Finished,
    /// The caller requested the stop.
    Stopped,
}

/// A source of audio. Opened and run on one thread of its own, repeatedly if it fails.
pub trait Source: Send {
    /// Opens the source, and returns the format that it will deliver. Closes it first if it is
    /// open.
    ///
    /// May block for seconds; returns early when `stop` is requested.
    ///
    /// # Errors
    /// If the source does not exist, refuses, delivers no audio, or does not offer `requested`.
    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format>;

    /// Writes the audio with its capture times until the source ends, is lost, or `stop` is
    /// requested.
    ///
    /// The buffer of `writer` has the format that [`Source::open`] returned. Closes the source
    /// before it returns.
    ///
    /// # Errors
    /// If the source is lost. It may be opened again.
    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome>;

    /// Returns whether running it again would deliver the same audio again, as that of a file.
    ///
    /// Such a source is opened until it runs, and never again after it has run. The watchdog rules
    /// do not apply: its audio is right however silent it is, and has the pace that it is read at.
    fn is_replay(&self) -> bool {
        false
    }

    /// Returns the source's own format, if it was opened with another one and converts by itself.
    #[doc(hidden)]
    fn declared(&self) -> Option<Format> {
        None
    }

    /// Returns the place of remarks that it makes while it runs.
    #[doc(hidden)]
    fn remarks(&self) -> Option<Remarks> {
        None
    }

    /// As [`run`](Self::run), with a conversion on the way. The sources of this crate convert on
    /// their own thread.
    #[doc(hidden)]
    fn run_into(&mut self, output: Output, stop: &Stop) -> Result<RunOutcome> {
        apart::run(output, stop, |writer, stop| self.run(writer, stop))
    }
}
