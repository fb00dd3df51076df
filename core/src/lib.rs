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

#[path = "buffer_handle.rs"]
mod buffer;
mod builder;
mod clock;
mod commit;
mod counts;
pub mod docs;
mod domain;
mod error;
mod gap;
mod holder;
mod lease;
mod lifetime;
mod memory;
#[cfg(all(test, miri))]
#[path = "models/miri.rs"]
mod memory_model;
mod metrics;
#[cfg(all(test, loom))]
mod models;
mod name;
mod published;
mod read;
mod registry;
mod report;
mod ring;
mod sample;
mod segment;
mod shared;
mod slot;
mod source;
mod source_claim;
mod source_health;
mod span;
mod spec;
mod status;
mod sync;
mod table;
mod thread_cache;
mod time;
mod track;
mod watch;
mod windows;
mod writer;

pub use buffer::{CaptureBuffer, OpenedBy};
pub use builder::RegistryBuilder;
pub use clock::{Clock, ManualClock, SystemClock};
pub use domain::{DomainInfo, MAX_DOMAIN_BYTES, Swept, domains, remove_domain};
pub use error::{Error, ErrorCode, Result};
pub use gap::{Gap, GapReason};
pub use holder::Holder;
pub use lifetime::{AllocateOptions, Lifetime};
pub use memory::{PoolStats, RegistryStats};
pub use metrics::MAX_METRIC_SOURCES;
pub use read::ReadOptions;
pub use registry::Registry;
pub use report::{
    AllocationReport, Attempts, CallSite, HolderReport, ProcessReport, SourceReport, StackFrame, StackReport, Totals,
};
pub use sample::{I24, Sample, convert};
pub use segment::{Extracted, Samples, Segment, SegmentGap};
pub use source::{MAX_SOURCE_BYTES, Source, redact};
pub use source_claim::SourceClaim;
pub use source_health::{SourceHealth, SourceState};
pub use span::{Missing, Span};
pub use spec::{Length, MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, SampleFormat, Spec};
pub use status::{Level, Status};
pub use track::{Caller, CodePlace, Dropped, Language, Outcome};
pub use watch::{Anomaly, AnomalyKind, Detector, Severity, Watch, WatchSettings};
pub use windows::{Window, WindowOptions, Windows};
pub use writer::Writer;
