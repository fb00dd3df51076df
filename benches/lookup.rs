//! Lookups of existing sources: on one thread, on two, and while another thread updates the map.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use crate::maps::{CopyOnWrite, DashMap, HELD, Map, Papaya, Pointer, Scc, Unprotected, small};
use crate::report::{OURS, Row, Table, time};
use crate::rounds::{Effort, Job, histogram, median, timed_warm};
use crate::{Result, source};
use capbuf::Registry;

const PEERS: [&str; 6] =
    [<Mutex<_>>::NAME, <RwLock<_>>::NAME, DashMap::NAME, Papaya::NAME, Scc::NAME, CopyOnWrite::NAME];
/// The peers whose lookups take no lock.
const LOCK_FREE: [&str; 3] = [Papaya::NAME, Scc::NAME, CopyOnWrite::NAME];
const LIMITS: [&str; 2] = [Unprotected::NAME, Pointer::NAME];
const EACH: Duration = Duration::from_micros(300);

/// The sources' names with their numbers, shuffled.
fn names(count: usize) -> Vec<(usize, String)> {
    let mut names: Vec<_> = (0..count).map(|number| (number, source(number))).collect();
    names.sort_by_key(|(number, _)| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    names
}

/// Looks sources up, `calls` times on each of `threads` threads, with updates meanwhile if
/// `updated`; returns the slowest thread's time.
fn look<M: Map>(map: &M, names: &[(usize, String)], threads: usize, updated: bool, calls: u64) -> Duration {
    let (waiting, stop) = (AtomicUsize::new(threads), AtomicBool::new(false));
    let count = names.len();
    let work = |thread: usize| {
        let mut names = names.iter().cycle().skip(thread * 7 % names.len());
        waiting.fetch_sub(1, Ordering::AcqRel);
        while waiting.load(Ordering::Acquire) > 0 {
            std::hint::spin_loop();
        }
        timed_warm(count, calls, || names.next().and_then(|(number, name)| map.look(*number, name)))
    };
    std::thread::scope(|scope| {
        let updater = updated.then(|| scope.spawn(|| update(map, &stop)));
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let own = work(0);
        let slowest = others.into_iter().filter_map(|other| other.join().ok()).fold(own, Duration::max);
        stop.store(true, Ordering::Relaxed);
        if let Some(updater) = updater {
            updater.thread().unpark();
        }
        slowest
    })
}

/// Adds or removes a source each 300 µs, until `stop` is set.
fn update<M: Map>(map: &M, stop: &AtomicBool) {
    let name = "a source that comes and goes";
    while !stop.load(Ordering::Relaxed) {
        map.get_or_add(name);
        std::thread::park_timeout(EACH);
        map.remove(name);
        std::thread::park_timeout(EACH);
    }
}

fn of_threads(name: &str, threads: usize) -> String {
    format!("{name}, {threads}")
}

fn ways<'a, M: Map + 'a>(job: &mut Job<'a>, names: &'a [(usize, String)], updated: bool) -> Result<()> {
    let map = std::sync::Arc::new(M::with_sources(names.len())?);
    for threads in [1, 2] {
        let map = std::sync::Arc::clone(&map);
        job.way(of_threads(M::NAME, threads), move |calls| look(&*map, names, threads, updated, calls));
    }
    Ok(())
}

pub(crate) fn existing(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Look up an existing source",
        "A number is read from the source's entry; time a lookup, on each thread. All sources are asked for, in shuffled order, once before it counts. \
         \"Changing\": one more thread adds or removes a source each 300 µs. All maps hash with foldhash.",
    );
    for count in [1, 64, 1024, 10_000] {
        let names = names(count);
        for updated in [false, true] {
            let mut job = Job::default();
            ways::<Registry>(&mut job, &names, updated)?;
            ways::<Mutex<_>>(&mut job, &names, updated)?;
            ways::<RwLock<_>>(&mut job, &names, updated)?;
            ways::<DashMap>(&mut job, &names, updated)?;
            ways::<Papaya>(&mut job, &names, updated)?;
            ways::<Scc>(&mut job, &names, updated)?;
            ways::<CopyOnWrite>(&mut job, &names, updated)?;
            if !updated {
                ways::<Unprotected>(&mut job, &names, updated)?;
                ways::<Pointer>(&mut job, &names, updated)?;
            }
            // Long enough that updates fall into each sample.
            let measured = if updated {
                job.measure_rounds(effort.choose(5, 21), Duration::from_millis(2))
            } else {
                job.measure(effort)
            };
            for threads in [1, 2] {
                let name = |name: &&str| of_threads(name, threads);
                let (peers, limits) = (PEERS.each_ref().map(name), LIMITS.each_ref().map(name));
                let peers = peers.each_ref().map(String::as_str);
                let limits = limits.each_ref().map(String::as_str);
                let ours = of_threads(OURS, threads);
                let changing = if updated { ", changing" } else { "" };
                let plural = if threads == 1 { "" } else { "s" };
                let mut row =
                    Row::new(format!("{count}, {threads} thread{plural}{changing}"), time(measured.ns(&ours)));
                for (full, name) in peers.iter().chain(&limits).zip(PEERS.iter().chain(&LIMITS)) {
                    if measured.has(full) {
                        row = row.other(*name, time(measured.ns(full)), Some(measured.ratio(&ours, full)));
                    }
                }
                let lock_free = LOCK_FREE.each_ref().map(name);
                if let Some(fastest) = measured.fastest(&lock_free.each_ref().map(String::as_str)) {
                    let name = fastest.split(',').next().unwrap_or(fastest);
                    let aim = format!("≤ 1.4 of the fastest lock-free peer ({name})");
                    row = row.aim(aim, measured.ratio(&ours, fastest), 1.4);
                }
                if threads == 2 {
                    row = row.aim("≤ 1.1 of 1 thread", measured.ratio(&ours, &of_threads(OURS, 1)), 1.1);
                }
                table.push(row);
            }
        }
    }
    Ok(table)
}

