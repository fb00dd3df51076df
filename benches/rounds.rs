//! Measures the ways to do a job in turn, so that a disturbance of the machine hits all of them
//! alike.
//!
//! A round takes one short sample of each way, in an order that rotates with each round. A figure
//! is the median of a way's samples; a ratio is the median of the rounds' ratios, which varies less
//! than the ratio of two medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// The number and length of samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) quick: bool,
}

impl Effort {
    fn rounds(self) -> usize {
        if self.quick { 15 } else { 61 }
    }

    fn sample(self) -> Duration {
        Duration::from_micros(if self.quick { 200 } else { 500 })
    }

    /// Returns the value for quick runs or for whole ones.
    pub(crate) fn choose<T>(self, quick: T, whole: T) -> T {
        if self.quick { quick } else { whole }
    }
}

type Sample<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;

struct Way<'a> {
    name: String,
    calls: u64,
    most_calls: u64,
    sample: Sample<'a>,
}

/// One job and the ways to do it.
#[derive(Default)]
pub(crate) struct Job<'a> {
    ways: Vec<Way<'a>>,
}

impl<'a> Job<'a> {
    /// Adds a way; `sample` makes a number of calls and returns the time that they took.
    pub(crate) fn way(&mut self, name: impl Into<String>, sample: impl FnMut(u64) -> Duration + 'a) {
        self.bounded_way(name, u64::MAX, sample);
    }

    /// Adds a way that makes at most `most_calls` calls in a sample.
    pub(crate) fn bounded_way(
        &mut self,
        name: impl Into<String>,
        most_calls: u64,
        sample: impl FnMut(u64) -> Duration + 'a,
    ) {
        self.ways.push(Way { name: name.into(), calls: 1, most_calls, sample: Box::new(sample) });
    }

    pub(crate) fn measure(self, effort: Effort) -> Measured {
        self.measure_rounds(effort.rounds(), effort.sample())
    }

    /// Finds the number of calls that fill `sample`, then measures the rounds.
    pub(crate) fn measure_rounds(mut self, rounds: usize, sample: Duration) -> Measured {
        for way in &mut self.ways {
            loop {
                let took = (way.sample)(way.calls);
                if took >= sample || way.calls >= way.most_calls {
                    break;
                }
                let wanted = (sample.as_nanos() / took.as_nanos().max(1)).clamp(2, 10) as u64;
                way.calls = way.calls.saturating_mul(wanted).min(way.most_calls);
            }
        }
        let count = self.ways.len();
        let mut took_ns = vec![Vec::with_capacity(rounds); count];
        for round in 0..rounds {
            for turn in 0..count {
                let number = (round + turn) % count;
                let way = &mut self.ways[number];
                let took = (way.sample)(way.calls);
                took_ns[number].push(took.as_nanos() as f64 / way.calls as f64);
            }
        }
        Measured { ways: self.ways.into_iter().map(|way| way.name).zip(took_ns).collect() }
    }
}

/// The samples of one job, in ns a call.
pub(crate) struct Measured {
    ways: Vec<(String, Vec<f64>)>,
}

impl Measured {
    fn of(&self, name: &str) -> &[f64] {
        self.ways.iter().find(|(way, _)| way == name).map_or(&[], |(_, samples)| samples)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        !self.of(name).is_empty()
    }

    /// Returns the median, in ns a call.
    pub(crate) fn ns(&self, name: &str) -> f64 {
        median(self.of(name).to_vec())
    }

    /// Returns the median of the rounds' ratios.
    pub(crate) fn ratio(&self, name: &str, to: &str) -> f64 {
        self.each_round(&[name, to], |ns| ns[0] / ns[1])
    }

    /// Returns the median of a function of each round's samples.
    pub(crate) fn each_round(&self, names: &[&str], of: impl Fn(&[f64]) -> f64) -> f64 {
        let samples: Vec<_> = names.iter().map(|name| self.of(name)).collect();
        let rounds = samples.iter().map(|samples| samples.len()).min().unwrap_or(0);
        median((0..rounds).map(|round| of(&samples.iter().map(|way| way[round]).collect::<Vec<_>>())).collect())
    }

    /// Returns the fastest of some ways.
    pub(crate) fn fastest<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().filter(|name| self.has(name)).min_by(|a, b| self.ns(a).total_cmp(&self.ns(b)))
    }
}

/// Makes a histogram from 1 ns to a minute.
pub(crate) fn histogram() -> crate::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => numbers[count / 2],
        count => f64::midpoint(numbers[count / 2 - 1], numbers[count / 2]),
    }
}

/// As [`timed`], after `before` uncounted calls that fill the caches.
pub(crate) fn timed_warm<R>(before: usize, calls: u64, mut call: impl FnMut() -> R) -> Duration {
    timed(before as u64, &mut call);
    timed(calls, call)
}

/// Measures the time of `calls` calls.
pub(crate) fn timed<R>(calls: u64, mut call: impl FnMut() -> R) -> Duration {
    let begin = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    begin.elapsed()
}
