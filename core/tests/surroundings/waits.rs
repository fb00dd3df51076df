//! Signals whose handlers are set without `SA_RESTART`.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::thread::JoinHandleExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use capbuf::Error;

use crate::{Folder, spec};

static SEEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: libc::c_int) {
    SEEN.fetch_add(1, Ordering::Relaxed);
}

/// Sets a handler that restarts no system call.
fn handle_signals() {
    let handler: extern "C" fn(libc::c_int) = count;
    // SAFETY: all bytes zero are a value of this structure of integers and a pointer.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    // SAFETY: a valid structure; the handler only adds to an atomic.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) }, 0);
}

/// Sends the thread of `waiter` signals until it has handled `signals` more, or has ended.
fn interrupt<T>(waiter: &JoinHandle<T>, signals: usize) {
    let end = SEEN.load(Ordering::Relaxed) + signals;
    while !waiter.is_finished() && SEEN.load(Ordering::Relaxed) < end {
        // SAFETY: the thread is not joined yet, so its number is its own.
        unsafe { libc::pthread_kill(waiter.as_pthread_t(), libc::SIGUSR1) };
        thread::sleep(Duration::from_micros(200));
    }
}

/// The lock file under which the buffer of the only source is made, held as by another process.
fn claimed(folder: &Folder) -> File {
    let ring = folder.files(".ring").remove(0);
    let claim = ring.to_str().unwrap().replace("-0.ring", ".claim");
    let file = File::create_new(&claim).unwrap();
    fs::set_permissions(&claim, Permissions::from_mode(0o600)).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn interrupted_calls_go_on() {
    handle_signals();
    let folder = Folder::new();
    let (registry, other) = (folder.open(), folder.open());
    drop(registry.allocate("x", spec()).unwrap());
    let claim = claimed(&folder);
    let waiter = thread::spawn(move || {
        registry.remove("x")?;
        let busy = registry.allocate("y", spec())?;
        for _ in 0..200 {
            // Each takes locks and gives them back.
            registry.allocate("x", spec())?;
            registry.remove("x")?;
            drop(registry.claim_source("x")?);
            registry.sweep()?;
            // A check of a lock that is interrupted reports no death, and no life.
            let writer = busy.writer()?;
            assert!(matches!(busy.writer(), Err(Error::WriterBusy { .. })));
            drop(writer);
        }
        Ok::<(), Error>(())
    });
    interrupt(&waiter, 200);
    assert!(!waiter.is_finished() && other.contains("x"), "it waits for the lock");
    drop(claim);
    interrupt(&waiter, usize::MAX / 2);
    waiter.join().unwrap().unwrap();
}