fn adding_way<'a, M: Map + 'a>(job: &mut Job<'a>, names: &'a [(usize, String)]) -> Result<()> {
    let map = M::with_sources(names.len())?;
    let mut next = names.iter().cycle();
    job.way(M::NAME, move |calls| {
        timed_warm(names.len(), calls, || next.next().and_then(|(_, name)| map.get_or_add(name)))
    });
    Ok(())
}

pub(crate) fn get_or_allocate(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Get or allocate an existing source",
        "Each call returns a counted handle, which is dropped again; so does the lookup that it is compared with (`Registry::get`). \
         `Registry::with` counts nothing.",
    );
    let (with, get) = ("`with`", "`get`");
    for count in [64, 10_000] {
        let names = names(count);
        let mut job = Job::default();
        let registry = Registry::with_sources(count)?;
        let spec = small()?;
        let mut next = names.iter().cycle();
        let map = registry.clone();
        job.way(OURS, move |calls| {
            timed_warm(count, calls, || next.next().map(|(_, name)| map.get_or_allocate(name, spec).is_ok()))
        });
        let (mut next, map) = (names.iter().cycle(), registry.clone());
        job.way(get, move |calls| timed_warm(count, calls, || next.next().map(|(_, name)| map.get(name).is_some())));
        let mut next = names.iter().cycle();
        job.way(with, move |calls| {
            timed_warm(count, calls, || next.next().and_then(|(at, name)| registry.look(*at, name)))
        });
        adding_way::<Mutex<_>>(&mut job, &names)?;
        adding_way::<RwLock<_>>(&mut job, &names)?;
        adding_way::<DashMap>(&mut job, &names)?;
        adding_way::<Papaya>(&mut job, &names)?;
        adding_way::<Scc>(&mut job, &names)?;
        adding_way::<CopyOnWrite>(&mut job, &names)?;
        // Long enough that all are asked for in each sample.
        let measured = job.measure_rounds(effort.choose(7, 31), Duration::from_millis(if count > 64 { 4 } else { 1 }));
        let row = Row::of(format!("{count} sources"), &measured, OURS, &PEERS)
            .other("limit: `get`", time(measured.ns(get)), Some(measured.ratio(OURS, get)))
            .other("limit: `with`", time(measured.ns(with)), Some(measured.ratio(OURS, with)));
        table.push(row.aim("≤ 1.1 of the lookup (`get`)", measured.ratio(OURS, get), 1.1));
    }
    Ok(table)
}

const QUANTILES: [f64; 3] = [0.5, 0.999, 0.9999];

/// Quantiles of single lookups, while a source is added or removed each 300 µs.
fn tail<M: Map>(map: &M, names: &[(usize, String)], duration: Duration) -> Result<[f64; 3]> {
    let mut took_ns = histogram()?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| -> Result<()> {
        let updater = scope.spawn(|| update(map, &stop));
        let begin = Instant::now();
        let mut names = names.iter().cycle();
        let mut last = begin;
        while last.duration_since(begin) < duration {
            let before = Instant::now();
            let found = names.next().and_then(|(number, name)| map.look(*number, name));
            last = Instant::now();
            if black_box(found) != Some(HELD) {
                return Err(format!("{} lost a source", M::NAME).into());
            }
            took_ns.saturating_record(last.duration_since(before).as_nanos() as u64);
        }
        stop.store(true, Ordering::Relaxed);
        updater.thread().unpark();
        Ok(())
    })?;
    Ok(QUANTILES.map(|quantile| took_ns.value_at_quantile(quantile) as f64))
}

type Tail<'a> = Box<dyn Fn(Duration) -> Result<[f64; 3]> + 'a>;

fn tail_of<'a, M: Map + 'a>(names: &'a [(usize, String)]) -> Result<(&'static str, Tail<'a>)> {
    let map = M::with_sources(names.len())?;
    Ok((M::NAME, Box::new(move |duration| tail(&map, names, duration))))
}

pub(crate) fn tails(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Lookup's tail under updates",
        "Each lookup is timed, the clock's own 20 to 40 ns included, while another thread adds or removes a source each 300 µs. p50, p99.9, **p99.99**; \
         medians of the runs, which take turns. The ratio is of p99.99.",
    );
    for count in [64, 10_000] {
        let names = names(count);
        let ways = [
            tail_of::<Registry>(&names)?,
            tail_of::<CopyOnWrite>(&names)?,
            tail_of::<DashMap>(&names)?,
            tail_of::<RwLock<_>>(&names)?,
            tail_of::<Papaya>(&names)?,
        ];
        let mut found = vec![Vec::new(); ways.len()];
        for _ in 0..effort.choose(3, 7) {
            for (found, (_, way)) in found.iter_mut().zip(&ways) {
                found.push(way(Duration::from_millis(effort.choose(200, 500)))?);
            }
        }
        let medians = found.iter().map(|runs| [0, 1, 2].map(|at| median(runs.iter().map(|run| run[at]).collect())));
        let medians: Vec<[f64; 3]> = medians.collect();
        let figure = |at: usize| medians[at].map(time).join(" / ");
        let ours = medians[0][2];
        let mut row = Row::new(format!("{count} sources"), figure(0));
        for (at, (name, _)) in ways.iter().enumerate().skip(1) {
            row = row.other(*name, figure(at), Some(ours / medians[at][2]));
        }
        table.push(row.aim_of("p99.99 ≤ 1 µs", time(ours), ours <= 1000.0));
    }
    Ok(table)
}
