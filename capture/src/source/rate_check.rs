//! The check of a source's rate: do the frames come as fast as it says?
//!
//! Frames come in chunks, late, in bursts, or after a stall all at once, so a rate over a fixed
//! time proves nothing. The check cuts the run into parts, each from one arrival to a later one,
//! and finds a source at fault when
//!
//! - the newest parts all have about the same rate, on the same side of the expected one, and
//! - together they put the source further ahead, or behind, than it has been in the last minute:
//!   what catches up after a stall is fast, and never ahead.

use std::collections::VecDeque;
use std::time::Duration;

/// The tolerance unless set otherwise, as a part of the expected rate. Clocks of devices are off by
/// a thousandth at most.
pub(crate) const RATE_WITHIN: f64 = 0.05;

/// A source that writes nothing for this time is taken for dead, unless the watchdog says another
/// one.
pub(crate) const NOTHING_FOR: Duration = Duration::from_secs(15);

/// The shortest part, in seconds.
const PART_S: f64 = 1.4;
/// A part is this many times longer than the longest pause between two arrivals in it.
const PAUSES: f64 = 1.8;
/// After a longer pause, in seconds, the parts before it only say how far ahead the source was.
const LONG_PAUSE_S: f64 = 5.0;
/// The least number of parts that agree.
const PARTS: usize = 4;
/// Their least duration, in seconds: the more frames come, the better they are measured.
const AGREE_FOR_S: f64 = 7.0;
const FAST: f64 = 3.0;
const FAST_AGREE_FOR_S: f64 = 5.5;
/// The largest difference between the rates of parts that agree, as a part of the rate, beside that
/// of a chunk that lies across the end of a part.
const SPREAD: f64 = 0.12;
/// The parts that are remembered, at most.
const REMEMBERED: usize = 40;
/// Arrivals within this time, in seconds, are one.
const BURST_S: f64 = 0.05;
/// The arrivals from which a rate is computed, at most.
const ARRIVALS: usize = 512;

/// Finds a source whose frames come faster or slower than expected, by the times of arrival.
#[derive(Debug)]
pub(crate) struct RateCheck {
    expected_hz: f64,
    tolerance: f64,
    part: Option<Part>,
    /// Complete parts, the oldest first.
    parts: VecDeque<Part>,
    /// The number of newest parts that agree.
    agreeing: usize,
    /// The arrivals in the parts that agree and in the current one.
    arrivals: VecDeque<Arrival>,
}

/// Frames at a time, both since any origin.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    at_s: f64,
    /// The duration of all frames at the expected rate.
    audio_s: f64,
}

impl Arrival {
    /// The time by which the source is ahead of real time.
    fn ahead_s(self) -> f64 {
        self.audio_s - self.at_s
    }
}

#[derive(Debug, Clone, Copy)]
struct Part {
    start: Arrival,
    end: Arrival,
    longest_pause_s: f64,
    /// The most audio that came at once.
    largest_chunk_s: f64,
    /// The least and the most that the source was ahead.
    ahead_s: (f64, f64),
}

impl Part {
    fn new(start: Arrival) -> Self {
        Self {
            start,
            end: start,
            longest_pause_s: 0.0,
            largest_chunk_s: 0.0,
            ahead_s: (start.ahead_s(), start.ahead_s()),
        }
    }

    fn add(&mut self, arrival: Arrival) {
        self.longest_pause_s = self.longest_pause_s.max(arrival.at_s - self.end.at_s);
        self.largest_chunk_s = self.largest_chunk_s.max(arrival.audio_s - self.end.audio_s);
        self.end = arrival;
        let ahead_s = arrival.ahead_s();
        self.ahead_s = (self.ahead_s.0.min(ahead_s), self.ahead_s.1.max(ahead_s));
    }

    fn duration_s(&self) -> f64 {
        self.end.at_s - self.start.at_s
    }

    /// The rate as a multiple of the expected one.
    fn rate(&self) -> f64 {
        (self.end.audio_s - self.start.audio_s) / self.duration_s()
    }

