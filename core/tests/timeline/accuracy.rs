//! The table of `docs/times.md`: how true times are, on injected clocks.

use std::fmt::Write as _;
use std::path::Path;

use crate::simulation::{Given, MS, Random, Recorded, Simulated};

/// A row of the table: the worst errors of a kind of source, and what they may be at most.
struct Row {
    kind: &'static str,
    /// When, the worst error in ms, the largest one allowed.
    errors: Vec<(&'static str, f64, f64)>,
    /// The largest difference to the number of gaps and epochs that there should be.
    gaps_off: u64,
    /// The part of the labels whose error exceeds their bound, and the largest one allowed.
    beyond: (f64, f64),
}

/// Spans of time in which the worst error is looked for, in s.
const SPANS: [(&str, f64, f64); 5] = [
    ("10 s", 9.0, 11.0),
    ("1 min", 55.0, 65.0),
    ("10 min", 590.0, 610.0),
    ("1 h", 3500.0, 3600.0),
    ("from 1 s on", 1.0, 1e9),
];

impl Row {
    fn new(kind: &'static str, aims: &[(&'static str, f64)]) -> Self {
        let errors = aims.iter().map(|(when, aim)| (*when, 0.0, *aim)).collect();
        Self { kind, errors, gaps_off: 0, beyond: (0.0, 0.0) }
    }

    /// Allows that the bound does not hold for a part of the labels.
    fn with_beyond(mut self, most: f64) -> Self {
        self.beyond.1 = most;
        self
    }

    /// Adds a recording with `gaps` gaps or epochs, and its errors in spans of the table.
    fn add(&mut self, recorded: &Recorded, gaps: u64) {
        let spans = self.errors.iter().map(|(when, ..)| {
            let (_, from_s, to_s) = SPANS.iter().find(|(span, ..)| span == when).expect("a span of the table");
            recorded.worst_ms(*from_s, *to_s)
        });
        let errors: Vec<f64> = spans.collect();
        self.add_errors(recorded, gaps, &errors);
    }

    fn add_errors(&mut self, recorded: &Recorded, gaps: u64, errors_ms: &[f64]) {
        for ((_, worst, _), error_ms) in self.errors.iter_mut().zip(errors_ms) {
            *worst = worst.max(*error_ms);
        }
        self.gaps_off = self.gaps_off.max(recorded.buffer.status().gaps.abs_diff(gaps));
        self.beyond.0 = self.beyond.0.max(recorded.beyond_bound(1.0));
    }

    /// Its line in the table, in steps that do not depend on rounding.
    fn line(&self) -> String {
        let mut line = format!("| {} |", self.kind);
        for (when, worst, aim) in &self.errors {
            let steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 50.0, 100.0, 200.0];
            let step = steps.into_iter().find(|step| worst < step).unwrap_or(f64::INFINITY).min(*aim);
            let _ = write!(line, " {when}: {step} ms,");
        }
        line.trim_end_matches(',').to_owned() + " |"
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (when, worst, aim) in &self.errors {
            if worst > aim {
                faults.push(format!("{}: {when}: {worst:.3} ms, more than {aim}", self.kind));
            }
        }
        if self.gaps_off > 0 {
            faults.push(format!("{}: {} gaps too many or too few", self.kind, self.gaps_off));
        }
        if self.beyond.0 > self.beyond.1 {
            faults.push(format!(
                "{}: the bound of {:.3} % of the labels does not hold",
                self.kind,
                self.beyond.0 * 100.0
            ));
        }
        faults
    }
}

fn late_packets() -> Vec<Row> {
    let mut even =
        Row::new("arrivals 0 to 20 ms late, source off by 100 ppm", &[("10 s", 1.0), ("1 min", 0.2), ("1 h", 0.1)]);
    let mut drifting = Row::new("arrivals 0 to 20 ms late, source off by 200 ppm", &[("1 min", 0.2), ("1 h", 0.1)]);
    for sign in [1.0, -1.0] {
        let recorded = |ppm: f64| {
            let mut random = Random::new(1);
            Simulated::new(20, 3600.0, sign * ppm, || Given::Late(random.unit() * 20.0 * MS)).record()
        };
        even.add(&recorded(100.0), 0);
        drifting.add(&recorded(200.0), 0);
    }
    let mut bursts = Row::new("bursts of 500 ms, 0 to 600 ms late", &[("1 min", 30.0), ("10 min", 5.0), ("1 h", 3.0)]);
    for seed in 0..5 {
        let mut random = Random::new(seed);
        let recorded = Simulated::new(500, 3600.0, 100.0, || Given::Late(random.unit() * 600.0 * MS)).record();
        // The first chunk may be so late that what follows is as a backlog.
        bursts.add(&recorded, recorded.buffer.status().gaps.min(1));
    }
    let mut exponential =
        Row::new("exponential delays, mean 100 ms", &[("1 min", 60.0), ("10 min", 20.0), ("1 h", 5.0)])
            .with_beyond(0.06);
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let recorded = Simulated::new(20, 3600.0, 100.0, || Given::Late(-random.unit().ln() * 100.0 * MS)).record();
        exponential.add(&recorded, 0);
    }
    let mut pareto =
        Row::new("Pareto delays, exponent 1.5, scale 2 ms", &[("10 s", 1.0), ("1 min", 0.2), ("1 h", 0.1)]);
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let delay = || Given::Late((random.unit().powf(-1.0 / 1.5) - 1.0) * 2.0 * MS);
        pareto.add(&Simulated::new(20, 3600.0, 100.0, delay).record(), 0);
    }
    vec![even, drifting, bursts, exponential, pareto]
}

