//! Triggers: a clip whenever something is heard, or somebody calls.

use std::collections::VecDeque;
use std::ffi::c_char;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use ::capbuf_capture::{ClipInfo, Condition, Trigger, TriggerOptions};

use crate::arguments::{end, given, growing, growing_place, place, read_growing, text};
use crate::clip::capbuf_clip_info;
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::guard::{guard, guard_value};
use crate::pointers::give;
use crate::registry::capbuf_registry;
use crate::track::{capbuf_text, give_text};

/// A trigger on one source, on a thread of the library's: it cuts a clip when it fires.
///
/// Owned by the caller, who ends it with `capbuf_trigger_free`.
pub struct capbuf_trigger {
    trigger: Trigger,
    clips: Arc<Clips>,
}

/// What a trigger does when it fires.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_trigger_options {
    /// Set it to `sizeof(capbuf_trigger_options)` before the call.
    pub struct_size: usize,
    /// The folder that clips are written into, UTF-8. They are named by source and time.
    pub folder: *const c_char,
    /// The bytes of that text.
    pub folder_len: usize,
    /// How much audio from before it fires is in a clip, in ns; 0: three seconds; -1: none.
    pub before_ns: i64,
    /// How much from after, in ns; 0: five seconds; -1: none.
    pub after_ns: i64,
    /// How long a clip may be into which others were merged, in ns; 0: a minute. What goes on for longer is several, one where the other
    /// ends.
    pub at_most_ns: i64,
    /// Fires by itself while a tenth of a second has an RMS above so many dB of full scale, such as -40; 0: only when it is called.
    pub louder_than_dbfs: f32,
    /// Looks at what is above this frequency only, in Hz; 0, as the next one: at everything.
    pub low_hz: f32,
    /// And below this one.
    pub high_hz: f32,
    /// 0: writes WAV. 1: FLAC.
    pub flac: u32,
}

growing!(
    capbuf_trigger_options,
    size_of::<capbuf_trigger_options>(),
    capbuf_trigger_options {
        struct_size: size_of::<capbuf_trigger_options>(),
        folder: std::ptr::null(),
        folder_len: 0,
        before_ns: 0,
        after_ns: 0,
        at_most_ns: 0,
        louder_than_dbfs: 0.0,
        low_hz: 0.0,
        high_hz: 0.0,
        flac: 0,
    }
);

impl capbuf_trigger_options {
    fn checked(&self) -> Result<TriggerOptions, Failure> {
        let Self { folder, folder_len, louder_than_dbfs, low_hz, high_hz, .. } = *self;
        let mut options = TriggerOptions::new(text!(folder, folder_len));
        match self.before_ns {
            0 => {}
            ns => options = options.before(duration("before_ns", ns)?),
        }
        match self.after_ns {
            0 => {}
            ns => options = options.after(duration("after_ns", ns)?),
        }
        match u64::try_from(self.at_most_ns) {
            Ok(0) => {}
            Ok(ns) => options = options.at_most(Duration::from_nanos(ns)),
            Err(_) => return Err(Failure::argument("at_most_ns", self.at_most_ns, "0 for a minute, or more than 0")),
        }
        let has_band = low_hz != 0.0 || high_hz != 0.0;
        if louder_than_dbfs != 0.0 {
            let condition = Condition::louder_than(louder_than_dbfs);
            options = options.when(if has_band { condition.between(low_hz, high_hz) } else { condition });
        } else if has_band {
            return Err(Failure::argument("louder_than_dbfs", 0, "a threshold below 0 where there is a band"));
        }
        match self.flac {
            0 => Ok(options),
            1 => Ok(options.flac()),
            other => Err(Failure::argument("flac", other, "0 (WAV), 1 (FLAC)")),
        }
    }
}

/// What -1 means none for.
fn duration(name: &'static str, ns: i64) -> Result<Duration, Failure> {
    let refused = || Failure::argument(name, ns, "0 for the default, more than 0, or -1 for none");
    if ns == -1 { Ok(Duration::ZERO) } else { u64::try_from(ns).map(Duration::from_nanos).map_err(|_| refused()) }
}

type Told = ::capbuf_capture::Result<ClipInfo>;

/// More clips than this do not wait to be taken.
const WAITING: usize = 1024;

