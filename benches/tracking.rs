//! The cost of allocation tracking: turned off, turned on, and of a report.

use std::hint::black_box;
use std::time::{Duration, Instant};

use capbuf::Registry;

use crate::maps::small;
use crate::report::{OURS, Row, Table, time};
use crate::rounds::{Effort, Job, median, timed};
use crate::{Result, source};

const SOURCES: usize = 10_000;
const ON: &str = "tracking on";
const GET: &str = "`get`";

fn with_sources(track: bool, count: usize) -> Result<(Registry, Vec<String>)> {
    let registry = Registry::builder().track_allocations(track).commit_ahead(false).build();
    let names: Vec<_> = (0..count).map(source).collect();
    for name in &names {
        registry.get_or_allocate(name, small()?)?;
    }
    Ok((registry, names))
}

pub(crate) fn attempts_and_reports(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Tracking allocations",
        "An attempt to allocate an existing source, with a stack of this program's depth; and a report as \
         text, with resolved stacks. `get` is the lookup of a handle.",
    );
    let spec = small()?;
    let ((off, names), (on, _)) = (with_sources(false, 64)?, with_sources(true, 64)?);
    let mut job = Job::default();
    for (name, registry) in [(OURS, &off), (ON, &on)] {
        let mut next = names.iter().cycle();
        job.way(name, move |calls| {
            timed(calls, || next.next().map(|name| registry.get_or_allocate(name, spec).is_ok()))
        });
    }
    let mut next = names.iter().cycle();
    job.way(GET, |calls| timed(calls, || next.next().map(|name| off.get(name).is_some())));
    let measured = job.measure_rounds(effort.choose(7, 31), Duration::from_millis(2));
    let row = Row::new("an attempt, tracking off", time(measured.ns(OURS)));
    let row = row.other("limit: `get`", time(measured.ns(GET)), Some(measured.ratio(OURS, GET)));
    table.push(row.aim("≤ 1.1 of the lookup (`get`)", measured.ratio(OURS, GET), 1.1));
    let on_ns = measured.ns(ON);
    let row = Row::new("an attempt, tracking on", time(on_ns));
    let row = row.other("tracking off", time(measured.ns(OURS)), Some(measured.ratio(ON, OURS)));
    table.push(row.aim_of("≤ 10 µs", time(on_ns), on_ns <= 10_000.0));

    let (registry, _) = with_sources(true, SOURCES)?;
    let took_ns = (0..effort.choose(3, 7)).map(|_| {
        let begin = Instant::now();
        black_box(registry.allocation_report().to_string());
        begin.elapsed().as_nanos() as f64
    });
    let took_ns = median(took_ns.collect());
    let row = Row::new(format!("a report over {SOURCES} sources"), time(took_ns));
    table.push(row.aim_of("≤ 1 s", time(took_ns), took_ns <= 1e9));
    Ok(table)
}
