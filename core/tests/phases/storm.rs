//! Runs phases on all threads at once, with a check between phases.

use std::sync::Mutex;
use std::thread;

use crate::Handles;
use crate::support::PanicBarrier;

pub const THREADS: usize = 8;

/// Runs `work(phase, thread, handles)` on all threads for each phase, then `check(phase, handles)`
/// while they wait. A panic in either ends all of them.
pub fn storm(
    phases: usize,
    work: impl Fn(usize, usize, &mut Handles) + Sync,
    mut check: impl FnMut(usize, &mut [Handles]),
) {
    let slots: Vec<_> = (0..THREADS).map(|_| Mutex::new(Handles::default())).collect();
    let barrier = PanicBarrier::new(THREADS + 1);
    thread::scope(|scope| {
        for (thread, slot) in slots.iter().enumerate() {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                let participant = barrier.join();
                for phase in 0..phases {
                    participant.wait();
                    let mut handles = std::mem::take(&mut *slot.lock().unwrap());
                    work(phase, thread, &mut handles);
                    *slot.lock().unwrap() = handles;
                    participant.wait();
                }
            });
        }
        let participant = barrier.join();
        for phase in 0..phases {
            participant.wait();
            participant.wait();
            let mut all: Vec<Handles> = slots.iter().map(|slot| std::mem::take(&mut *slot.lock().unwrap())).collect();
            check(phase, &mut all);
            slots.iter().zip(all).for_each(|(slot, handles)| *slot.lock().unwrap() = handles);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn failing_phase_ends_the_storm() {
        let fails = |phase: usize, thread: usize, _: &mut Handles| assert!((phase, thread) != (1, 3), "planted");
        assert!(catch_unwind(|| storm(3, fails, |_, _| {})).is_err());
    }

    #[test]
    fn failing_check_ends_the_storm() {
        let fails = |phase: usize, _: &mut [Handles]| assert!(phase != 1, "planted");
        assert!(catch_unwind(|| storm(3, |_, _, _| {}, fails)).is_err());
    }
}
