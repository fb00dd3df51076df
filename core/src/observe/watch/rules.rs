//! The rules: find anomalies in a sequence of snapshots. They use no clock and no thread.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::settings::WatchSettings;
use super::snapshot::{ObservedLoss, ObservedSource, Snapshot};
use crate::observe::canonical::Canonical;
use crate::track::{Anomaly, AnomalyKind};

/// Maximum number of anomalies remembered, current and past.
const REMEMBERED: usize = 1024;

/// Number of windows in a row that a writer must be off its rate.
const IN_A_ROW: u32 = 3;

/// Identity of a finding: kind, source, and a detail that depends on the kind.
type Key = (AnomalyKind, u64, u64);

/// Finds anomalies in successive snapshots.
#[derive(Debug)]
pub(crate) struct Rules {
    settings: WatchSettings,
    sources: HashMap<u64, History>,
    /// Monotonic time at which each removed buffer was first seen held, by buffer id.
    held: HashMap<u64, i64>,
    /// Anomalies of the last snapshot.
    lasting: HashSet<Key>,
    known: HashMap<Key, Anomaly>,
    order: VecDeque<Key>,
}

/// Observations of one source.
#[derive(Debug, Default)]
struct History {
    seen: VecDeque<Seen>,
    moved_ns: i64,
    rate: Option<Rate>,
    /// Windows in a row off the rate on one side: true if too fast, and their number.
    off: (bool, u32),
    /// Last measured ratio of the writer's rate to the nominal rate.
    measured: Option<f64>,
}

#[derive(Debug, Clone)]
struct Seen {
    at_ns: i64,
    refused: HashMap<String, u64>,
    allocations: u64,
    rings: HashSet<u64>,
    spec_mismatches: u64,
    evictions: u64,
    buffer: u64,
    frames: u64,
}

/// Start of a measurement of a writer's rate.
#[derive(Debug, Clone, Copy)]
struct Rate {
    at_ns: i64,
    frames: u64,
    gaps: u64,
    buffer: u64,
}

struct Finding {
    key: Key,
    source: Option<String>,
    evidence: String,
}

