//! The thread of a trigger.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use capbuf::{CaptureBuffer, OwnLock, Registry, WindowOptions, Windows};

use super::condition::Detector;
use super::ending::Ending;
use super::options::TriggerOptions;
use super::pending::{Pending, TimeRange};
use crate::clip::cut::cut;
use crate::clip::if_exists::IfExists;
use crate::clip::info::ClipInfo;
use crate::clip::name::clip_name;
use crate::clip::progress::ClipProgress;
use crate::clip::unfinished::remove_abandoned;
use crate::error::{Error, Result};

/// The progress of the clip that is being written, if any.
pub(super) type Writing = Arc<OwnLock<Option<ClipProgress>>>;

/// Called with each clip, on the thread of the trigger.
pub(super) type OnClip = Box<dyn FnMut(Result<ClipInfo>) + Send>;

pub(super) struct Listener {
    pub(super) registry: Registry,
    pub(super) source: String,
    pub(super) options: TriggerOptions,
    pub(super) ending: Ending,
    pub(super) fired: Receiver<i64>,
    pub(super) writing: Writing,
    /// The buffer that existed at the start, by its number, and the first frame after the start.
    pub(super) existing: Option<(u64, u64)>,
    /// The time up to which audio was processed: a new buffer may contain audio of the old one.
    pub(super) processed_ns: i64,
    pub(super) pending: Pending,
    pub(super) on_clip: OnClip,
}

/// The period of looking for a buffer that does not exist.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// Time to wait for audio before firings are polled.
const WAIT: Duration = Duration::from_millis(200);
/// Audio overdue by this much is not waited for.
const LATE_NS: i64 = 10_000_000_000;

impl Listener {
    pub(super) fn run(mut self) {
        remove_abandoned(&self.options.folder);
        let mut reported = None;
        loop {
            let is_last = self.ending.finish().is_requested();
            let Some(buffer) = self.registry.get(&self.source) else {
                if is_last {
                    return self.report_firings_without_audio();
                }
                // Firings stay queued until there is a buffer.
                self.ending.finish().sleep(RETRY_EVERY);
                continue;
            };
            let processed = self.process(&buffer);
            let rest = self.pending.give_up();
            self.write(&buffer, rest);
            match processed {
                Ok(Processed::Ended) => return,
                Ok(Processed::Removed) => {}
                Err(error) => {
                    // Once: it recurs as long as the buffer is the same.
                    let failed = Some((buffer.id(), error.clone()));
                    if reported != failed {
                        reported = failed;
                        (self.on_clip)(Err(error));
                    }
                    if is_last {
                        return;
                    }
                    self.ending.finish().sleep(RETRY_EVERY);
                }
            }
        }
    }

    /// Processes a buffer until it is removed, or the trigger ends.
    fn process(&mut self, buffer: &CaptureBuffer) -> Result<Processed> {
        let spec = *buffer.spec();
        let tenth = u64::from(spec.sample_rate_hz() / 10).clamp(1, spec.length_frames());
        let lasts_ns = |frames: u64| ns(Duration::from_secs_f64(frames as f64 / f64::from(spec.sample_rate_hz())));
        let length = Duration::from_secs_f64(spec.length_frames() as f64 / f64::from(spec.sample_rate_hz()));
        let longest = self.options.longest_in(length);
        if longest < self.options.at_most {
            let (source, at_most) = (capbuf::redact(&self.source), self.options.at_most);
            tracing::warn!(source, ?at_most, ?longest, ?length, "clips are shorter, as the buffer is");
        }
        self.pending.set_at_most(ns(longest));
        let options = WindowOptions::new(tenth, tenth);
        let existing = self.existing.take().filter(|(id, _)| *id == buffer.id());
        let windows = buffer.windows(existing.map_or(options, |(_, new_frame)| options.from_frame(new_frame)))?;
        // Audio of the old buffer may be in the new one. Audio from before that was not processed:
        // the clock was set back.
        let oldest_ns = self.processed_ns.saturating_sub(lasts_ns(spec.length_frames()));
        let samples = vec![0.0_f32; usize::try_from(windows.window_samples()).unwrap_or(0)];
        let new_detector = |condition| Detector::new(condition, spec.sample_rate_hz(), spec.channels(), &self.source);
        let detector = self.options.condition.map(new_detector).transpose()?;
        let (processed, tenth_ns) = (oldest_ns..self.processed_ns, lasts_ns(tenth));
        let mut listening = Listening { windows, samples, detector, processed, tenth_ns, next_frame: 0 };
        loop {
            // Read before the firings: none from before the request is missed.
            let is_last = self.ending.finish().is_requested();
            while let Ok(utc_ns) = self.fired.try_recv() {
                let complete = self.pending.fire(utc_ns);
                self.write(buffer, complete);
            }
            if is_last {
                // What the source delivered before the request may hold an event.
                let newest = buffer.frames().end;
                while listening.next_frame < newest
                    && self.listen(buffer, &mut listening, Duration::ZERO)? == Listened::Processed
                {}
                return Ok(Processed::Ended);
            }
            if self.listen(buffer, &mut listening, WAIT)? == Listened::Removed {
                return Ok(Processed::Removed);
            }
        }
    }

