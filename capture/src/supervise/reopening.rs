//! The pace at which lost sources are opened again: all of a process can be lost at once, as when
//! the machine is starved, and opening a thousand at once would starve it again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Sources that are opened again without a wait.
const BURST: u32 = 32;
/// The interval of those beyond: 50 a second.
const EVERY: Duration = Duration::from_millis(20);

static TURNS: Mutex<Turns> = Mutex::new(Turns { next: None });

/// Takes the next turn to open a source of this process again; returns how long to wait for it.
///
/// An opening that takes long delays no other: turns are a pace, not places.
pub(super) fn turn() -> Duration {
    // A forked child may find it locked for ever, and opens nothing in a hurry.
    match TURNS.try_lock() {
        Ok(mut turns) => turns.take(Instant::now()),
        Err(std::sync::TryLockError::Poisoned(turns)) => PoisonError::into_inner(turns).take(Instant::now()),
        Err(std::sync::TryLockError::WouldBlock) => EVERY,
    }
}

/// The turns that were taken.
struct Turns {
    /// When the next turn would be if they were equally spaced, [`EVERY`] apart.
    next: Option<Instant>,
}

impl Turns {
    fn take(&mut self, now: Instant) -> Duration {
        let next = self.next.map_or(now, |next| next.max(now));
        self.next = Some(next + EVERY);
        next.saturating_duration_since(now).saturating_sub(EVERY * BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousand_sources_lost_at_once_come_back_at_a_pace() {
        let (now, mut turns) = (Instant::now(), Turns { next: None });
        let waits: Vec<_> = (0..1000).map(|_| turns.take(now)).collect();
        assert!(waits[..=BURST as usize].iter().all(Duration::is_zero), "a few are opened at once");
        assert!(waits[BURST as usize..].windows(2).all(|pair| pair[1] - pair[0] == EVERY));
        assert_eq!(waits[999], EVERY * (999 - BURST));
        // Later there is nothing to wait for.
        assert!(turns.take(now + Duration::from_secs(60)).is_zero());
    }
}
