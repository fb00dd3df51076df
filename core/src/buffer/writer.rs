//! The writer of a buffer.

use std::fmt;
use std::time::Duration;

use super::handle::CaptureBuffer;
use super::lease::Lease;
use super::shared::Shared;
use crate::clock::duration_to_ns;
use crate::domain::removal;
use crate::error::{Error, Result};
use crate::gap::GapReason;
use crate::memory::WriterLine;
use crate::ring::{self, WriteCursor};
use crate::sample::Sample;
use crate::spec::{MAX_FRAME_BYTES, SampleFormat};
use crate::sync::Ordering;
use crate::time::{ChunkTime, Timekeeper};
use crate::timing::ClockSource;

/// The one writer of a buffer, in all processes: an exclusive lease, returned when dropped, or when
/// its process dies.
///
/// Every method is wait-free and safe on an audio thread: no lock, no allocation, no system call
/// (clocks are read through the kernel's mapped page), no waiting for readers. It may move between
/// threads.
///
/// The order of fields matters: most writes touch the first cache lines only.
#[repr(C)]
pub struct Writer {
    cursor: WriteCursor,
    /// Number of writes, those of earlier writers included.
    writes: u64,
    partial_bytes: usize,
    lease: Lease,
    format: SampleFormat,
    timekeeper: Timekeeper,
    buffer: CaptureBuffer,
    /// The first bytes of a frame whose rest has not come yet.
    partial: [u8; MAX_FRAME_BYTES],
}

impl Writer {
    pub(crate) fn take(buffer: &CaptureBuffer) -> Result<Self> {
        let shared = &buffer.shared;
        shared.check_process("writer")?;
        shared.check_whole()?;
        if shared.is_gone() {
            return Err(shared.removed());
        }
        let lease = Lease::take(shared)?;
        lease.check_counters().map_err(|reason| Error::Corrupt { path: shared.source.to_string(), reason })?;
        Shared::commit_ahead(shared);
        let newest = ring::withdraw_anchors(&shared.region);
        Ok(Self {
            cursor: WriteCursor::of(&shared.region),
            // SYNC none: the lease orders one writer after the other.
            writes: lease.line().writes.load(Ordering::Relaxed),
            partial_bytes: 0,
            lease,
            format: shared.spec.format(),
            timekeeper: Timekeeper::new(shared.spec.sample_rate_hz(), newest),
            buffer: buffer.clone(),
            partial: [0; MAX_FRAME_BYTES],
        })
    }

    /// The buffer that this writes to.
    pub fn buffer(&self) -> &CaptureBuffer {
        &self.buffer
    }

    /// Number of the next frame.
    pub fn next_frame(&self) -> u64 {
        self.cursor.frame()
    }

    /// Writes interleaved samples that arrive now: their last frame was captured just before.
    ///
    /// Arrival is the last resort: it jitters, and a delayed network looks like missing audio. Use
    /// [`Writer::write_at`] where the capture time is known.
    ///
    /// # Errors
    /// [`Error::Removed`] once the buffer is removed from its registry, [`Error::FormatMismatch`]
    /// for samples of another type than the buffer's, [`Error::Forked`] in a child of the process
    /// that took the writer, [`Error::WriterBusy`] if another process took the lease, because it
    /// believed this one dead. Nothing is written then.
    pub fn write<T: Sample>(&mut self, samples: &[T]) -> Result<()> {
        self.check_format::<T>()?;
        self.write_bytes(bytemuck::cast_slice(samples))
    }

    /// Writes interleaved samples whose first frame was captured at `capture_utc_ns`, in ns of UTC.
    ///
    /// The time may jitter; it is filtered. A time more than 0.75 s later than expected records a
    /// gap; report shorter ones by [`Writer::gap`].
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn write_at<T: Sample>(&mut self, samples: &[T], capture_utc_ns: i64) -> Result<()> {
        self.check_format::<T>()?;
        self.write_bytes_at(bytemuck::cast_slice(samples), capture_utc_ns)
    }

