//! The switches of allocation tracking: a word for each registry of the domain, in a file that all
//! of them map. A process sets its own by a call; `capbuf track` sets all.
//!
//! The words of the file, in pairs: first a magic number and the setting of registries to come,
//! then for each registry the number of its liveness lock and its setting. A setting is 1 for on.

use std::fs::File;
use std::time::Duration;

use rustix::fs::FallocateFlags;
use rustix::io::retry_on_intr;

use super::folder::Folder;
use super::handle::Domain;
use super::liveness;
use crate::memory::{Words, largest_file_bytes};
use crate::sync::{AtomicU64, Ordering};

/// Hidden: it is in no listing of the folder's names.
pub(super) const NAME: &str = ".switches";
const MAGIC: u64 = u64::from_le_bytes(*b"capswit\x01");
/// Pairs of words: one for the setting of registries to come, the others for registries.
const PAIRS: usize = 1024;
const BYTES: u64 = (PAIRS * 2 * size_of::<u64>()) as u64;

/// The mapped switches of a domain.
#[derive(Debug)]
pub(crate) struct Switches {
    words: Words,
}

/// The switch of one registry, until it is dropped.
#[derive(Debug)]
pub(crate) struct Switch {
    switches: Switches,
    /// The place of its setting.
    at: usize,
    number: u64,
}

impl Switch {
    /// True if the registry is to track: one relaxed load.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        // SYNC none: an attempt under way may be recorded or not.
        self.switches.words.all().get(self.at).is_some_and(|setting| setting.load(Ordering::Relaxed) != 0)
    }

    pub(crate) fn set(&self, on: bool) {
        if let Some(setting) = self.switches.words.all().get(self.at) {
            setting.store(on.into(), Ordering::Relaxed);
        }
    }

    /// Gives the place back.
    pub(crate) fn release(&self) {
        self.set(false);
        if let Some(number) = self.switches.words.all().get(self.at - 1) {
            // SYNC none: the settings of a place are set anew when it is taken.
            let _ = number.compare_exchange(self.number, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

impl Switches {
    fn pairs(&self) -> impl Iterator<Item = (usize, &AtomicU64, &AtomicU64)> {
        let pairs = self.words.all().chunks_exact(2).enumerate().skip(1);
        pairs.map(|(pair, words)| (2 * pair + 1, &words[0], &words[1]))
    }

    fn to_come(&self) -> &AtomicU64 {
        &self.words.all()[1]
    }

    fn open(file: &File) -> Option<Self> {
        // Beyond its limit the kernel ends the process by a signal.
        if BYTES > largest_file_bytes() {
            return None;
        }
        // Zeros are a valid content, and what is there stays.
        retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), 0, BYTES)).ok()?;
        let switches = Self { words: Words::in_new_file(file, BYTES).ok()? };
        // SYNC none: all processes store the same number.
        let known = switches.words.all()[0].compare_exchange(0, MAGIC, Ordering::Relaxed, Ordering::Relaxed);
        matches!(known, Ok(_) | Err(MAGIC)).then_some(switches)
    }
}

/// Runs `change` while this process alone changes the switches, or after a while.
fn alone<R>(file: &File, change: impl FnOnce() -> R) -> R {
    const TRIES: usize = 50;
    for _ in 0..TRIES {
        if file.try_lock().is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let changed = change();
    let _ = file.unlock();
    changed
}

impl Domain {
    /// Takes a switch for the registry that holds this domain open. It begins as `on` says, or as
    /// those of the domain were set last. `None` without room, on a file system that is mounted
    /// for reading, or if all places are taken by living processes.
    pub(crate) fn switch(&self, on: Option<bool>) -> Option<Switch> {
        let number = self.liveness.load().number();
        if number == 0 {
            return None;
        }
        let file = self.folder.open_or_create_if_room(NAME).ok()??;
        let switches = Switches::open(&file)?;
        let take = |is_free: &dyn Fn(u64) -> bool| {
            switches.pairs().find_map(|(at, owner, setting)| {
                let before = owner.load(Ordering::Relaxed);
                // SYNC none: under the file's lock.
                let is_taken = is_free(before)
                    && owner.compare_exchange(before, number, Ordering::Relaxed, Ordering::Relaxed).is_ok();
                is_taken.then(|| {
                    let to_come = || switches.to_come().load(Ordering::Relaxed) == 1;
                    setting.store(on.unwrap_or_else(to_come).into(), Ordering::Relaxed);
                    at
                })
            })
        };
        let at = alone(&file, || take(&|before| before == 0).or_else(|| take(&|before| !self.is_alive(before))))?;
        Some(Switch { switches, at, number })
    }

    /// Sets the switches of all registries, and of those to come. False if there is no room for
    /// them.
    #[cfg(feature = "observe")]
    pub(crate) fn set_switches(&self, on: bool) -> bool {
        let Some(file) = self.folder.open_or_create_if_room(NAME).ok().flatten() else { return false };
        let Some(switches) = Switches::open(&file) else { return false };
        alone(&file, || {
            switches.to_come().store(on.into(), Ordering::Relaxed);
            switches.pairs().for_each(|(_, _, setting)| setting.store(on.into(), Ordering::Relaxed));
        });
        true
    }

    /// The settings of living registries, by the number of their liveness lock, and of those to
    /// come. `None` if there are no switches.
    #[cfg(feature = "observe")]
    pub(crate) fn switches(&self) -> Option<(Vec<(u64, bool)>, bool)> {
        let switches = Switches::open(&self.folder.open(NAME).ok()??)?;
        let settings = switches
            .pairs()
            .map(|(_, owner, setting)| (owner.load(Ordering::Relaxed), setting.load(Ordering::Relaxed) != 0));
        let living = settings.filter(|(owner, _)| *owner != 0 && liveness::is_held(&self.folder, *owner)).collect();
        Some((living, switches.to_come().load(Ordering::Relaxed) == 1))
    }
}

/// Removes the switches of a domain that no process has open.
pub(super) fn remove(folder: &Folder) {
    // A folder that can't be removed for it is left, as one with another process's files is.
    let _ = folder.remove_file(NAME);
}

#[cfg(all(test, feature = "observe", not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn place_of_a_closed_registry_is_taken_again() {
        let base = tempfile::tempdir().unwrap();
        let domain = Domain::open("birds", Some(base.path()), 0).unwrap();
        for _ in 0..PAIRS + 10 {
            domain.switch(None).unwrap().release();
        }
        let all: Vec<_> = (1..PAIRS).map(|_| domain.switch(None).unwrap()).collect();
        assert!(domain.switch(None).is_none(), "all places belong to a living process");
        domain.set_switches(true);
        assert!(all.iter().all(Switch::is_on));
        all[7].release();
        assert_eq!(domain.switch(None).map(|switch| (switch.at, switch.is_on())), Some((all[7].at, true)));
    }
}
