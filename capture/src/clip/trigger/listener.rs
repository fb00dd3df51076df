//! The thread of a trigger.

use std::ops::ControlFlow;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use capbuf::{CaptureBuffer, Registry, WindowOptions};

use super::condition::Detector;
use super::options::TriggerOptions;
use super::pending::{Pending, TimeRange};
use crate::clip::cut::cut_clip_with_progress;
use crate::clip::info::ClipInfo;
use crate::clip::name::clip_name;
use crate::clip::progress::ClipProgress;
use crate::error::Result;
use crate::stop::Stop;

/// The progress of the clip that is being written, if any.
pub(super) type Writing = Arc<Mutex<Option<ClipProgress>>>;

/// Called with each clip, on the thread of the trigger.
pub(super) type OnClip = Box<dyn FnMut(Result<ClipInfo>) + Send>;

pub(super) struct Listener {
    pub(super) registry: Registry,
    pub(super) source: String,
    pub(super) options: TriggerOptions,
    pub(super) stop: Stop,
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
        while !self.stop.is_requested() {
            let Some(buffer) = self.registry.get(&self.source) else {
                // Firings stay queued until there is a buffer.
                self.stop.sleep(RETRY_EVERY);
                continue;
            };
            if let Err(error) = self.process(&buffer) {
                (self.on_clip)(Err(error));
                self.stop.sleep(RETRY_EVERY);
            }
            let rest = self.pending.give_up();
            self.write(&buffer, rest);
        }
    }

    /// Processes a buffer until it is removed, or the trigger stops.
    fn process(&mut self, buffer: &CaptureBuffer) -> Result<()> {
        let spec = *buffer.spec();
        let tenth = u64::from(spec.sample_rate_hz() / 10).clamp(1, spec.length_frames());
        let lasts_ns = |frames: u64| ns(Duration::from_secs_f64(frames as f64 / f64::from(spec.sample_rate_hz())));
        let tenth_ns = lasts_ns(tenth);
        let options = WindowOptions::new(tenth, tenth);
        let existing = self.existing.take().filter(|(id, _)| *id == buffer.id());
        let mut windows = buffer.windows(existing.map_or(options, |(_, new_frame)| options.from_frame(new_frame)))?;
        // Audio of the old buffer may be in the new one. Audio from before that was not processed:
        // the clock was set back.
        let oldest_ns = self.processed_ns.saturating_sub(lasts_ns(spec.length_frames()));
        let processed = oldest_ns..self.processed_ns;
        let mut samples = vec![0.0_f32; usize::try_from(windows.window_samples()).unwrap_or(0)];
        let new_detector = |condition| Detector::new(condition, spec.sample_rate_hz(), spec.channels(), &self.source);
        let mut detector = self.options.condition.map(new_detector).transpose()?;
        while !self.stop.is_requested() {
            while let Ok(utc_ns) = self.fired.try_recv() {
                let complete = self.pending.fire(utc_ns);
                self.write(buffer, complete);
            }
            match windows.next_into(&mut samples, WAIT) {
                Ok(window) if processed.contains(&window.start_utc_ns) => {}
                Ok(window) => {
                    if detector.as_mut().is_some_and(|detector| detector.fires(&samples)) {
                        let complete = self.pending.fire(window.start_utc_ns);
                        self.write(buffer, complete);
                    }
                    self.processed_ns = window.start_utc_ns.saturating_add(tenth_ns);
                    // A condition may fire again within the clip; without one it is cut at once.
                    let due = match detector {
                        Some(_) => self.pending.settled(self.processed_ns),
                        None => self.pending.due(self.processed_ns),
                    };
                    self.write(buffer, due);
                }
                Err(capbuf::Error::TimedOut { .. } | capbuf::Error::Evicted { .. }) => {
                    // The source was lost within a clip: the audio until then is written.
                    let now_ns = buffer.clock().utc_ns();
                    if self.pending.complete_at_ns().is_some_and(|at_ns| at_ns.saturating_add(LATE_NS) < now_ns) {
                        let rest = self.pending.give_up();
                        self.write(buffer, rest);
                    }
                }
                Err(capbuf::Error::Removed { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn write(&mut self, buffer: &CaptureBuffer, range: Option<TimeRange>) {
        let Some(TimeRange { from_ns, to_ns }) = range else { return };
        let name = clip_name(buffer.source().as_str(), from_ns, self.options.extension);
        let length = Duration::from_nanos(to_ns.saturating_sub(from_ns).max(0).unsigned_abs());
        let path = self.options.folder.join(name);
        let set_progress = |progress| *self.writing.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        let clip = cut_clip_with_progress(buffer, from_ns, Duration::ZERO, length, &path, |progress| {
            set_progress(Some(progress));
            ControlFlow::Continue(())
        });
        set_progress(None);
        (self.on_clip)(clip);
    }
}

pub(super) fn ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
