//! The last N seconds of every audio source, in memory, readable by wall-clock time.
//!
//! A [`Registry`] allocates one [`CaptureBuffer`] for each source, exactly once, however many
//! threads and processes ask at the same time. One [`Writer`] feeds a buffer and never waits. Any
//! number of readers copy spans out of it: by time, by frame number, or the newest.
//!
//! ```text
//! Registry ──get_or_allocate("device:default", spec)──▶ CaptureBuffer ──▶ Writer      one, real-time
//!    │                                                        │
//!    └── a domain: the same buffers in other processes        ├──▶ read(Span) ──▶ Segment
//!                                                             └──▶ windows(..) ──▶ Window, Window, ...
//! ```
//!
//! This crate opens no devices, decodes no streams and writes no files: `capbuf-capture` does.
//!
//! ```
//! use std::time::Duration;
//! use capbuf::{Length, Registry, SampleFormat, Span, Spec};
//!
//! // One buffer a source.
//! let registry = Registry::private();
//! let spec = Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16)?;
//! let buffer = registry.get_or_allocate("device:default", spec)?;
//!
//! // One writer, with the capture time of each chunk's first frame.
//! let mut writer = buffer.writer()?;
//! let start_utc_ns = 1_700_000_000_000_000_000;
//! for chunk in 0..500 {
//!     writer.write_at(&[0_i16; 480], start_utc_ns + chunk * 10_000_000)?;
//! }
//!
//! // Any number of readers.
//! let second = buffer.read(Span::Time(start_utc_ns + 1_000_000_000..start_utc_ns + 2_000_000_000))?;
//! assert_eq!((second.first_frame(), second.frames()), (48_000, 48_000));
//! let newest = buffer.read(Span::Last(Duration::from_millis(500)))?;
//! assert_eq!(newest.end_frame(), 240_000);
//! # Ok::<(), capbuf::Error>(())
//! ```
//!
//! # Guarantees of progress
//!
//! | operation | progress | allocates | system calls | thread |
//! |---|---|---|---|---|
//! | [`Writer::write`], [`Writer::write_at`] | wait-free | no | no | real-time |
//! | [`CaptureBuffer::frames`], [`CaptureBuffer::gaps`] | wait-free | no | no | real-time |
//! | [`Registry::with`], [`Registry::contains`], source known here | lock-free | once a thread | no | any |
//! | [`Registry::get`], [`Registry::get_or_allocate`] of a known source | lock-free | once a thread | no | any |
//! | [`CaptureBuffer::read_into`] without [`wait`](ReadOptions::wait) | lock-free; a partial read retries if overtaken | no | clock only | any |
//! | [`CaptureBuffer::read`] without `wait` | lock-free; a partial read retries if overtaken | the segment | by the allocator | any |
//! | a read that waits, [`Windows::next_into`] | blocks, sleeping up to its time-out | no | sleeps | any but real-time |
//! | [`Registry::get_or_allocate`] of a new source | short locks; blocks on that source's allocation | yes | yes | any but real-time |
//! | [`Registry::remove`] | takes a short lock; waits for an allocation under way | yes | in a domain | any but real-time |
//! | [`CaptureBuffer::writer`] | does not wait | at most a job for the helper thread | in a domain | before real-time |
//! | [`CaptureBuffer::status`], reports, metrics | blocks briefly | yes | yes | any but real-time |
//!
//! "Once a thread": the first lookup of a thread sets up its node of arc-swap. A source that
//! another process of the domain allocated is unknown here until its first lookup, which maps it.
//!
//! # What a read sees
//!
//! - Every frame it returns is the frame asked for, in the order in which it was written. A frame
//!   that the writer may have begun to overwrite is not returned.
//! - A frame below [`CaptureBuffer::frames`]`().end`, as this thread last saw it, is there until it
//!   is evicted.
//! - Frames that are missing are an error that says why: [`Error::NotYet`], [`Error::Evicted`].
//!   With [`ReadOptions::available`] they are listed in the segment instead.
//! - The time of a frame, once reported, never changes. Inside a recorded gap there are no frames:
//!   reads by time fill it with silence and list it.
//!
//! # What it does not do
//!
//! No playback, no mixing, no storage on disk, no transport between machines. No blocking
//! hand-over: a reader that is too slow loses the oldest frames and gets their number. Linux only.
//!
//! # Features
//!
//! - `observe` (default): allocation tracking with stacks, [`Registry::allocation_report`],
//!   [`Registry::metrics_text`], [`Registry::watch`]. Without it the crate has ten direct
//!   dependencies.
//!
//! # Limits
//!
//! [`MAX_CHANNELS`] channels, [`MAX_SAMPLE_RATE_HZ`], sources of [`MAX_SOURCE_BYTES`] bytes, a
//! budget of bytes for each registry ([`RegistryBuilder::budget_bytes`]), 128 processes in the list
//! of those that have a buffer open. See [`docs::limitations`].
//!
//! # Further reading
//!
//! [`docs`] explains how it works and why it is right: [`docs::time`], [`docs::lookup`],
//! [`docs::realtime`], [`docs::domains`], [`docs::tracking`], [`docs::patterns`],
//! [`docs::limitations`], [`docs::ordering`], [`docs::layout`], and [`docs::glossary`] for the
//! words.
#![warn(clippy::disallowed_types, clippy::disallowed_methods)]

