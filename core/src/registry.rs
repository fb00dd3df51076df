//! The allocator: one buffer for each source, made exactly once, found without waiting.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::budget::{Budget, Charge, RegistryStats};
use crate::buffer::CaptureBuffer;
use crate::builder::RegistryBuilder;
use crate::clock::Clock;
use crate::commit::Committer;
use crate::counts::count;
use crate::domain::{Domain, Mapped, Membership, Swept, random};
use crate::error::{Error, Result};
use crate::feed::{Feed, Feeds};
use crate::lifetime::AllocateOptions;
use crate::metrics::{self, Scope};
use crate::pool::{Pool, PoolStats};
use crate::published::Published;
use crate::region::{Layout, Region};
use crate::report::{AllocationReport, Attempts};
use crate::shared::Shared;
use crate::slot::{Filled, Held, OfThread, Slot};
use crate::source::{Source, redact};
use crate::spec::{SampleFormat, Spec};
use crate::sync::{Arc, AtomicU32, Ordering, PlainArc, Weak, process};
use crate::track::{Begun, Outcome, Tracker};
use crate::watch::{Anomaly, Watch, WatchSettings, Watched};

/// The allocator of capture buffers: from a source to the one buffer it has.
///
/// Cloning it gives another handle on the same registry. All methods may be called from any thread at the same time:
///
/// - Finding a buffer waits for nobody: [`Registry::with`] and [`Registry::contains`] take no lock, allocate nothing and
///   touch no shared counter (a thread's first call sets its cache up). [`Registry::get`] adds one to the handle count.
/// - Allocating is a compare-and-set: an empty slot is published, who published it makes the ring, everyone else who asks
///   for that source waits for that one ring, and nobody for anything else. Exactly one ring is made.
///
/// ```
/// use capbuf::{Length, Registry, SampleFormat, Spec};
///
/// let registry = Registry::private();
/// let spec = Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16)?;
/// let first = registry.get_or_allocate("rtsp://camera/1", spec)?;
/// let again = registry.get_or_allocate("rtsp://camera/1", spec)?;
/// assert!(first.same_as(&again));
/// assert_eq!(registry.stats().rings_mapped, 1);
/// assert!(registry.allocate("rtsp://camera/1", spec).is_err());
/// # Ok::<(), capbuf::Error>(())
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    map: Published,
    /// `None` in a private registry.
    domain: Option<PlainArc<Domain>>,
    feeds: PlainArc<Feeds>,
    budget: PlainArc<Budget>,
    max_buffer_bytes: u64,
    committer: Option<PlainArc<Committer>>,
    clock: PlainArc<dyn Clock>,
    tracker: PlainArc<Tracker>,
    /// In a private registry that keeps the memory of removed buffers.
    pool: Option<PlainArc<Pool>>,
    /// Those that were removed from here and that somebody holds.
    removed: Mutex<Vec<Weak<Shared>>>,
    watches: Mutex<Vec<PlainArc<Watched>>>,
}

impl Registry {
    /// The most bytes that one buffer may have.
    pub fn max_buffer_bytes(&self) -> u64 {
        self.0.max_buffer_bytes
    }

    /// The clock that its buffers tell time by.
    pub fn clock(&self) -> &PlainArc<dyn Clock> {
        &self.0.clock
    }

    /// Makes a registry that belongs to this process alone, with the default limits.
    pub fn private() -> Self {
        Self::builder().build()
    }

    /// Begins to describe a registry.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// Opens a domain by its name, and makes it if there is none: the buffers that all processes of this user share which open it.
    ///
    /// A daemon records, a model in another process reads the same memory, a shell cuts a clip from it. A name has 1 to 64 letters,
    /// digits, `.`, `_` and `-`. What processes left that died is swept. See [`docs::domains`](crate::docs::domains).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a name that can be none; [`Error::Forbidden`] where the folder is another user's, or open to
    /// others; [`Error::System`] where it can't be made or opened.
    pub fn open(domain: &str) -> Result<Self> {
        Self::builder().open(domain)
    }

    /// Opens the domain that is meant when nothing is said: the one that `CAPBUF_DOMAIN` names, or `default`.
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open_default() -> Result<Self> {
        Self::builder().open_default()
    }

