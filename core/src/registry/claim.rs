//! Claims and removals: one caller makes the buffer of a source, concurrent callers wait for it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::handle::Registry;
use super::lookup::Slot;
use crate::buffer::{CaptureBuffer, Shared};
use crate::domain::{Mapped, Membership, random};
use crate::error::{Error, Result};
use crate::lifetime::AllocateOptions;
use crate::memory::{Charge, Layout, Region};
use crate::source::{Source, redact};
use crate::spec::{SampleFormat, Spec};
use crate::sync::{Arc, AtomicU32, PlainArc, count, process};
use crate::track::Outcome;

impl Registry {
    /// Removes the buffer of a source; returns its id if known.
    pub(super) fn take_out(&self, source: &str) -> Result<Option<u64>> {
        let not_found = || Error::NotFound { source_name: redact(source) };
        if let Some(domain) = self.checked_domain()? {
            let id = self.0.map.get(source).as_ref().map(CaptureBuffer::id);
            let removed = domain.remove(source)?;
            self.forget_removed(source);
            return if removed { Ok(id) } else { Err(not_found()) };
        }
        let slot = self.0.map.load(source).slot(source).cloned().ok_or_else(not_found)?;
        if slot.is_abandoned() {
            self.0.map.remove(&slot);
            return Err(not_found());
        }
        let buffer = slot.wait().map_err(|_| not_found())?;
        if !self.0.map.remove(&slot) {
            return Err(not_found());
        }
        buffer.shared.mark_removed();
        self.remember(&buffer.shared);
        Ok(Some(buffer.id()))
    }

    /// Returns a handle on the buffer of a source if the map holds one and `is_wanted` accepts it.
    #[inline]
    pub(super) fn hit(&self, source: &str, is_wanted: impl FnOnce(&CaptureBuffer) -> bool) -> Option<CaptureBuffer> {
        let loaded = self.0.map.load(source);
        let buffer = loaded.buffer(source).filter(|buffer| is_wanted(buffer) && self.still_has(buffer))?;
        self.0.tracker.counts.hit();
        Some(buffer.clone())
    }

    /// Returns the buffer of a source, and whether it was found or made.
    pub(super) fn find_or_make(
        &self,
        source: &str,
        spec: Spec,
        options: &AllocateOptions,
    ) -> Result<(CaptureBuffer, Outcome)> {
        if let Some(buffer) = self.hit(source, |_| true) {
            return Ok((buffer, Outcome::AlreadyThere));
        }
        if let Err(forked) = self.check_process() {
            // A child may find what there is.
            let found = self.find_elsewhere(source)?;
            return found.map(|buffer| (buffer, Outcome::AlreadyThere)).ok_or(forked);
        }
        let outcome = Cell::new(Outcome::AlreadyThere);
        let fill = |source: &Source| {
            let begun_ns = self.0.clock.monotonic_ns();
            let (buffer, made) = self.map_or_make(source, spec, options)?;
            let counts = &self.0.tracker.counts;
            if made.is_allocation() {
                outcome.set(made);
                if made == Outcome::Reused {
                    count(&counts.reused);
                }
                let took_ns = self.0.clock.monotonic_ns().saturating_sub(begun_ns).max(0).unsigned_abs();
                counts.allocation_durations.add(Duration::from_nanos(took_ns));
            } else {
                count(&counts.found_later);
            }
            Ok(buffer)
        };
        let buffer = self.claim(source, Layout::of(&spec).region_bytes, fill)?;
        Ok((buffer, outcome.get()))
    }

    /// Returns false if another process removed `buffer`, which is in a slot of the map.
    ///
    /// In a private registry only [`Registry::remove`] removes, and it empties the slot first. The
    /// flag is not read there: it lies at the start of the buffer's pages, and these lines of many
    /// buffers evict each other from the cache.
    #[inline]
    pub(super) fn still_has(&self, buffer: &CaptureBuffer) -> bool {
        self.0.domain.is_none() || !buffer.shared.is_removed()
    }

