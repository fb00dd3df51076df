//! Committing memory ahead of the writer, on a thread of its own, so that the audio thread meets no page fault.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Commits one slice of a buffer's memory, by its number; false when there is none left, or the buffer is gone.
type CommitSlice = Box<dyn FnMut(usize) -> bool + Send>;

/// The helper thread of one registry, started when it is first needed, ended with the registry.
#[derive(Default)]
pub(crate) struct Committer {
    queue: Mutex<Option<mpsc::Sender<CommitSlice>>>,
}

impl Committer {
    /// Commits a buffer's memory soon, slice after slice. Without a thread it stays as it is, and the first lap faults.
    pub(super) fn commit(&self, slice: impl FnMut(usize) -> bool + Send + 'static) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            let (sender, receiver) = mpsc::channel();
            let started = thread::Builder::new().name("capbuf-commit".into()).spawn(move || run(&receiver));
            *queue = started.ok().map(|_| sender);
        }
        if let Some(queue) = &*queue {
            // An ended thread would have dropped the receiver: nothing to be done about it here.
            let _ = queue.send(Box::new(slice));
        }
    }
}

fn run(queue: &mpsc::Receiver<CommitSlice>) {
    for mut commit in queue {
        let mut slice = 0;
        while commit(slice) {
            slice += 1;
        }
    }
}
