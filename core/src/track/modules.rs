//! The files with loaded code: another process understands an address only as a file and an offset.

use std::path::Path;
use std::time::Instant;

use crate::sync::process::{ArcSwap, AtomicU64, LazyLock};
use crate::sync::{Ordering, PlainArc as Arc};

/// Files that can have a number.
pub(super) const MODULES: usize = 256;

/// The loaded mappings. Files keep their numbers when the mappings are read again.
#[derive(Debug, Clone, Default)]
pub(super) struct Modules {
    paths: Vec<Arc<str>>,
    /// Sorted by address.
    mappings: Vec<Mapping>,
}

#[derive(Debug, Clone, Copy)]
struct Mapping {
    start: usize,
    end: usize,
    offset: u64,
    module: usize,
}

static LOADED: LazyLock<ArcSwap<Modules>> = LazyLock::new(|| ArcSwap::from_pointee(Modules::default()));
/// Time of the last reading, in ms since the first.
static LOOKED_MS: AtomicU64 = AtomicU64::new(0);
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The loaded mappings. Reads them again, for about 100 us, if an address is in none of them, but
/// not too often: generated code lies in no file.
pub(super) fn loaded(addresses: &[usize]) -> Arc<Modules> {
    let known = LOADED.load_full();
    if addresses.iter().all(|address| known.find(*address).is_some()) {
        return known;
    }
    const PAUSE_MS: u64 = 1000;
    let now_ms = u64::try_from(BEGIN.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(PAUSE_MS);
    let before_ms = LOOKED_MS.load(Ordering::Relaxed);
    let is_due = known.mappings.is_empty() || now_ms.saturating_sub(before_ms) >= PAUSE_MS;
    if !is_due || LOOKED_MS.compare_exchange(before_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return known;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let now = Arc::new(known.looked_at_anew(&maps));
    // SYNC none: a thread that finds older mappings reads them again.
    LOADED.store(Arc::clone(&now));
    now
}

impl Modules {
    fn looked_at_anew(&self, maps: &str) -> Self {
        let mut now = Self { paths: self.paths.clone(), mappings: Vec::new() };
        for line in maps.lines() {
            now.take(line);
        }
        now.mappings.sort_by_key(|mapping| mapping.start);
        now
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let is_code = words.next()?.contains('x');
        let offset = u64::from_str_radix(words.next()?, 16).ok()?;
        let path = &line[line.find('/').filter(|_| is_code)?..];
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        let module = match self.paths.iter().position(|known| **known == *path) {
            Some(module) => module,
            None if self.paths.len() < MODULES => {
                self.paths.push(path.into());
                self.paths.len() - 1
            }
            None => return None,
        };
        let [start, end] = [start, end].map(|number| usize::from_str_radix(number, 16));
        self.mappings.push(Mapping { start: start.ok()?, end: end.ok()?, offset, module });
        Some(())
    }

    /// The number of the file that holds an address, and the offset in it.
    pub(super) fn find(&self, address: usize) -> Option<(usize, u64)> {
        let after = self.mappings.partition_point(|mapping| mapping.start <= address);
        let mapping = self.mappings.get(after.checked_sub(1)?).filter(|mapping| address < mapping.end)?;
        Some((mapping.module, mapping.offset + (address - mapping.start) as u64))
    }

    /// The path of a file.
    pub(super) fn path(&self, module: usize) -> Option<&Path> {
        self.paths.get(module).map(|path| Path::new(&**path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_becomes_a_file_and_an_offset() {
        let first = "1000-3000 r-xp 00000500 08:01 42 /usr/lib/a b.so (deleted)\n5000-6000 rw-p 00000000 08:01 42 /x\n";
        let modules = Modules::default().looked_at_anew(first);
        assert_eq!(modules.find(0x2000), Some((0, 0x1500)));
        assert_eq!([0xfff, 0x3000, 0x5000].map(|address| modules.find(address)), [None; 3]);
        assert_eq!(modules.path(0), Some(Path::new("/usr/lib/a b.so")));
        let later =
            modules.looked_at_anew("7000-8000 r-xp 0 08:01 43 /c\n9000-a000 r-xp 10 08:01 42 /usr/lib/a b.so\n");
        assert_eq!((later.find(0x7001), later.find(0x9001)), (Some((1, 1)), Some((0, 0x11))));
    }

    #[test]
    #[cfg(feature = "observe")]
    fn own_code_is_found() {
        let (addresses, count) = super::super::stack::capture();
        assert!(count > 3);
        let modules = loaded(&addresses[..count]);
        let (module, _) = modules.find(addresses[0]).expect("its own file");
        assert_eq!(modules.path(module), std::env::current_exe().ok().as_deref());
    }
}