mod buffer;
mod checked;
mod clock;
pub mod docs;
mod domain;
mod error;
mod gap;
mod holder;
mod lifetime;
mod memory;
#[cfg(all(test, miri))]
#[path = "models/miri.rs"]
mod memory_model;
#[cfg(all(test, loom))]
mod models;
#[cfg(feature = "observe")]
mod observe;
mod registry;
mod ring;
mod sample;
mod source;
mod source_state;
mod spec;
mod sync;
mod time;
mod timing;
// Without `observe` nothing is recorded: the log and its reader are not called.
#[cfg_attr(not(feature = "observe"), allow(dead_code, unused_imports))]
mod track;

#[doc(hidden)]
pub use buffer::Reservation;
pub use buffer::{
    CaptureBuffer, Extracted, Level, Missing, OpenedBy, ReadOptions, Samples, Segment, SegmentGap, SourceClaim,
    SourceHealth, Span, Status, Window, WindowOptions, Windows, Writer,
};
pub use clock::{Clock, ManualClock, SystemClock};
#[doc(hidden)]
pub use domain::domains_and_unusable;
pub use domain::{DomainInfo, MAX_DOMAIN_BYTES, Swept, check_domain_name, domains, remove_domain};
pub use error::{Error, ErrorCode, Result};
pub use gap::{Gap, GapReason};
pub use holder::Holder;
pub use lifetime::{AllocateOptions, Lifetime};
#[doc(hidden)]
pub use memory::largest_file_bytes;
pub use memory::{PoolStats, RegistryStats};
#[cfg(feature = "observe")]
pub use observe::{
    AllocationReport, Attempts, CallSite, Detector, HolderReport, MAX_METRIC_SOURCES, ProcessReport, SourceReport,
    StackFrame, StackReport, Totals, Watch, WatchSettings,
};
#[cfg(feature = "observe")]
#[doc(hidden)]
pub use observe::{ReportFilter, TrackingSwitches};
#[doc(hidden)]
pub use registry::DAEMON_NAME;
pub use registry::{Registry, RegistryBuilder, SourceInfo};
pub use sample::{I24, Sample, convert};
pub use source::{MAX_SOURCE_BYTES, Source, redact};
#[doc(hidden)]
pub use source::{UrlParts, percent_decoded};
pub use source_state::SourceState;
pub use spec::{Length, MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, SampleFormat, Spec};
#[doc(hidden)]
pub use sync::{OwnLock, OwnThread, Owner, above_standard_streams};
#[doc(hidden)]
pub use time::BEHIND_NS;
pub use timing::{ClockSource, MAX_LATENCY_NS, Timing};
#[cfg(feature = "observe")]
pub use track::{Anomaly, AnomalyKind, Severity};
pub use track::{Caller, CodePlace, Dropped, Language, Outcome};

/// Runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