    /// Writes interleaved samples that arrived at `arrived_utc_ns`, in ns of UTC, and waited since:
    /// their last frame was captured before. Otherwise as [`Writer::write`].
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn write_arrived_at<T: Sample>(&mut self, samples: &[T], arrived_utc_ns: i64) -> Result<()> {
        self.check_format::<T>()?;
        self.write_bytes_arrived_at(bytemuck::cast_slice(samples), arrived_utc_ns)
    }

    /// Writes bytes of samples in the buffer's format, as [`Writer::write_arrived_at`] does.
    ///
    /// # Errors
    /// As [`Writer::write_bytes`].
    pub fn write_bytes_arrived_at(&mut self, bytes: &[u8], arrived_utc_ns: i64) -> Result<()> {
        self.put(bytes, ChunkTime::Arrived(arrived_utc_ns))
    }

    /// Names the clock of the times passed from now on by [`Writer::write_at`]:
    /// [`ClockSource::Device`] if never called. A change begins the estimate anew, at the next
    /// chunk.
    pub fn set_clock(&mut self, clock: ClockSource) {
        self.timekeeper.set_clock(clock);
    }

    /// Sets the constant delay that is taken off all times from now on, passed or of arrival, in
    /// ns: that of a codec, a server or a converter. Set it before the first chunk: a change moves
    /// the times of the next one.
    pub fn set_latency(&mut self, latency_ns: i64) {
        self.timekeeper.set_latency(latency_ns);
    }

