//! One face for the jobs that are measured, ours and what a user might take instead, and a check that each does its job
//! before it is timed.
//!
//! | benchmark | what it measures |
//! |---|---|
//! | `lookup` | finding a source that has a buffer, beside maps behind locks |
//! | `copy` | writing chunks and reading stretches, beside a plain copy |
//! | `domains` | the same in a domain beside a private registry, from one process to another, and ten thousand sources |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, Result, SampleFormat, Spec, Stretch, Writer};

/// A minute of mono at 48 kHz in 16 bits: 5.76 MB.
///
/// # Errors
/// None: the shape is allowed.
pub fn minute() -> Result<Spec> {
    Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16)
}

/// The name of the source with a number.
pub fn source(number: usize) -> String {
    format!("rtsp://camera-{number}.example/stream")
}

/// A map from sources to something that can be looked at.
pub trait Lookup: Sync {
    /// What the table calls it.
    const NAME: &'static str;
    /// A map with so many sources.
    ///
    /// # Errors
    /// Where ours refuses.
    fn with_sources(count: usize) -> Result<Self>
    where
        Self: Sized;
    /// A number read from the source's entry, or `None` where it has none.
    fn look(&self, source: &str) -> Option<u64>;
}

impl Lookup for Registry {
    const NAME: &'static str = "capbuf";

    fn with_sources(count: usize) -> Result<Self> {
        let registry = Self::builder().commit_ahead(false).build();
        let small = Spec::new(Length::Frames(1), 1, 1, SampleFormat::S16)?;
        for number in 0..count {
            registry.get_or_allocate(&source(number), small)?;
        }
        Ok(registry)
    }

    fn look(&self, source: &str) -> Option<u64> {
        self.with(source, |buffer| buffer.spec().length_frames())
    }
}

fn entries(count: usize) -> HashMap<String, Arc<u64>> {
    (0..count).map(|number| (source(number), Arc::new(1))).collect()
}

impl Lookup for Mutex<HashMap<String, Arc<u64>>> {
    const NAME: &'static str = "Mutex<HashMap>";

    fn with_sources(count: usize) -> Result<Self> {
        Ok(Self::new(entries(count)))
    }

    fn look(&self, source: &str) -> Option<u64> {
        self.lock().unwrap_or_else(PoisonError::into_inner).get(source).map(|entry| **entry)
    }
}

impl Lookup for RwLock<HashMap<String, Arc<u64>>> {
    const NAME: &'static str = "RwLock<HashMap>";

    fn with_sources(count: usize) -> Result<Self> {
        Ok(Self::new(entries(count)))
    }

    fn look(&self, source: &str) -> Option<u64> {
        self.read().unwrap_or_else(PoisonError::into_inner).get(source).map(|entry| **entry)
    }
}

/// A ring of 16-bit frames that is written in chunks and copied out of.
pub trait Ring {
    /// What the table calls it.
    const NAME: &'static str;
    /// An empty ring of a minute.
    ///
    /// # Errors
    /// Where ours refuses.
    fn minute() -> Result<Self>
    where
        Self: Sized;
    /// Writes the next frames.
    fn write(&mut self, chunk: &[i16]);
    /// Copies the newest frames out.
    fn last(&self, out: &mut [i16]) -> bool;
}

/// capbuf, with the time of each chunk given, as a device gives it.
pub struct Capbuf {
    buffer: CaptureBuffer,
    writer: Writer,
    utc_ns: i64,
}

impl Capbuf {
    /// Takes the writer of a buffer of mono at 48 kHz.
    ///
    /// # Errors
    /// Where ours refuses.
    pub fn of(buffer: CaptureBuffer) -> Result<Self> {
        let writer = buffer.writer()?;
        Ok(Self { buffer, writer, utc_ns: 1_700_000_000_000_000_000 })
    }
}

impl Ring for Capbuf {
    const NAME: &'static str = "capbuf";

    fn minute() -> Result<Self> {
        Self::of(Registry::private().get_or_allocate("bench", minute()?)?)
    }

    fn write(&mut self, chunk: &[i16]) {
        // A removed buffer would be the only error, and nobody removes this one.
        let _ = self.writer.write_at(chunk, self.utc_ns);
        self.utc_ns += chunk.len() as i64 * 1_000_000_000 / 48_000;
    }

    fn last(&self, out: &mut [i16]) -> bool {
        let newest = self.writer.next_frame();
        let stretch = Stretch::Frames(newest.saturating_sub(out.len() as u64)..newest);
        self.buffer.read_into(stretch, &ReadOptions::new(), out).is_ok()
    }
}

/// The limit: `memcpy` to and from the same amount of memory, with nothing known of time and nobody told of anything.
pub struct PlainCopy {
    memory: Vec<i16>,
    next: usize,
}

impl Ring for PlainCopy {
    const NAME: &'static str = "plain copy";

    fn minute() -> Result<Self> {
        Ok(Self { memory: vec![0; minute()?.length_frames() as usize], next: 0 })
    }

    fn write(&mut self, chunk: &[i16]) {
        let before = chunk.len().min(self.memory.len() - self.next);
        let (first, second) = chunk.split_at(before);
        self.memory[self.next..self.next + before].copy_from_slice(first);
        self.memory[..second.len()].copy_from_slice(second);
        self.next = (self.next + chunk.len()) % self.memory.len();
    }

    fn last(&self, out: &mut [i16]) -> bool {
        let len = self.memory.len();
        let begin = (self.next + len - out.len()) % len;
        let before = out.len().min(len - begin);
        let (first, second) = out.split_at_mut(before);
        first.copy_from_slice(&self.memory[begin..begin + before]);
        second.copy_from_slice(&self.memory[..second.len()]);
        true
    }
}

/// The usual way: the plain copy behind a lock that readers and the writer take in turn.
pub struct Locked(Mutex<PlainCopy>);

impl Ring for Locked {
    const NAME: &'static str = "Mutex ring";

    fn minute() -> Result<Self> {
        Ok(Self(Mutex::new(PlainCopy::minute()?)))
    }

    fn write(&mut self, chunk: &[i16]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(chunk);
    }

    fn last(&self, out: &mut [i16]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last(out)
    }
}
