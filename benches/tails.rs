//! The writer's tail: the slowest writes while readers copy at full speed.

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
use crate::stop_on_drop::StopOnDrop;

const CHUNK: usize = 480;
const EACH: Duration = Duration::from_micros(100);
const READERS: usize = 4;
const READ_SECONDS: usize = 15;
const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

/// Writes each 100 µs for `duration`, and measures the writes.
fn paced(duration: Duration, mut write: impl FnMut()) -> Result<Histogram<u64>> {
    let mut took_ns = histogram()?;
    // SAFETY: sets this thread's timer slack and touches no memory.
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

/// The same while `readers` run again and again, a thread each.
fn beside<R: FnMut() + Send>(duration: Duration, readers: Vec<R>, write: impl FnMut()) -> Result<[f64; 3]> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        for mut read in readers {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    read();
                }
            });
        }
        Ok(quantiles(&paced(duration, write)?))
    })
}

fn reader(buffer: &CaptureBuffer) -> impl FnMut() + Send + use<> {
    let buffer = buffer.clone();
    let mut out = vec![0_i16; READ_SECONDS * RATE_HZ];
    move || {
        // An overtaken read counts, too.
        let _ = buffer.read_into(Span::Last(Duration::from_secs(READ_SECONDS as u64)), &ReadOptions::new(), &mut out);
    }
}

/// Returns a control that copies memory outside the ring: the readers' share of memory bandwidth
/// alone.
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
            // Keeps the unused copy.
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

/// The same in Go; not measured without Go.
fn go(duration: Duration) -> Result<[f64; 3]> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("tail");
    let built =
        Command::new("go").arg("build").arg("-o").arg(&program).arg("tail.go").current_dir("benches/go").status();
    if !built.is_ok_and(|status| status.success()) {
        return Ok([f64::NAN; 3]);
    }
    let output = Command::new(&program).arg(duration.as_millis().to_string()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    numbers.try_into().map_err(|_| format!("the Go program printed {text:?}").into())
}

type Way = fn(Duration) -> Result<[f64; 3]>;

pub(crate) fn writer(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "The writer's tail",
        "Writes of 960 B each 100 µs into a ring of 60 s: p50 / p99 / **p99.9**, medians of runs that take \
         turns. Four readers copy the newest 15 s again and again. The control's readers copy memory \
         outside the ring: the difference to it is the cost of being read. Ratios are of p99.9.",
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
        // The ring without readers and the control are no peers.
        let name = if way < 3 { format!("limit: {name}") } else { (*name).into() };
        row = row.other(name, figure(way), Some(at(0, 2) / at(way, 2)).filter(|ratio| ratio.is_finite()));
    }
    let ratios = found[0].iter().zip(&found[2]).map(|(ours, control)| ours[2] / control[2]);
    table.push(row.aim("p99.9 ≤ 1.2 of the control", median(ratios.collect()), 1.2));
    Ok(table)
}

/// Measures the writes of a new ring's first and second lap.
fn laps(commit_ahead: bool, first: &mut Histogram<u64>, second: &mut Histogram<u64>) -> Result<()> {
    let registry = Registry::builder().commit_ahead(commit_ahead).build();
    let spec = Spec::new(Length::Seconds(60.0), RATE_HZ as u32, 1, SampleFormat::S16)?;
    let mut ring = Capbuf::of(registry.get_or_allocate("bench", spec)?)?;
    if commit_ahead {
        // A source is opened after its buffer is allocated, which gives the helper a few
        // milliseconds.
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
        "Writes of 960 B at full speed, from 50 ms after the allocation of a ring of 60 s: p50 / p99 / \
         **p99.9** of all runs. A helper thread commits memory ahead of the writer, unless that is turned \
         off. Ratios are of p99.9.",
    );
    for (name, commit_ahead) in [("committed ahead", true), ("not committed ahead", false)] {
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
        let row = Row::new(name, figure(&all_first)).other("limit: the second lap", figure(&all_second), Some(ratio));
        table.push(if commit_ahead { row.aim("p99.9 ≤ 1.5 of the second lap", ratio, 1.5) } else { row });
    }
    Ok(table)
}
