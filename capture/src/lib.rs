//! Capture of audio into `capbuf` buffers: sound devices, network streams, files and test signals;
//! and clips cut from those buffers.
//!
//! A string, the [`Locator`], names a source. A [`Capture`] opens it, allocates its buffer and
//! feeds it on a thread of its own, with true capture times. When the source is lost it is opened
//! again, and the gap is recorded. Most failures of a source return no error, so a [`Watchdog`]
//! checks the frames that arrive; a [`CircuitBreaker`] slows down retries of a source that keeps
//! failing. [`State`] and history are visible in every process that has the buffer open.
//!
//! ```no_run
//! use std::{path::Path, time::Duration};
//! use capbuf::{Registry, Span};
//! use capbuf_capture::{Capture, CaptureOptions, clip_name, write_clip};
//!
//! let registry = Registry::private();
//! let capture = Capture::start(&registry, "device:default", &CaptureOptions::new())?;
//! std::thread::sleep(Duration::from_secs(30));
//! let clip = capture.buffer().read(Span::Last(Duration::from_secs(5)))?;
//! let name = clip_name(capture.buffer().source().as_str(), clip.start_utc_ns(), "wav");
//! write_clip(&clip, Path::new(&name))?;
//! # Ok::<(), capbuf_capture::Error>(())
//! ```
//!
//! To capture from another kind of source, implement [`Source`] and pass it to
//! [`Capture::start_source`].
//!
//! Network streams need the program `ffmpeg` on the `PATH`. Requested formats that the source does
//! not offer are converted: the rate, the channels ([`Mix`]), the sample format; a gain can be
//! applied.
//!
//! # Wings
//!
//! | module | contents | may use |
//! |---|---|---|
//! | `error`, `state`, `stop` | ground: what all wings share | nothing here |
//! | `source` | the kinds of source, locators, conversion | ground |
//! | `supervise` | captures: threads, retries, watchdog | ground, `source` |
//! | `station` | a changing set of captures | ground, `source`, `supervise` |
//! | `clip` | files cut from buffers, triggers | ground |
//!
//! `tests/wings.rs` checks these arrows over the source text.

mod clip;
mod error;
mod source;
mod state;
mod station;
mod stop;
mod supervise;

pub use clip::{
    ClipInfo, ClipProgress, ClipTags, Condition, IfExists, Trigger, TriggerOptions, clip_name, cut_clip,
    cut_clip_with_progress, write_clip, write_clip_with, write_clip_with_progress,
};
pub use error::{Error, Result};
pub use source::{
    DeviceHost, DeviceInfo, Format, Locator, Mix, RequestedFormat, RunOutcome, Source, StreamOptions, Times, Transport,
    alsa_name, devices, source,
};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use source::{count_frames, count_packets};
pub use state::{State, Transition};
pub use station::{Changes, SourceConfig, SourceStatus, Station, WhenGone};
pub use stop::Stop;
pub use supervise::{Backoff, Capture, CaptureOptions, CircuitBreaker, Supervised, Watchdog, WrongRate};

/// The examples of the front page and of the project's README, run as tests.
#[cfg(doctest)]
mod readme {
    #[doc = include_str!("../README.md")]
    struct Crate;
    #[doc = include_str!("../../README.md")]
    struct Project;
}