fn ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl Rules {
    pub(crate) fn new(settings: WatchSettings) -> Self {
        let (sources, held, lasting, known, order) = Default::default();
        Self { settings, sources, held, lasting, known, order }
    }

    /// Returns the anomalies found so far, oldest first.
    pub(crate) fn found(&self) -> Vec<Anomaly> {
        self.order.iter().filter_map(|key| self.known.get(key).cloned()).collect()
    }

    /// Examines the next snapshot; returns the anomalies that the one before did not have.
    pub(crate) fn step(&mut self, snapshot: &Snapshot) -> Vec<Anomaly> {
        let mut findings = Vec::new();
        let there: HashSet<u64> = snapshot.sources.iter().map(|source| source.key).collect();
        self.sources.retain(|key, _| there.contains(key));
        for source in &snapshot.sources {
            let history = self.sources.entry(source.key).or_default();
            history.look(source, snapshot.monotonic_ns, &self.settings, &mut findings);
        }
        self.look_at_held(snapshot, &mut findings);
        look_at_names(snapshot, &mut findings);
        self.look_at_losses(snapshot, &mut findings);
        self.look_at_epochs(snapshot, &mut findings);
        self.look_at_room(snapshot, &mut findings);
        self.record(findings, snapshot.utc_ns)
    }

    /// Checks the budget of this registry, and the room in the file system that the domain shares
    /// with others.
    fn look_at_room(&self, snapshot: &Snapshot, findings: &mut Vec<Finding>) {
        let is_nearly_used =
            |used: u64, limit: u64| limit > 0 && used as f64 >= limit as f64 * self.settings.budget_share;
        let mut find = |detail, evidence| {
            findings.push(Finding { key: (AnomalyKind::Budget, 0, detail), source: None, evidence });
        };
        if let Some((used, limit)) = snapshot.budget.filter(|(used, limit)| is_nearly_used(*used, *limit)) {
            find(0, format!("{used} of {limit} bytes are used"));
        }
        let is_tight = |(used, free): &(u64, u64)| is_nearly_used(*used, used.saturating_add(*free));
        if let Some((used, free)) = snapshot.room.filter(is_tight) {
            find(1, format!("the domain's buffers take {used} bytes, and {free} bytes are free in its file system"));
        }
    }

    fn look_at_held(&mut self, snapshot: &Snapshot, findings: &mut Vec<Finding>) {
        let holders =
            || snapshot.sources.iter().flat_map(|source| source.removed_holders.iter().map(move |h| (source, h)));
        let held: HashSet<u64> = holders().map(|(_, holder)| holder.buffer).collect();
        self.held.retain(|buffer, _| held.contains(buffer));
        for (source, holder) in holders() {
            let since_ns = *self.held.entry(holder.buffer).or_insert(snapshot.monotonic_ns);
            let held_ns = snapshot.monotonic_ns.saturating_sub(since_ns);
            if held_ns >= ns(self.settings.removed_held) {
                let evidence =
                    format!("its buffer was removed at least {} s ago and is {}", held_ns / 1_000_000_000, holder.text);
                let key = (AnomalyKind::RemovedAndHeld, source.key, holder.buffer);
                findings.push(Finding { key, source: Some(source.name.clone()), evidence });
            }
        }
    }

    /// Finds the losses within the window.
    fn look_at_losses(&self, snapshot: &Snapshot, findings: &mut Vec<Finding>) {
        let is_recent = |loss: &&ObservedLoss| snapshot.utc_ns.saturating_sub(loss.utc_ns) <= ns(self.settings.window);
        for loss in snapshot.losses.iter().filter(is_recent) {
            let key = (AnomalyKind::LostBuffer, loss.key, loss.buffer);
            let evidence = format!("{} while it was recorded", loss.how);
            findings.push(Finding { key, source: Some(loss.name.clone()), evidence });
        }
    }

    /// Finds the epochs that began within the window.
    fn look_at_epochs(&self, snapshot: &Snapshot, findings: &mut Vec<Finding>) {
        for source in &snapshot.sources {
            let Some(epoch) = source.epoch else { continue };
            if epoch.utc_ns.abs_diff(snapshot.utc_ns) <= ns(self.settings.window).unsigned_abs() {
                let back_s = epoch.back_ns as f64 * 1e-9;
                let evidence = format!("from frame {} on its times lie {back_s:.3} s back", epoch.first_frame);
                let key = (AnomalyKind::ClockSetBack, source.key, epoch.first_frame);
                findings.push(Finding { key, source: Some(source.name.clone()), evidence });
            }
        }
    }

    /// Records findings; returns those that are new. A lasting anomaly is returned once.
    fn record(&mut self, findings: Vec<Finding>, utc_ns: i64) -> Vec<Anomaly> {
        let mut events = Vec::new();
        let now: HashSet<Key> = findings.iter().map(|finding| finding.key).collect();
        for Finding { key, source, evidence } in findings {
            let is_new = self.lasting.insert(key);
            let anomaly = self.known.entry(key).or_insert_with(|| {
                self.order.push_back(key);
                let (severity, advice) = (key.0.severity(), key.0.advice());
                let (first_utc_ns, last_utc_ns) = (utc_ns, utc_ns);
                Anomaly {
                    kind: key.0,
                    severity,
                    source,
                    evidence: String::new(),
                    advice,
                    count: 0,
                    first_utc_ns,
                    last_utc_ns,
                }
            });
            anomaly.evidence = evidence;
            anomaly.last_utc_ns = utc_ns;
            if is_new {
                anomaly.count += 1;
                events.push(anomaly.clone());
            }
        }
        self.lasting.retain(|key| now.contains(key));
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        events
    }
}

