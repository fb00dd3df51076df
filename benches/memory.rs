//! What a hundred buffers take of the machine's memory, and what ten thousand take to come and go.

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

/// Bytes of this process that lie in memory.
fn resident() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text.lines().find(|line| line.starts_with("Rss:")).ok_or("no Rss")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? * 1024)
}

/// Another process, in which nothing else lies: says what it takes before anything is written, and after everything is full.
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
        "Resident memory of a process that holds nothing else, above what it had before. The limit is the frames themselves. \"Before it is used\": made and not \
         yet written to, with committing ahead turned off.",
    );
    let frames = (BUFFERS * 60 * RATE_HZ * 2) as f64;
    let megabytes = |bytes: f64| format!("{:.2} MB", bytes / 1e6);
    let full = Other::start("fill", Path::new("/"), 1)?.numbers()?;
    let lazy = Other::start("fill", Path::new("/"), 0)?.numbers()?;
    let row = Row::new("full", megabytes(full[1])).other("limit: frames", megabytes(frames), Some(full[1] / frames));
    table.push(row.aim("≤ 1.02 of the frames", full[1] / frames, 1.02));
    let row = Row::new("before it is used", megabytes(lazy[0]));
    table.push(row.aim_of("next to nothing (≤ 1 %)", megabytes(lazy[0]), lazy[0] <= frames / 100.0));
    Ok(table)
}

const MANY: usize = 10_000;

type Way = fn(&[String]) -> Result<[f64; 3]>;

/// Adds and removes ten thousand: the median time of the last hundred added, of adding all, and of removing all.
fn come_and_go<M: Map>(names: &[String]) -> Result<[f64; 3]> {
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
        return Err(format!("{} kept a source", M::NAME).into());
    }
    Ok([median(last), added.as_nanos() as f64, removed.as_nanos() as f64])
}

pub(crate) fn ten_thousand(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "10 000 sources added and removed",
        "Ours maps a ring of its own for each, committed when it is written to; the others only count an entry. Each is the median of runs that take turns; \
         \"the last one\" is the median of the last hundred.",
    );
    let names: Vec<_> = (0..MANY).map(source).collect();
    let ways: [(&str, Way); 4] = [
        (OURS, come_and_go::<Registry>),
        (DashMap::NAME, come_and_go::<DashMap>),
        (Papaya::NAME, come_and_go::<Papaya>),
        (Scc::NAME, come_and_go::<Scc>),
    ];
    let mut found = vec![Vec::new(); ways.len()];
    for _ in 0..effort.choose(3, 9) {
        for (found, (_, way)) in found.iter_mut().zip(&ways) {
            found.push(way(&names)?);
        }
    }
    let at = |way: usize, what: usize| median(found[way].iter().map(|run| run[what]).collect());
    for (what, job, limit_ns) in [(0, "the last one added", 1e4), (1, "all added", 1e8), (2, "all removed", 1e8)] {
        let ours = at(0, what);
        let mut row = Row::new(job, time(ours));
        for (way, (name, _)) in ways.iter().enumerate().skip(1) {
            row = row.other(*name, time(at(way, what)), Some(ours / at(way, what)));
        }
        table.push(row.aim_of(format!("≤ {}", time(limit_ns)), time(ours), ours <= limit_ns));
    }
    Ok(table)
}

fn each(table: &mut Table, what: &str, mut job: impl FnMut() -> Result<()>) -> Result<()> {
    let begin = Instant::now();
    job()?;
    let took = begin.elapsed();
    let row = Row::new(what, time(took.as_nanos() as f64));
    table.push(row.other("each", time(took.as_nanos() as f64 / MANY as f64), None));
    Ok(())
}

/// A domain of ten thousand sources, in shared memory: each a file.
pub(crate) fn domain(_: Effort) -> Result<Table> {
    let mut table = Table::new(
        "10 000 sources in a domain",
        "Each source is a file in shared memory, made under a lock that holds between processes. One run. Nobody else offers this.",
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
    for what in ["list, first: maps each", "list, again"] {
        each(&mut table, what, || if second.buffers().len() == MANY { Ok(()) } else { Err("not all".into()) })?;
    }
    let third = open(base.path())?;
    for what in ["look up, first: maps each", "look up, again"] {
        each(&mut table, what, || look(&third))?;
    }
    drop((second, third));
    each(&mut table, "sweep, nobody died", || Ok(registry.sweep().map(drop)?))?;
    drop(Other::start("hold", base.path(), MANY)?);
    each(&mut table, "sweep, one died who had each open", || Ok(registry.sweep().map(drop)?))?;
    each(&mut table, "remove", || Ok(names.iter().try_for_each(|name| registry.remove(name))?))?;
    Ok(table)
}

/// Another process, which has every buffer of a domain open when it is killed.
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
