//! Committing memory ahead of the writer, on a thread of its own, so that the audio thread meets no page fault.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use crate::shared::Shared;
use crate::sync::{Arc, Weak};

/// The helper thread of one registry, started when it is first needed, ended with the registry.
#[derive(Default)]
pub(crate) struct Committer {
    queue: Mutex<Option<mpsc::Sender<Weak<Shared>>>>,
}

impl Committer {
    /// Commits a new buffer's memory soon. If no thread can be had it stays as it is, and the first lap faults.
    pub(crate) fn commit(&self, shared: &Arc<Shared>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            let (sender, receiver) = mpsc::channel();
            let started = thread::Builder::new().name("capbuf-commit".into()).spawn(move || run(&receiver));
            *queue = started.ok().map(|_| sender);
        }
        if let Some(queue) = &*queue {
            // An ended thread would have dropped the receiver: nothing to be done about it here.
            let _ = queue.send(Arc::downgrade(shared));
        }
    }
}

fn run(queue: &mpsc::Receiver<Weak<Shared>>) {
    for shared in queue {
        // A slice at a time, so that a buffer that nobody holds any more goes at once.
        let mut slice = 0;
        while shared.upgrade().is_some_and(|shared| shared.region.commit_slice(slice)) {
            slice += 1;
        }
    }
}
