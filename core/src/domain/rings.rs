//! The rings of a domain: found, allocated by one process while the others wait, and listed.

use super::handle::Domain;
use super::liveness::random;
use super::lock_file::LockFile;
use super::membership::Membership;
use super::names::{Names, is_ring};
use super::presence::Identity;
use super::{openings, removal};
use crate::error::{Error, Result};
#[cfg(feature = "observe")]
use crate::holder::Holder;
use crate::lifetime::Lifetime;
use crate::memory::{Description, Layout, Region};
use crate::source::Source;
use crate::spec::Spec;
use crate::sync::{Owner, PlainArc};

/// A ring that this process has mapped and marked.
pub(crate) struct Mapped {
    pub(crate) region: Region,
    pub(crate) description: Description,
    pub(crate) membership: Membership,
}

impl Domain {
    /// Maps the ring of a source, if there is one.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::LayoutMismatch`], [`Error::Forbidden`] for a file that is no
    /// valid ring.
    pub(crate) fn find(self: &PlainArc<Self>, source: &str, now_utc_ns: i64) -> Result<Option<Mapped>> {
        let Some((name, region, description)) = self.look(source)? else {
            return Ok(None);
        };
        // A file that is replaced before this is marked as removed.
        let file = self.folder.identity(&name).unwrap_or(None);
        let membership = self.enter(&region, &description, (name.clone(), file), now_utc_ns)?;
        // No remover looks for a process that has no mark.
        let stays = if membership.is_listed {
            removal::stays_open(&region, || self.lock_ring(&name)).inspect_err(|_| membership.leave(&region))?
        } else {
            !removal::is_removed(&region)
        };
        if !stays {
            membership.leave(&region);
            return Ok(None);
        }
        Ok(Some(Mapped { region, description, membership }))
    }

    /// True if a source, or another with the same hash, has a ring. Checks names only.
    ///
    /// # Errors
    /// [`Error::System`] if the folder can't be looked at.
    pub(crate) fn may_have(&self, source: &str) -> Result<bool> {
        for name in self.names_of(source).rings() {
            if self.folder.exists(&name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A name for a new ring; `None` if all are taken.
    fn free_name(&self, names: &Names) -> Result<Option<String>> {
        for name in names.rings() {
            if !self.folder.exists(&name)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Maps the ring in the file `name`.
    pub(super) fn map(&self, file: &std::fs::File, name: &str) -> Result<(Region, Description)> {
        let path = || self.folder.shown(name);
        let (region, description) = Region::in_file(file, path)?;
        if name.starts_with(&self.names_of(description.source.as_str()).hash) {
            return Ok((region, description));
        }
        Err(Error::Corrupt { path: path(), reason: "its source is that of another file".to_owned() })
    }

    /// The ring of a source, and its file's name.
    pub(super) fn look(&self, source: &str) -> Result<Option<(String, Region, Description)>> {
        for name in self.names_of(source).rings() {
            // SYNC region: a ring has this name only once it is whole.
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

    /// Maps the ring of a source, or allocates it; returns which. Waits while another process
    /// allocates or removes it.
    ///
    /// `permit` is called before anything is reserved.
    pub(crate) fn find_or_make<P>(
        self: &PlainArc<Self>,
        source: &Source,
        spec: &Spec,
        lifetime: Lifetime,
        now_utc_ns: i64,
        permit: impl FnOnce() -> Result<P>,
    ) -> Result<(Mapped, Option<P>)> {
        if let Some(found) = self.find(source.as_str(), now_utc_ns)? {
            return Ok((found, None));
        }
        let names = self.names_of(source.as_str());
        let _lock = LockFile::wait(&self.folder, &names.lock())?;
        self.finish_removal(source.as_str())?;
        if let Some(found) = self.find(source.as_str(), now_utc_ns)? {
            return Ok((found, None));
        }
        let name = self
            .free_name(&names)?
            .ok_or_else(|| self.folder.failed("making", &names.hash, "too many sources have this hash"))?;
        // A ring that no process marks would be swept.
        self.liveness()?;
        let permit = permit()?;
        let hidden = names.new_ring();
        let file = self.folder.reserve(&hidden, Layout::of(spec).region_bytes)?;
        let made =
            Region::in_new_file(&file, spec, source.as_str(), random(), lifetime, now_utc_ns).and_then(|region| {
                let description = Description { spec: *spec, source: source.clone(), lifetime };
                let file = (name.clone(), Identity::of_file(&file));
                let membership = self.enter(&region, &description, file, now_utc_ns)?;
                // SYNC region: the rename publishes a whole ring to every process that opens the
                // name.
                self.folder.rename(&hidden, &name).inspect_err(|_| membership.leave(&region))?;
                Ok(Mapped { region, description, membership })
            });
        if made.is_err() {
            // The first error counts; a sweep finds what stays.
            let _ = self.folder.remove_file(&hidden);
        }
        made.map(|mapped| (mapped, Some(permit)))
    }

    fn enter(
        self: &PlainArc<Self>,
        region: &Region,
        description: &Description,
        file: (String, Option<Identity>),
        now_utc_ns: i64,
    ) -> Result<Membership> {
        let liveness = if region.is_writable() { self.liveness_if_room()? } else { None };
        let ring = liveness.as_ref().map(|_| (region.id(), file.1));
        let is_listed = liveness
            .zip(ring)
            .is_some_and(|(liveness, ring)| openings::enter(&self.folder, region, ring, liveness, now_utc_ns));
        let (source, lifetime) = (description.source.clone(), description.lifetime);
        let (domain, owner) = (PlainArc::clone(self), Owner::this());
        Ok(Membership { domain, ring, is_listed, owner, source, file, lifetime })
    }

    /// The sources that have rings, sorted, read from their files without mapping them. Files that
    /// are no rings are left out.
    pub(crate) fn sources(&self) -> Result<Vec<Source>> {
        Ok(self.sizes()?.into_iter().map(|(source, _)| source).collect())
    }

    /// The same, each with the bytes of its ring.
    pub(crate) fn sizes(&self) -> Result<Vec<(Source, u64)>> {
        let names = self.folder.names()?.into_iter().filter(|name| is_ring(name));
        let mut sizes = Vec::new();
        for name in names {
            if let Some(file) = self.usable(&name)?
                && let Some(source) = Region::source_in(&file)
            {
                sizes.push((source, file.metadata().map_or(0, |metadata| metadata.len())));
            }
        }
        sizes.sort();
        sizes.dedup_by(|one, other| one.0 == other.0);
        Ok(sizes)
    }

    /// Opens a file; `None` if it is gone, or not this user's own and private.
    fn usable(&self, name: &str) -> Result<Option<std::fs::File>> {
        match self.folder.open(name) {
            Err(Error::Forbidden { .. }) => Ok(None),
            opened => opened,
        }
    }

    /// The living processes that have a ring mapped, each with its start time.
    #[cfg(feature = "observe")]
    pub(crate) fn holders(&self, region: &Region) -> Vec<(Holder, i64)> {
        super::holders::list(&self.folder, region)
    }

    /// Maps all rings without marking them, for a viewer.
    pub(crate) fn rings(&self) -> Result<impl Iterator<Item = (String, Region, Description)>> {
        let names = self.folder.names()?.into_iter().filter(|name| is_ring(name));
        Ok(names.filter_map(|name| {
            let file = self.folder.open(&name).ok()??;
            let (region, description) = self.map(&file, &name).ok()?;
            Some((name, region, description))
        }))
    }
}
