//! The state of a claimed source, stored in the source's lock file.
//!
//! A source has no ring before it was opened the first time, so its recorder stores the state
//! there. A record has one size and is written with one call; a reader that meets a half-written
//! one sees a wrong checksum. It is valid while the recorder's process lives.

use xxhash_rust::xxh3::xxh3_64;

use super::folder::Folder;
use super::handle::Domain;
use super::liveness::{self, LivenessLock, random};
use super::lock_file::LockFile;
use super::names::is_source_lock;
use super::removal;
use super::waiting::Waiting;
use crate::error::{Error, Result};
use crate::holder::Holder;
use crate::memory::HEALTH_REASON_BYTES;
use crate::source::{MAX_SOURCE_BYTES, Source};
use crate::sync::{Arc, Ordering, OwnLock, PlainArc};

const MAGIC: u64 = u64::from_le_bytes(*b"capbufs1");
/// Seven words: magic, checksum, claim, liveness lock, since, restarts, and three short numbers.
const NUMBERS_BYTES: usize = 64;
const RECORD_BYTES: usize = NUMBERS_BYTES + HEALTH_REASON_BYTES + MAX_SOURCE_BYTES;
/// The part that the checksum does not cover.
const UNCHECKED_BYTES: usize = 16;
/// Attempts to read a record that is being written.
const READ_ATTEMPTS: usize = 8;

/// The state of a source as stored: the numbers of [`SourceHealth`](crate::SourceHealth).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceRecord {
    pub(crate) source: Source,
    pub(crate) state: u32,
    pub(crate) since_utc_ns: i64,
    pub(crate) restarts: u64,
    /// At most [`HEALTH_REASON_BYTES`].
    pub(crate) reason: String,
    /// Random, of one claim.
    claim: u64,
    /// Liveness lock of the process that stored it.
    pub(crate) liveness: u64,
}

impl SourceRecord {
    fn to_bytes(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&MAGIC.to_le_bytes());
        put(&0_u64.to_le_bytes());
        put(&self.claim.to_le_bytes());
        put(&self.liveness.to_le_bytes());
        put(&self.since_utc_ns.to_le_bytes());
        put(&self.restarts.to_le_bytes());
        put(&self.state.to_le_bytes());
        put(&(self.reason.len() as u32).to_le_bytes());
        put(&(self.source.as_str().len() as u64).to_le_bytes());
        put(self.reason.as_bytes());
        bytes[NUMBERS_BYTES + HEALTH_REASON_BYTES..][..self.source.as_str().len()]
            .copy_from_slice(self.source.as_str().as_bytes());
        let checksum = xxh3_64(&bytes[UNCHECKED_BYTES..]).to_le_bytes();
        bytes[8..UNCHECKED_BYTES].copy_from_slice(&checksum);
        bytes
    }

    /// `None` for bytes that are no whole record.
    fn of_bytes(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let short = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if word(0)? != MAGIC || word(8)? != xxh3_64(&bytes[UNCHECKED_BYTES..]) {
            return None;
        }
        let (reasons, sources) = bytes[NUMBERS_BYTES..].split_at(HEALTH_REASON_BYTES);
        let source = sources.get(..usize::try_from(word(56)?).ok()?)?;
        let reason = reasons.get(..short(52)? as usize)?;
        Some(Self {
            source: Source::new(std::str::from_utf8(source).ok()?).ok()?,
            state: short(48)?,
            since_utc_ns: word(32)?.cast_signed(),
            restarts: word(40)?,
            reason: String::from_utf8_lossy(reason).replace(char::is_control, " "),
            claim: word(16)?,
            liveness: word(24)?,
        })
    }

    /// The record in a source's lock file, if its process lives.
    fn living(folder: &Folder, name: &str) -> Option<Self> {
        let record = (0..READ_ATTEMPTS).find_map(|_| Self::of_bytes(&LockFile::stored(folder, name)?))?;
        liveness::is_alive(folder, record.liveness).then_some(record)
    }
}

/// A claim on a source: its lock, and the record that others see.
#[derive(Debug)]
pub(crate) struct DomainClaim {
    /// `None` once it is released. Before the domain, as it must be dropped first.
    lock: OwnLock<Option<LockFile>>,
    liveness: Arc<LivenessLock>,
    domain: PlainArc<Domain>,
    source: Source,
    number: u64,
}

impl DomainClaim {
    /// Stores the state of the source. Does nothing once the claim is released.
    pub(crate) fn publish(&self, state: u32, since_utc_ns: i64, restarts: u64, reason: &str) -> Result<()> {
        if self.liveness.is_inherited() {
            return Err(Error::forked("claim", &self.source));
        }
        let record = SourceRecord {
            source: self.source.clone(),
            state,
            since_utc_ns,
            restarts,
            reason: reason.to_owned(),
            claim: self.number,
            liveness: self.liveness.number(),
        };
        let lock = self.lock.lock();
        lock.as_deref().and_then(Option::as_ref).map_or(Ok(()), |lock| lock.store(&record.to_bytes()))
    }

    /// Takes back what was published: the source is listed no more, until it is published again.
    pub(crate) fn withdraw(&self) -> Result<()> {
        if self.liveness.is_inherited() {
            return Err(Error::forked("claim", &self.source));
        }
        let lock = self.lock.lock();
        lock.as_deref().and_then(Option::as_ref).map_or(Ok(()), |lock| lock.store(&[0; RECORD_BYTES]))
    }