    fn is_complete(&self) -> bool {
        self.duration_s() >= PART_S.max(PAUSES * self.longest_pause_s)
    }
}

impl RateCheck {
    /// Expects `expected_hz` frames a second, and tolerates a deviation by `tolerance` of it.
    pub(crate) fn new(expected_hz: u32, tolerance: f64) -> Self {
        Self {
            expected_hz: f64::from(expected_hz.max(1)),
            tolerance,
            part: None,
            parts: VecDeque::new(),
            agreeing: 0,
            arrivals: VecDeque::new(),
        }
    }

    /// Adds the number of frames that have come by `at`, lost ones included. Returns the rate of
    /// the source in Hz once it is known to be another than the expected one.
    pub(crate) fn add(&mut self, at: Duration, frames: f64) -> Option<f64> {
        let arrival = Arrival { at_s: at.as_secs_f64(), audio_s: frames / self.expected_hz };
        match self.arrivals.back_mut() {
            Some(last) if arrival.audio_s <= last.audio_s => return None,
            Some(last) if arrival.at_s - last.at_s < BURST_S => last.audio_s = arrival.audio_s,
            _ => self.arrivals.push_back(arrival),
        }
        if self.arrivals.len() > ARRIVALS {
            // Every other one does as well.
            self.arrivals = self.arrivals.iter().copied().step_by(2).collect();
        }
        if self.part.is_some_and(|part| arrival.at_s - part.end.at_s > LONG_PAUSE_S) {
            (self.part, self.agreeing) = (None, 0);
            self.arrivals = VecDeque::from([arrival]);
        }
        let part = self.part.get_or_insert_with(|| Part::new(arrival));
        part.add(arrival);
        if !part.is_complete() {
            return None;
        }
        let complete = *part;
        self.part = Some(Part::new(arrival));
        self.add_part(complete);
        self.fault()
    }

    fn add_part(&mut self, part: Part) {
        self.parts.push_back(part);
        if self.parts.len() > REMEMBERED {
            self.parts.pop_front();
        }
        self.agreeing = (self.agreeing + 1).min(self.parts.len());
        if !self.newest_agree() {
            // The newest one may be the first of those that do.
            self.agreeing = 1;
        }
        let since_s = self.parts[self.parts.len() - self.agreeing].start.at_s;
        self.arrivals.retain(|arrival| arrival.at_s >= since_s);
    }

    /// Returns the newest parts that agree.
    fn newest(&self) -> impl Iterator<Item = &Part> {
        self.parts.range(self.parts.len() - self.agreeing..)
    }

    fn newest_agree(&self) -> bool {
        let (mut least, mut most, mut chunk) = (f64::INFINITY, 0.0_f64, 0.0_f64);
        for part in self.newest() {
            (least, most) = (least.min(part.rate()), most.max(part.rate()));
            chunk = chunk.max(part.largest_chunk_s / part.duration_s());
        }
        let is_same_side = least > 1.0 + self.tolerance / 2.0 || most < 1.0 - self.tolerance / 2.0;
        is_same_side && most - least <= SPREAD * ((least + most) / 2.0).max(1.0) + chunk
    }

    fn fault(&self) -> Option<f64> {
        if self.agreeing < PARTS {
            return None;
        }
        let before = self.parts.len() - self.agreeing;
        let (first, last) = (self.parts[before].start, self.parts.back()?.end);
        let duration_s = last.at_s - first.at_s;
        let pause_s = self.newest().map(|part| part.longest_pause_s).fold(0.0, f64::max);
        let least_s = self.tolerance * duration_s + pause_s / 2.0;
        // The first part has the burst, or the delay, that a run begins with: only its end counts.
        let known = || self.parts.range(1.min(before)..before);
        let start_s = self.parts[0].end.ahead_s();
        let is_off = if last.audio_s - first.audio_s > duration_s {
            let most_s = known().map(|part| part.ahead_s.1).fold(start_s, f64::max);
            last.ahead_s() - if before == 0 { first.ahead_s() } else { most_s } > least_s
        } else {
            let fewest_s = known().map(|part| part.ahead_s.0).fold(start_s, f64::min);
            (if before == 0 { first.ahead_s() } else { fewest_s }) - last.ahead_s() > least_s
        };
        let rate = self.slope_since(self.parts[before].end.at_s)?;
        let agree_for_s = if rate > FAST { FAST_AGREE_FOR_S } else { AGREE_FOR_S };
        (duration_s >= agree_for_s && is_off && (rate - 1.0).abs() > self.tolerance).then_some(rate * self.expected_hz)
    }

