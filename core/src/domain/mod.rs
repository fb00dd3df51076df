//! A domain: the buffers that processes share, a file for each in a folder in shared memory.
//!
//! Everything that must exist once is decided by the file system and the kernel's locks, so it holds between processes, and
//! between copies of this library in one process:
//!
//! - `HASH.claim` is the lock under which the buffer of a source is made and removed. Who takes it and finds no
//!   ring makes one: space first (`HASH.new`), then the header, then one atomic rename to `HASH-N.ring`. The others wait for
//!   the lock and find the ring. If the maker dies the kernel gives the lock to the next one, who begins anew.
//! - `HASH` is of the source's name, which stands in full only in the ring's header. Rings whose hashes collide differ in `N`.
//! - `HASH.feed` is the lock of who feeds a source.
//! - `process-NUMBER` is the lock that shows that a process lives. Marks in the rings, of writers and of who has
//!   them mapped, bear its number.

mod folder;
pub(crate) mod holders;
mod lock_file;
mod logs;
mod open;
mod pool;
mod presence;
mod sweep;
pub(crate) mod verdict;

pub use folder::MAX_DOMAIN_BYTES;
pub(crate) use lock_file::LockFile;
pub(crate) use open::default_name;
pub use open::{DomainInfo, domains, remove_domain};
pub(crate) use presence::{Presence, random};
pub use sweep::Swept;
use verdict::{is_removed, settle};

use crate::error::{Error, Result};
use crate::holder::Holder;
use crate::lifetime::Lifetime;
use crate::memory::{Description, Layout, MAX_HOLDERS, PoolCounts, PoolSettings, Region};
use crate::source::Source;
use crate::spec::Spec;
use crate::sync::{Arc, ArcSwap, Ordering, PlainArc};
use folder::Folder;

/// How many sources whose hashes collide can have rings.
const PROBES: usize = 4;

/// A domain that this process has open.
#[derive(Debug)]
pub(crate) struct Domain {
    name: String,
    folder: PlainArc<Folder>,
    presence: ArcSwap<Presence>,
    hash: fn(&[u8]) -> u128,
    pool: PoolSettings,
    pool_counts: PoolCounts,
}

/// A ring that this process has mapped and marked as its own.
pub(crate) struct Mapped {
    pub(crate) region: Region,
    pub(crate) description: Description,
    pub(crate) membership: Membership,
}

/// The names of the files of one source.
struct Names {
    hash: String,
}

impl Names {
    fn claim(&self) -> String {
        format!("{}.claim", self.hash)
    }

    fn feed(&self) -> String {
        format!("{}.feed", self.hash)
    }

    fn new_ring(&self) -> String {
        format!("{}.new", self.hash)
    }

    fn rings(&self) -> impl Iterator<Item = String> {
        (0..PROBES).map(|number| format!("{}-{number}.ring", self.hash))
    }

    /// The names for the hash in a file's name.
    fn of_file(name: &str) -> Option<Self> {
        let hash = name.split(['-', '.']).next()?;
        (hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self { hash: hash.to_owned() })
    }
}

fn is_ring(name: &str) -> bool {
    name.ends_with(".ring") && Names::of_file(name).is_some()
}

impl Domain {
    fn names_of(&self, source: &str) -> Names {
        Names { hash: format!("{:032x}", (self.hash)(source.as_bytes())) }
    }

    /// The name of the domain.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What is free in the file system that it lies in; `None` where there is no bound, or none that is told.
    pub(crate) fn room_bytes(&self) -> Option<u64> {
        self.folder.room_bytes()
    }

    /// The presence of this process. A forked child gets one of its own.
    pub(crate) fn presence(&self) -> Result<Arc<Presence>> {
        loop {
            let presence = self.presence.load_full();
            if !presence.is_inherited() {
                return Ok(presence);
            }
            let own = Arc::new(Presence::new(&self.folder)?);
            self.presence.compare_and_swap(&presence, own);
        }
    }

    /// Tells whether the process of a presence lives.
    pub(crate) fn is_alive(&self, presence: u64) -> bool {
        presence::is_alive(&self.folder, presence)
    }

    /// The process of a presence.
    pub(crate) fn holder(&self, presence: u64) -> Option<Holder> {
        presence::holder(&self.folder, presence)
    }

