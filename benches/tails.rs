//! The writer's tail: how long the slowest writes take, while readers copy as fast as they can.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, SampleFormat, Span, Spec};
use hdrhistogram::Histogram;

use crate::Result;
use crate::report::{OURS, Row, Table, time};
use crate::rings::{Capbuf, PlainCopy, RATE_HZ, spec};
use crate::rounds::{Effort, histogram, median};

const CHUNK: usize = 480;
const EACH: Duration = Duration::from_micros(100);
const READERS: usize = 4;
const READ_SECONDS: usize = 15;
const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

/// Writes each 100 µs for so long, and tells how long the writes took.
fn paced(duration: Duration, mut write: impl FnMut()) -> Result<Histogram<u64>> {
    let mut took_ns = histogram()?;
    // SAFETY: changes how late this thread's sleeps may end, and touches no memory.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64) };
    let begin = Instant::now();
    let mut due = begin;
    while due - begin < duration {
        due += EACH;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let before = Instant::now();
        write();
        took_ns.saturating_record(before.elapsed().as_nanos() as u64);
    }
    Ok(took_ns)
}

fn quantiles(took_ns: &Histogram<u64>) -> [f64; 3] {
    QUANTILES.map(|quantile| took_ns.value_at_quantile(quantile) as f64)
}

/// The same while so many threads do something again and again.
fn beside<R: FnMut() + Send>(duration: Duration, readers: Vec<R>, write: impl FnMut()) -> Result<[f64; 3]> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for mut read in readers {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    read();
                }
            });
        }
        let took_ns = paced(duration, write);
        stop.store(true, Ordering::Relaxed);
        Ok(quantiles(&took_ns?))
    })
}

fn reader(buffer: &CaptureBuffer) -> impl FnMut() + Send + use<> {
    let buffer = buffer.clone();
    let mut out = vec![0_i16; READ_SECONDS * RATE_HZ];
    move || {
        // Too late is an answer, too.
        let _ = buffer.read_into(Span::Last(Duration::from_secs(READ_SECONDS as u64)), &ReadOptions::new(), &mut out);
    }
}

/// Copies memory that has nothing to do with the ring: what the readers cost by using the memory, not by being readers.
fn unrelated() -> impl FnMut() + Send {
    let memory = vec![1_i16; 60 * RATE_HZ];
    let mut out = vec![0_i16; READ_SECONDS * RATE_HZ];
    move || {
        out.copy_from_slice(&memory[memory.len() - READ_SECONDS * RATE_HZ..]);
        std::hint::black_box(&mut out);
    }
}

fn full() -> Result<Capbuf> {
    let mut ring = Capbuf::of(Registry::private().get_or_allocate("bench", spec(60)?)?)?;
    (0..6100).for_each(|_| ring.put(&[7; CHUNK]));
    Ok(ring)
}

fn ours(duration: Duration, readers: usize) -> Result<[f64; 3]> {
    let mut ring = full()?;
    let readers = (0..readers).map(|_| reader(&ring.buffer)).collect();
    beside(duration, readers, || ring.put(&[7; CHUNK]))
}

fn control(duration: Duration) -> Result<[f64; 3]> {
    let mut ring = full()?;
    beside(duration, (0..READERS).map(|_| unrelated()).collect(), || ring.put(&[7; CHUNK]))
}

fn mutex(duration: Duration) -> Result<[f64; 3]> {
    let ring = Mutex::new(PlainCopy::new(60));
    let lock = || ring.lock().unwrap_or_else(PoisonError::into_inner);
    let reader = |_| {
        let mut out = vec![0; READ_SECONDS * RATE_HZ];
        move || {
            lock().last(&mut out);
            // Or the copy would be left out, as nobody looks at it.
            std::hint::black_box(&mut out);
        }
    };
    beside(duration, (0..READERS).map(reader).collect(), || lock().put(&[7; CHUNK]))
}

fn rw_lock(duration: Duration) -> Result<[f64; 3]> {
    let ring = RwLock::new(PlainCopy::new(60));
    let reader = |_| {
        let (ring, mut out) = (&ring, vec![0; READ_SECONDS * RATE_HZ]);
        move || {
            ring.read().unwrap_or_else(PoisonError::into_inner).last(&mut out);
            std::hint::black_box(&mut out);
        }
    };
    let write = || ring.write().unwrap_or_else(PoisonError::into_inner).put(&[7; CHUNK]);
    beside(duration, (0..READERS).map(reader).collect(), write)
}