    /// Processes the next tenth of a second, waiting for it up to `wait`.
    fn listen(&mut self, buffer: &CaptureBuffer, listening: &mut Listening, wait: Duration) -> Result<Listened> {
        let Listening { windows, samples, detector, processed, tenth_ns, next_frame } = listening;
        let window = match windows.next_into(samples, wait) {
            Ok(window) => window,
            Err(capbuf::Error::TimedOut { .. } | capbuf::Error::Evicted { .. }) => {
                // The source was lost within a clip: the audio until then is written.
                let now_ns = buffer.clock().utc_ns();
                if self.pending.complete_at_ns().is_some_and(|at_ns| at_ns.saturating_add(LATE_NS) < now_ns) {
                    let rest = self.pending.give_up();
                    self.write(buffer, rest);
                }
                return Ok(Listened::Nothing);
            }
            Err(capbuf::Error::Removed { .. }) => return Ok(Listened::Removed),
            Err(error) => return Err(error.into()),
        };
        *next_frame = window.end_frame;
        if processed.contains(&window.start_utc_ns) {
            return Ok(Listened::Processed);
        }
        if detector.as_mut().is_some_and(|detector| detector.fires(samples)) {
            let complete = self.pending.fire(window.start_utc_ns);
            self.write(buffer, complete);
        }
        self.processed_ns = window.start_utc_ns.saturating_add(*tenth_ns);
        // A condition may fire again within the clip; without one it is cut at once.
        let due = match detector {
            Some(_) => self.pending.settled(self.processed_ns),
            None => self.pending.due(self.processed_ns),
        };
        self.write(buffer, due);
        Ok(Listened::Processed)
    }

    /// Reports firings whose source never had a buffer.
    fn report_firings_without_audio(&mut self) {
        while let Ok(utc_ns) = self.fired.try_recv() {
            let name = clip_name(&self.source, utc_ns.saturating_sub(ns(self.options.before)), self.options.extension);
            let path = self.options.folder.join(name);
            (self.on_clip)(Err(Error::clip(&path, "there is no audio yet")));
        }
    }

    fn write(&mut self, buffer: &CaptureBuffer, range: Option<TimeRange>) {
        let Some(TimeRange { from_ns, to_ns }) = range else { return };
        let name = clip_name(buffer.source().as_str(), from_ns, self.options.extension);
        let path = self.options.folder.join(name);
        let set_progress = |progress| {
            if let Some(mut writing) = self.writing.lock() {
                *writing = progress;
            }
        };
        let clip = cut(buffer, from_ns..to_ns, &path, IfExists::Number, self.ending.at_once(), |progress| {
            set_progress(Some(progress));
            ControlFlow::Continue(())
        });
        set_progress(None);
        (self.on_clip)(clip);
    }
}

/// The reason why [`Listener::process`] returned.
enum Processed {
    /// The end of the trigger was requested, and all audio until then is processed.
    Ended,
    /// The buffer was removed.
    Removed,
}

/// The result of [`Listener::listen`].
#[derive(PartialEq, Eq)]
enum Listened {
    Processed,
    /// No audio came.
    Nothing,
    /// The buffer was removed, and all of it is processed.
    Removed,
}

/// The cursor on a buffer, and the condition on its audio.
struct Listening {
    windows: Windows,
    samples: Vec<f32>,
    detector: Option<Detector>,
    /// Times that were processed in an older buffer.
    processed: Range<i64>,
    tenth_ns: i64,
    /// The first frame that was not processed.
    next_frame: u64,
}

pub(super) fn ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
