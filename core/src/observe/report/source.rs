//! Builds the report of one source from its collected facts.

use std::collections::{BTreeMap, HashSet};

use super::collect::{Collected, ProcessLog};
use super::{Attempts, CallSite, HolderReport, SourceReport, StackFrame, StackReport};
use crate::track::{Language, Resolver};

/// Maximum number of stacks in the report of a source.
const STACKS: usize = 4;

impl Collected {
    pub(super) fn report(
        mut self,
        key: u64,
        logs: &[ProcessLog],
        resolver: &mut Resolver,
        with_stacks: bool,
    ) -> SourceReport {
        let mut results = Attempts::default();
        self.lines.iter().for_each(|(_, line)| results.add(&line.counts));
        let holders = self.holders(logs, resolver);
        let call_sites = self.call_sites(logs, resolver);
        let stacks = if with_stacks { self.stacks(logs, resolver) } else { Vec::new() };
        let Self { name, live, lines, .. } = self;
        SourceReport {
            source: name,
            key: format!("{key:016x}"),
            attempts: results.attempts(),
            allocations: results.allocations(),
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
            canonical: live.map(|live| live.canonical),
        }
    }

    fn call_sites(&self, logs: &[ProcessLog], resolver: &mut Resolver) -> Vec<CallSite> {
        // A site may have two lines: after a race of two threads, or for inlined functions.
        let mut sites: BTreeMap<_, CallSite> = BTreeMap::new();
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
            let called = sites.entry((*at, language, place.clone())).or_insert_with(|| CallSite {
                language,
                file: place.file,
                line: place.line,
                function: place.function,
                pid: contents.pid,
                program: contents.program.clone(),
                attempts: 0,
                results: Attempts::default(),
                first_utc_ns: line.first_utc_ns,
                last_utc_ns: line.last_utc_ns,
            });
            called.results.add(&line.counts);
            called.attempts = called.results.attempts();
            called.first_utc_ns = called.first_utc_ns.min(line.first_utc_ns);
            called.last_utc_ns = called.last_utc_ns.max(line.last_utc_ns);
        }
        let mut sites: Vec<_> = sites.into_values().collect();
        sites.sort_by_key(|site| std::cmp::Reverse(site.attempts));
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
        let stacks = self.records.iter().take(STACKS).map(|(at, record)| {
            let contents = &logs[*at].contents;
            let places: Vec<_> = record.frames.iter().flat_map(|frame| resolver.frame(contents, *frame)).collect();
            // Every stack begins in the tracker. Frames between its functions belong to it, too.
            const DEEPEST: usize = 16;
            let own = places.iter().take(DEEPEST).rposition(|place| is_own(&place.function)).map_or(0, |at| at + 1);
            StackReport {
                utc_ns: record.utc_ns,
                outcome: record.outcome.name(),
                duration_ns: record.duration_ns,
                pid: contents.pid,
                thread: record.thread,
                thread_name: record.thread_name.clone(),
                frames: places
                    .into_iter()
                    .skip(own)
                    .map(|place| StackFrame { function: place.function, file: place.file, line: place.line })
                    .collect(),
            }
        });
        stacks.collect()
    }
}

/// Returns true if `function` is one of the tracker's, which every stack begins with.
fn is_own(function: &str) -> bool {
    ["backtrace::", "capbuf::track::"].iter().any(|own| function.trim_start_matches('<').starts_with(own))
}
