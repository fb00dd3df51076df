//! Triggers: a thread that writes a clip whenever the audio is loud, or on request.

use std::ffi::c_char;
use std::sync::Arc;

use ::capbuf_capture::Trigger;

use crate::boundary::arguments::{deref, free, optional_versioned_out, out, read_versioned, text};
use crate::boundary::durations::duration;
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::capture::clip::capbuf_clip_info;
use crate::capture::clip_queue::ClipQueue;
use crate::capture::trigger_options::capbuf_trigger_options;
use crate::registry_open::capbuf_registry;
use crate::text::capbuf_text;

/// A trigger on one source: a thread of the library that writes a clip when it fires.
///
/// Owned by the caller, who frees it with `capbuf_trigger_free`.
pub struct capbuf_trigger {
    trigger: Trigger,
    clips: Arc<ClipQueue>,
}

/// Starts a trigger on the buffer of `source`, which need not be allocated yet. `options` must name
/// a folder.
///
/// The trigger sees audio written from now on, and stays with the source when its buffer is removed
/// and allocated again. Overlapping clips are merged: a clip that the trigger starts by itself is
/// written `before_ns` after its end, when no later one can overlap it. On success the caller owns
/// `*trigger`.
///
/// Threads: any. Cost: allocates, starts a thread.
/// Errors: CAPTURE_FAILED for options that contradict each other, with the reason.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_trigger_begin(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    options: *const capbuf_trigger_options,
    trigger: *mut *mut capbuf_trigger,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out, source) = (&deref!(registry).0, out!(trigger), text!(source, source_len));
        let _ = deref!(options);
        let options = read_versioned!(options).checked()?;
        let clips = Arc::new(ClipQueue::default());
        let queue = Arc::clone(&clips);
        let trigger = Trigger::begin(registry, source, options, move |clip| queue.push(clip))?;
        out.write(into_handle(capbuf_trigger { trigger, clips }));
        Ok(())
    })
}

/// Fires `trigger` for the time `utc_ns`, in ns of UTC: past, present or future.
///
/// Threads: any. Cost: allocates; does not wait for the clip.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_trigger_fire(
    trigger: *const capbuf_trigger,
    utc_ns: i64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let trigger = &deref!(trigger).trigger;
        trigger.check_process()?;
        trigger.fire(utc_ns);
        Ok(())
    })
}

/// Takes the next clip that was written: its path in `*path`, and its description in `*info`,
/// unless `info` is NULL. Waits for one up to `timeout_ns`.
///
/// On success the caller owns `*path`. Up to 1024 clips are queued; beyond that the oldest are
/// dropped from the queue, and their files stay.
///
/// Threads: any. Cost: allocates; blocks up to `timeout_ns`.
/// Errors: TIMED_OUT; CAPTURE_FAILED and others of `capbuf_buffer_clip` for a clip that could not
/// be written, after which further clips may follow.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_trigger_next(
    trigger: *const capbuf_trigger,
    timeout_ns: i64,
    path: *mut *mut capbuf_text,
    info: *mut capbuf_clip_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (trigger, out) = (deref!(trigger), out!(path));
        let info = optional_versioned_out!(info);
        let waited = duration("timeout_ns", timeout_ns)?;
        trigger.trigger.check_process()?;
        let clip = trigger.clips.next(waited).ok_or(capbuf::Error::TimedOut { waited })??;
        if let Some(info) = info {
            info.write(capbuf_clip_info::of(&clip));
        }
        out.write(capbuf_text::handle(clip.path.to_string_lossy().into_owned()));
        Ok(())
    })
}

/// Stops `trigger` and its thread, and frees it. NULL is ignored.
///
/// Writes the pending clip first, with the audio that is there: it does not wait for more.
///
/// Threads: one, after the last use; none may wait in `capbuf_trigger_next`. Cost: frees memory;
/// blocks while the clip is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_trigger_free(trigger: *mut capbuf_trigger) {
    guard_value((), || free!(trigger));
}
