//! The options of a trigger.

use std::path::PathBuf;
use std::time::Duration;

use capbuf::{SampleFormat, Spec};

use super::condition::Condition;
use crate::clip::flac;

/// Options of a trigger: its condition, and the clips that it writes.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerOptions {
    pub(super) condition: Option<Condition>,
    pub(super) before: Duration,
    pub(super) after: Duration,
    pub(super) at_most: Duration,
    pub(super) folder: PathBuf,
    pub(super) extension: &'static str,
}

impl TriggerOptions {
    /// Writes WAV clips into `folder`, from 3 s before to 5 s after, up to a minute long; fires
    /// only by [`Trigger::fire`](crate::Trigger::fire).
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

    /// Also fires while `condition` holds. A clip is written when no later firing can be merged
    /// into it: the time of [`before`](Self::before) after its end.
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Sets the length of audio before the trigger fires.
    pub fn before(mut self, before: Duration) -> Self {
        self.before = before;
        self
    }

    /// Sets the length of audio after the trigger fires.
    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }

    /// Sets the longest clip after merging. Longer events become several clips without a hole
    /// between. A buffer that is too short for such a clip makes it shorter, so that the beginning
    /// is still there when the end is; the log says so.
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most;
        self
    }

    /// The longest clip of a buffer of this length. A clip is written up to `before` after its end,
    /// and its beginning must still be there.
    pub(super) fn longest_in(&self, length: Duration) -> Duration {
        const DELAY: Duration = Duration::from_secs(1);
        let fits = length.saturating_sub(self.before).saturating_sub(DELAY);
        self.at_most.min(fits.max(self.before.saturating_add(self.after)))
    }

    /// Writes FLAC instead of WAV.
    pub fn flac(mut self) -> Self {
        self.extension = "flac";
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// The reason, and the allowed values.
    pub fn check(&self) -> Result<(), String> {
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

    /// Checks that the options suit a buffer: the clip fits into it, its type can store the
    /// samples, and the band lies within the frequencies that the sample rate has.
    ///
    /// ```
    /// use std::time::Duration;
    /// use capbuf::{Length, SampleFormat, Spec};
    /// use capbuf_capture::TriggerOptions;
    ///
    /// let spec = Spec::new(Length::Seconds(10.0), 16_000, 1, SampleFormat::S16)?;
    /// let reason = TriggerOptions::new(".").before(Duration::from_secs(30)).check_spec(&spec).unwrap_err();
    /// assert_eq!(reason, "a clip of 35s, before and after together; allowed: up to the 10s of the buffer");
    /// # Ok::<(), capbuf::Error>(())
    /// ```
    ///
    /// # Errors
    /// The reason, and the allowed values.
    pub fn check_spec(&self, spec: &Spec) -> Result<(), String> {
        self.check_format(spec)?;
        let length = Duration::from_secs_f64(spec.length_frames() as f64 / f64::from(spec.sample_rate_hz()));
        let least = self.before.saturating_add(self.after);
        if least > length {
            return Err(format!(
                "a clip of {least:?}, before and after together; allowed: up to the {length:?} of the buffer"
            ));
        }
        Ok(())
    }

    /// Checks what makes every clip fail. A buffer shorter than the clip is none of that: its clips
    /// have what is there, and list what is missing.
    pub(super) fn check_format(&self, spec: &Spec) -> Result<(), String> {
        if let Some(condition) = self.condition {
            condition.check_rate(spec.sample_rate_hz())?;
        }
        if self.extension == "flac" && spec.format() == SampleFormat::S32 {
            return Err("flac can't store s32; allowed: a source with format s16, s24 or f32, or wav".to_owned());
        }
        if self.extension == "flac" && spec.channels() > flac::MAX_CHANNELS {
            let (channels, most) = (spec.channels(), flac::MAX_CHANNELS);
            return Err(format!("flac can't store {channels} channels; allowed: up to {most}, or wav"));
        }
        Ok(())
    }
}