    /// Claims to be the one who feeds a source.
    pub(crate) fn claim_source(&self, source: &Source) -> Result<LockFile> {
        let names = self.names_of(source.as_str());
        let name = names.feed();
        // Under the claim nobody sweeps it: who has it is no sweeper.
        let _claim = LockFile::wait(&self.folder, &names.claim())?;
        LockFile::try_take(&self.folder, &name)?.ok_or_else(|| {
            let holder = LockFile::holder(&self.folder, &name);
            Error::WriterBusy { source_name: source.clone(), holder }
        })
    }

    /// Maps the ring of a source, if there is one.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::LayoutMismatch`], [`Error::Forbidden`] for a file that is no ring.
    pub(crate) fn find(self: &PlainArc<Self>, source: &str, now_utc_ns: i64) -> Result<Option<Mapped>> {
        let Some((_, region, description)) = self.look(source)? else {
            return Ok(None);
        };
        let membership = self.enter(&region, &description, now_utc_ns)?;
        let claim = || LockFile::wait(&self.folder, &self.names_of(source).claim());
        if !verdict::stays_open(&region, claim)? {
            membership.leave(&region);
            return Ok(None);
        }
        Ok(Some(Mapped { region, description, membership }))
    }

    /// Tells whether a source has a ring, or one whose hash is the same has. A look at names only.
    pub(crate) fn may_have(&self, source: &str) -> bool {
        self.names_of(source).rings().any(|name| self.folder.exists(&name))
    }

    /// Maps the ring in a file of this name.
    fn map(&self, file: &std::fs::File, name: &str) -> Result<(Region, Description)> {
        let path = || self.folder.shown(name);
        let (region, description) = Region::in_file(file, path)?;
        if name.starts_with(&self.names_of(description.source.as_str()).hash) {
            return Ok((region, description));
        }
        Err(Error::Corrupt { path: path(), reason: "its source is that of another file".to_owned() })
    }

    /// The ring of a source, and its file's name.
    fn look(&self, source: &str) -> Result<Option<(String, Region, Description)>> {
        for name in self.names_of(source).rings() {
            // SYNC region: it has this name only once it is whole.
            let Some(file) = self.folder.open(&name)? else {
                continue;
            };
            let (region, description) = self.map(&file, &name)?;
            if description.source.as_str() == source {
                return Ok(Some((name, region, description)));
            }
        }
        Ok(None)
    }

    /// Maps the ring of a source, or makes it if there is none; tells which, and whether a removed one's file was used again. Waits while
    /// another process makes or removes it.
    ///
    /// `permit` is asked before anything is reserved.
    pub(crate) fn find_or_make<P>(
        self: &PlainArc<Self>,
        source: &Source,
        spec: &Spec,
        lifetime: Lifetime,
        now_utc_ns: i64,
        permit: impl FnOnce() -> Result<P>,
    ) -> Result<(Mapped, Option<(P, bool)>)> {
        if let Some(found) = self.find(source.as_str(), now_utc_ns)? {
            return Ok((found, None));
        }
        let names = self.names_of(source.as_str());
        let _claim = LockFile::wait(&self.folder, &names.claim())?;
        self.finish_removal(source.as_str())?;
        if let Some(found) = self.find(source.as_str(), now_utc_ns)? {
            return Ok((found, None));
        }
        let name = names.rings().find(|name| !self.folder.exists(name));
        let name = name.ok_or_else(|| self.folder.failed("making", &names.hash, "too many sources have this hash"))?;
        let permit = permit()?;
        let hidden = names.new_ring();
        let (file, is_reused) = self.take_or_reserve(&hidden, Layout::of(spec).region_bytes)?;
        let made =
            Region::in_new_file(&file, spec, source.as_str(), random(), lifetime, now_utc_ns).and_then(|region| {
                let description = Description { spec: *spec, source: source.clone(), lifetime };
                let membership = self.enter(&region, &description, now_utc_ns)?;
                // SYNC region: the rename publishes a whole ring; who opens the file by its name finds all of it.
                self.folder.rename(&hidden, &name)?;
                Ok(Mapped { region, description, membership })
            });
        if made.is_err() {
            // The error that counts is the first one; a sweep finds what stays.
            let _ = self.folder.remove_file(&hidden);
        }
        made.map(|mapped| (mapped, Some((permit, is_reused))))
    }

    fn enter(self: &PlainArc<Self>, region: &Region, description: &Description, now_utc_ns: i64) -> Result<Membership> {
        let presence = self.presence()?;
        let place = holders::enter(&self.folder, region, presence.number(), now_utc_ns);
        let too_many = || Error::TooManyProcesses { source_name: description.source.clone(), limit: MAX_HOLDERS };
        let place = place.ok_or_else(too_many)?;
        let (source, lifetime) = (description.source.clone(), description.lifetime);
        Ok(Membership { domain: PlainArc::clone(self), presence, place, source, lifetime })
    }

