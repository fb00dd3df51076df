//! The cost of calls from Rust, the baseline of the other languages. `scripts/bench-calls` runs
//! all.
//!
//! Prints a line for each operation with the ns of one call: the minimum of many short rounds, as
//! other programs can only add to it.
#![allow(missing_docs, clippy::print_stdout)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use capbuf::{Length, ReadOptions, Registry, SampleFormat, Span, Spec};

const ROUNDS: u32 = 400;

fn minimum(name: &str, calls: u32, mut call: impl FnMut()) {
    let round = |call: &mut dyn FnMut(u32)| {
        let begin = Instant::now();
        call(calls);
        begin.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    let mut many = |calls| (0..calls).for_each(|_| call());
    let minimum = (0..ROUNDS).map(|_| round(&mut many)).fold(f64::INFINITY, f64::min);
    println!("{name} {minimum:.2}");
}

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::private();
    let spec = Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16)?;
    let buffer = registry.allocate("mic", spec)?;
    let mut writer = buffer.writer()?;
    writer.write_at(&vec![1_i16; 60 * 48_000], 0)?;
    let ring = vec![1_i16; 60 * 48_000];
    let (first, end) = (56 * 48_000, 59 * 48_000);
    let mut room = vec![0_i16; 3 * 48_000];

    minimum("contains", 10_000, || {
        black_box(registry.contains(black_box("mic")));
    });
    minimum("copy-3s", 100, || black_box(&mut room).copy_from_slice(&black_box(&ring)[first..end]));
    let options = ReadOptions::new();
    minimum("read-3s", 100, || {
        let span = Span::Frames(first as u64..end as u64);
        let _ = black_box(buffer.read_into(span, &options, black_box(&mut room)));
    });
    let mut at = 60_000_000_000;
    minimum("write-10ms", 5_000, || {
        let _ = black_box(writer.write_at(black_box(&ring[..480]), at));
        at += 10_000_000;
    });
    Ok(())
}
