//! Builds the report of one source from its collected facts.

use std::collections::{BTreeMap, HashSet};

use super::collect::{Collected, ProcessLog};
use super::frames;
use super::{Attempts, CallSite, HolderReport, SourceReport, StackFrame, StackReport};
use crate::track::{Contents, Language, Peak, Place, Resolver};

/// Maximum number of stacks in the report of a source.
const STACKS: usize = 8;

impl Collected {
    pub(super) fn report(
        mut self,
        key: u64,
        logs: &[ProcessLog],
        is_tracked: bool,
        resolver: &mut Resolver,
        with_stacks: bool,
    ) -> SourceReport {
        let mut results = Attempts::default();
        self.lines.iter().for_each(|(_, line)| results.add(&line.counts));
        let results = is_tracked.then_some(results);
        let holders = self.holders(logs, resolver);
        let call_sites = self.call_sites(logs, resolver, with_stacks);
        let stacks = if with_stacks { self.stacks(logs, resolver) } else { Vec::new() };
        let Self { name, live, lines, .. } = self;
        SourceReport {
            source: name,
            key: format!("{key:016x}"),
            attempts: results.map(|results| results.attempts()),
            allocations: results.map(|results| results.allocations()),
            live: u64::from(live.is_some()),
            bytes: live.as_ref().map_or(0, |live| live.bytes),
            audio_bytes: live.as_ref().map_or(0, |live| live.spec.audio_bytes()),
            spec: live.as_ref().map(|live| live.spec.to_string()),
            buffer: live.as_ref().map(|live| format!("{:016x}", live.id)),
            first_utc_ns: lines.iter().map(|(_, line)| line.first_utc_ns).min(),
            last_utc_ns: lines.iter().map(|(_, line)| line.last_utc_ns).max(),
            results,
            call_sites,
            holders,
            stacks,
            progress: live.as_ref().map(|live| live.progress),
            lost: live.as_ref().and_then(|live| live.lost.clone()),
            epoch: live.as_ref().and_then(|live| live.epoch),
            canonical: live.as_ref().map(|live| live.canonical),
        }
    }

    /// Without stacks, all paths to a place are one call site.
    fn call_sites(&self, logs: &[ProcessLog], resolver: &mut Resolver, with_stacks: bool) -> Vec<CallSite> {
        // A site may have two lines: after a race of two threads, or for inlined functions.
        let mut sites: BTreeMap<_, BTreeMap<Vec<Place>, CallSite>> = BTreeMap::new();
        for (at, line) in &self.lines {
            let mut results = Attempts::default();
            results.add(&line.counts);
            if results.attempts() == 0 && results.removed == 0 {
                continue;
            }
            let contents = &logs[*at].contents;
            let site = contents.sites.get(&line.site);
            let place = site.map(|site| resolver.site(contents, site)).unwrap_or_default();
            let language = site.and_then(|site| site.language).map(Language::name);
            let path = contents.paths.get(&line.path).filter(|_| with_stacks);
            let stack = path.map(|path| stack_of(contents, path, resolver)).unwrap_or_default();
            let paths = sites.entry((*at, language, place.clone())).or_default();
            let called = paths.entry(stack).or_insert_with(|| CallSite {
                language,
                file: place.file,
                line: place.line,
                function: place.function,
                via: Vec::new(),
                pid: contents.pid,
                program: contents.program.clone(),
                attempts: 0,
                results: Attempts::default(),
                first_utc_ns: line.first_utc_ns,
                last_utc_ns: line.last_utc_ns,
                allocated: Peak::default(),
                refused: Peak::default(),
            });
            called.results.add(&line.counts);
            called.attempts = called.results.attempts();
            called.allocated.add(line.allocated);
            called.refused.add(line.refused);
            called.first_utc_ns = called.first_utc_ns.min(line.first_utc_ns);
            called.last_utc_ns = called.last_utc_ns.max(line.last_utc_ns);
        }
        let distinct = sites.into_values().flat_map(|paths| {
            let (stacks, mut sites): (Vec<_>, Vec<_>) = paths.into_iter().unzip();
            let differing = frames::differing(&stacks.iter().map(Vec::as_slice).collect::<Vec<_>>());
            for (site, places) in sites.iter_mut().zip(differing) {
                site.via = places.into_iter().map(StackFrame::from).collect();
            }
            sites
        });
        let mut sites: Vec<_> = distinct.collect();
        sites.sort_by_key(|site| std::cmp::Reverse((site.attempts, site.results.removed)));
        sites
    }