    /// Takes the ring of a source out: marked as removed, its name gone. False if it has none.
    pub(crate) fn remove(&self, source: &str) -> Result<bool> {
        match self.remove_if(source, |_| true) {
            // Removing is what puts an end to a damaged one.
            Err(Error::Corrupt { .. }) => {
                let removed = self.remove_damaged(source)?;
                Ok(self.remove_if(source, |_| true)? || removed)
            }
            removed => removed,
        }
    }

    /// Takes the damaged files away that bear a source's hash. Nobody can read in them whose they were.
    fn remove_damaged(&self, source: &str) -> Result<bool> {
        let names = self.names_of(source);
        let _claim = LockFile::wait(&self.folder, &names.claim())?;
        let mut removed = false;
        for name in names.rings() {
            if let Some(file) = self.folder.open(&name)?
                && let Err(Error::Corrupt { .. }) = self.map(&file, &name)
            {
                Region::condemn(&file);
                removed |= self.folder.remove_file(&name)?;
            }
        }
        Ok(removed)
    }

    fn remove_if(&self, source: &str, is_to_go: impl FnOnce(&Region) -> bool) -> Result<bool> {
        if !self.may_have(source) {
            return Ok(false);
        }
        let names = self.names_of(source);
        let _claim = LockFile::wait(&self.folder, &names.claim())?;
        match self.look(source)? {
            Some((name, region, _)) if is_to_go(&region) => {
                verdict::remove(&region);
                self.retire(&name, region.layout().region_bytes)
            }
            _ => Ok(false),
        }
    }