    /// Returns the rate of the arrivals since a time, by least squares. The first part may be one
    /// in which the rate changed.
    fn slope_since(&self, since_s: f64) -> Option<f64> {
        // More of the newest burst may come.
        let complete = self.arrivals.len().saturating_sub(1);
        let counted = || self.arrivals.range(..complete).filter(|arrival| arrival.at_s >= since_s);
        let (count, origin) = (counted().count() as f64, counted().next()?);
        let from_origin = || counted().map(|it| (it.at_s - origin.at_s, it.audio_s - origin.audio_s));
        let (at, audio) = from_origin().fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        let (at, audio) = (at / count, audio / count);
        let (product, square) = from_origin()
            .fold((0.0, 0.0), |sum, it| (sum.0 + (it.0 - at) * (it.1 - audio), sum.1 + (it.0 - at) * (it.0 - at)));
        (square > 0.0).then(|| product / square)
    }
}

/// The rates that sources have.
const STANDARD_HZ: [u32; 15] = [
    8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000, 176_400, 192_000,
    384_000,
];
/// A measured rate this close to a standard one is that.
const STANDARD_WITHIN: f64 = 0.01;
/// The usual ratios of the true rate to the declared one. A measured rate this close to one is
/// that: packets may have been lost meanwhile.
const RATIOS: [f64; 4] = [0.25, 0.5, 2.0, 4.0];
const RATIO_WITHIN: f64 = 0.03;
/// Other rates are rounded to a multiple of a divisor of the expected rate, at most this part of
/// it: such a ratio is resampled in short blocks.
const STEPS: u32 = 200;

