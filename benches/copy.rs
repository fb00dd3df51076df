//! Writing chunks and reading stretches, beside a plain copy of the same bytes.
#![allow(missing_docs)]

use std::time::Duration;

use capbuf_benches::{Capbuf, Locked, PlainCopy, Ring};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn sample(frame: usize) -> i16 {
    frame.wrapping_mul(40_503) as i16
}

fn ring<R: Ring>(criterion: &mut Criterion) {
    let Ok(mut ring) = R::minute() else { return };
    // The right result first; this also takes every page once.
    let mut frame = 0;
    let mut chunk = vec![0; 4800];
    while frame < 2 * 2_880_000 {
        chunk.iter_mut().enumerate().for_each(|(at, to)| *to = sample(frame + at));
        ring.write(&chunk);
        frame += chunk.len();
    }
    let mut out = vec![0; 2_880_000];
    assert!(ring.last(&mut out));
    assert!(out.iter().enumerate().all(|(at, found)| *found == sample(frame - 2_880_000 + at)));

    let mut group = criterion.benchmark_group("write");
    for frames in [240, 480, 1920, 19_200] {
        let chunk = vec![7; frames];
        group.throughput(Throughput::Bytes(frames as u64 * 2));
        group.bench_function(format!("{} bytes/{}", frames * 2, R::NAME), |bench| bench.iter(|| ring.write(&chunk)));
    }
    group.finish();
    let mut group = criterion.benchmark_group("read");
    for seconds in [3, 15, 60] {
        let frames = seconds * 48_000;
        group.throughput(Throughput::Bytes(frames as u64 * 2));
        group.bench_function(format!("{seconds} s/{}", R::NAME), |bench| bench.iter(|| ring.last(&mut out[..frames])));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(200));
    targets = ring::<PlainCopy>, ring::<Capbuf>, ring::<Locked>
}
criterion_main!(benches);