    pub(crate) fn with_options(options: RegistryBuilder, domain: Option<PlainArc<Domain>>) -> Self {
        let on = options.track_allocations.unwrap_or_else(crate::track::asked_by_environment);
        let tracker = Tracker::new(on, options.tracked_sources, domain.clone(), PlainArc::clone(&options.clock));
        let pool = Pool::new(options.pool, PlainArc::clone(&options.clock));
        let pool = Some(pool).filter(|pool| pool.is_on() && domain.is_none());
        Self(Arc::new(Inner {
            pool,
            tracker,
            removed: Mutex::default(),
            watches: Mutex::default(),
            map: Published::new(),
            domain,
            feeds: PlainArc::default(),
            budget: Budget::new(options.budget()),
            max_buffer_bytes: options.max_buffer_bytes,
            committer: options.commit_ahead.then(PlainArc::default),
            clock: options.clock,
        }))
    }

    /// The name of the domain; `None` for a private registry.
    pub fn domain(&self) -> Option<&str> {
        self.0.domain.as_ref().map(|domain| domain.name())
    }

    /// The folder of the domain; `None` for a private registry.
    pub fn path(&self) -> Option<&Path> {
        self.0.domain.as_ref().map(|domain| domain.path())
    }

    /// Makes the buffer of a source that has none, in no process of the domain.
    ///
    /// Allocates; waits only while somebody else is just making this source's buffer.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the source has a buffer (the buffer stays as it is); otherwise as
    /// [`Registry::get_or_allocate`].
    #[track_caller]
    pub fn allocate(&self, source: &str, spec: Spec) -> Result<CaptureBuffer> {
        self.allocate_with(source, spec, &AllocateOptions::new())
    }

    /// Makes the buffer of a source that has none, as the options say: [`Registry::allocate`].
    ///
    /// # Errors
    /// As [`Registry::allocate`].
    #[track_caller]
    pub fn allocate_with(&self, source: &str, spec: Spec, options: &AllocateOptions) -> Result<CaptureBuffer> {
        let begun = self.0.tracker.begin();
        let allocated = self.find_or_make(source, spec, options).and_then(|(buffer, outcome)| {
            if outcome.is_allocation() {
                return Ok((buffer, outcome));
            }
            Err(Error::AlreadyExists { source_name: buffer.source().clone(), existing: *buffer.spec() })
        });
        self.tracked(begun, source, allocated)
    }

    /// Finds the buffer of a source, or makes it if there is none, exactly once however many ask, in however many processes.
    ///
    /// A hit costs a lookup and a handle. A miss allocates; others who ask for the same source wait for it.
    ///
    /// # Errors
    /// [`Error::SpecMismatch`] if the source has a buffer of another shape, which stays as it is; [`Error::InvalidSource`];
    /// [`Error::OverBudget`], [`Error::OutOfMemory`] and [`Error::OutOfSpace`], given to everyone who waited, after which the
    /// source has no buffer and can be asked for again. In a domain also [`Error::System`], [`Error::Forbidden`],
    /// [`Error::LayoutMismatch`], [`Error::Corrupt`] and [`Error::TooManyProcesses`].
    #[track_caller]
    pub fn get_or_allocate(&self, source: &str, spec: Spec) -> Result<CaptureBuffer> {
        self.get_or_allocate_with(source, spec, &AllocateOptions::new())
    }

    /// Finds the buffer of a source, or makes it as the options say: [`Registry::get_or_allocate`].
    ///
    /// # Errors
    /// As [`Registry::get_or_allocate`].
    #[track_caller]
    pub fn get_or_allocate_with(&self, source: &str, spec: Spec, options: &AllocateOptions) -> Result<CaptureBuffer> {
        let begun = self.0.tracker.begin();
        if begun.is_none()
            && let Some(buffer) = self.hit(source, |filled| filled.spec == spec)
        {
            return Ok(buffer);
        }
        let found = self.find_or_make(source, spec, options).and_then(|(buffer, outcome)| {
            if *buffer.spec() == spec {
                return Ok((buffer, outcome));
            }
            Err(Error::SpecMismatch { source_name: buffer.source().clone(), existing: *buffer.spec(), asked: spec })
        });
        self.tracked(begun, source, found)
    }

