use std::io::{self, Read as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{Child, pcm, wait_for};

/// A program that records 16-bit samples to its standard output, as arecord, parec and ffmpeg do.
#[derive(Debug)]
pub struct Recorder {
    /// The running program.
    pub program: Child,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Starts a command from [`Child::command`].
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(mut command: Command) -> io::Result<Self> {
        command.stdout(Stdio::piped());
        let mut program = Child::start(command)?;
        let mut output = program.take_stdout().ok_or_else(|| io::Error::other("it has no standard output"))?;
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&bytes);
        // The thread ends with the program, whose end closes the pipe.
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut chunk) {
                lock(&recorded).extend_from_slice(&chunk[..count]);
            }
        });
        Ok(Self { program, bytes })
    }

    /// Returns the samples so far.
    pub fn samples(&self) -> Vec<i16> {
        pcm::s16_from_bytes(&lock(&self.bytes))
    }

    /// Waits until 70 looks in a row, 10 ms apart, find no new sample; returns the number of
    /// samples, or nothing after `deadline`.
    ///
    /// Samples in flight when a rig fell silent still arrive. Looks are counted, not time: during a
    /// stall of the machine no recorder could have delivered anything.
    pub fn wait_for_silence(&self, deadline: Duration) -> Option<usize> {
        let (mut known, mut silent_looks) = (0, 0);
        wait_for(deadline, || {
            let count = self.samples().len();
            silent_looks = if count == known { silent_looks + 1 } else { 0 };
            known = count;
            (silent_looks == 70).then_some(count)
        })
    }

    /// Waits until `count` samples follow a leading silence; returns all of those after it.
    ///
    /// # Errors
    /// If they do not come within `deadline`: with the program's standard error.
    pub fn wait_for_sound(&self, count: usize, deadline: Duration) -> io::Result<Vec<i16>> {
        let found = wait_for(deadline, || {
            let samples = self.samples();
            let start = samples.iter().position(|&sample| sample != 0)?;
            (samples.len() - start >= count).then(|| samples[start..].to_vec())
        });
        found.ok_or_else(|| {
            let stderr = self.program.stderr();
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{count} samples did not come; its standard error: {stderr}"),
            )
        })
    }
}

/// Ignores poisoning: the vector is valid at every moment.
fn lock(bytes: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}