fn stalls_and_backlogs() -> Vec<Row> {
    let mut stalls = Row::new("stalls of 0.3 to 10 s, nothing lost", &[("from 300 s on", 1.0)]);
    for stall_s in [0.3, 0.7, 1.0, 3.0, 10.0] {
        let mut random = Random::new(3);
        let source = Simulated::new(20, 400.0, 50.0, || Given::Late(random.unit() * 10.0 * MS));
        let recorded = source.stalling(300.0, 300.0 + stall_s).record();
        stalls.add_errors(&recorded, 0, &[recorded.worst_ms(290.0, 400.0)]);
    }
    let mut backlogs =
        Row::new("backlog of 0.5 to 10 s at the start", &[("5 s after it", 10.0), ("15 s after it", 1.0)]);
    for backlog_s in [0.5, 1.0, 3.0, 10.0] {
        let mut random = Random::new(3);
        let recorded =
            Simulated::new(20, 60.0, 0.0, || Given::Late(random.unit() * 2.0 * MS)).stalling(0.0, backlog_s).record();
        let after = |seconds: f64| recorded.worst_ms(backlog_s + seconds, 60.0);
        backlogs.add_errors(&recorded, 1, &[after(5.0), after(15.0)]);
    }
    let mut congestion =
        Row::new("a delay that grows by 80 ms for two minutes", &[("10 s", 1.0), ("from 300 s on", 1.0)]);
    let mut random = Random::new(5);
    let source = Simulated::new(20, 900.0, 50.0, || Given::Late(random.unit() * 10.0 * MS));
    let recorded = source.delaying(300.0, 420.0, 80.0).record();
    congestion.add_errors(&recorded, 0, &[recorded.worst_ms(9.0, 11.0), recorded.worst_ms(290.0, 900.0)]);
    vec![stalls, backlogs, congestion]
}

fn losses() -> Vec<Row> {
    let mut once = Row::new("20 to 2000 ms lost, not reported, times passed", &[("0.5 s after it", 5.0)]);
    for lost_ms in [20.0, 40.0, 100.0, 300.0, 500.0, 700.0, 2000.0] {
        let mut random = Random::new(3);
        let source = Simulated::new(20, 330.0, 50.0, || Given::Passed(random.around(0.5 * MS)));
        let recorded = source.losing(lost_ms, |number| number == 15_000).record();
        let lost_at_s = 300.0 + lost_ms / 1000.0;
        once.add_errors(&recorded, 1, &[recorded.worst_ms(lost_at_s + 0.5, 330.0)]);
    }
    let mut by_arrival =
        Row::new("1 to 5 s lost, not reported, arrivals", &[("0.6 s after it", 5.0)]).with_beyond(0.001);
    for lost_s in [1.0, 2.0, 5.0] {
        let mut random = Random::new(3);
        let source = Simulated::new(20, 330.0, 50.0, || Given::Late(random.unit() * 10.0 * MS));
        let recorded = source.losing(lost_s * 1000.0, |number| number == 15_000).record();
        by_arrival.add_errors(&recorded, 1, &[recorded.worst_ms(300.0 + lost_s + 0.6, 330.0)]);
    }
    let mut each_second = Row::new("20 ms lost each second, times passed", &[("0.2 s after each", 5.0)]);
    let recorded =
        Simulated::new(20, 120.0, 50.0, || Given::Passed(0.0)).losing(20.0, |number| number % 50 == 49).record();
    let settled = recorded.labels.iter().enumerate().filter(|(number, _)| (10..49).contains(&((number + 1) % 50)));
    let worst_ms = settled.map(|(_, label)| label.error_ms.abs()).fold(0.0, f64::max);
    each_second.add_errors(&recorded, 119, &[worst_ms]);
    let mut twice = Row::new("a chunk of 10 ms twice each second", &[("from 1 s on", 20.0)]).with_beyond(1.0);
    for given in [Given::Passed(0.0), Given::Late(0.0)] {
        twice.add(&Simulated::new(10, 300.0, 50.0, || given).losing(-10.0, |number| number % 100 == 99).record(), 0);
    }
    let mut reported = Row::new("gaps reported 20 ms too long, each second", &[("from 1 s on", 50.0)]);
    reported.add(&Simulated::new(20, 300.0, 50.0, || Given::Passed(0.0)).reporting(20, 50).record(), 299);
    vec![once, by_arrival, each_second, twice, reported]
}