    /// Checks the claim, and takes it again if its file was taken away.
    ///
    /// # Errors
    /// [`Error::Removed`] if the domain's folder is lost; [`Error::WriterBusy`] if another process
    /// has the claim now.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(mut lock) = self.lock.lock() else { return Ok(()) };
        let Some(held) = lock.as_ref().filter(|held| !held.is_inherited()) else { return Ok(()) };
        if self.domain.is_in_place_lately() && held.is_in_place() {
            return Ok(());
        }
        if !self.domain.is_in_place() {
            return Err(Error::Removed { source_name: self.source.clone() });
        }
        if held.is_in_place() {
            return Ok(());
        }
        let (folder, name) = (&self.domain.folder, self.domain.names_of(self.source.as_str()).source_lock());
        let Some(again) = LockFile::try_take(folder, &name)? else {
            let holder = LockFile::holder(folder, &name);
            return Err(Error::WriterBusy { source_name: self.source.clone(), holder });
        };
        again.copy_record::<RECORD_BYTES>(held)?;
        *lock = Some(again);
        Ok(())
    }

    /// Lets others claim the source. The record stays until this is dropped, or another process
    /// claims the source.
    pub(crate) fn release(&self) {
        let lock = self.lock.lock().and_then(|mut lock| lock.take());
        if let Some(lock) = lock {
            lock.unlock_and_keep();
        }
    }
}

impl Drop for DomainClaim {
    fn drop(&mut self) {
        if self.lock.lock().is_some_and(|lock| lock.is_none()) {
            // The next sweep finds what fails here.
            let _ = self.domain.forget_record(&self.source, self.number);
        }
    }
}

impl Domain {
    /// Claims a source for its recorder.
    pub(crate) fn claim_source(self: &PlainArc<Self>, source: &Source) -> Result<DomainClaim> {
        let names = self.names_of(source.as_str());
        let name = names.source_lock();
        let liveness = self.liveness()?;
        // Under the lock file no process sweeps the claim.
        let _lock = LockFile::wait(&self.folder, &names.lock())?;
        let busy = |holder| Error::WriterBusy { source_name: source.clone(), holder };
        let lock = LockFile::try_take(&self.folder, &name)?;
        let lock = lock.ok_or_else(|| busy(LockFile::holder(&self.folder, &name)))?;
        // The file of a living recorder may have been taken away: it holds the writer's lease, too.
        if let Ok(Some((_, region, _))) = self.look(source.as_str()) {
            // SYNC none: only compared.
            let lease = region.header().readers.lease.load(Ordering::Relaxed);
            let is_others = lease != 0 && lease != liveness.number();
            if is_others && !removal::is_removed(&region) && self.is_alive(lease) {
                return Err(busy(self.holder(lease)));
            }
        }
        let lock = OwnLock::new(Some(lock));
        Ok(DomainClaim { lock, liveness, domain: PlainArc::clone(self), source: source.clone(), number: random() })
    }

    /// True if this process has claimed a source.
    pub(crate) fn is_claimed_here(&self, source: &str) -> bool {
        let holder = LockFile::holder(&self.folder, &self.names_of(source).source_lock());
        holder.is_some_and(|holder| holder.pid == std::process::id())
    }

    /// Removes the record of a released claim, unless the source was claimed again.
    fn forget_record(&self, source: &Source, claim: u64) -> Result<()> {
        let names = self.names_of(source.as_str());
        let name = names.source_lock();
        let _lock = LockFile::wait_as(Waiting::of_drop(), &self.folder, &names.lock())?;
        if SourceRecord::living(&self.folder, &name).is_some_and(|record| record.claim == claim) {
            // Releasing the lock removes its file.
            LockFile::try_take(&self.folder, &name)?;
        }
        Ok(())
    }

    /// The published state of a source whose recorder lives.
    pub(crate) fn source_record(&self, source: &str) -> Option<SourceRecord> {
        let name = self.names_of(source).source_lock();
        SourceRecord::living(&self.folder, &name).filter(|record| record.source.as_str() == source)
    }

    /// The published states of all sources whose recorders live, and the recorders, by source.
    pub(crate) fn source_records(&self) -> Result<Vec<(SourceRecord, Option<Holder>)>> {
        let names = self.folder.names()?.into_iter().filter(|name| is_source_lock(name));
        let mut records: Vec<_> = names
            .filter_map(|name| {
                let record = SourceRecord::living(&self.folder, &name)?;
                let holder = liveness::holder(&self.folder, record.liveness);
                Some((record, holder))
            })
            .collect();
        records.sort_by(|(one, _), (other, _)| one.source.cmp(&other.source));
        Ok(records)
    }

    /// True if a file is a source's lock file with the record of a living process.
    pub(super) fn has_living_record(&self, name: &str) -> bool {
        is_source_lock(name) && SourceRecord::living(&self.folder, name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_survives_its_bytes_and_a_changed_byte_is_seen() {
        for (reason, source) in [("", "x"), ("cable is out", "rtsp://me:sesame@cam/1")] {
            let record = SourceRecord {
                source: Source::new(source).unwrap(),
                state: 5,
                since_utc_ns: -7,
                restarts: 3,
                reason: reason.to_owned(),
                claim: 11,
                liveness: 12,
            };
            let bytes = record.to_bytes();
            assert_eq!(SourceRecord::of_bytes(&bytes), Some(record));
            for at in 0..bytes.len() {
                let mut torn = bytes;
                torn[at] ^= 1;
                assert_eq!(SourceRecord::of_bytes(&torn), None, "byte {at}");
            }
        }
        // A right checksum over wrong lengths.
        let mut bytes = [0xff; RECORD_BYTES];
        bytes[..8].copy_from_slice(&MAGIC.to_le_bytes());
        let checksum = xxh3_64(&bytes[UNCHECKED_BYTES..]).to_le_bytes();
        bytes[8..UNCHECKED_BYTES].copy_from_slice(&checksum);
        assert_eq!(SourceRecord::of_bytes(&bytes), None);
    }
}