    /// Runs `use_buffer` with the buffer of a source, if it has one.
    ///
    /// Waits for nobody, allocates nothing, touches no shared counter. A buffer that is just being made counts as not
    /// there. While `use_buffer` runs the memory stays, also if the source is removed. In a domain a source that this registry
    /// has not met is looked for in the domain's folder (system calls), and mapped if it is there.
    #[inline]
    pub fn with<R>(&self, source: &str, use_buffer: impl FnOnce(&CaptureBuffer) -> R) -> Option<R> {
        let map = &self.0.map;
        let counted = match map.hold(source) {
            Held::InPlace(held) => match held.buffer() {
                Some(buffer) if self.still_has(buffer) => return Some(use_buffer(buffer)),
                _ => None,
            },
            Held::Within => map.get(source).filter(|buffer| self.still_has(buffer)),
            Held::Nothing => None,
        };
        counted.or_else(|| self.find_elsewhere(source)).as_ref().map(use_buffer)
    }

    /// A handle on the buffer of a source, if it has one. Like [`Registry::with`], and adds one to the handle count.
    #[track_caller]
    pub fn get(&self, source: &str) -> Option<CaptureBuffer> {
        let begun = self.0.tracker.begin();
        let mut buffer = self.0.map.get(source).filter(|buffer| self.still_has(buffer));
        buffer = buffer.or_else(|| self.find_elsewhere(source));
        if let (Some(begun), Some(buffer)) = (begun, &mut buffer) {
            buffer.taken = self.0.tracker.hold(&begun, source, buffer.id());
        }
        buffer
    }

    /// Tells whether a source has a buffer, at the cost of [`Registry::with`].
    pub fn contains(&self, source: &str) -> bool {
        self.with(source, |_| ()).is_some()
    }

    /// Takes the buffer of a source out of the registry, for all processes of its domain.
    ///
    /// Handles stay valid and go on reading; its writer gets [`Error::Removed`]; waiting reads end. The memory goes back
    /// when the last handle ends. A buffer that is just being made is waited for and then removed. One that is damaged, and that
    /// nobody can map any more, is removed all the same. Allocates.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the source has no buffer; in a domain also [`Error::System`].
    #[track_caller]
    pub fn remove(&self, source: &str) -> Result<()> {
        let begun = self.0.tracker.begin();
        let removed = self.take_out(source);
        if removed.is_ok() {
            count(&self.0.tracker.counts.removed);
        }
        if let Some(begun) = begun
            && let Ok(id) = removed
        {
            self.0.tracker.end(&begun, source, Outcome::Removed, id.unwrap_or_default());
        }
        removed.map(|_| ())
    }

    /// Records every attempt to get a buffer from here on, with what came of it, when, by whom and from where; or ends that.
    ///
    /// Off, it costs one relaxed load an attempt. On, some microseconds, no lock, and memory of a fixed size: see
    /// [`RegistryBuilder::tracked_sources`]. Counts go on from what they were. In a domain every process decides for itself, and
    /// the report of any tells of all that track. From outside `DEBUG_BUFFER_ALLOC=true` does the same from the beginning.
    pub fn enable_allocation_tracking(&self, enable: bool) {
        self.0.tracker.set(enable);
    }

    /// Tells whether attempts are recorded. Wait-free: a load.
    pub fn is_allocation_tracking(&self) -> bool {
        self.0.tracker.is_on()
    }

    /// Tells everything that is known of allocations: in a domain, those of all its processes.
    ///
    /// Attempts, allocations and live buffers by source and call site, who holds what, and the newest stacks; of attempts what was
    /// recorded while tracking was enabled. Reads files, resolves stacks, allocates: not for the audio thread.
    pub fn allocation_report(&self) -> AllocationReport {
        AllocationReport::of(self)
    }

