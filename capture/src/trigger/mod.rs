//! Triggers: a clip whenever something is heard, or somebody calls, with the audio from before it began.

mod condition;
mod pending;

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use capbuf::{CaptureBuffer, Registry, WindowOptions};

use crate::clip::ClipInfo;
use crate::clip_name::clip_name;
use crate::clip_progress::ClipProgress;
use crate::cut::cut_clip_with_progress;
use crate::error::{Error, Result};
use crate::stop::Stop;
pub use condition::Condition;
use condition::Detector;
use pending::{Pending, TimeRange};

/// What a trigger does when it fires.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerOptions {
    condition: Option<Condition>,
    before: Duration,
    after: Duration,
    at_most: Duration,
    folder: PathBuf,
    extension: &'static str,
}

impl TriggerOptions {
    /// Writes WAV clips into a folder, from three seconds before until five after, a minute at most; fires when it is called.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            condition: None,
            before: Duration::from_secs(3),
            after: Duration::from_secs(5),
            at_most: Duration::from_secs(60),
            folder: folder.into(),
            extension: "wav",
        }
    }

    /// Fires by itself, too. A clip is written when nothing that is still to be heard could be merged into it: so much later as there is
    /// audio from before in it.
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// How much audio from before it fires is in a clip.
    pub fn before(mut self, before: Duration) -> Self {
        self.before = before;
        self
    }

    /// How much from after.
    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }

    /// How long a clip may be into which others were merged. What goes on for longer is several, one where the other ends.
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most;
        self
    }

    /// Writes FLAC.
    pub fn flac(mut self) -> Self {
        self.extension = "flac";
        self
    }

    /// Tells whether this can be.
    ///
    /// # Errors
    /// What is wrong, and what is allowed.
    pub fn check(&self) -> std::result::Result<(), String> {
        if let Some(condition) = self.condition {
            condition.check()?;
        }
        if self.before.is_zero() && self.after.is_zero() {
            return Err("a clip of no length, before and after being zero".to_owned());
        }
        let least = self.before.saturating_add(self.after);
        if self.at_most < least {
            let at_most = self.at_most;
            return Err(format!(
                "clips of {at_most:?} at most; allowed: {least:?}, which is before and after, or more"
            ));
        }
        Ok(())
    }
}

/// How far the clip is that is being written, if one is.
type Writing = Arc<Mutex<Option<ClipProgress>>>;

/// What is told of each clip.
type Told = Box<dyn FnMut(Result<ClipInfo>) + Send>;

/// A trigger on one source, on a thread of its own. Ends when dropped, and waits for the clip that it is writing.
///
/// It follows the source through whatever becomes of its buffer: one that is removed is looked for again.
///
/// ```
/// use std::sync::mpsc::channel;
/// use std::time::Duration;
/// use capbuf::Registry;
/// use capbuf_capture::{Capture, CaptureOptions, Condition, Trigger, TriggerOptions};
///
/// let registry = Registry::private();
/// let capture = Capture::start(&registry, "tone:440", &CaptureOptions::new())?;
/// let folder = tempfile::tempdir().expect("a folder");
/// let tenth = Duration::from_millis(100);
/// let options = TriggerOptions::new(folder.path()).when(Condition::louder_than(-20.0));
/// let options = options.before(tenth).after(tenth).at_most(tenth * 5);
/// let (sender, clips) = channel();
/// let trigger = Trigger::begin(&registry, "tone:440", options, move |clip| drop(sender.send(clip)))?;
/// let clip = clips.recv().expect("it lives")?;
/// assert!(clip.path.starts_with(folder.path()));
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
pub struct Trigger {
    stop: Stop,
    calls: Mutex<Sender<i64>>,
    writing: Writing,
    thread: Option<JoinHandle<()>>,
}

impl Trigger {
    /// Begins to listen to a source by the name of its buffer, which may be still to come; `told` hears of each clip, on the trigger's
    /// thread. It hears what is written from now on, and all of a buffer that is still to come.
    ///
    /// # Errors
    /// [`Error::Config`] for options that can't be.
    pub fn begin(
        registry: &Registry,
        source: &str,
        options: TriggerOptions,
        told: impl FnMut(Result<ClipInfo>) + Send + 'static,
    ) -> Result<Self> {
        let refused = |reason| Error::Config { source_name: capbuf::redact(source), reason };
        options.check().map_err(refused)?;
        let (stop, (calls, called), writing) = (Stop::new(), channel(), Writing::default());
        let begun = registry.get(source).map(|buffer| (buffer.id(), buffer.frames().end));
        let listener = Listener {
            registry: registry.clone(),
            source: source.to_owned(),
            stop: stop.clone(),
            called,
            writing: Arc::clone(&writing),
            begun,
            heard_ns: i64::MIN,
            pending: Pending::new(ns(options.before), ns(options.after), ns(options.at_most)),
            told: Box::new(told),
            options,
        };
        let thread = thread::Builder::new().name("capbuf-trigger".to_owned());
        let failed =
            |error: std::io::Error| Error::Thread { source_name: capbuf::redact(source), reason: error.to_string() };
        let thread = thread.spawn(move || listener.run()).map_err(failed)?;
        Ok(Self { stop, calls: Mutex::new(calls), writing, thread: Some(thread) })
    }