fn jitter() -> Vec<Row> {
    let mut rows = Vec::new();
    for (kind, jitter_ms, chunk_ms, aims) in [
        ("times passed, ±1 ms", 1.0, 10, [("1 min", 0.1), ("1 h", 0.02)]),
        ("times passed, ±20 ms", 20.0, 10, [("1 min", 1.0), ("1 h", 0.3)]),
        ("times passed, ±100 ms", 100.0, 10, [("1 min", 5.0), ("1 h", 1.3)]),
        ("times passed, ±300 ms, bursts of 500 ms", 300.0, 500, [("1 min", 200.0), ("1 h", 9.0)]),
    ] {
        let mut row = Row::new(kind, &aims);
        for seed in 0..3 {
            let mut random = Random::new(seed);
            row.add(
                &Simulated::new(chunk_ms, 3600.0, 100.0, || Given::Passed(random.around(jitter_ms * MS))).record(),
                0,
            );
        }
        rows.push(row);
    }
    rows
}

fn rates() -> Vec<Row> {
    let mut exact =
        Row::new("rate wrong by 0.2 to 2 %, times passed without jitter", &[("from 1 s on", 25.0), ("10 s", 0.1)]);
    let mut jittering = Row::new("rate wrong by 0.2 to 2 %, ±5 ms", &[("1 min", 1.0)]).with_beyond(0.005);
    let mut arriving =
        Row::new("rate wrong by 0.2 to 2 %, arrivals 0 to 5 ms late", &[("1 min", 1.0)]).with_beyond(0.005);
    for percent in [-1.0, -0.2, 0.2, 0.5, 1.0, 2.0] {
        exact.add(&Simulated::new(20, 120.0, percent * 1e4, || Given::Passed(0.0)).record(), 0);
        let mut random = Random::new(5);
        jittering.add(&Simulated::new(20, 120.0, percent * 1e4, || Given::Passed(random.around(5.0 * MS))).record(), 0);
        arriving.add(&Simulated::new(20, 120.0, percent * 1e4, || Given::Late(random.unit() * 5.0 * MS)).record(), 0);
    }
    vec![exact, jittering, arriving]
}

fn wall_clocks() -> Vec<Row> {
    let mut set =
        Row::new("wall clock set by 25, 50, 90, 200 ms or an hour", &[("1 s after it", 1.0)]).with_beyond(0.005);
    for ms in [25.0, 50.0, 90.0, 200.0, 3_600_000.0, -25.0, -50.0, -90.0, -200.0, -3_600_000.0] {
        let mut random = Random::new(4);
        let passed =
            Simulated::new(20, 330.0, 50.0, || Given::Passed(random.around(0.5 * MS))).setting(300.0, ms).record();
        set.add_errors(&passed, 1, &[passed.worst_ms(301.1, 330.0)]);
        let arrived =
            Simulated::new(20, 330.0, 50.0, || Given::Late(random.unit() * 5.0 * MS)).setting(300.0, ms).record();
        set.add_errors(&arrived, 1, &[arrived.worst_ms(301.1, 330.0)]);
    }
    let mut slewed = Row::new(
        "wall clock slewed by 500 or 5000 ppm for 20 s",
        &[("from 290 s on", 6.0), ("2 s after each change", 1.0)],
    )
    .with_beyond(0.05);
    for ppm in [500.0, -500.0, 5000.0, -5000.0] {
        for given in [Given::Passed(0.0), Given::Late(0.0)] {
            let recorded = Simulated::new(20, 340.0, 50.0, || given).slewing(300.0, 320.0, ppm).record();
            let settled_ms = recorded.worst_ms(302.2, 320.0).max(recorded.worst_ms(322.2, 340.0));
            slewed.add_errors(&recorded, 0, &[recorded.worst_ms(290.0, 340.0), settled_ms]);
        }
    }
    vec![set, slewed]
}

/// The table in `docs/times.md`, between its markers.
const MARKERS: [&str; 2] = ["<!-- table -->\n", "<!-- end of table -->"];

#[test]
fn times_are_as_true_as_the_table_says() {
    let kinds: [fn() -> Vec<Row>; 6] = [late_packets, stalls_and_backlogs, losses, jitter, rates, wall_clocks];
    let rows: Vec<Row> = std::thread::scope(|scope| {
        let threads = kinds.map(|kind| scope.spawn(kind));
        threads.into_iter().flat_map(|thread| thread.join().expect("a table")).collect()
    });
    let faults: Vec<String> = rows.iter().flat_map(Row::faults).collect();
    let lines: String = rows.iter().map(|row| row.line() + "\n").collect();
    let table = format!("| source | the error of a frame's time is at most |\n|---|---|\n{lines}");
    assert!(faults.is_empty(), "{table}\n{}", faults.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/times.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(MARKERS[0]).expect("a marker before the table");
    let (found, after) = rest.split_once(MARKERS[1]).expect("a marker behind the table");
    if std::env::var_os("CAPBUF_WRITE_TABLES").is_some() {
        std::fs::write(&path, [before, MARKERS[0], &table, MARKERS[1], after].concat()).unwrap();
    } else {
        assert_eq!(found, table, "`make times` writes the table anew");
    }
}