    /// Metrics of this registry and its buffers, in Prometheus's text format.
    ///
    /// Attempts and reads are this registry's own, counted all the time and at no cost to a hit; writes, frames, gaps and evictions are
    /// those of the buffers, whoever wrote and read them. Up to [`MAX_METRIC_SOURCES`](crate::MAX_METRIC_SOURCES) sources have
    /// metrics of their own, by a short name without credentials. Reads the last second of each to measure its level: not for
    /// the audio thread.
    ///
    /// ```
    /// # let registry = capbuf::Registry::private();
    /// assert!(registry.metrics_text().contains("capbuf_live_buffers 0"));
    /// ```
    pub fn metrics_text(&self) -> String {
        metrics::text(self, Scope::Registry)
    }

    /// Metrics of a whole domain, for who looks at it from outside: attempts are those of all processes that track, see
    /// [`Registry::allocation_report`]; what only each process knows, its reads and their durations, is left out.
    pub fn domain_metrics_text(&self) -> String {
        metrics::text(self, Scope::Domain)
    }

    /// Starts a thread that looks after this registry, or its domain, and tells what is wrong: to who asks the watch that is returned,
    /// in [`Registry::allocation_report`], in metrics, and as events of the crate `tracing`. It ends when the watch is dropped.
    ///
    /// Some things are known only of what is tracked, see [`Registry::enable_allocation_tracking`]. A buffer is kept from going
    /// by no watch.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for looks without a pause; [`Error::System`] if no thread can be had.
    ///
    /// ```
    /// use std::time::Duration;
    /// use capbuf::{AnomalyKind, Length, Registry, SampleFormat, Spec, WatchSettings};
    ///
    /// let registry = Registry::private();
    /// let mut settings = WatchSettings::default();
    /// settings.every = Duration::from_millis(10);
    /// let watch = registry.watch(settings)?;
    /// let spec = Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16)?;
    /// // Two names, two buffers, one camera.
    /// let buffers = ["rtsp://cam/1", "rtsp://cam/1/"].map(|source| registry.get_or_allocate(source, spec));
    /// let event = watch.next_event(Duration::from_secs(60)).expect("it is seen");
    /// assert_eq!(event.kind, AnomalyKind::SourceUnderTwoNames);
    /// # drop(buffers);
    /// # Ok::<(), capbuf::Error>(())
    /// ```
    pub fn watch(&self, settings: WatchSettings) -> Result<Watch> {
        Watch::start(self.clone(), settings, None)
    }

    /// Starts a watch as [`Registry::watch`] does, that calls `tell` with each event, on its own thread.
    ///
    /// # Errors
    /// As [`Registry::watch`].
    pub fn watch_with(&self, settings: WatchSettings, tell: impl FnMut(&Anomaly) + Send + 'static) -> Result<Watch> {
        Watch::start(self.clone(), settings, Some(Box::new(tell)))
    }

