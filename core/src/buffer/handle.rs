//! The handle on a buffer.

use std::fmt;

use super::read::{self, ReadOptions};
use super::segment::{Extracted, Segment};
use super::shared::Shared;
use super::span::Span;
use crate::clock::Clock;
use crate::domain::removal;
use crate::error::Result;
use crate::holder::Holder;
use crate::lifetime::Lifetime;
use crate::sample::Sample;
use crate::source::Source;
use crate::spec::Spec;
use crate::sync::{Arc, Ordering, PlainArc};
use crate::time::Extent;
use crate::track::Taken;

/// A handle on the last N seconds of a source.
///
/// Cloning is an atomic addition. Dropping the last handle of a buffer that is in no registry frees
/// its memory. All methods may be called from any thread at the same time.
#[derive(Clone)]
pub struct CaptureBuffer {
    pub(crate) shared: Arc<Shared>,
    /// The record of this handle and its clones, while handles are tracked.
    pub(crate) taken: Option<PlainArc<Taken>>,
}

impl CaptureBuffer {
    /// The source that feeds it. Displayed without credentials.
    pub fn source(&self) -> &Source {
        &self.shared.source
    }

    /// Its length, rate, channels and sample format.
    pub fn spec(&self) -> &Spec {
        &self.shared.spec
    }

    /// The clock for arrival and age.
    pub fn clock(&self) -> &PlainArc<dyn Clock> {
        &self.shared.clock
    }

    /// True once it was removed from its registry, or its file was taken away. Its audio stays
    /// readable; nothing more is written.
    ///
    /// Lock-free. In a domain it checks the file at most ten times a second: some system calls.
    pub fn is_removed(&self) -> bool {
        self.shared.is_gone_lately()
    }

    /// Describes how it was removed: by which process, or that its file was taken away. `None` if
    /// it was not.
    #[doc(hidden)]
    pub fn removal(&self) -> Option<String> {
        let shared = &self.shared;
        if !shared.is_gone() {
            return None;
        }
        let path = shared.membership.as_ref().map(|membership| membership.path());
        Some(match (removal::is_taken(&shared.region), removal::remover(&shared.region), path) {
            (false, Some(remover), _) => format!("was removed by {remover}"),
            (true, _, Some(path)) => format!("was taken away: its file {path} is gone"),
            _ => "was removed".to_owned(),
        })
    }

    /// The readable frames: from the oldest to one past the newest. Empty before the first write.
    ///
    /// Wait-free. Stale at once: the oldest are evicted, newer ones come.
    pub fn frames(&self) -> std::ops::Range<u64> {
        Extent::of(&self.shared.region).map_or(0..0, |extent| extent.oldest_frame..extent.newest_frame)
    }

    /// Number of gaps recorded so far. Wait-free. Stale at once.
    pub fn gaps(&self) -> u64 {
        // SYNC none: a counter.
        self.shared.region.header().writer.gaps.load(Ordering::Relaxed)
    }

    /// Copies a span out, whole or not at all.
    ///
    /// Allocates the segment; does not wait. Times have a resolution of half a frame. To wait, to
    /// read partially, to leave gaps out or to convert, see [`CaptureBuffer::read_with`].
    ///
    /// # Errors
    /// [`Error::NotYet`](crate::Error::NotYet) (with when it will be),
    /// [`Error::Evicted`](crate::Error::Evicted) (with the oldest frame still there),
    /// [`Error::InvalidRange`](crate::Error::InvalidRange) for spans that are empty, reversed, or
    /// longer than the buffer ([`Span::Last`]).
    ///
    /// ```
    /// use std::time::Duration;
    /// use capbuf::{Length, Registry, SampleFormat, Spec, Span};
    ///
    /// let registry = Registry::private();
    /// let spec = Spec::new(Length::Seconds(2.0), 8000, 1, SampleFormat::S16)?;
    /// let buffer = registry.get_or_allocate("tone:440", spec)?;
    /// buffer.writer()?.write(&[7_i16; 8000])?;
    /// let segment = buffer.read(Span::Last(Duration::from_millis(500)))?;
    /// assert_eq!(segment.frames(), 4000);
    /// assert_eq!(segment.first_frame(), 4000);
    /// # Ok::<(), capbuf::Error>(())
    /// ```
    pub fn read(&self, span: Span) -> Result<Segment> {
        self.read_with(span, &ReadOptions::new())
    }

    /// Copies a span out with options.
    ///
    /// Allocates the segment. Blocks only with [`ReadOptions::wait`], in sleeps of at most 50 ms.
    ///
    /// # Errors
    /// As [`CaptureBuffer::read`]; when waiting also [`Error::TimedOut`](crate::Error::TimedOut)
    /// and [`Error::Removed`](crate::Error::Removed);
    /// [`Error::OverBudget`](crate::Error::OverBudget) for a span whose silence exceeds the limit
    /// of one buffer.
    pub fn read_with(&self, span: Span, options: &ReadOptions) -> Result<Segment> {
        read::counted(&self.shared, || read::segment(&self.shared, &span, options))
    }

    /// Copies a span into the caller's memory, converted to its type, and describes the result.
    ///
    /// The samples are interleaved from the beginning of `out`; the rest of `out` stays unchanged.
    /// Allocates nothing. Without waiting its only system call is reading the clock. After an error
    /// other than [`Error::TooSmall`](crate::Error::TooSmall) the content of `out` is unspecified.
    ///
    /// # Errors
    /// As [`CaptureBuffer::read_with`], and [`Error::TooSmall`](crate::Error::TooSmall) with the
    /// number of samples needed.
    pub fn read_into<T: Sample>(&self, span: Span, options: &ReadOptions, out: &mut [T]) -> Result<Extracted> {
        read::counted(&self.shared, || read::into(&self.shared, &span, options, out))
    }

    /// True for two handles on the same buffer, mapped by whichever registry.
    pub fn same_as(&self, other: &Self) -> bool {
        self.id() == other.id()
    }

    /// A number that identifies this buffer in every process.
    pub fn id(&self) -> u64 {
        self.shared.id
    }

    /// Its lifetime when no process has it open.
    pub fn lifetime(&self) -> Lifetime {
        self.shared.membership.as_ref().map_or(Lifetime::WhileOpen, |membership| membership.lifetime())
    }

    /// The living processes of its domain that have it open, this one included; empty for a private
    /// registry.
    ///
    /// Makes system calls, allocates. Stale at once, in both directions.
    pub fn opened_by(&self) -> Vec<OpenedBy> {
        let shared = &self.shared;
        let holders = shared.membership.as_ref().map(|membership| membership.holders(&shared.region));
        let living = holders.into_iter().flatten();
        living.map(|(holder, since_utc_ns)| OpenedBy { holder, since_utc_ns }).collect()
    }

    /// Looks whether the buffer's memory is still there: see "Trust" in
    /// [`docs::domains`](crate::docs::domains). For supervisors, which look now and then.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) if another process cut its file short. Then the
    /// buffer is removed for this process.
    #[doc(hidden)]
    pub fn check_memory(&self) -> Result<()> {
        self.shared.check_whole()
    }

    /// Number of handles, the registry's own included. Stale at once, in both directions.
    pub fn handles(&self) -> usize {
        Arc::strong_count(&self.shared)
    }
}

/// A process that has a buffer open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenedBy {
    /// The process.
    pub holder: Holder,
    /// The time it was opened, in ns of UTC.
    pub since_utc_ns: i64,
}

impl fmt::Debug for CaptureBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureBuffer")
            .field("source", self.source())
            .field("spec", self.spec())
            .finish_non_exhaustive()
    }
}
