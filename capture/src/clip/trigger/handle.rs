//! The handle of a trigger.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use capbuf::{OwnLock, OwnThread, Registry};

use super::ending::Ending;
use super::listener::{Listener, Writing, ns};
use super::options::TriggerOptions;
use super::pending::Pending;
use crate::clip::info::ClipInfo;
use crate::clip::progress::ClipProgress;
use crate::error::{Error, Result};

/// A trigger on one source, on a thread of its own.
///
/// Dropping it writes the pending clip at once, with the audio that is there, and waits for the
/// file: [`ClipInfo::missing`] has what would still have come. To keep all of the clip, use
/// [`Trigger::request_finish`] first. `on_clip` may drop its own trigger, which does not wait.
///
/// It follows the source to a new buffer if the old one is removed.
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
    ending: Ending,
    fire: OwnLock<Option<Sender<i64>>>,
    writing: Writing,
    thread: Option<OwnThread>,
}

impl Trigger {
    /// Starts a trigger on the buffer named `source`, which need not exist yet. Calls `on_clip`
    /// with each clip, on the thread of the trigger.
    ///
    /// The condition applies to frames written from now on, and to all frames of a later buffer.
    ///
    /// # Errors
    /// [`Error::Config`] for invalid options, for a band that an existing buffer's rate does not
    /// have, and for a file format that can't hold its audio; [`capbuf::Error::Forked`] in a child
    /// of the process that opened the registry.
    pub fn begin(
        registry: &Registry,
        source: &str,
        options: TriggerOptions,
        on_clip: impl FnMut(Result<ClipInfo>) + Send + 'static,
    ) -> Result<Self> {
        let refused = |reason| Error::Config { source_name: capbuf::redact(source), reason };
        options.check().map_err(refused)?;
        registry.check_process()?;
        let existing = registry.get(source);
        if let Some(buffer) = &existing {
            options.check_format(buffer.spec()).map_err(refused)?;
        }
        let (ending, (fire, fired), writing) = (Ending::new(), channel(), Writing::default());
        let existing = existing.map(|buffer| (buffer.id(), buffer.frames().end));
        let listener = Listener {
            registry: registry.clone(),
            source: source.to_owned(),
            ending: ending.clone(),
            fired,
            writing: Arc::clone(&writing),
            existing,
            processed_ns: i64::MIN,
            pending: Pending::new(ns(options.before), ns(options.after), ns(options.at_most)),
            on_clip: Box::new(on_clip),
            options,
        };
        let thread = thread::Builder::new().name("capbuf-trigger".to_owned());
        let failed =
            |error: std::io::Error| Error::Thread { source_name: capbuf::redact(source), reason: error.to_string() };
        let thread = thread.spawn(move || listener.run()).map_err(failed)?;
        Ok(Self { ending, fire: OwnLock::new(Some(fire)), writing, thread: Some(OwnThread::new(thread)) })
    }

    /// Fails in a child of the process that began the trigger.
    ///
    /// # Errors
    /// [`capbuf::Error::Forked`].
    #[doc(hidden)]
    pub fn check_process(&self) -> Result<()> {
        if self.fire.is_inherited() {
            return Err(capbuf::Error::Forked { what: "the trigger".to_owned() }.into());
        }
        Ok(())
    }

    /// Fires at a time in ns of UTC, past or future. Does not block. Does nothing in a forked
    /// child.
    pub fn fire(&self, utc_ns: i64) {
        if let Some(sender) = self.fire.lock().as_deref().and_then(Option::as_ref) {
            // The thread ends only when this is dropped, or after a panic of `on_clip`.
            let _ = sender.send(utc_ns);
        }
    }

    /// Ends the trigger without waiting for it: its thread processes the audio until now, waits for
    /// the rest of the pending clip, up to ten seconds past its end, and ends.
    pub fn request_finish(&self) {
        self.ending.finish().request();
    }

    /// Ends the trigger without waiting for it: its thread processes the audio until now, writes
    /// the pending clip with what is there, and ends.
    pub fn request_stop(&self) {
        self.ending.at_once().request();
    }

    /// Returns whether the thread of the trigger has ended: no call of `on_clip` follows.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(OwnThread::has_ended)
    }

    /// Returns the progress of the clip being written, if any. May be outdated when the caller
    /// reads it. None in a forked child.
    pub fn writing(&self) -> Option<ClipProgress> {
        *self.writing.lock()?
    }
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trigger").finish_non_exhaustive()
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        self.request_stop();
        if let Some(thread) = self.thread.take() {
            // Not in a child, which has no such thread, nor from `on_clip`, which would wait for
            // itself.
            thread.join();
        }
    }
}
