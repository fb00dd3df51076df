//! What feeds a capture buffer: sound devices, network streams, files and test signals, and the clips that are cut from it.
//!
//! A source is named by a string, a [`Locator`]. A [`Capture`] opens it, allocates its buffer, and feeds it on a thread of its
//! own with true capture times; when the source is lost it is opened again, and the gap is on record. A [`Watchdog`] looks at
//! the frames that arrive, as most failures give no error; a [`CircuitBreaker`] keeps a source that fails at once from being
//! hammered; [`State`] and history tell what is going on, in every process that has the buffer open.
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
//! A program that has a source of another kind implements [`Source`] and passes it to [`Capture::start_source`].
//!
//! Network streams need the program `ffmpeg` on the `PATH`. What a source has not is made of what it has: one of its channels or
//! their average ([`Mix`]), another rate, another format, a gain.

mod backoff;
mod breaker;
mod capture;
mod clip;
mod clip_name;
mod clip_progress;
mod cut;
mod device;
mod error;
mod file;
mod flac;
mod instant;
mod kinds;
mod locator;
mod options;
mod pace;
mod processing;
mod progress;
mod runner;
mod signal;
mod source;
mod state;
mod station;
mod stop;
mod stream;
mod tags;
mod trigger;
mod watchdog;
mod wav;

pub use backoff::Backoff;
pub use breaker::CircuitBreaker;
pub use capture::{Capture, Supervised};
pub use clip::{ClipInfo, write_clip, write_clip_with, write_clip_with_progress};
pub use clip_name::clip_name;
pub use clip_progress::ClipProgress;
pub use cut::{cut_clip, cut_clip_with_progress};
pub use device::{DeviceInfo, alsa_name, devices};
pub use error::{Error, Result};
pub use kinds::source;
pub use locator::{DeviceHost, Locator};
pub use options::CaptureOptions;
pub use processing::Mix;
pub use source::{Format, RequestedFormat, RunOutcome, Source};
pub use state::{State, Transition};
pub use station::{Changes, SourceConfig, SourceStatus, Station, WhenGone};
pub use stop::Stop;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use stream::take_apart;
pub use tags::ClipTags;
pub use trigger::{Condition, Trigger, TriggerOptions};
pub use watchdog::Watchdog;

/// The README's examples, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