impl History {
    fn look(&mut self, source: &ObservedSource, now_ns: i64, settings: &WatchSettings, findings: &mut Vec<Finding>) {
        let mut find = |kind, detail, evidence| {
            findings.push(Finding { key: (kind, source.key, detail), source: Some(source.name.clone()), evidence });
        };
        let before = self.seen.back().cloned();
        let mut now = Seen {
            at_ns: now_ns,
            refused: source.refused.iter().cloned().collect(),
            allocations: source.allocations,
            rings: before.as_ref().map(|before| before.rings.clone()).unwrap_or_default(),
            spec_mismatches: source.spec_mismatches,
            evictions: source.evictions,
            buffer: source.buffer,
            frames: source.frames,
        };
        now.rings.extend(Some(source.buffer).filter(|buffer| *buffer != 0));
        if before.as_ref().is_none_or(|before| (before.buffer, before.frames) != (now.buffer, now.frames)) {
            self.moved_ns = now_ns;
        }
        let window_ns = ns(settings.window);
        while self.seen.len() > 1 && self.seen.get(1).is_some_and(|next| now_ns - next.at_ns >= window_ns) {
            self.seen.pop_front();
        }
        // The first observation is the baseline: earlier events are not counted.
        let first = self.seen.front().cloned().unwrap_or_else(|| now.clone());
        let within = window_ns / 1_000_000_000;

        for (place, count) in &now.refused {
            let refused = count.saturating_sub(first.refused.get(place).copied().unwrap_or(0));
            if refused >= settings.repeated_allocations {
                let evidence =
                    format!("allocate was called {refused} times within {within} s for an existing buffer, at {place}");
                let detail = xxhash_rust::xxh3::xxh3_64(place.as_bytes());
                find(AnomalyKind::RepeatedAllocation, detail, evidence);
            }
        }
        let tracked = now.allocations.saturating_sub(first.allocations);
        let seen = now.rings.difference(&first.rings).count() as u64;
        let made = tracked.max(seen);
        if made >= settings.churn_allocations {
            let evidence = format!("{made} rings were allocated for it within {within} s{}", source.allocating);
            find(AnomalyKind::Churn, 0, evidence);
        }
        let mismatches = now.spec_mismatches.saturating_sub(first.spec_mismatches);
        if mismatches > 0 {
            let evidence =
                format!("it was requested with another spec {mismatches} times within {within} s{}", source.conflict);
            find(AnomalyKind::SpecConflict, 0, evidence);
        }
        if first.buffer == now.buffer {
            let late = now.evictions.saturating_sub(first.evictions);
            if late >= settings.lapped_reads {
                let evidence = format!("{late} reads within {within} s came too late for some of their frames");
                find(AnomalyKind::LappedReader, 0, evidence);
            }
        }
        let still_ns = now_ns.saturating_sub(self.moved_ns);
        if source.has_writer && still_ns >= ns(settings.stalled) {
            let evidence = format!("its writer is alive and has written nothing for {} s", still_ns / 1_000_000_000);
            find(AnomalyKind::StalledWriter, 0, evidence);
        }
        if let Some(reason) = &source.down {
            find(AnomalyKind::SourceDown, 0, format!("it is not recorded: {reason}"));
        }
        if let Some(evidence) = self.rate(source, now_ns, settings) {
            find(AnomalyKind::WriterRate, 0, evidence);
        }
        // Bounds the set: older rings are forgotten.
        if now.rings.len() > 64 {
            now.rings = Some(now.buffer).into_iter().collect();
            self.seen.clear();
        }
        self.seen.push_back(now);
    }

    /// Measures the rate window by window, and restarts at each gap. A writer is off its rate after
    /// three windows in a row on the same side: late arrivals followed by a burst are not.
    fn rate(&mut self, source: &ObservedSource, now_ns: i64, settings: &WatchSettings) -> Option<String> {
        let now = Rate { at_ns: now_ns, frames: source.frames, gaps: source.gaps, buffer: source.buffer };
        let is_measured = source.has_writer && source.frames > 0 && source.rate_hz > 0;
        let from = match self.rate {
            Some(from) if is_measured && (from.gaps, from.buffer) == (now.gaps, now.buffer) => from,
            _ => {
                (self.rate, self.off) = (is_measured.then_some(now), (false, 0));
                return None;
            }
        };
        let elapsed_ns = now_ns - from.at_ns;
        if elapsed_ns >= ns(settings.rate_window).max(1) {
            let per_second = now.frames.saturating_sub(from.frames) as f64 / (elapsed_ns as f64 / 1e9);
            let share = per_second / f64::from(source.rate_hz);
            // A standstill is reported as a stalled writer.
            let is_off = share > 0.0 && (share - 1.0).abs() > settings.rate_tolerance;
            let is_fast = share > 1.0;
            self.off = match self.off {
                (was_fast, times) if is_off && was_fast == is_fast => (is_fast, times.saturating_add(1)),
                _ => (is_fast, u32::from(is_off)),
            };
            self.rate = Some(now);
            self.measured = Some(share);
        }
        let share = self.measured.filter(|_| self.off.1 >= IN_A_ROW)?;
        let rate_hz = source.rate_hz;
        Some(format!("its writer writes {:.0} frames a second, its rate is {rate_hz} Hz", share * f64::from(rate_hz)))
    }
}

fn look_at_names(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut named: HashMap<Canonical, &ObservedSource> = HashMap::new();
    for source in &snapshot.sources {
        let Some(canonical) = source.canonical else { continue };
        if let Some(other) = named.insert(canonical, source) {
            let evidence = if other.name == source.name {
                "it has two buffers, under names that differ in their credentials".to_owned()
            } else {
                format!("it has another buffer under the name {}", other.name)
            };
            let key = (AnomalyKind::SourceUnderTwoNames, source.key.max(other.key), source.key.min(other.key));
            findings.push(Finding { key, source: Some(source.name.clone()), evidence });
        }
    }
}