    pub(crate) fn add_watch(&self, watched: &PlainArc<Watched>) {
        let mut watches = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watched| PlainArc::strong_count(watched) > 1);
        watches.push(PlainArc::clone(watched));
    }

    /// What the watches of this registry found.
    pub(crate) fn anomalies(&self) -> Vec<Anomaly> {
        let watches = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.iter().flat_map(|watched| watched.found()).collect()
    }

    /// The attempts of this registry, whether tracked or not.
    pub(crate) fn attempts(&self) -> Attempts {
        let counts = &self.0.tracker.counts;
        let get = |counter: &process::AtomicU64| counter.load(Ordering::Relaxed);
        let (refused, spec_mismatch) = (get(&counts.refused), get(&counts.spec_mismatch));
        let found = self.0.map.users.hits().saturating_add(get(&counts.found_later));
        Attempts {
            allocated: self.stats().rings_allocated,
            reused: get(&counts.reused),
            already_there: found.saturating_sub(refused + spec_mismatch),
            refused,
            spec_mismatch,
            over_budget: get(&counts.over_budget),
            failed: get(&counts.failed),
            removed: get(&counts.removed),
            ..Attempts::default()
        }
    }

    /// The tracker's part in the end of an attempt.
    #[inline]
    fn tracked(
        &self,
        begun: Option<Begun>,
        source: &str,
        found: Result<(CaptureBuffer, Outcome)>,
    ) -> Result<CaptureBuffer> {
        let tracker = &self.0.tracker;
        if let Err(error) = &found {
            tracker.counts.refusal(error);
        }
        let Some(begun) = begun else { return found.map(|(buffer, _)| buffer) };
        let (outcome, id) = match &found {
            Ok((buffer, outcome)) => (*outcome, buffer.id()),
            Err(error) => (Outcome::of_error(error), 0),
        };
        // A name that is none is not one more source.
        if !matches!(found, Err(Error::InvalidSource { .. })) {
            tracker.end(&begun, source, outcome, id);
        }
        found.map(|(mut buffer, _)| {
            buffer.taken = tracker.hold(&begun, source, id);
            buffer
        })
    }

    /// Takes the buffer of a source out; tells its number, where it is known.
    fn take_out(&self, source: &str) -> Result<Option<u64>> {
        let not_found = || Error::NotFound { source_name: redact(source) };
        if let Some(domain) = &self.0.domain {
            let id = self.0.map.get(source).as_ref().map(CaptureBuffer::id);
            let removed = domain.remove(source)?;
            self.forget_removed(source);
            return if removed { Ok(id) } else { Err(not_found()) };
        }
        let slot = self.0.map.lookup(source, |slot, _| slot.cloned()).ok_or_else(not_found)?;
        if slot.filled.wait().is_err() {
            return Err(not_found());
        }
        let buffer = self.0.map.take_out(&slot).ok_or_else(not_found)?;
        if let Some(buffer) = &buffer {
            buffer.shared.mark_removed();
            self.remember(&buffer.shared);
        }
        Ok(buffer.map(|buffer| buffer.id()))
    }

    /// Takes away what processes of the domain left that died; in a private registry there is nothing to sweep.
    ///
    /// Opening a domain does this, too, if it finds a dead process. Looks at every buffer of the domain.
    ///
    /// # Errors
    /// [`Error::System`] where the folder can't be listed or changed.
    pub fn sweep(&self) -> Result<Swept> {
        self.0.domain.as_ref().map_or_else(|| Ok(Swept::default()), |domain| domain.sweep())
    }

    /// Claims to be the one who feeds a source, from before it is opened and has a buffer.
    ///
    /// For who opens devices and streams: a second one is told so before it connects to a camera that takes one connection. It has
    /// nothing to do with the buffer's writer, which is taken when there is a buffer. Takes a lock, allocates.
    ///
    /// # Errors
    /// [`Error::WriterBusy`] while another claim on the source is held; [`Error::InvalidSource`].
    ///
    /// ```
    /// let registry = capbuf::Registry::private();
    /// let feed = registry.claim_feed("rtsp://camera/1")?;
    /// assert!(registry.claim_feed("rtsp://camera/1").is_err());
    /// drop(feed);
    /// registry.claim_feed("rtsp://camera/1")?;
    /// # Ok::<(), capbuf::Error>(())
    /// ```
    pub fn claim_feed(&self, source: &str) -> Result<Feed> {
        Feed::claim(source, &self.0.feeds, self.0.domain.as_deref())
    }

    /// Handles on all buffers, by the order of their sources' names. A snapshot; allocates. In a domain all are mapped by this;
    /// files that are no buffers are left out.
    pub fn buffers(&self) -> Vec<CaptureBuffer> {
        if let Some(domain) = &self.0.domain {
            // What can't be listed has no buffers to show.
            let sources = domain.sources().unwrap_or_default();
            return sources.iter().filter_map(|source| self.get(source.as_str())).collect();
        }
        let mut buffers = self.0.map.handles();
        buffers.sort_by(|one, other| one.source().cmp(other.source()));
        buffers
    }

    /// What is kept of removed buffers' memory, see [`RegistryBuilder::pool_bytes`].
    pub fn pool_stats(&self) -> PoolStats {
        match (&self.0.pool, &self.0.domain) {
            (Some(pool), _) => pool.stats(),
            (None, Some(domain)) => domain.pool_stats(),
            (None, None) => PoolStats::default(),
        }
    }

    /// Gives back what is kept of removed buffers' memory; in a domain, whoever kept it. What is just being overwritten stays.
    ///
    /// # Errors
    /// [`Error::System`] where a domain's folder can't be listed or changed.
    pub fn trim_pool(&self) -> Result<()> {
        if let Some(pool) = &self.0.pool {
            pool.trim();
        }
        self.0.domain.as_ref().map_or(Ok(()), |domain| domain.trim_to(0).map(|_| ()))
    }

    /// What was mapped and what of it is alive, handles of removed buffers included.
    pub fn stats(&self) -> RegistryStats {
        self.0.budget.stats()
    }

    /// A handle on the buffer of a source that is in the map, if it is a wanted one: a lookup, a count of this thread's own, and a handle.
    #[inline]
    fn hit(&self, source: &str, is_wanted: impl FnOnce(&Filled) -> bool) -> Option<CaptureBuffer> {
        let map = &self.0.map;
        map.lookup(source, |slot, own| {
            let look =
                |filled: &Filled| (self.still_has(&filled.buffer) && is_wanted(filled)).then(|| filled.buffer.clone());
            let buffer = map.users.look(slot?, own, look)??;
            own.hit();
            Some(buffer)
        })
    }

    /// The buffer of a source, and how this call came by it.
    fn find_or_make(&self, source: &str, spec: Spec, options: &AllocateOptions) -> Result<(CaptureBuffer, Outcome)> {
        if let Some(buffer) = self.hit(source, |_| true) {
            return Ok((buffer, Outcome::AlreadyThere));
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

    /// Tells whether a buffer that lies in a slot was not removed by another process.
    ///
    /// In a private registry only [`Registry::remove`] removes, and that empties the slot first. There the flag is not looked at:
    /// it lies at the beginning of the buffer's own pages, and such lines of many buffers crowd each other out of the cache.
    #[inline]
    fn still_has(&self, buffer: &CaptureBuffer) -> bool {
        self.0.domain.is_none() || !buffer.is_removed()
    }

    /// The buffer of a source that is in no slot, from the domain.
    #[cold]
    fn find_elsewhere(&self, source: &str) -> Option<CaptureBuffer> {
        let domain = self.0.domain.as_ref()?;
        self.forget_removed(source);
        if !domain.may_have(source) {
            return None;
        }
        let not_found = || Error::NotFound { source_name: redact(source) };
        let fill = |source: &Source| {
            let found = domain.find(source.as_str(), self.0.clock.utc_ns())?.ok_or_else(not_found)?;
            Ok(self.share_mapped(found, self.0.budget.nothing()))
        };
        self.claim(source, 0, fill).ok()
    }

    /// Takes a source's slot out of this process's map if another process removed its buffer.
    fn forget_removed(&self, source: &str) {
        let map = &self.0.map;
        let is_removed = |slot: &Slot, own: &OfThread| map.users.look(slot, own, |filled| filled.buffer.is_removed());
        let removed = map.lookup(source, |slot, own| slot.filter(|slot| is_removed(slot, own) == Some(true)).cloned());
        if let Some(slot) = removed {
            self.forget(&slot);
        }
    }

    fn forget(&self, slot: &Arc<Slot>) {
        if let Some(Some(buffer)) = self.0.map.take_out(slot) {
            self.remember(&buffer.shared);
        }
    }

    /// Remembers a buffer that was removed, for as long as somebody holds it.
    fn remember(&self, removed: &Arc<Shared>) {
        let mut held = self.0.removed.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|removed| removed.strong_count() > 0);
        held.push(Arc::downgrade(removed));
    }

    /// The removed buffers that are held in this process.
    pub(crate) fn removed_and_held(&self) -> Vec<Arc<Shared>> {
        let held = self.0.removed.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().filter_map(Weak::upgrade).collect()
    }

    /// The buffers in the map, of a private registry all there are.
    pub(crate) fn mapped_buffers(&self) -> Vec<CaptureBuffer> {
        self.0.map.handles()
    }

    pub(crate) fn domain_itself(&self) -> Option<&PlainArc<Domain>> {
        self.0.domain.as_ref()
    }

    pub(crate) fn tracker(&self) -> &Tracker {
        &self.0.tracker
    }

    /// The buffer of a source: found, or got from `fill`, which only one caller at a time runs for a source.
    pub(crate) fn claim(
        &self,
        source: &str,
        asked_bytes: u64,
        fill: impl FnOnce(&Source) -> Result<CaptureBuffer>,
    ) -> Result<CaptureBuffer> {
        crate::source::check(source)?;
        let mut fill = Some(fill);
        loop {
            let map = &self.0.map;
            let found =
                map.lookup(source, |slot, own| slot.map(|slot| (map.users.handle(slot, own), Arc::clone(slot))));
            let (slot, published) = match found {
                Some((Some(buffer), slot)) if buffer.is_removed() => {
                    self.forget(&slot);
                    continue;
                }
                Some((Some(buffer), _)) => {
                    count(&self.0.tracker.counts.found_later);
                    return Ok(buffer);
                }
                Some((None, slot)) => (slot, false),
                None => map.publish(source)?,
            };
            if published && let Some(fill) = fill.take() {
                return self.fill(&slot, fill);
            }
            // Somebody else's slot: wait for that one ring. If it is already removed again, or was only looked for, or was too
            // large where this one may not be, begin anew.
            // SYNC filled: whoever filled it has stored the buffer before.
            match slot.filled.wait() {
                Err(
                    Error::OverBudget { asked_bytes: theirs, .. }
                    | Error::OutOfMemory { asked_bytes: theirs, .. }
                    | Error::OutOfSpace { asked_bytes: theirs, .. },
                ) if *theirs != asked_bytes => {}
                Err(Error::NotFound { .. }) => {}
                outcome => outcome.clone()?,
            }
            if let Some(buffer) = map.handle(&slot) {
                count(&self.0.tracker.counts.found_later);
                return Ok(buffer);
            }
        }
    }

    /// Sets memory aside.
    fn charge(&self, spec: &Spec) -> Result<Charge> {
        let (asked_bytes, limit_bytes) = (Layout::of(spec).region_bytes, self.0.max_buffer_bytes);
        if asked_bytes > limit_bytes {
            return Err(Error::OverBudget { asked_bytes, used_bytes: 0, limit_bytes, scope: "one buffer" });
        }
        let reserved = self.0.budget.reserve(asked_bytes);
        // What is kept for later gives way to what is wanted now.
        if reserved.is_err() && self.0.pool.as_ref().is_some_and(|pool| pool.trim()) {
            return self.0.budget.reserve(asked_bytes);
        }
        reserved
    }

    /// Fills a slot that this call published. On failure nothing is left behind, and everyone who waits gets the error.
    fn fill(&self, slot: &Arc<Slot>, fill: impl FnOnce(&Source) -> Result<CaptureBuffer>) -> Result<CaptureBuffer> {
        let filled = catch_unwind(AssertUnwindSafe(|| fill(&slot.source)))
            .unwrap_or_else(|_| Err(Error::AllocationPanicked { source_name: slot.source.clone() }));
        let outcome = match &filled {
            Ok(buffer) => {
                slot.fill(buffer.clone());
                Ok(())
            }
            Err(error) => {
                // Out of the map first: who is woken by the error and asks again finds no failed slot.
                self.0.map.take_out(slot);
                Err(error.clone())
            }
        };
        // SYNC filled: wakes those who wait for this slot.
        let _ = slot.filled.set(outcome);
        filled
    }

    /// The buffer of a source from the domain, or a new one; and which.
    pub(crate) fn map_or_make(
        &self,
        source: &Source,
        spec: Spec,
        options: &AllocateOptions,
    ) -> Result<(CaptureBuffer, Outcome)> {
        let now_utc_ns = self.0.clock.utc_ns();
        let Some(domain) = &self.0.domain else {
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
            (mapped, Some((mut charge, is_reused))) => {
                if is_reused {
                    charge.count_mapped();
                } else {
                    charge.count_allocated();
                }
                let Mapped { region, description, membership } = mapped;
                let buffer = self.share(region, description.source, spec, Some(membership), charge, is_reused);
                Shared::commit_ahead(&buffer.shared);
                (buffer, if is_reused { Outcome::Reused } else { Outcome::Allocated })
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
            opened_utc_ns: self.0.clock.utc_ns(),
            window_lag_frames: process::AtomicU64::new(u64::MAX),
            pool: self.0.pool.clone(),
            charge,
        });
        CaptureBuffer { shared, taken: None }
    }
}

