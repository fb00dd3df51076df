use std::io::{self, Read as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{Child, pcm, wait_for};

/// A program that records 16-bit samples to its standard output, as arecord, parec and ffmpeg do, and what it has
/// recorded.
#[derive(Debug)]
pub struct Recorder {
    /// The program, to be asked or killed.
    pub program: Child,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Starts a program that [`Child::command`] prepared.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(mut command: Command) -> io::Result<Self> {
        command.stdout(Stdio::piped());
        let mut program = Child::start(command)?;
        let mut output = program.take_stdout().ok_or_else(|| io::Error::other("it has no standard output"))?;
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&bytes);
        // It ends with the program, whose end closes the pipe.
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut chunk) {
                lock(&recorded).extend_from_slice(&chunk[..count]);
            }
        });
        Ok(Self { program, bytes })
    }

    /// Returns what was recorded so far.
    pub fn samples(&self) -> Vec<i16> {
        pcm::s16_from_bytes(&lock(&self.bytes))
    }

    /// Waits until nothing comes any more, and returns how many samples had come; nothing if they go on beyond `deadline`.
    ///
    /// What was sent before a rig fell silent is still on its way: it is silent when a while brought nothing new.
    pub fn wait_for_silence(&self, deadline: Duration) -> Option<usize> {
        wait_for(deadline, || {
            let before = self.samples().len();
            thread::sleep(Duration::from_millis(700));
            (self.samples().len() == before).then_some(before)
        })
    }

    /// Waits until `count` samples were recorded after a leading silence, and returns all after it.
    ///
    /// # Errors
    /// Where they did not come within `deadline`: with what the program said.
    pub fn wait_for_sound(&self, count: usize, deadline: Duration) -> io::Result<Vec<i16>> {
        let found = wait_for(deadline, || {
            let samples = self.samples();
            let start = samples.iter().position(|&sample| sample != 0)?;
            (samples.len() - start >= count).then(|| samples[start..].to_vec())
        });
        found.ok_or_else(|| {
            let said = self.program.complaints();
            io::Error::new(io::ErrorKind::TimedOut, format!("{count} samples did not come; it said: {said}"))
        })
    }
}

/// Bytes are whole at every moment, so a panic on the other side leaves nothing to fear.
fn lock(bytes: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}
