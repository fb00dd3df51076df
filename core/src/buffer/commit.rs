//! Commits memory ahead of the writer on a helper thread, so that the audio thread meets no page
//! fault.

use std::sync::mpsc;
use std::thread;

use crate::sync::OwnLock;

/// Commits one slice of a buffer's memory; false after the last slice, or if the buffer is gone.
type CommitSlice = Box<dyn FnMut(usize) -> bool + Send>;

/// The helper thread of one registry, started with the first job, ended with the registry.
#[derive(Default)]
pub(crate) struct Committer {
    queue: OwnLock<Option<mpsc::Sender<CommitSlice>>>,
}

impl Committer {
    /// Queues a buffer's memory, slice after slice. If no thread can be started the first lap
    /// faults.
    pub(super) fn commit(&self, slice: impl FnMut(usize) -> bool + Send + 'static) {
        let Some(mut queue) = self.queue.lock() else { return };
        if queue.is_none() {
            let (sender, receiver) = mpsc::channel();
            let started = thread::Builder::new().name("capbuf-commit".into()).spawn(move || run(&receiver));
            *queue = started.ok().map(|_| sender);
        }
        if let Some(queue) = &*queue {
            // The receiver lives as long as the thread, which ends with this sender.
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
