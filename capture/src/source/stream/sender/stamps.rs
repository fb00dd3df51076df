//! The stamps of packets, read beside the packets of PCM.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::nut::{Nut, Stamp};

/// The most stamps that wait to be taken. Older ones are dropped.
const MAX_WAITING: usize = 1024;

/// The stamps that a thread has read and nobody has taken yet.
#[derive(Debug, Clone)]
pub(crate) struct Stamps {
    waiting: Arc<Mutex<VecDeque<(Stamp, Instant)>>>,
}

impl Stamps {
    /// Reads ffmpeg's second output to its end on a thread, so that the child never waits for a
    /// reader.
    pub(crate) fn read(output: impl Read + Send + 'static) -> io::Result<(Self, JoinHandle<()>)> {
        let stamps = Self { waiting: Arc::default() };
        let waiting = Arc::clone(&stamps.waiting);
        let thread = std::thread::Builder::new().name("capbuf-ffmpeg-clock".to_owned()).spawn(move || {
            let mut nut = Nut::new(output);
            while let Ok(stamp) = nut.next() {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if waiting.len() == MAX_WAITING {
                    waiting.pop_front();
                }
                waiting.push_back((stamp, Instant::now()));
            }
        })?;
        Ok((stamps, thread))
    }

    /// Takes the oldest stamp, with the time since it was read.
    pub(super) fn take(&self) -> Option<(Stamp, Duration)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front().map(|(stamp, read_at)| (stamp, read_at.elapsed()))
    }
}