/// Returns the rate that a source measured at `measured_hz` has, which says `declared_hz`.
pub(crate) fn nearest_rate_hz(measured_hz: f64, declared_hz: u32) -> u32 {
    let expected_hz = f64::from(declared_hz);
    let usual = RATIOS.map(|ratio| ratio * expected_hz);
    if let Some(usual_hz) = usual.into_iter().find(|hz| (measured_hz / hz - 1.0).abs() <= RATIO_WITHIN) {
        return (usual_hz.round() as u32).max(1);
    }
    let is_near = |hz: f64| (measured_hz / hz - 1.0).abs() <= STANDARD_WITHIN;
    let distance = |hz: &u32| (f64::from(*hz) - measured_hz).abs();
    let standard = STANDARD_HZ.into_iter().min_by(|one, other| distance(one).total_cmp(&distance(other)));
    match standard.filter(|hz| is_near(f64::from(*hz))) {
        Some(standard) => standard,
        None => {
            let most = (declared_hz / STEPS).max(1);
            let step = (1..=most).rev().find(|step| declared_hz.is_multiple_of(*step)).unwrap_or(1);
            (((measured_hz / f64::from(step)).round() as u32).max(1)).saturating_mul(step)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 8000;

    /// Chunks that arrived: time and duration at the declared rate, in seconds.
    type Arrivals = Vec<(f64, f64)>;

    /// A minute of chunks of `chunk_s` from a source at `rate` times its declared one.
    fn steady(rate: f64, chunk_s: f64) -> Arrivals {
        let count = (60.0 * rate / chunk_s) as u32;
        (1..=count).map(|number| (f64::from(number) * chunk_s / rate, chunk_s)).collect()
    }

    /// Delays each chunk; none overtakes another.
    fn delayed(mut arrivals: Arrivals, mut delay_s: impl FnMut(f64) -> f64) -> Arrivals {
        let mut before_s = 0.0_f64;
        for (at_s, _) in &mut arrivals {
            before_s = before_s.max(*at_s + delay_s(*at_s));
            *at_s = before_s;
        }
        arrivals
    }

    fn jitter(arrivals: Arrivals, most_s: f64, seed: u64) -> Arrivals {
        let mut random = fastrand::Rng::with_seed(seed);
        delayed(arrivals, |_| random.f64() * most_s)
    }

    /// Checks at each arrival, and returns when the source is found, and its measured rate.
    fn at_arrivals(arrivals: &Arrivals) -> Option<(f64, f64)> {
        let (mut check, mut frames) = (RateCheck::new(RATE_HZ, RATE_WITHIN), 0.0);
        arrivals.iter().find_map(|(at_s, chunk_s)| {
            frames += chunk_s * f64::from(RATE_HZ);
            check.add(Duration::from_secs_f64(at_s + 77.0), frames).map(|hz| (*at_s, hz / f64::from(RATE_HZ)))
        })
    }

    /// Checks four times a second, as the watchdog does, with a delay of up to 20 ms.
    fn at_looks(arrivals: &Arrivals) -> Option<(f64, f64)> {
        let (mut check, mut frames, mut next) = (RateCheck::new(RATE_HZ, RATE_WITHIN), 0.0, 0);
        (1..240).find_map(|look| {
            let at_s = f64::from(look) * 0.25 + f64::from(look % 5) * 0.005;
            while let Some((_, chunk_s)) = arrivals.get(next).filter(|(chunk_at_s, _)| *chunk_at_s <= at_s) {
                frames += chunk_s * f64::from(RATE_HZ);
                next += 1;
            }
            check.add(Duration::from_secs_f64(at_s), frames).map(|hz| (at_s, hz / f64::from(RATE_HZ)))
        })
    }

    fn assert_found(rate: f64, within_s: f64, what: &str, arrivals: &Arrivals) {
        for (how, found) in [("at arrivals", at_arrivals(arrivals)), ("at looks", at_looks(arrivals))] {
            let Some((at_s, measured)) = found else { panic!("{rate}, {what}, {how}: not found") };
            assert!(at_s <= within_s, "{rate}, {what}, {how}: found after {at_s} s");
            // Of slow chunks there are few.
            let within = if rate < 1.0 { 0.03 } else { 0.01 };
            assert!((measured / rate - 1.0).abs() < within, "{rate}, {what}, {how}: measured as {measured}");
        }
    }

    fn assert_not_found(what: &str, arrivals: &Arrivals) {
        for (how, found) in [("at arrivals", at_arrivals(arrivals)), ("at looks", at_looks(arrivals))] {
            assert_eq!(found, None, "{what}, {how}");
        }
    }

    const WRONG: [f64; 7] = [0.25, 0.5, 0.9, 1.1, 1.5, 2.0, 4.0];

    #[test]
    fn wrong_rate_is_found_within_ten_seconds() {
        for rate in WRONG {
            for chunk_s in [0.01, 0.02, 0.1] {
                assert_found(rate, 9.0, &format!("chunks of {chunk_s} s"), &steady(rate, chunk_s));
                for seed in 0..20 {
                    let arrivals = jitter(steady(rate, chunk_s), 0.04, seed);
                    assert_found(rate, 9.0, &format!("chunks of {chunk_s} s, jitter {seed}"), &arrivals);
                }
            }
        }
    }

    #[test]
    fn wrong_rate_is_found_behind_a_backlog_and_in_bursts() {
        for rate in WRONG {
            let mut arrivals = steady(rate, 0.02);
            arrivals.insert(0, (0.01, 3.0));
            assert_found(rate, 10.0, "a backlog", &arrivals);
            let bursts = delayed(steady(rate, 0.02), |at_s| at_s.ceil() - at_s);
            assert_found(rate, 20.0, "bursts of a second", &bursts);
        }
        for rate in [0.5, 2.0] {
            assert_found(rate, 40.0, "pieces of two seconds", &steady(rate, 2.0));
        }
    }

    #[test]
    fn rate_that_changes_is_found_within_ten_seconds_of_the_change() {
        for rate in WRONG {
            let mut arrivals = jitter(steady(1.0, 0.02), 0.05, 1);
            arrivals.truncate(1500);
            arrivals.extend(steady(rate, 0.02).into_iter().map(|(at_s, chunk_s)| (at_s + 30.05, chunk_s)));
            let (at_s, measured) = at_arrivals(&arrivals).expect("found");
            assert!((30.0..=40.0).contains(&at_s) && (measured / rate - 1.0).abs() < 0.02, "{rate}: {at_s} {measured}");
        }
    }

    #[test]
    fn late_audio_that_comes_after_all_is_no_wrong_rate() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (every_s, stall_s) = (3.0 + random.f64() * 20.0, random.f64() * 6.0);
            let stalls = |at_s: f64| (stall_s - at_s % every_s).max(0.0);
            assert_not_found(&format!("stalls, {seed}"), &delayed(steady(1.0, 0.02), stalls));
            // Afterwards a slow link is busy at 1.3 times the rate until all has come.
            let catches_up = |at_s: f64| if at_s < 15.0 { 0.0 } else { (stall_s - (at_s - 15.0) * 0.23).max(0.0) };
            assert_not_found(&format!("a slow link, {seed}"), &delayed(steady(1.0, 0.02), catches_up));
            for piece_s in [0.5, 1.0, 1.8, 2.0, 4.0] {
                let pieces = jitter(steady(1.0, piece_s), piece_s * 0.4, seed);
                assert_not_found(&format!("pieces of {piece_s} s, {seed}"), &pieces);
            }
            assert_not_found(&format!("jitter, {seed}"), &jitter(steady(1.0, 0.02), 0.5, seed));
        }
    }

    #[test]
    fn clocks_backlogs_and_suspensions_are_no_wrong_rate() {
        for rate in [0.98, 0.999, 1.0, 1.001, 1.02] {
            for chunk_s in [0.02, 0.1, 0.5] {
                assert_not_found(&format!("{rate} in chunks of {chunk_s} s"), &steady(rate, chunk_s));
            }
        }
        let mut backlog = steady(1.0, 0.02);
        backlog.insert(0, (0.01, 6.0));
        assert_not_found("a backlog", &backlog);
        // Suspended for 20 s; what came meanwhile is there afterwards, or lost.
        assert_not_found(
            "kept",
            &delayed(steady(1.0, 0.02), |at_s| if at_s > 10.0 { (30.0 - at_s).max(0.0) } else { 0.0 }),
        );
        let lost: Arrivals = steady(1.0, 0.02).into_iter().filter(|(at_s, _)| !(10.0..30.0).contains(at_s)).collect();
        assert_not_found("lost", &lost);
    }

    #[test]
    fn measured_rates_are_rounded_to_those_that_sources_have() {
        for (measured_hz, declared_hz, expected_hz) in [
            (15_950.0, 8000, 16_000),
            (15_600.0, 8000, 16_000),
            (1970.0, 8000, 2000),
            (22_300.0, 44_100, 22_050),
            (44_300.0, 48_000, 44_100),
            (8815.0, 8000, 8800),
            (52_790.0, 48_000, 52_800),
            (7210.0, 8000, 7200),
            (8500.0, 8001, 8505),
            (0.1, 8000, 40),
            (3.0, 1, 3),
        ] {
            assert_eq!(nearest_rate_hz(measured_hz, declared_hz), expected_hz, "{measured_hz} for {declared_hz}");
        }
    }
}