    /// Takes the name of a ring away that is marked as removed, under the claim: who marked it died before it could. As long as the
    /// name is there, it hides every other ring of its source. What was being judged is not.
    fn finish_removal(&self, source: &str) -> Result<bool> {
        match self.look(source)? {
            Some((name, region, _)) if is_removed(&region) => self.folder.remove_file(&name),
            Some((_, region, _)) => {
                settle(&region);
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Takes the ring of a source out if no living process has it open and it is not to stay.
    fn remove_abandoned(&self, source: &str) -> Result<bool> {
        self.remove_if(source, |region| {
            if region.header().lifetime.load(Ordering::Relaxed) != Lifetime::WhileOpen as u32 {
                return false;
            }
            verdict::is_abandoned(region, || holders::any_alive(&self.folder, region))
        })
    }

    /// The sources that have rings, by their names' order, as their files say: read and not mapped, as who lists them may have most of
    /// them mapped already. What is no ring is left out, or told by who maps it.
    pub(crate) fn sources(&self) -> Result<Vec<Source>> {
        Ok(self.sizes()?.into_iter().map(|(source, _)| source).collect())
    }

    /// The same, each with the bytes that its ring takes.
    pub(crate) fn sizes(&self) -> Result<Vec<(Source, u64)>> {
        let names = self.folder.names()?.into_iter().filter(|name| is_ring(name));
        let size = |name: String| {
            let file = self.folder.open(&name).ok()??;
            Some((Region::source_in(&file)?, file.metadata().ok()?.len()))
        };
        let mut sizes: Vec<_> = names.filter_map(size).collect();
        sizes.sort();
        sizes.dedup_by(|one, other| one.0 == other.0);
        Ok(sizes)
    }

    /// The living processes that have a ring mapped, and since when.
    pub(crate) fn holders(&self, region: &Region) -> Vec<(Holder, i64)> {
        holders::list(&self.folder, region)
    }

    /// Maps all rings, for who only looks: without a mark of this process in them.
    pub(crate) fn rings(&self) -> Result<impl Iterator<Item = (String, Region, Description)>> {
        let names = self.folder.names()?.into_iter().filter(|name| is_ring(name));
        Ok(names.filter_map(|name| {
            let file = self.folder.open(&name).ok()??;
            let (region, description) = self.map(&file, &name).ok()?;
            Some((name, region, description))
        }))
    }
}

/// That this process has a ring mapped.
pub(crate) struct Membership {
    domain: PlainArc<Domain>,
    presence: Arc<Presence>,
    place: usize,
    source: Source,
    lifetime: Lifetime,
}

impl Membership {
    pub(crate) fn domain(&self) -> &PlainArc<Domain> {
        &self.domain
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// The living processes that have the ring mapped, and since when.
    pub(crate) fn holders(&self, region: &Region) -> Vec<(Holder, i64)> {
        holders::list(&self.domain.folder, region)
    }

    /// Takes this process's mark away, and the ring with it if it was the last and the ring is not to stay.
    pub(crate) fn leave(&self, region: &Region) {
        // A forked child's memory is a copy, but the mark is its parent's.
        if self.presence.is_inherited() {
            return;
        }
        holders::leave(region, self.place, self.presence.number());
        if self.lifetime == Lifetime::WhileOpen
            && !is_removed(region)
            && !holders::any_alive(&self.domain.folder, region)
        {
            // What can't be removed now is found by the next sweep.
            let _ = self.domain.remove_abandoned(self.source.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::verdict::JUDGED;
    use super::*;
    use crate::Registry;
    use crate::lifetime::AllocateOptions;
    use crate::spec::{Length, SampleFormat};

    #[test]
    fn who_opens_a_ring_while_it_is_judged_waits_for_the_verdict_and_who_has_it_is_not_disturbed() {
        let base = tempfile::tempdir().unwrap();
        let open = || Registry::builder().domains_folder(base.path()).open("birds").unwrap();
        let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
        let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
        let (ours, theirs) = (open(), open());
        let buffer = ours.allocate_with("x", spec, &options).unwrap();
        let domain = Domain::open("birds", Some(base.path()), PoolSettings::default()).unwrap();
        let claim = LockFile::wait(&domain.folder, &domain.names_of("x").claim()).unwrap();
        verdict::flag(&buffer.shared.region).store(JUDGED, Ordering::SeqCst);
        assert!(!buffer.is_removed() && ours.get("x").unwrap().same_as(&buffer));
        buffer.writer().unwrap().write(&[1_i16; 10]).unwrap();
        std::thread::scope(|scope| {
            let opener = scope.spawn(|| theirs.get("x").map(|found| found.same_as(&buffer)));
            // Its mark is there, so whoever judges would see it and take the flag back.
            while buffer.opened_by().len() < 2 {
                std::thread::yield_now();
            }
            verdict::flag(&buffer.shared.region).store(0, Ordering::SeqCst);
            drop(claim);
            assert_eq!(opener.join().unwrap(), Some(true));
        });
        // One who died judging has left its flag: the next one to come takes it back.
        verdict::flag(&buffer.shared.region).store(JUDGED, Ordering::SeqCst);
        assert!(open().get("x").unwrap().same_as(&buffer));
        verdict::flag(&buffer.shared.region).store(JUDGED, Ordering::SeqCst);
        assert!(open().get_or_allocate("x", spec).unwrap().same_as(&buffer));
        assert_eq!(verdict::flag(&buffer.shared.region).load(Ordering::SeqCst), 0);
        drop((ours, theirs, buffer));
        assert!(domain.find("x", 0).unwrap().is_none(), "gone with its last holder");
    }

    #[test]
    fn sources_whose_hashes_collide_have_rings_of_their_own() {
        let base = tempfile::tempdir().unwrap();
        let domain = Domain::open_hashed("birds", Some(base.path()), PoolSettings::default(), |_| 7).unwrap();
        let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
        let make = |name: &str| {
            let source = Source::new(name).unwrap();
            domain.find_or_make(&source, &spec, Lifetime::UntilRemoved, 0, || Ok(()))
        };
        let names = ["a", "b", "c", "d"];
        let made: Vec<_> = names.iter().map(|name| make(name).unwrap().0.region.id()).collect();
        for (name, id) in names.iter().zip(&made) {
            assert_eq!(domain.find(name, 0).unwrap().unwrap().region.id(), *id, "{name}");
            let (found, permit) = make(name).unwrap();
            assert!(found.region.id() == *id && permit.is_none(), "{name} was made again");
        }
        assert!(matches!(make("e"), Err(Error::System { .. })), "a fifth has no place");
        assert!(domain.find("e", 0).unwrap().is_none());
        // A hole where one was removed hides none of the others, and is filled again.
        assert!(domain.remove("b").unwrap() && !domain.remove("b").unwrap());
        assert_eq!(domain.find("d", 0).unwrap().unwrap().region.id(), made[3]);
        assert!(make("e").unwrap().1.is_some());
        assert_eq!(domain.sources().unwrap().len(), 4);
    }
}
