//! The last N seconds of every audio source, in memory: allocated exactly once, written by one real-time writer that never
//! waits, read by any number of readers by wall-clock time.
//!
//! capbuf does not open devices, decode streams or write files; see `capbuf-capture` for what feeds a buffer and cuts clips.
//!
//! ```
//! use std::time::Duration;
//! use capbuf::{Length, Registry, SampleFormat, Spec, Span};
//!
//! // One buffer a source, however many ask for it.
//! let registry = Registry::private();
//! let spec = Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16)?;
//! let buffer = registry.get_or_allocate("device:default", spec)?;
//!
//! // One writer, real-time safe, with the capture time of each chunk's first frame.
//! let mut writer = buffer.writer()?;
//! let start_utc_ns = 1_700_000_000_000_000_000;
//! for chunk in 0..500 {
//!     writer.write_at(&[0_i16; 480], start_utc_ns + chunk * 10_000_000)?;
//! }
//!
//! // Any number of readers: by time, by frame numbers, or the newest.
//! let second = buffer.read(Span::Time(start_utc_ns + 1_000_000_000..start_utc_ns + 2_000_000_000))?;
//! assert_eq!((second.first_frame(), second.frames()), (48_000, 48_000));
//! let newest = buffer.read(Span::Last(Duration::from_millis(500)))?;
//! assert_eq!(newest.end_frame(), 240_000);
//! # Ok::<(), capbuf::Error>(())
//! ```
//!
//! How it works, and why it is right, is told in [`docs`].
#![warn(clippy::disallowed_types, clippy::disallowed_methods)]

mod buffer;
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
mod observe;
mod registry;
mod ring;
mod sample;
mod source;
mod spec;
mod sync;
mod time;
mod track;

pub use buffer::{
    CaptureBuffer, Extracted, Level, Missing, OpenedBy, ReadOptions, Samples, Segment, SegmentGap, SourceClaim,
    SourceHealth, SourceState, Span, Status, Window, WindowOptions, Windows, Writer,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use domain::{DomainInfo, MAX_DOMAIN_BYTES, Swept, domains, remove_domain};
pub use error::{Error, ErrorCode, Result};
pub use gap::{Gap, GapReason};
pub use holder::Holder;
pub use lifetime::{AllocateOptions, Lifetime};
pub use memory::{PoolStats, RegistryStats};
pub use observe::{
    AllocationReport, Attempts, CallSite, Detector, HolderReport, MAX_METRIC_SOURCES, ProcessReport, SourceReport,
    StackFrame, StackReport, Totals, Watch, WatchSettings,
};
pub use registry::{Registry, RegistryBuilder};
pub use sample::{I24, Sample, convert};
pub use source::{MAX_SOURCE_BYTES, Source, redact};
pub use spec::{Length, MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, SampleFormat, Spec};
pub use track::{Anomaly, AnomalyKind, Caller, CodePlace, Dropped, Language, Outcome, Severity};
