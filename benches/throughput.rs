//! Bytes a second, written in chunks and read in spans, by criterion: one way after the other.

use std::fs::{read_dir, read_to_string};
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use serde::Deserialize;
use serde_json::from_str;

use crate::Result;
use crate::report::{OURS, Row, Table};
use crate::rings::{Capbuf, MutexRing, PlainCopy, RATE_HZ, Ring};
use crate::rounds::Effort;

fn write<const N: usize, R: Ring<N>>(criterion: &mut Criterion) -> Result<()> {
    let mut ring = R::checked(60)?;
    let mut group = criterion.benchmark_group(format!("write {} B", N * 2));
    group.throughput(Throughput::Bytes(N as u64 * 2));
    let chunk = [7; N];
    group.bench_function(R::NAME, |bench| bench.iter(|| ring.write(&chunk)));
    Ok(())
}

fn read(criterion: &mut Criterion, seconds: usize) -> Result<()> {
    let ours = <Capbuf as Ring<480>>::checked(60)?;
    let plain = <PlainCopy as Ring<480>>::checked(60)?;
    let mut out = vec![0; seconds * RATE_HZ];
    let mut group = criterion.benchmark_group(format!("read {seconds} s"));
    group.throughput(Throughput::Bytes(out.len() as u64 * 2));
    group.bench_function(OURS, |bench| bench.iter(|| ours.last(&mut out)));
    group.bench_function("limit: memcpy", |bench| bench.iter(|| plain.last(&mut out)));
    Ok(())
}

fn run() -> Result<()> {
    let criterion = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(1));
    let mut criterion = criterion.warm_up_time(Duration::from_millis(200)).output_directory(Path::new(FOLDER));
    write::<480, Capbuf>(&mut criterion)?;
    write::<480, PlainCopy>(&mut criterion)?;
    write::<480, MutexRing>(&mut criterion)?;
    write::<1920, Capbuf>(&mut criterion)?;
    write::<1920, PlainCopy>(&mut criterion)?;
    write::<1920, MutexRing>(&mut criterion)?;
    read(&mut criterion, 3)?;
    read(&mut criterion, 60)
}

/// The folder of criterion's figures, which it compares with those of the last run.
const FOLDER: &str = "target/criterion";

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: String,
    throughput: Amount,
}

#[derive(Deserialize)]
struct Amount {
    #[serde(rename = "Bytes")]
    bytes: f64,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Returns the group, the way, and the bytes a ns of a benchmark.
fn found(folder: &Path) -> Option<(String, String, f64)> {
    let benchmark: Benchmark = from_str(&read_to_string(folder.join("new/benchmark.json")).ok()?).ok()?;
    let estimates: Estimates = from_str(&read_to_string(folder.join("new/estimates.json")).ok()?).ok()?;
    let rate = benchmark.throughput.bytes / estimates.median.point_estimate;
    Some((benchmark.group_id, benchmark.function_id, rate))
}

pub(crate) fn rates(_: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Throughput",
        "Bytes a second, by criterion, one way after the other. The ratio is of the others' rate to ours: \
         above 1 they are faster. Ratios of the tables above are steadier, as their ways take turns.",
    );
    run()?;
    let groups = read_dir(FOLDER)?;
    let mut all = Vec::new();
    for group in groups.flatten() {
        all.extend(read_dir(group.path()).into_iter().flatten().flatten().filter_map(|way| found(&way.path())));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let figure = |rate: f64| format!("{rate:.1} GB/s");
    for (group, _, ours) in all.iter().filter(|(_, way, _)| way == OURS) {
        let mut row = Row::new(group.clone(), figure(*ours));
        for (_, way, rate) in all.iter().filter(|(other, way, _)| other == group && way != OURS) {
            row = row.other(way.clone(), figure(*rate), Some(rate / ours));
        }
        table.push(row);
    }
    Ok(table)
}
