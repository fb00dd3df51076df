//! A snapshot of a buffer: fill, age, level, writer and processes.

use std::mem::offset_of;
use std::time::Duration;

use crate::boundary::arguments::{deref, versioned_out, versioned_struct};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::guard;
use crate::boundary::status::capbuf_status;
use crate::buffer::capbuf_buffer;

/// A snapshot of a buffer. Each number is exact at a moment of its own, close to the others.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_buffer_status {
    /// Set it to `sizeof(capbuf_buffer_status)` before the call.
    pub struct_size: usize,
    /// The oldest readable frame.
    pub oldest_frame: u64,
    /// One past the newest frame; 0 before the first write.
    pub newest_frame: u64,
    /// The time from which spans of time have audio, in ns of UTC; 0 before the first write.
    pub oldest_utc_ns: i64,
    /// The time at which the newest frame ends, in ns of UTC; 0 before the first write.
    pub newest_utc_ns: i64,
    /// The time since the newest frame was captured, in ns; -1 before the first write.
    pub age_ns: i64,
    /// Write calls, in total.
    pub writes: u64,
    /// Gaps recorded, in total.
    pub gaps: u64,
    /// Reads some of whose frames were already overwritten, in total.
    pub evictions: u64,
    /// Bytes mapped for the buffer.
    pub bytes: u64,
    /// Lead of the published clock over the writer's estimated clock, in ns.
    pub timeline_ahead_ns: i64,
    /// The largest magnitude of the last second, full scale at 1.0; 0 before the first write.
    pub level_peak: f32,
    /// The root mean square of the last second, full scale at 1.0; 0 before the first write.
    pub level_rms: f32,
    /// 1 if a live process holds the writer, otherwise 0.
    pub has_writer: u32,
    /// The process that holds the writer; 0 if none does, or in a private registry.
    pub writer_pid: u32,
    /// The live processes that have the buffer open; 0 in a private registry.
    pub processes: u32,
    /// 1 if the buffer was removed from its registry, otherwise 0.
    pub is_removed: u32,
    /// The frame with which the newest epoch began, because a clock was set back; 0 in the first
    /// epoch, or if the beginning is no longer on record.
    pub epoch_frame: u64,
    /// The time of that frame, in ns of UTC; 0 if `epoch_frame` is.
    pub epoch_utc_ns: i64,
    /// The difference of that time to the end of the frame before, in ns: negative, or 0.
    pub epoch_step_ns: i64,
    /// The rest of the grace time, in ns, if its recorder was killed and no other has taken over:
    /// then the buffer is removed. Otherwise -1.
    pub orphaned_left_ns: i64,
    /// Those of `processes` that the list of 128 has no room for.
    pub unlisted_processes: u64,
    /// The constant delay that was taken off the newest frame's time, in ns.
    pub latency_ns: i64,
    /// The bound of the error of that time, in ns. The delay that all arrivals share is not in it.
    pub uncertainty_ns: i64,
    /// The clock of that time: one of the `CAPBUF_CLOCK_` constants; 0 before the first write.
    pub clock: u32,
    /// Unused.
    pub reserved: u32,
}

versioned_struct!(capbuf_buffer_status, offset_of!(capbuf_buffer_status, latency_ns));

/// Copies a snapshot of `buffer`.
///
/// Threads: any but the audio thread. Cost: allocates, system calls, reads the last second of
/// audio.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_get_status(
    buffer: *const capbuf_buffer,
    status: *mut capbuf_buffer_status,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (deref!(buffer), versioned_out!(status));
        let status = buffer.0.status();
        let listed = u32::try_from(buffer.0.opened_by().len()).unwrap_or(u32::MAX);
        let duration_ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        out.write(capbuf_buffer_status {
            struct_size: 0,
            oldest_frame: status.oldest_frame,
            newest_frame: status.newest_frame,
            oldest_utc_ns: status.oldest_utc_ns.unwrap_or(0),
            newest_utc_ns: status.newest_utc_ns.unwrap_or(0),
            age_ns: status.age.map_or(-1, duration_ns),
            writes: status.writes,
            gaps: status.gaps,
            evictions: status.evictions,
            bytes: status.bytes,
            timeline_ahead_ns: status.timeline_ahead_ns,
            level_peak: status.level.map_or(0.0, |level| level.peak),
            level_rms: status.level.map_or(0.0, |level| level.rms),
            has_writer: status.has_writer.into(),
            writer_pid: status.writer.map_or(0, |holder| holder.pid),
            processes: listed.saturating_add(status.unlisted_processes),
            is_removed: status.is_removed.into(),
            epoch_frame: status.epoch_frame,
            epoch_utc_ns: status.epoch_utc_ns.unwrap_or(0),
            epoch_step_ns: status.epoch_step_ns,
            orphaned_left_ns: status.orphaned_left.map_or(-1, duration_ns),
            unlisted_processes: status.unlisted_processes.into(),
            latency_ns: status.timing.map_or(0, |timing| timing.latency_ns),
            uncertainty_ns: status.timing.map_or(0, |timing| timing.uncertainty_ns),
            clock: status.timing.map_or(0, |timing| timing.clock as u32),
            reserved: 0,
        });
        Ok(())
    })
}
