//! Threads that race to allocate a source: the number of rings allocated, and the time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use capbuf::Registry;
use foldhash::fast::RandomState;
use memmap2::MmapMut;

use crate::Result;
use crate::report::{OURS, Row, Table, time};
use crate::rings::{RATE_HZ, spec};
use crate::rounds::{Effort, median};

const SECONDS: usize = 60;

/// The memory that the others allocate for a source: as much as ours, mapped as ours.
struct Memory(Option<MmapMut>);

static MADE: AtomicU64 = AtomicU64::new(0);

fn make() -> Arc<Memory> {
    MADE.fetch_add(1, Ordering::Relaxed);
    Arc::new(Memory(MmapMut::map_anon(SECONDS * RATE_HZ * 2).ok()))
}

type Plain = HashMap<String, Arc<Memory>, RandomState>;
type Made = Box<dyn Fn() -> u64>;
type Allocate = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Returns the ways: a function that gets or allocates a source's ring, and the number allocated so
/// far.
fn ways() -> Result<Vec<(&'static str, Allocate, Made)>> {
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = spec(SECONDS)?;
    let stats = registry.clone();
    let copied = ArcSwap::from_pointee(Plain::default());
    let dash = dashmap::DashMap::<String, Arc<Memory>, RandomState>::default();
    let locked = Mutex::new(Plain::default());
    let made = || Box::new(|| MADE.load(Ordering::Relaxed)) as Made;
    Ok(vec![
        (
            OURS,
            Box::new(move |source: &str| registry.get_or_allocate(source, spec).is_ok()),
            Box::new(move || stats.stats().rings_mapped),
        ),
        (
            "arc-swap rcu",
            Box::new(move |source: &str| {
                copied.rcu(|map| {
                    let mut map = Plain::clone(map);
                    map.entry(source.to_owned()).or_insert_with(make);
                    map
                });
                copied.load().get(source).is_some_and(|memory| memory.0.is_some())
            }),
            made(),
        ),
        (
            "dashmap entry",
            Box::new(move |source: &str| dash.entry(source.to_owned()).or_insert_with(make).0.is_some()),
            made(),
        ),
        (
            "Mutex<HashMap>",
            Box::new(move |source: &str| {
                let mut map = locked.lock().unwrap_or_else(PoisonError::into_inner);
                map.entry(source.to_owned()).or_insert_with(make).0.is_some()
            }),
            made(),
        ),
    ])
}

/// Runs one race; measures from the first thread's call until the last thread has its ring.
fn race(allocate: &Allocate, source: &str, threads: usize) -> Result<Duration> {
    let (gate, waiting, served) = (RwLock::new(()), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // A panic here opens the gate, too.
        let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
        let workers = (0..threads).map(|_| {
            scope.spawn(|| {
                waiting.fetch_add(1, Ordering::Relaxed);
                drop(gate.read());
                let begin = Instant::now();
                served.fetch_add(usize::from(allocate(source)), Ordering::Relaxed);
                (begin, Instant::now())
            })
        });
        let workers: Vec<_> = workers.collect();
        while waiting.load(Ordering::Relaxed) < threads {
            std::thread::yield_now();
        }
        drop(closed);
        let times: Vec<_> = workers.into_iter().filter_map(|worker| worker.join().ok()).collect();
        let (begin, end) = (times.iter().map(|(begin, _)| *begin).min(), times.iter().map(|(_, end)| *end).max());
        if served.load(Ordering::Relaxed) != threads {
            return Err("not each thread got a ring".into());
        }
        begin.zip(end).map(|(begin, end)| end - begin).ok_or_else(|| "no thread ran".into())
    })
}

pub(crate) fn new_source(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Race for a new source",
        "Threads get or allocate a new ring of 60 s (5.76 MB, mapped alike by all) at once. From the first \
         thread's call until the last one has the ring, the mean of a sample's races; rings allocated a \
         race.",
    );
    let ways = ways()?;
    let mut source = 0;
    for threads in [2, 8, 32, 64] {
        let rounds = effort.choose(5, 21);
        let races = (256 / threads).clamp(4, 32) as u64;
        let mut took_ns = vec![Vec::new(); ways.len()];
        let mut rings = vec![0; ways.len()];
        for _ in 0..rounds {
            for (at, (_, allocate, made)) in ways.iter().enumerate() {
                let before = made();
                let mut total = Duration::ZERO;
                for _ in 0..races {
                    source += 1;
                    total += race(allocate, &format!("source {source}"), threads)?;
                }
                took_ns[at].push(total.as_nanos() as f64 / races as f64);
                rings[at] += made() - before;
            }
        }
        let each = |at: usize| rings[at] as f64 / (rounds as u64 * races) as f64;
        let figure = |at: usize| format!("{}, {:.2} rings", time(median(took_ns[at].clone())), each(at));
        let ratio = |at: usize| median(took_ns[0].iter().zip(&took_ns[at]).map(|(ours, other)| ours / other).collect());
        let mut row = Row::new(format!("{threads} threads"), figure(0));
        for (at, (name, ..)) in ways.iter().enumerate().skip(1) {
            row = row.other(*name, figure(at), Some(ratio(at)));
        }
        let worst = (1..ways.len()).map(ratio).fold(0.0, f64::max);
        row = row.aim_of("1 ring", format!("{:.2}", each(0)), each(0) == 1.0);
        table.push(row.aim("time ≤ the fastest", worst, 1.0));
    }
    Ok(table)
}
