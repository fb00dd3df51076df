//! The input of the rules: the state of a registry or domain at one moment.

use crate::buffer::SourceHealth;
use crate::holder::Holder;
use crate::observe::canonical::Canonical;
use crate::observe::report::{AllocationReport, NewEpoch, SourceReport};
use crate::registry::Registry;
use crate::source_state::SourceState;

/// State of a registry or domain at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) utc_ns: i64,
    pub(crate) monotonic_ns: i64,
    /// In a fixed order.
    pub(crate) sources: Vec<ObservedSource>,
    /// Bytes used, and their limit.
    pub(crate) budget: Option<(u64, u64)>,
    /// Bytes of the domain's buffers, and bytes available for more in its file system.
    pub(crate) room: Option<(u64, u64)>,
    /// Buffers that were lost while they were recorded, some of them twice.
    pub(crate) losses: Vec<ObservedLoss>,
}

/// A buffer that was lost while it was recorded.
#[derive(Debug, Clone)]
pub(crate) struct ObservedLoss {
    /// Key and name of its source.
    pub(crate) key: u64,
    pub(crate) name: String,
    pub(crate) buffer: u64,
    pub(crate) utc_ns: i64,
    /// The cause, for the evidence.
    pub(crate) how: String,
}

/// State of a source.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObservedSource {
    pub(crate) key: u64,
    /// Name without credentials.
    pub(crate) name: String,
    /// Canonical name, equal for all names of one source; `None` without a buffer.
    pub(crate) canonical: Option<Canonical>,
    /// Refused calls of `allocate`, by call site.
    pub(crate) refused: Vec<(String, u64)>,
    pub(crate) allocations: u64,
    /// Call site of most allocations, for the evidence.
    pub(crate) allocating: String,
    pub(crate) spec_mismatches: u64,
    /// Call site of the last spec mismatch, for the evidence.
    pub(crate) conflict: String,
    /// Id of its buffer; 0 without one.
    pub(crate) buffer: u64,
    pub(crate) rate_hz: u32,
    pub(crate) frames: u64,
    pub(crate) gaps: u64,
    pub(crate) evictions: u64,
    pub(crate) has_writer: bool,
    pub(crate) removed_holders: Vec<RemovedHolder>,
    /// The beginning of its newest epoch.
    pub(crate) epoch: Option<NewEpoch>,
    /// Why it is not recorded, if its recorder says so.
    pub(crate) down: Option<String>,
}

/// A holder of a removed buffer.
#[derive(Debug, Clone)]
pub(crate) struct RemovedHolder {
    pub(crate) buffer: u64,
    /// The holder as text, for the evidence.
    pub(crate) text: String,
}

impl Snapshot {
    /// The state that a report on `registry` shows.
    pub(crate) fn of_report(report: &AllocationReport, registry: &Registry) -> Self {
        let room = registry.domain_itself().and_then(|domain| domain.room_bytes());
        let losses = losses(registry, report);
        let (clock, stats) = (registry.clock(), registry.stats());
        let mut sources: Vec<_> = report.sources.iter().map(ObservedSource::of).collect();
        for recorded in registry.recorded() {
            let key = registry.tracker().key_of(recorded.source.as_str());
            let at = sources.iter().position(|source| source.key == key).unwrap_or_else(|| {
                sources.push(ObservedSource { key, name: recorded.source.to_string(), ..ObservedSource::default() });
                sources.len() - 1
            });
            sources[at].down = down(&recorded.health, sources[at].buffer == 0);
        }
        Self {
            utc_ns: clock.utc_ns(),
            monotonic_ns: clock.monotonic_ns(),
            sources,
            budget: Some((stats.bytes, stats.budget_bytes)),
            losses,
            room: room.map(|room| (report.totals.live_bytes, room)),
        }
    }
}

/// Says why a source is not recorded. A source that has run and was lost is opened again soon:
/// only if that fails again and again it counts.
fn down(health: &SourceHealth, never_opened: bool) -> Option<String> {
    let counts = match health.state {
        SourceState::CircuitOpen | SourceState::Failed => true,
        SourceState::BackingOff | SourceState::Stalled => never_opened,
        _ => false,
    };
    let colon = if health.reason.is_empty() { "" } else { ": " };
    counts.then(|| format!("{}{colon}{}", health.state, health.reason))
}

/// The losses that this process recorded, and those that are on record in buffers.
fn losses(registry: &Registry, report: &AllocationReport) -> Vec<ObservedLoss> {
    let how = |remover: Option<&Holder>, is_taken| match remover {
        Some(remover) => format!("its buffer was removed by {remover}"),
        None if is_taken => "the file of its buffer was taken away".to_owned(),
        None => "its buffer was removed".to_owned(),
    };
    let own = registry.losses().into_iter().map(|loss| ObservedLoss {
        key: registry.tracker().key_of(loss.source.as_str()),
        name: loss.source.to_string(),
        buffer: loss.buffer,
        utc_ns: loss.utc_ns,
        how: how(loss.remover.as_ref(), loss.is_taken),
    });
    let recorded = report.sources.iter().filter_map(|source| {
        let lost = source.lost.as_ref()?;
        let (key, name, how) = (number(&source.key), source.source.clone(), how(lost.remover.as_ref(), true));
        Some(ObservedLoss { key, name, buffer: lost.id, utc_ns: lost.utc_ns, how })
    });
    own.chain(recorded).collect()
}

fn number(hexadecimal: &str) -> u64 {
    u64::from_str_radix(hexadecimal, 16).unwrap_or(0)
}

impl ObservedSource {
    fn of(report: &SourceReport) -> Self {
        let progress = report.progress.unwrap_or_default();
        let refused = report.call_sites.iter().filter(|site| site.results.refused > 0);
        let conflict =
            report.call_sites.iter().filter(|site| site.results.spec_mismatch > 0).max_by_key(|site| site.last_utc_ns);
        let allocating = report.call_sites.iter().filter(|site| site.results.allocations() > 0);
        let allocating = allocating.max_by_key(|site| site.results.allocations());
        let removed = report.holders.iter().filter(|holder| holder.is_removed);
        Self {
            key: number(&report.key),
            name: report.source.clone(),
            canonical: report.canonical,
            refused: refused.map(|site| (site.place(), site.results.refused)).collect(),
            allocations: report.allocations.unwrap_or_default(),
            allocating: allocating.map(|site| format!(", most from {}", site.place())).unwrap_or_default(),
            spec_mismatches: report.results.unwrap_or_default().spec_mismatch,
            conflict: conflict.map(|site| format!(", last at {}", site.place())).unwrap_or_default(),
            buffer: report.buffer.as_deref().map_or(0, number),
            rate_hz: progress.rate_hz,
            frames: progress.frames,
            gaps: progress.gaps,
            evictions: progress.evictions,
            has_writer: progress.has_writer,
            removed_holders: removed
                .map(|holder| RemovedHolder {
                    buffer: number(&holder.buffer),
                    text: holder.to_string().replace("REMOVED, ", ""),
                })
                .collect(),
            epoch: report.epoch,
            down: None,
        }
    }
}