    /// Looks in the domain's folder for the buffer of a source that has no slot.
    ///
    /// # Errors
    /// Why the folder or the buffer can't be looked at.
    #[cold]
    pub(super) fn find_elsewhere(&self, source: &str) -> Result<Option<CaptureBuffer>> {
        let Some(domain) = self.checked_domain()? else { return Ok(None) };
        self.forget_removed(source);
        let is_being_filled = |slot: &Arc<Slot>| slot.is_empty() && !slot.is_abandoned();
        if self.0.map.load(source).slot(source).is_some_and(is_being_filled) || !domain.may_have(source)? {
            return Ok(None);
        }
        let not_found = || Error::NotFound { source_name: redact(source) };
        let fill = |source: &Source| {
            let found = domain.find(source.as_str(), self.0.clock.utc_ns())?.ok_or_else(not_found)?;
            Ok(self.share_mapped(found, self.0.budget.nothing()))
        };
        match self.claim(source, 0, fill) {
            Ok(buffer) => Ok(Some(buffer)),
            // A name that no source can have, and one whose buffer was removed just now.
            Err(Error::NotFound { .. } | Error::InvalidSource { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a source's slot from this process's map if another process removed its buffer.
    pub(super) fn forget_removed(&self, source: &str) {
        let slot = self.0.map.load(source).slot(source).cloned();
        if let Some(buffer) = slot.as_ref().and_then(|slot| slot.buffer()) {
            // One that was cut short counts as removed.
            let _ = buffer.shared.check_whole();
        }
        if let Some(slot) = slot
            && slot.buffer().is_some_and(|buffer| buffer.shared.is_removed())
        {
            self.forget(&slot);
        }
    }

    fn forget(&self, slot: &Arc<Slot>) {
        if self.0.map.remove(slot)
            && let Some(buffer) = slot.buffer()
        {
            self.remember(&buffer.shared);
        }
    }

    /// Keeps a weak reference to a removed buffer; drops those without handles.
    fn remember(&self, removed: &Arc<Shared>) {
        let Some(mut held) = self.0.removed.lock() else { return };
        held.retain(|removed| removed.strong_count() > 0);
        held.push(Arc::downgrade(removed));
    }

    /// Returns the buffer of a source: the existing one, or the result of `fill`. One caller at a
    /// time runs `fill` for a source.
    pub(crate) fn claim(
        &self,
        source: &str,
        requested_bytes: u64,
        fill: impl FnOnce(&Source) -> Result<CaptureBuffer>,
    ) -> Result<CaptureBuffer> {
        crate::checked::check_source(source)?;
        let mut fill = Some(fill);
        loop {
            let (slot, is_new) = self.0.map.publish(source)?;
            if is_new && let Some(fill) = fill.take() {
                return self.fill(&slot, fill);
            }
            if slot.is_abandoned() {
                self.0.map.remove(&slot);
                continue;
            }
            // Another caller's slot: wait for its ring. Retry if that ring is already removed, if
            // the other caller only searched the domain, or if it failed for want of memory at a
            // different size.
            match slot.wait() {
                Ok(buffer) if buffer.shared.is_removed() => self.forget(&slot),
                Ok(buffer) => {
                    count(&self.0.tracker.counts.found_later);
                    return Ok(buffer.clone());
                }
                Err(
                    Error::OverBudget { requested_bytes: theirs, .. }
                    | Error::OutOfMemory { requested_bytes: theirs, .. }
                    | Error::OutOfSpace { requested_bytes: theirs, .. },
                ) if *theirs != requested_bytes => {}
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error.clone()),
            }
        }
    }

    /// Reserves the memory of a buffer in the budget.
    fn charge(&self, spec: &Spec) -> Result<Charge> {
        let (requested_bytes, limit_bytes) = (Layout::of(spec).region_bytes, self.0.max_buffer_bytes);
        if requested_bytes > limit_bytes {
            return Err(Error::OverBudget { requested_bytes, used_bytes: 0, limit_bytes, scope: "one buffer" });
        }
        let reserved = self.0.budget.reserve(requested_bytes);
        // Pooled memory is freed for new buffers.
        if reserved.is_err() && self.0.pool.as_ref().is_some_and(|pool| pool.trim()) {
            return self.0.budget.reserve(requested_bytes);
        }
        reserved
    }

    /// Fills a slot that this call published. On failure it removes the slot, and all waiting
    /// callers get the error.
    fn fill(&self, slot: &Arc<Slot>, fill: impl FnOnce(&Source) -> Result<CaptureBuffer>) -> Result<CaptureBuffer> {
        let filled = catch_unwind(AssertUnwindSafe(|| fill(&slot.source)))
            .unwrap_or_else(|_| Err(Error::AllocationPanicked { source_name: slot.source.clone() }));
        if filled.is_err() {
            // Removed first: a caller woken by the error that retries finds no failed slot.
            self.0.map.remove(slot);
        }
        slot.fill(filled.clone());
        filled
    }

    /// Maps the buffer of a source from the domain, or makes a new one; returns which.
    pub(crate) fn map_or_make(
        &self,
        source: &Source,
        spec: Spec,
        options: &AllocateOptions,
    ) -> Result<(CaptureBuffer, Outcome)> {
        let now_utc_ns = self.0.clock.utc_ns();
        let Some(domain) = self.checked_domain()? else {
            let kept = self.0.pool.as_ref().and_then(|pool| pool.take(Layout::of(&spec).region_bytes));
            if let Some(kept) = kept
                && let Ok(region) = Region::in_words(kept.words, &spec, source.as_str(), random(), now_utc_ns)
            {
                let buffer = self.share(region, source.clone(), spec, None, kept.charge, true);
                return Ok((buffer, Outcome::Reused));
            }
            let mut charge = self.charge(&spec)?;
            let region = Region::anonymous(&spec, source.as_str(), random(), now_utc_ns)?;
            charge.count_allocated();
            let buffer = self.share(region, source.clone(), spec, None, charge, false);
            Shared::commit_ahead(&buffer.shared);
            return Ok((buffer, Outcome::Allocated));
        };
        let found = domain.find_or_make(source, &spec, options.lifetime, now_utc_ns, || self.charge(&spec))?;
        Ok(match found {
            (mapped, None) => (self.share_mapped(mapped, self.0.budget.nothing()), Outcome::AlreadyThere),
            (mapped, Some(mut charge)) => {
                charge.count_allocated();
                let Mapped { region, description, membership } = mapped;
                let buffer = self.share(region, description.source, spec, Some(membership), charge, false);
                self.note_replaced(&buffer);
                Shared::commit_ahead(&buffer.shared);
                (buffer, Outcome::Allocated)
            }
        })
    }

    fn share_mapped(&self, mapped: Mapped, mut charge: Charge) -> CaptureBuffer {
        charge.count_mapped();
        let Mapped { region, description, membership } = mapped;
        self.share(region, description.source, description.spec, Some(membership), charge, false)
    }

    fn share(
        &self,
        region: Region,
        source: Source,
        spec: Spec,
        membership: Option<Membership>,
        charge: Charge,
        is_committed: bool,
    ) -> CaptureBuffer {
        let shared = Arc::new(Shared {
            owner: self.0.owner,
            id: region.id(),
            region,
            source,
            spec,
            membership,
            clock: PlainArc::clone(&self.0.clock),
            segment_limit_bytes: segment_limit_bytes(&spec, self.0.max_buffer_bytes),
            committer: self.0.committer.clone(),
            commit_asked: AtomicU32::new(u32::from(is_committed)),
            tracker: PlainArc::clone(&self.0.tracker),
            is_foreign: process::AtomicU32::new(0),
            opened_utc_ns: self.0.clock.utc_ns(),
            window_lag_frames: process::AtomicU64::new(u64::MAX),
            checked_ns: process::AtomicU64::new(0),
            pool: self.0.pool.clone(),
            charge,
        });
        CaptureBuffer { shared, taken: None }
    }
}

/// Lets a whole buffer within its limit be read in any format: the widest takes twice the bytes of
/// the narrowest. A larger buffer, made by another process, can be read in parts.
fn segment_limit_bytes(spec: &Spec, max_buffer_bytes: u64) -> u64 {
    let whole_bytes = spec.length_frames() * u64::from(spec.channels()) * SampleFormat::F32.bytes() as u64;
    whole_bytes.clamp(max_buffer_bytes, max_buffer_bytes.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::spec::Length;

    fn spec() -> Spec {
        Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16).unwrap()
    }

    /// Eight threads claim one source at once, and filling it fails. Returns the errors of all.
    fn fail_for_everyone(registry: &Registry, failure: impl Fn() -> Result<CaptureBuffer> + Sync) -> Vec<Error> {
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            let claims: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        registry.claim("x", 0, |_| {
                            assert!(!registry.contains("x") && registry.get("x").is_none(), "invisible until filled");
                            failure()
                        })
                    })
                })
                .collect();
            claims.into_iter().map(|claim| claim.join().unwrap().expect_err("must fail")).collect()
        })
    }

    #[test]
    fn failed_or_panicked_fill_leaves_no_slot_and_fails_all_waiters() {
        let registry = Registry::private();
        let no_memory = Error::OutOfMemory { requested_bytes: 1, reason: "planted".into() };
        for error in fail_for_everyone(&registry, || Err(no_memory.clone())) {
            assert_eq!(error, no_memory);
        }
        for error in fail_for_everyone(&registry, || std::panic::resume_unwind(Box::new("planted"))) {
            assert_eq!(error, Error::AllocationPanicked { source_name: Source::new("x").unwrap() });
        }
        assert!(registry.buffers().is_empty() && registry.0.map.load("x").slot("x").is_none());
        assert!(registry.get_or_allocate("x", spec()).is_ok(), "the source can be allocated again");
    }

    #[test]
    fn waiter_for_too_large_ring_gets_the_error_or_makes_a_smaller_one() {
        for requested_bytes in [2, 1] {
            let registry = Registry::private();
            let filling = Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    registry.claim("x", 2, |_| {
                        let slot = registry.0.map.load("x").slot("x").cloned().unwrap();
                        let holders = Arc::strong_count(&slot);
                        filling.wait();
                        let deadline = std::time::Instant::now() + Duration::from_secs(30);
                        // A waiting thread holds the slot.
                        while Arc::strong_count(&slot) == holders && std::time::Instant::now() < deadline {
                            std::thread::yield_now();
                        }
                        Err(Error::OutOfMemory { requested_bytes: 2, reason: "planted".into() })
                    })
                });
                filling.wait();
                let made = registry.claim("x", requested_bytes, |source| {
                    registry.map_or_make(source, spec(), &AllocateOptions::new()).map(|(buffer, _)| buffer)
                });
                assert_eq!(made.is_ok(), requested_bytes == 1);
            });
        }
    }

    #[test]
    fn racing_claim_returns_existing_ring() {
        let registry = Registry::private();
        let buffer = registry.get_or_allocate("x", spec()).unwrap();
        let found = registry.claim("x", 0, |source| Err(Error::NotFound { source_name: source.to_string() }));
        assert!(found.unwrap().same_as(&buffer) && registry.get("x").is_some_and(|found| found.same_as(&buffer)));
    }

    #[test]
    fn removed_buffers_without_handles_are_forgotten() {
        let registry = Registry::private();
        for _ in 0..10 {
            registry.get_or_allocate("x", spec()).unwrap();
            registry.remove("x").unwrap();
        }
        assert_eq!(registry.0.removed.lock().unwrap().len(), 1);
    }

    #[test]
    fn whole_buffer_with_any_channels_fits_a_segment_in_any_format() {
        let stereo = Spec::new(Length::Frames(1000), 1000, 2, SampleFormat::S16).unwrap();
        assert_eq!([1, 5000, 9000].map(|limit| segment_limit_bytes(&stereo, limit)), [2, 8000, 9000]);
    }

    #[test]
    fn existing_buffer_is_found_by_lookup_alone() {
        let folder = tempfile::tempdir().unwrap();
        for registry in [Registry::private(), Registry::builder().domains_folder(folder.path()).open("birds").unwrap()]
        {
            registry.get_or_allocate("x", spec()).unwrap();
            registry.get_or_allocate("x", spec()).unwrap();
            registry.allocate("x", spec()).unwrap_err();
            assert!(registry.contains("x") && registry.get("x").is_some());
            let later = registry.0.tracker.counts.found_later.load(crate::sync::Ordering::Relaxed);
            assert_eq!((registry.0.tracker.counts.hits(), later), (2, 0));
        }
    }

    #[test]
    fn remove_during_fill_waits_for_the_ring_and_removes_it() {
        let registry = Registry::private();
        let (filling, removing) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            let remover = scope.spawn(|| {
                filling.wait();
                removing.wait();
                registry.remove("x")
            });
            let buffer = registry
                .claim("x", 0, |source| {
                    filling.wait();
                    removing.wait();
                    registry.map_or_make(source, spec(), &AllocateOptions::new()).map(|(buffer, _)| buffer)
                })
                .unwrap();
            remover.join().unwrap().unwrap();
            assert!(buffer.is_removed() && !registry.contains("x"));
        });
    }

    #[test]
    fn nested_lookup_finds_the_same_buffer() {
        let registry = Registry::private();
        let buffer = registry.get_or_allocate("x", spec()).unwrap();
        let inner =
            registry.with("x", |outer| registry.with("x", |inner| inner.same_as(outer) && inner.same_as(&buffer)));
        assert_eq!(inner, Some(Some(true)));
    }
}
