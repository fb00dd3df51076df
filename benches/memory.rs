//! The memory of a hundred buffers, and the time to add and remove ten thousand.

use std::path::Path;
use std::time::{Duration, Instant};

use capbuf::{Clock as _, Registry, SystemClock};

use crate::children::{Other, open, shared_memory};
use crate::maps::{DashMap, Map, Papaya, Scc, small};
use crate::report::{OURS, Row, Table, time};
use crate::rings::{Capbuf, RATE_HZ, spec};
use crate::rounds::{Effort, median};
use crate::{Result, source};

const BUFFERS: usize = 100;

/// Returns the resident memory of this process, in bytes.
fn resident() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text.lines().find(|line| line.starts_with("Rss:")).ok_or("no Rss")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? * 1024)
}

/// Runs in another process, which holds nothing else: prints the memory of empty buffers, and of
/// full ones.
pub(crate) fn child_fills(commit_ahead: bool) -> Result<()> {
    let before = resident()?;
    let registry = Registry::builder().commit_ahead(commit_ahead).build();
    let buffers = (0..BUFFERS).map(|number| Ok(registry.get_or_allocate(&source(number), spec(60)?)?));
    let buffers = buffers.collect::<Result<Vec<_>>>()?;
    let made = resident()? - before;
    let chunk = vec![7; RATE_HZ];
    for buffer in buffers {
        let mut ring = Capbuf::of(buffer)?;
        (0..61).for_each(|_| ring.put(&chunk));
    }
    println!("ready\n{made}\n{}", resident()? - before);
    Ok(())
}

pub(crate) fn of_many(_: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Memory of 100 sources of 60 s",
        "Resident memory that the buffers add to a process without other data. The limit is the frames \
         alone. \"Before use\": allocated and not written, without committing ahead.",
    );
    let frames = (BUFFERS * 60 * RATE_HZ * 2) as f64;
    let megabytes = |bytes: f64| format!("{:.2} MB", bytes / 1e6);
    let full = Other::start("fill", Path::new("/"), 1)?.numbers()?;
    let lazy = Other::start("fill", Path::new("/"), 0)?.numbers()?;
    let row = Row::new("full", megabytes(full[1])).other("limit: frames", megabytes(frames), Some(full[1] / frames));
    table.push(row.aim("≤ 1.02 of the frames", full[1] / frames, 1.02));
    let row = Row::new("before use", megabytes(lazy[0]));
    table.push(row.aim_of("≤ 1 % of the frames", megabytes(lazy[0]), lazy[0] <= frames / 100.0));
    Ok(table)
}

const MANY: usize = 10_000;

type Way = fn(&[String]) -> Result<[f64; 3]>;

/// Measures the median time of the last hundred additions, the time to add all, and the time to
/// remove all.
fn add_and_remove<M: Map>(names: &[String]) -> Result<[f64; 3]> {
    let map = M::new();
    let mut last = Vec::new();
    let begin = Instant::now();
    for (number, name) in names.iter().enumerate() {
        let before = Instant::now();
        map.get_or_add(name);
        if number >= MANY - 100 {
            last.push(before.elapsed().as_nanos() as f64);
        }
    }
    let added = begin.elapsed();
    if names.iter().any(|name| map.look(0, name).is_none()) {
        return Err(format!("{} lost a source", M::NAME).into());
    }
    let begin = Instant::now();
    names.iter().for_each(|name| map.remove(name));
    let removed = begin.elapsed();
    if map.look(0, &names[0]).is_some() {
        return Err(format!("{} still has a removed source", M::NAME).into());
    }
    Ok([median(last), added.as_nanos() as f64, removed.as_nanos() as f64])
}

pub(crate) fn ten_thousand(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "10 000 sources added and removed",
        "Ours maps a ring for each source, committed when it is written; the others only insert an entry. \
         Medians of runs that take turns; \"the last one\" is the median of the last hundred.",
    );
    let names: Vec<_> = (0..MANY).map(source).collect();
    let ways: [(&str, Way); 4] = [
        (OURS, add_and_remove::<Registry>),
        (DashMap::NAME, add_and_remove::<DashMap>),
        (Papaya::NAME, add_and_remove::<Papaya>),
        (Scc::NAME, add_and_remove::<Scc>),
    ];
    let mut found = vec![Vec::new(); ways.len()];
    for _ in 0..effort.choose(3, 9) {
        for (found, (_, way)) in found.iter_mut().zip(&ways) {
            found.push(way(&names)?);
        }
    }
    let at = |way: usize, part: usize| median(found[way].iter().map(|run| run[part]).collect());
    for (part, job, limit_ns) in [(0, "the last one added", 1e4), (1, "all added", 1e8), (2, "all removed", 1e8)] {
        let ours = at(0, part);
        let mut row = Row::new(job, time(ours));
        for (way, (name, _)) in ways.iter().enumerate().skip(1) {
            row = row.other(*name, time(at(way, part)), Some(ours / at(way, part)));
        }
        table.push(row.aim_of(format!("≤ {}", time(limit_ns)), time(ours), ours <= limit_ns));
    }
    Ok(table)
}

fn each(table: &mut Table, name: &str, mut job: impl FnMut() -> Result<()>) -> Result<()> {
    let begin = Instant::now();
    job()?;
    let took = begin.elapsed();
    let row = Row::new(name, time(took.as_nanos() as f64));
    table.push(row.other("each", time(took.as_nanos() as f64 / MANY as f64), None));
    Ok(())
}

/// Measures a domain of ten thousand sources in shared memory, a file each.
pub(crate) fn domain(_: Effort) -> Result<Table> {
    let mut table = Table::new(
        "10 000 sources in a domain",
        "Each source is a file in shared memory, allocated under a lock between processes. One run. No \
         peer offers this.",
    );
    let base = shared_memory()?;
    let names: Vec<_> = (0..MANY).map(source).collect();
    let registry = open(base.path())?;
    let look = |registry: &Registry| -> Result<()> {
        Ok(names.iter().try_for_each(|name| registry.with(name, |_| ()).ok_or("not found"))?)
    };
    let spec = small()?;
    each(&mut table, "allocate", || {
        Ok(names.iter().try_for_each(|name| registry.get_or_allocate(name, spec).map(drop))?)
    })?;
    let mut second = None;
    each(&mut table, "open", || {
        second = Some(open(base.path())?);
        Ok(())
    })?;
    let second = second.ok_or("not opened")?;
    for name in ["list, first time: maps each", "list, again"] {
        each(&mut table, name, || if second.buffers().len() == MANY { Ok(()) } else { Err("not all".into()) })?;
    }
    let third = open(base.path())?;
    for name in ["look up, first time: maps each", "look up, again"] {
        each(&mut table, name, || look(&third))?;
    }
    drop((second, third));
    each(&mut table, "sweep, no dead process", || Ok(registry.sweep().map(drop)?))?;
    drop(Other::start("hold", base.path(), MANY)?);
    each(&mut table, "sweep, a dead process had all open", || Ok(registry.sweep().map(drop)?))?;
    each(&mut table, "remove", || Ok(names.iter().try_for_each(|name| registry.remove(name))?))?;
    Ok(table)
}

/// Runs in another process, which has each buffer of a domain open when it is killed.
pub(crate) fn child_holds(base: &Path, count: usize) -> Result<()> {
    let registry = open(base)?;
    if registry.buffers().len() != count {
        return Err("not all buffers are there".into());
    }
    println!("ready");
    loop {
        SystemClock.sleep(Duration::from_secs(1));
    }
}