/// A whole buffer can be read in any format, however close to its limit it is: the widest takes twice what the narrowest does.
/// One that another process made larger than this one may can be read in parts.
fn segment_limit_bytes(spec: &Spec, max_buffer_bytes: u64) -> u64 {
    let whole_bytes = spec.length_frames() * u64::from(spec.channels()) * SampleFormat::F32.bytes() as u64;
    whole_bytes.clamp(max_buffer_bytes, max_buffer_bytes.saturating_mul(2))
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::spec::Length;

    fn spec() -> Spec {
        Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16).unwrap()
    }

    /// The filler waits until everyone waits for it (or may be about to), then fails.
    fn fail_for_everyone(registry: &Registry, failure: impl Fn() -> Result<CaptureBuffer> + Sync) -> Vec<Error> {
        let asked = Barrier::new(8);
        std::thread::scope(|scope| {
            let claims: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        asked.wait();
                        registry.claim("x", 0, |_| {
                            assert!(!registry.contains("x") && registry.get("x").is_none(), "not there until filled");
                            failure()
                        })
                    })
                })
                .collect();
            claims.into_iter().map(|claim| claim.join().unwrap().expect_err("must fail")).collect()
        })
    }

    #[test]
    fn a_fill_that_fails_or_panics_leaves_nothing_and_gives_everyone_the_error() {
        let registry = Registry::private();
        let no_memory = Error::OutOfMemory { asked_bytes: 1, reason: "planted".into() };
        for error in fail_for_everyone(&registry, || Err(no_memory.clone())) {
            assert_eq!(error, no_memory);
        }
        for error in fail_for_everyone(&registry, || std::panic::resume_unwind(Box::new("planted"))) {
            assert_eq!(error, Error::AllocationPanicked { source_name: Source::new("x").unwrap() });
        }
        assert!(registry.buffers().is_empty() && registry.0.map.newest().slots().count() == 0);
        assert!(registry.get_or_allocate("x", spec()).is_ok(), "can be asked for again");
    }

    #[test]
    fn removing_while_filling_waits_for_the_ring_and_takes_it_out() {
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
    fn old_tables_are_freed_by_updates_even_if_a_thread_sleeps_on_one() {
        let registry = Registry::private();
        let cached = Barrier::new(2);
        std::thread::scope(|scope| {
            // Dropped at the end, also by a failure: then the sleeper wakes.
            let (_awake, asleep) = std::sync::mpsc::channel::<()>();
            let (registry, cached) = (&registry, &cached);
            scope.spawn(move || {
                assert!(!registry.contains("x"));
                cached.wait();
                let _ = asleep.recv();
            });
            cached.wait();
            for number in 0..100 {
                let source = format!("x{number}");
                registry.get_or_allocate(&source, spec()).unwrap();
                registry.remove(&source).unwrap();
                assert!(registry.0.map.retired() <= 3, "{} tables kept", registry.0.map.retired());
            }
            assert!(registry.0.map.retired() > 0, "the sleeper's table is kept");
        });
    }

    #[test]
    fn a_dropped_registry_gives_its_memory_back_whatever_other_threads_have_cached() {
        let registry = Registry::private();
        let buffer = registry.get_or_allocate("x", spec()).unwrap();
        let budget = PlainArc::clone(&registry.0.budget);
        let (looked, dropped) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            let theirs = registry.clone();
            scope.spawn(|| {
                assert!(theirs.contains("x"));
                drop(theirs);
                looked.wait();
                dropped.wait();
            });
            looked.wait();
            drop((registry, buffer));
            let deadline = std::time::Instant::now() + Duration::from_secs(30);
            // The helper that commits memory may hold it for a moment.
            while budget.stats().bytes > 0 && std::time::Instant::now() < deadline {
                std::thread::yield_now();
            }
            assert_eq!(budget.stats().bytes, 0);
            dropped.wait();
        });
    }

    #[test]
    fn a_lookup_within_a_lookup_finds_the_same() {
        let registry = Registry::private();
        let buffer = registry.get_or_allocate("x", spec()).unwrap();
        let inner =
            registry.with("x", |outer| registry.with("x", |inner| inner.same_as(outer) && inner.same_as(&buffer)));
        assert_eq!(inner, Some(Some(true)));
    }
}