    /// Writes bytes of samples in the buffer's format, as [`Writer::write`] does. Any number of
    /// bytes: an incomplete frame is kept until its rest comes. Only a reported gap drops it; bytes
    /// that merely come late complete it.
    ///
    /// # Errors
    /// [`Error::Removed`] once the buffer is removed from its registry, [`Error::Forked`] in a
    /// child of the process that took the writer.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let now_utc_ns = self.buffer.shared.clock.utc_ns();
        self.put(bytes, ChunkTime::Arrived(now_utc_ns))
    }

    /// Writes bytes of samples in the buffer's format, as [`Writer::write_at`] does. The time is
    /// that of the first frame that begins in them; without one it is not used.
    ///
    /// # Errors
    /// [`Error::Removed`] once the buffer is removed from its registry, [`Error::Forked`] in a
    /// child of the process that took the writer.
    pub fn write_bytes_at(&mut self, bytes: &[u8], capture_utc_ns: i64) -> Result<()> {
        if self.partial_bytes > 0 {
            let before_ns = self.buffer.shared.spec.frames_to_ns(1);
            return self.put_any(bytes, ChunkTime::Captured(capture_utc_ns.saturating_sub(before_ns)));
        }
        self.put(bytes, ChunkTime::Captured(capture_utc_ns))
    }

    /// Reports that the next frame does not follow the last one. The gap is as long as the times
    /// say.
    ///
    /// An incomplete frame is dropped.
    pub fn gap(&mut self, reason: GapReason) {
        self.partial_bytes = 0;
        self.timekeeper.gap(reason, None);
    }

    /// Reports that audio of length `duration` is missing before the next frame.
    pub fn gap_for(&mut self, reason: GapReason, duration: Duration) {
        self.partial_bytes = 0;
        self.timekeeper.gap(reason, Some(duration_to_ns(duration)));
    }

    /// Fails in a child of the process that took the writer.
    ///
    /// # Errors
    /// [`Error::Forked`].
    #[doc(hidden)]
    pub fn check_process(&self) -> Result<()> {
        if self.lease.is_inherited() {
            return Err(Error::forked("writer", &self.buffer.shared.source));
        }
        Ok(())
    }

    fn check_format<T: Sample>(&self) -> Result<()> {
        let expected = self.format;
        if T::FORMAT == expected { Ok(()) } else { Err(Error::FormatMismatch { given: T::FORMAT, expected }) }
    }

    /// The fast path: whole frames, on time, contiguous in the ring.
    #[inline(always)]
    fn put(&mut self, bytes: &[u8], time: ChunkTime) -> Result<()> {
        let line = self.lease.line();
        if self.partial_bytes == 0
            && removal::is_in_use(line)
            && !self.lease.is_inherited()
            && self.lease.is_own()
            && let Some(frames) = self.cursor.contiguous_frames(bytes.len())
            && self.timekeeper.add_to_batch(self.cursor.frame(), frames, time)
        {
            self.writes = count(line, self.writes);
            self.cursor.push_contiguous(line, self.lease.words(), bytes, frames);
            return Ok(());
        }
        self.put_any(bytes, time)
    }

    #[cold]
    #[inline(never)]
    fn put_any(&mut self, bytes: &[u8], time: ChunkTime) -> Result<()> {
        let shared = &self.buffer.shared;
        self.check_process()?;
        if shared.is_removed() {
            return Err(shared.removed());
        }
        if !self.lease.is_own() {
            // Without the holder: finding it takes system calls.
            return Err(Error::WriterBusy { source_name: shared.source.clone(), holder: None });
        }
        let region = &shared.region;
        self.writes = count(self.lease.line(), self.writes);
        let frame_bytes = region.layout().frame_bytes;
        let frames = region.layout().whole_frames(self.partial_bytes + bytes.len());
        if frames > 0
            && let Some(anchor) = self.timekeeper.chunk(self.cursor.frame(), frames, time, &*shared.clock)
        {
            ring::publish_anchor(region, &anchor);
            let ahead_ns = self.timekeeper.ahead_ns(self.cursor.frame());
            self.lease.line().ahead_ns.store(ahead_ns, Ordering::Relaxed);
        }
        if self.partial_bytes == 0 && bytes.len() == frames as usize * frame_bytes {
            self.cursor.push(region, bytes, frames);
            return Ok(());
        }
        let (mut bytes, mut whole_frames) = (bytes, frames);
        if self.partial_bytes > 0 {
            let wanted = (frame_bytes - self.partial_bytes).min(bytes.len());
            let (end, rest) = bytes.split_at(wanted);
            self.partial[self.partial_bytes..self.partial_bytes + wanted].copy_from_slice(end);
            (self.partial_bytes, bytes) = (self.partial_bytes + wanted, rest);
            if self.partial_bytes < frame_bytes {
                return Ok(());
            }
            self.cursor.push(region, &self.partial[..frame_bytes], 1);
            self.partial_bytes = 0;
            whole_frames -= 1;
        }
        let (whole, rest) = bytes.split_at(whole_frames as usize * frame_bytes);
        self.cursor.push(region, whole, whole_frames);
        self.partial[..rest.len()].copy_from_slice(rest);
        self.partial_bytes = rest.len();
        Ok(())
    }
}

impl CaptureBuffer {
    /// Takes the one writer of this buffer. It is returned when dropped.
    ///
    /// Does not wait. In a domain it makes system calls, and the helper thread may begin to commit
    /// memory: call it before going real-time.
    ///
    /// # Errors
    /// [`Error::WriterBusy`](crate::Error::WriterBusy), with the holder, while another writer is
    /// alive in any process; [`Error::Removed`](crate::Error::Removed) for a removed buffer;
    /// [`Error::Corrupt`](crate::Error::Corrupt); [`Error::Forked`](crate::Error::Forked) in a
    /// child of the process that opened the registry.
    pub fn writer(&self) -> Result<Writer> {
        Writer::take(self)
    }
}

/// Counts one write more than `writes`.
#[inline]
fn count(line: &WriterLine, writes: u64) -> u64 {
    let writes = writes.wrapping_add(1);
    // SYNC none: a counter of one writer, read for display.
    line.writes.store(writes, Ordering::Relaxed);
    writes
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("buffer", &self.buffer)
            .field("next_frame", &self.next_frame())
            .finish_non_exhaustive()
    }
}