    /// Fires at a moment in ns of UTC, past, present or to come. Waits for nothing.
    pub fn fire(&self, utc_ns: i64) {
        // It fails if the thread has ended, which it does only with this.
        let _ = self.calls.lock().unwrap_or_else(PoisonError::into_inner).send(utc_ns);
    }

    /// How far the clip is that is being written now, if one is: a long one takes a while. Stale at once.
    pub fn writing(&self) -> Option<ClipProgress> {
        *self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trigger").finish_non_exhaustive()
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take() {
            // If `told` panicked, that was told where it did.
            let _ = thread.join();
        }
    }
}

fn ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

struct Listener {
    registry: Registry,
    source: String,
    options: TriggerOptions,
    stop: Stop,
    called: Receiver<i64>,
    writing: Writing,
    /// The buffer that there was when this began, by its number, and its first frame that is new.
    begun: Option<(u64, u64)>,
    /// Up to when it was listened to: a new buffer may have audio of the old one.
    heard_ns: i64,
    pending: Pending,
    told: Told,
}

/// How often a source is looked for that is not there.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long audio is waited for before calls are looked at again.
const WAIT: Duration = Duration::from_millis(200);
/// Audio that comes so much too late does not come.
const LATE_NS: i64 = 10_000_000_000;

impl Listener {
    fn run(mut self) {
        while !self.stop.is_requested() {
            let Some(buffer) = self.registry.get(&self.source) else {
                // Calls are kept until there is something to cut.
                self.stop.sleep(LOOK_EVERY);
                continue;
            };
            if let Err(error) = self.listen(&buffer) {
                (self.told)(Err(error));
                self.stop.sleep(LOOK_EVERY);
            }
            let rest = self.pending.give_up();
            self.write(&buffer, rest);
        }
    }

    /// Goes through a buffer until it is removed, or this is to end.
    fn listen(&mut self, buffer: &CaptureBuffer) -> Result<()> {
        let spec = *buffer.spec();
        let tenth = u64::from(spec.sample_rate_hz() / 10).clamp(1, spec.length_frames());
        let lasts_ns = |frames: u64| ns(Duration::from_secs_f64(frames as f64 / f64::from(spec.sample_rate_hz())));
        let tenth_ns = lasts_ns(tenth);
        let options = WindowOptions::new(tenth, tenth);
        let begun = self.begun.take().filter(|(id, _)| *id == buffer.id());
        let mut windows = buffer.windows(begun.map_or(options, |(_, new_frame)| options.from_frame(new_frame)))?;
        // Audio of the old buffer may be in the new one. What is older than that was not heard: the clock was set back.
        let oldest_ns = self.heard_ns.saturating_sub(lasts_ns(spec.length_frames()));
        let heard = oldest_ns..self.heard_ns;
        let mut samples = vec![0.0_f32; usize::try_from(windows.window_samples()).unwrap_or(0)];
        let new_detector = |condition| Detector::new(condition, spec.sample_rate_hz(), spec.channels(), &self.source);
        let mut detector = self.options.condition.map(new_detector).transpose()?;
        while !self.stop.is_requested() {
            while let Ok(utc_ns) = self.called.try_recv() {
                let complete = self.pending.fire(utc_ns);
                self.write(buffer, complete);
            }
            match windows.next_into(&mut samples, WAIT) {
                Ok(window) if heard.contains(&window.start_utc_ns) => {}
                Ok(window) => {
                    if detector.as_mut().is_some_and(|detector| detector.fires(&samples)) {
                        let complete = self.pending.fire(window.start_utc_ns);
                        self.write(buffer, complete);
                    }
                    self.heard_ns = window.start_utc_ns.saturating_add(tenth_ns);
                    // What listens by itself may go on hearing; who calls wants the clip as soon as it is there.
                    let due = match detector {
                        Some(_) => self.pending.settled(self.heard_ns),
                        None => self.pending.due(self.heard_ns),
                    };
                    self.write(buffer, due);
                }
                Err(capbuf::Error::TimedOut { .. } | capbuf::Error::Evicted { .. }) => {
                    // The source has died in the middle of a clip: it is written as far as it lived.
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
        let tell = |progress| *self.writing.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        let clip = cut_clip_with_progress(buffer, from_ns, Duration::ZERO, length, &path, |progress| {
            tell(Some(progress));
            ControlFlow::Continue(())
        });
        tell(None);
        (self.told)(clip);
    }
}