    fn holders(&mut self, logs: &[ProcessLog], resolver: &mut Resolver) -> Vec<HolderReport> {
        let removed: HashSet<u64> = self.opened.iter().filter(|opened| opened.4).map(|opened| opened.3).collect();
        let live = self.live.as_ref().map(|live| live.id);
        let mut holders: BTreeMap<_, HolderReport> = BTreeMap::new();
        for (at, hold) in &self.holds {
            let contents = &logs[*at].contents;
            let site = contents.sites.get(&hold.site);
            let place = site.map(|site| resolver.site(contents, site)).unwrap_or_default();
            let language = site.and_then(|site| site.language).map(Language::name);
            let holder = holders.entry((*at, hold.buffer, place.clone())).or_insert_with(|| HolderReport {
                pid: contents.pid,
                program: contents.program.clone(),
                since_utc_ns: hold.since_utc_ns,
                buffer: format!("{:016x}", hold.buffer),
                is_removed: live != Some(hold.buffer) || removed.contains(&hold.buffer),
                handles: Some(0),
                language,
                file: place.file,
                line: place.line,
                function: place.function,
            });
            holder.handles = holder.handles.map(|handles| handles + 1);
            holder.since_utc_ns = holder.since_utc_ns.min(hold.since_utc_ns);
        }
        let mut holders: Vec<_> = holders.into_values().collect();
        for (pid, program, since_utc_ns, buffer, is_removed) in std::mem::take(&mut self.opened) {
            let buffer = format!("{buffer:016x}");
            if holders.iter().any(|known| known.pid == pid && known.buffer == buffer) {
                continue;
            }
            let (language, file, function) = (None, String::new(), String::new());
            holders.push(HolderReport {
                pid,
                program,
                since_utc_ns,
                buffer,
                is_removed,
                handles: None,
                language,
                file,
                line: 0,
                function,
            });
        }
        holders.sort_by(|one, other| {
            let order = |holder: &HolderReport| (holder.since_utc_ns, holder.pid, holder.buffer.clone(), holder.line);
            order(one).cmp(&order(other))
        });
        holders
    }

    fn stacks(&mut self, logs: &[ProcessLog], resolver: &mut Resolver) -> Vec<StackReport> {
        self.records.sort_by_key(|(at, record)| (std::cmp::Reverse(record.utc_ns), *at));
        let mut counted = HashSet::new();
        let mut stacks: Vec<(usize, StackReport)> = Vec::new();
        for (at, record) in &self.records {
            let contents = &logs[*at].contents;
            if !counted.insert((at, record.outcome, &record.frames)) {
                continue;
            }
            let of_stack = self.lines.iter().filter(|(other, line)| {
                other == at && contents.paths.get(&line.path).map_or(&[][..], Vec::as_slice) == record.frames
            });
            let counts = of_stack.map(|(_, line)| line.counts[record.outcome as usize]);
            // The line of an attempt under way may not be counted yet.
            let count = counts.fold(0, u64::saturating_add).max(1);
            let outcome = record.outcome.name();
            let places = stack_of(contents, &record.frames, resolver);
            let frames: Vec<_> = places.into_iter().map(StackFrame::from).collect();
            let is_same = |(other, stack): &&mut (usize, StackReport)| {
                (*other, stack.outcome, &stack.frames) == (*at, outcome, &frames)
            };
            match stacks.iter_mut().find(is_same) {
                Some((_, stack)) => stack.count = stack.count.saturating_add(count),
                None => {
                    let (pid, thread, thread_name) = (contents.pid, record.thread, record.thread_name.clone());
                    let (utc_ns, duration_ns) = (record.utc_ns, record.duration_ns);
                    stacks.push((
                        *at,
                        StackReport { utc_ns, outcome, count, duration_ns, pid, thread, thread_name, frames },
                    ));
                }
            }
        }
        stacks.truncate(STACKS);
        stacks.into_iter().map(|(_, stack)| stack).collect()
    }
}

/// The program's frames of a stack.
fn stack_of(contents: &Contents, frames: &[u64], resolver: &mut Resolver) -> Vec<Place> {
    frames::of_program(frames.iter().flat_map(|frame| resolver.frame(contents, *frame)).collect())
}

impl From<Place> for StackFrame {
    fn from(place: Place) -> Self {
        Self { function: place.function, file: place.file, line: place.line }
    }
}