/// The same in Go, by its own compiler and scheduler; nothing where there is no Go.
fn go(duration: Duration) -> Result<[f64; 3]> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("tail");
    let built =
        Command::new("go").arg("build").arg("-o").arg(&program).arg("tail.go").current_dir("benches/go").status();
    if !built.is_ok_and(|status| status.success()) {
        return Ok([f64::NAN; 3]);
    }
    let said = Command::new(&program).arg(duration.as_millis().to_string()).output()?;
    let said = String::from_utf8(said.stdout)?;
    let numbers: Vec<f64> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    numbers.try_into().map_err(|_| format!("the Go program said {said:?}").into())
}

type Way = fn(Duration) -> Result<[f64; 3]>;

pub(crate) fn writer(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "The writer's tail",
        "960 B each 100 µs into a ring of 60 s; how long the writes take: p50, p99, **p99.9**, medians of the runs, which take turns. Four readers copy the newest 15 s \
         again and again. The control writes the same, and its readers copy memory that has nothing to do with the ring: what is left between \
         them is what being read costs. Ratios are of p99.9.",
    );
    let duration = Duration::from_millis(effort.choose(700, 5000));
    let none = "capbuf, no readers";
    let control_name = "control: unrelated copies";
    let ways: [(&str, Way); 6] = [
        (OURS, |duration| ours(duration, READERS)),
        (none, |duration| ours(duration, 0)),
        (control_name, control),
        ("Mutex ring", mutex),
        ("RwLock ring", rw_lock),
        ("Go, sync.Mutex", go),
    ];
    let runs = effort.choose(3, 5);
    let mut found = vec![Vec::new(); ways.len()];
    for _ in 0..runs {
        for (found, (_, way)) in found.iter_mut().zip(&ways) {
            found.push(way(duration)?);
        }
    }
    let at = |way: usize, quantile: usize| median(found[way].iter().map(|run| run[quantile]).collect());
    let figure = |way: usize| [0, 1, 2].map(|quantile| time(at(way, quantile))).join(" / ");
    let mut row = Row::new("960 B, 4 readers of 15 s", figure(0));
    for (way, (name, _)) in ways.iter().enumerate().skip(1) {
        // The same ring without readers, and the control, are no peers.
        let name = if way < 3 { format!("limit: {name}") } else { (*name).into() };
        row = row.other(name, figure(way), Some(at(0, 2) / at(way, 2)).filter(|ratio| ratio.is_finite()));
    }
    let ratios = found[0].iter().zip(&found[2]).map(|(ours, control)| ours[2] / control[2]);
    table.push(row.aim("p99.9 ≤ 1.2 of the control", median(ratios.collect()), 1.2));
    Ok(table)
}

/// The first lap of a new ring and the second one, chunk by chunk.
fn laps(commit_ahead: bool, first: &mut Histogram<u64>, second: &mut Histogram<u64>) -> Result<()> {
    let registry = Registry::builder().commit_ahead(commit_ahead).build();
    let spec = Spec::new(Length::Seconds(60.0), RATE_HZ as u32, 1, SampleFormat::S16)?;
    let mut ring = Capbuf::of(registry.get_or_allocate("bench", spec)?)?;
    if commit_ahead {
        // As a source does that is opened after its buffer was made: the helper needs a few milliseconds.
        std::thread::sleep(Duration::from_millis(50));
    }
    for histogram in [first, second] {
        for _ in 0..60 * RATE_HZ / CHUNK {
            let before = Instant::now();
            ring.put(&[7; CHUNK]);
            histogram.saturating_record(before.elapsed().as_nanos() as u64);
        }
    }
    Ok(())
}

pub(crate) fn first_lap(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "The first lap of a new ring",
        "960 B at a time, as fast as it goes, from 50 ms after the ring of 60 s was made: p50, p99, **p99.9**, of the writes of all runs. Memory is committed ahead of the writer by a helper \
         thread, unless that is turned off. The ratio is of the runs' p99.9.",
    );
    for (what, commit_ahead) in [("committed ahead", true), ("not committed ahead", false)] {
        let (mut all_first, mut all_second) = (histogram()?, histogram()?);
        let mut ratios = Vec::new();
        for _ in 0..effort.choose(5, 25) {
            let (mut first, mut second) = (histogram()?, histogram()?);
            laps(commit_ahead, &mut first, &mut second)?;
            ratios.push(first.value_at_quantile(0.999) as f64 / second.value_at_quantile(0.999) as f64);
            all_first.add(&first)?;
            all_second.add(&second)?;
        }
        let ratio = median(ratios);
        let figure = |histogram| quantiles(histogram).map(time).join(" / ");
        let row = Row::new(what, figure(&all_first)).other("limit: the second lap", figure(&all_second), Some(ratio));
        table.push(if commit_ahead { row.aim("p99.9 ≤ 1.5 of the second lap", ratio, 1.5) } else { row });
    }
    Ok(table)
}