/// The clips that were written and not taken yet.
#[derive(Default)]
struct Clips {
    waiting: Mutex<VecDeque<Told>>,
    told: Condvar,
}

impl Clips {
    fn tell(&self, clip: Told) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == WAITING {
            waiting.pop_front();
        }
        waiting.push_back(clip);
        self.told.notify_one();
    }

    fn next(&self, wait: Duration) -> Option<Told> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.told.wait_timeout_while(waiting, wait, |waiting| waiting.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }
}

/// Begins to listen to a source by the name of its buffer, which may be still to come. It follows the source through whatever becomes of
/// its buffer: it hears what is written from now on. Clips that overlap are one: where it fires by itself, a clip is written when nothing
/// that is still to be heard could be merged into it, so much later as there is audio from before in it.
///
/// On success `*trigger` is owned by the caller. `options` must name a folder.
///
/// Any thread. Starts a thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT; CAPTURE_FAILED for options that can't be, with the reason.
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
        let (registry, out, source) = (&given!(registry).0, place!(trigger), text!(source, source_len));
        let _ = given!(options);
        let options = read_growing!(options).checked()?;
        let clips = Arc::new(Clips::default());
        let teller = Arc::clone(&clips);
        let trigger = Trigger::begin(registry, source, options, move |clip| teller.tell(clip))?;
        out.write(give(capbuf_trigger { trigger, clips }));
        Ok(())
    })
}

/// Fires at a moment in ns of UTC, past, present or to come.
///
/// Any thread. Waits for nothing; allocates. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_trigger_fire(
    trigger: *const capbuf_trigger,
    utc_ns: i64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        given!(trigger).trigger.fire(utc_ns);
        Ok(())
    })
}

/// Takes the next clip that was written: its path, and what is in it, if `info` is not NULL; waits for one up to so many ns.
///
/// On success `*path` is owned by the caller. Up to 1024 wait to be taken; then the oldest go, their files stay.
///
/// Any thread. Blocks. Errors: TIMED_OUT if none came; CAPTURE_FAILED, and others of `capbuf_buffer_clip`, for a clip that could not be
/// written, after which there may be more; NULL_ARGUMENT, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_trigger_next(
    trigger: *const capbuf_trigger,
    timeout_ns: i64,
    path: *mut *mut capbuf_text,
    info: *mut capbuf_clip_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (trigger, out) = (given!(trigger), place!(path));
        let info = if info.is_null() { None } else { Some(growing_place!(info)) };
        let timeout = u64::try_from(timeout_ns);
        let waited = timeout.map_err(|_| Failure::argument("timeout_ns", timeout_ns, "0 and more"))?;
        let waited = Duration::from_nanos(waited);
        let clip = trigger.clips.next(waited).ok_or(capbuf::Error::TimedOut { waited })??;
        if let Some(info) = info {
            info.put(capbuf_clip_info::of(&clip));
        }
        out.write(give_text(clip.path.to_string_lossy().into_owned()));
        Ok(())
    })
}

/// Ends a trigger, and its thread. NULL is nothing.
///
/// Once, by one thread, when nobody uses the handle any more, not even to wait for a clip. A clip that was begun is
/// written before: that may take as long as its end is still to come, and ten seconds more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_trigger_free(trigger: *mut capbuf_trigger) {
    guard_value((), || end!(trigger));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(number: usize) -> Told {
        Err(::capbuf_capture::Error::Config { source_name: number.to_string(), reason: "planted".to_owned() })
    }

    #[test]
    fn clips_that_nobody_takes_take_no_more_memory() {
        let clips = Clips::default();
        assert!(clips.next(Duration::ZERO).is_none());
        (0..WAITING + 2).for_each(|number| clips.tell(failed(number)));
        assert_eq!(clips.next(Duration::ZERO), Some(failed(2)), "the oldest go");
        assert_eq!(std::iter::from_fn(|| clips.next(Duration::ZERO)).count(), WAITING - 1);
    }

    #[test]
    fn who_waits_for_a_clip_is_woken_by_it() {
        let clips = Arc::new(Clips::default());
        let teller = Arc::clone(&clips);
        let told = std::thread::spawn(move || teller.tell(failed(1)));
        assert_eq!(clips.next(Duration::MAX), Some(failed(1)));
        told.join().expect("it does not panic");
    }
}
