//! Each rule: what must fire, and what must not.

use std::time::Duration;

use super::rules::Rules;
use super::settings::WatchSettings;
use super::snapshot::{ObservedSource, RemovedHolder, Snapshot};
use crate::observe::canonical::canonical;
use crate::track::{Anomaly, AnomalyKind};

const SECOND: i64 = 1_000_000_000;

/// A source that is written at its rate, and a clock.
struct World {
    rules: Rules,
    now: Snapshot,
    told: Vec<Anomaly>,
}

fn source() -> ObservedSource {
    ObservedSource {
        key: 7,
        name: "cam".into(),
        buffer: 1,
        rate_hz: 48_000,
        has_writer: true,
        ..ObservedSource::default()
    }
}

impl World {
    fn new() -> Self {
        Self::with(WatchSettings::default())
    }

    fn with(settings: WatchSettings) -> Self {
        let now = Snapshot { sources: vec![source()], budget: Some((10, 100)), ..Snapshot::default() };
        Self { rules: Rules::new(settings), now, told: Vec::new() }
    }

    /// So many seconds, each as the change says, and the source written at its rate.
    fn pass(&mut self, seconds: i64, mut change: impl FnMut(&mut ObservedSource, i64)) {
        self.stand(seconds, |source, second| {
            source.frames += 48_000;
            change(source, second);
        });
    }

    fn stand(&mut self, seconds: i64, mut change: impl FnMut(&mut ObservedSource, i64)) {
        for second in 0..seconds {
            self.now.utc_ns += SECOND;
            self.now.monotonic_ns += SECOND;
            change(&mut self.now.sources[0], second);
            self.told.extend(self.rules.step(&self.now));
        }
    }

    fn kinds(&self) -> Vec<AnomalyKind> {
        self.told.iter().map(|anomaly| anomaly.kind).collect()
    }
}

fn refused(source: &mut ObservedSource, place: &str) {
    match source.refused.iter_mut().find(|(at, _)| at == place) {
        Some((_, count)) => *count += 1,
        None => source.refused.push((place.to_owned(), 1)),
    }
}

#[test]
fn strict_allocations_from_one_place_fire_and_from_several_do_not() {
    let mut world = World::new();
    world.pass(100, |source, second| {
        // Two each, which is one too few.
        if second < 2 {
            refused(source, "a.go:1");
            refused(source, "b.go:2");
        }
    });
    assert_eq!(world.kinds(), []);
    // The third is one too many; once while it lasts.
    world.pass(21, |source, second| {
        if second % 10 == 0 {
            refused(source, "a.go:1");
        }
    });
    assert_eq!(world.kinds(), [AnomalyKind::RepeatedAllocation]);
    assert!(world.told[0].evidence.contains("called 3 times within 60 s"), "{}", world.told[0]);
    assert!(world.told[0].evidence.contains("at a.go:1"), "{}", world.told[0]);
    world.pass(20, |source, _| refused(source, "a.go:1"));
    assert_eq!(world.kinds().len(), 1);
    let lasted = &world.rules.found()[0];
    assert_eq!((lasted.first_utc_ns, lasted.last_utc_ns), (world.told[0].first_utc_ns, world.now.utc_ns));
    world.pass(200, |_, _| {});
    world.pass(50, |source, _| refused(source, "a.go:1"));
    assert_eq!(world.kinds().len(), 2, "when it begins again it is told again");
    assert_eq!(world.rules.found()[0].count, 2);
    // Another place is another thing, even while the first one lasts.
    world.pass(10, |source, _| {
        refused(source, "a.go:1");
        refused(source, "b.go:2");
    });
    assert_eq!(world.rules.found().len(), 2);
    assert!(world.told[2].evidence.contains("at b.go:2"), "{}", world.told[2]);
}

#[test]
fn refusals_of_before_the_first_look_do_not_count() {
    let mut world = World::new();
    world.now.sources[0].refused.push(("a.go:1".into(), 1000));
    world.pass(100, |_, _| {});
    assert_eq!(world.kinds(), []);
}

#[test]
fn a_ring_made_again_and_again_fires_with_and_without_tracking_and_a_reconnect_does_not() {
    let mut world = World::new();
    // Reconnects: three within a minute, each with a gap, in the same ring; then a restart with another ring.
    world.pass(60, |source, second| source.gaps += u64::from(second % 20 == 0));
    world.pass(600, |source, second| {
        if second % 120 == 0 {
            source.buffer += 1;
            source.allocations += 1;
            source.frames = 0;
        }
    });
    assert_eq!(world.kinds(), []);
    world.pass(60, |source, second| {
        if second % 10 == 0 {
            source.buffer += 1;
        }
    });
    assert_eq!(world.kinds(), [AnomalyKind::Churn]);
    assert!(world.told[0].evidence.contains("5 rings were made for it within 60 s"), "{}", world.told[0]);
    for (rings, kinds) in [(4, &[][..]), (5, &[AnomalyKind::Churn])] {
        let mut world = World::new();
        world.pass(10, |_, _| {});
        world.pass(10, |source, second| source.allocations += u64::from(second < rings));
        assert_eq!(world.kinds(), kinds, "{rings} rings");
    }
}

#[test]
fn a_removed_buffer_held_for_long_fires_and_one_that_is_let_go_does_not() {
    let holder = |buffer| RemovedHolder { buffer, told: "held by process 4711, taken at detector.py:88".into() };
    let mut world = World::new();
    world.pass(50, |source, _| source.removed_holders = vec![holder(3)]);
    world.pass(50, |source, _| source.removed_holders = vec![holder(4)]);
    world.pass(10, |source, _| source.removed_holders.clear());
    // Let go, and taken again: both together are not one.
    world.pass(50, |source, _| source.removed_holders = vec![holder(3)]);
    world.pass(10, |source, _| source.removed_holders.clear());
    assert_eq!(world.kinds(), []);
    world.pass(70, |source, _| source.removed_holders = vec![holder(5), holder(5)]);
    assert_eq!(world.kinds(), [AnomalyKind::RemovedAndHeld]);
    assert!(world.told[0].evidence.contains("4711") && world.told[0].evidence.contains("detector.py:88"));
}

#[test]
fn a_writer_that_writes_nothing_fires_and_a_source_without_one_does_not() {
    let mut world = World::new();
    world.pass(10, |_, _| {});
    world.stand(29, |_, _| {});
    world.pass(10, |source, _| source.gaps = 1);
    world.stand(1000, |source, _| source.has_writer = false);
    assert_eq!(world.kinds(), []);
    // However long: who writes nothing has no rate that could be wrong.
    world.stand(300, |source, _| source.has_writer = true);
    assert_eq!(world.kinds(), [AnomalyKind::StalledWriter]);
    assert!(world.told[0].evidence.contains("written nothing for "), "{}", world.told[0]);
    // One that never wrote is stalled, too.
    let mut world = World::new();
    world.stand(40, |_, _| {});
    assert_eq!(world.kinds(), [AnomalyKind::StalledWriter]);
}

#[test]
fn a_writer_off_its_rate_fires_and_bursts_drift_and_gaps_do_not() {
    let mut world = World::new();
    // 100 ppm, and bursts of five seconds that come late.
    world.stand(600, |source, second| {
        if second % 5 == 4 {
            source.frames += 5 * 48_005;
        }
    });
    // A stall of ten seconds that is made up for at once.
    for _ in 0..5 {
        world.stand(10, |_, _| {});
        world.stand(1, |source, _| source.frames += 480_000);
        world.pass(60, |_, _| {});
    }
    // Half the audio lost, in gaps that are on record.
    world.stand(300, |source, second| {
        source.frames += 48_000 * u64::from(second % 20 < 10);
        source.gaps += u64::from(second % 20 == 10);
    });
    // A ring that is made anew again and again, and counts from zero each time.
    world.stand(300, |source, second| {
        source.buffer += u64::from(second % 25 == 0);
        source.frames = 48_000 * (1 + second as u64 % 25);
    });
    assert_eq!(world.kinds(), []);
    world.stand(200, |source, _| source.frames += 44_100);
    assert_eq!(world.kinds(), [AnomalyKind::WriterRate]);
    assert!(world.told[0].evidence.contains("44100 frames a second"), "{}", world.told[0]);
    let mut world = World::new();
    world.stand(200, |source, _| source.frames += 96_000);
    assert_eq!(world.kinds(), [AnomalyKind::WriterRate]);
}

#[test]
fn reads_that_are_lapped_again_and_again_fire_and_single_ones_do_not() {
    let mut world = World::new();
    world.pass(600, |source, second| source.evictions += u64::from(second % 10 == 0));
    // Those of another ring, which are old.
    world.pass(60, |source, second| {
        source.buffer += u64::from(second == 0);
        source.evictions = 1000;
    });
    // Nine within a minute are one too few.
    world.pass(9, |source, _| source.evictions += 1);
    world.pass(60, |_, _| {});
    assert_eq!(world.kinds(), []);
    world.pass(10, |source, _| source.evictions += 1);
    assert_eq!(world.kinds(), [AnomalyKind::LappedReader]);
    assert!(world.told[0].evidence.contains("10 reads within 60 s came too late"), "{}", world.told[0]);
}

#[test]
fn a_request_for_another_shape_fires() {
    let mut world = World::new();
    world.now.sources[0].spec_mismatches = 5;
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), []);
    world.pass(1, |source, _| {
        source.spec_mismatches += 1;
        source.conflict = ", last at b.go:2".into();
    });
    assert_eq!(world.kinds(), [AnomalyKind::SpecConflict]);
    let evidence = "it was asked for in another shape 1 times within 60 s, last at b.go:2";
    assert_eq!(world.told[0].evidence, evidence);
}

#[test]
fn a_budget_that_is_nearly_used_fires_and_one_that_is_half_used_does_not() {
    let mut world = World::new();
    world.now.budget = Some((89, 100));
    world.pass(10, |_, _| {});
    world.now.budget = None;
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), []);
    world.now.budget = Some((90, 100));
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), [AnomalyKind::Budget]);
    assert_eq!(world.told[0].evidence, "90 of 100 bytes are used");
}

#[test]
fn a_domain_that_fills_where_it_lies_fires_and_one_with_room_does_not_whatever_others_fill() {
    let mut world = World::new();
    // Half of it; little, where others have taken the rest but as much again; none, where others have taken all; no bound.
    for room in [Some((500, 500)), Some((10, 10)), Some((0, 0)), None] {
        world.now.room = room;
        world.pass(10, |_, _| {});
    }
    assert_eq!(world.kinds(), []);
    world.now.room = Some((899, 101));
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), []);
    world.now.room = Some((900, 100));
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), [AnomalyKind::Budget]);
    assert!(world.told[0].evidence.contains("900 bytes, and where they lie 100 are left"), "{}", world.told[0]);
    // Beside the budget it is another thing.
    world.now.budget = Some((100, 100));
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), [AnomalyKind::Budget; 2]);
}

#[test]
fn one_source_under_two_names_fires_and_two_sources_do_not() {
    let named = |key, name: &str| ObservedSource {
        key,
        name: crate::redact(name),
        canonical: Some(canonical(name)),
        ..source()
    };
    let fires = |one: &str, other: &str| {
        let mut rules = Rules::new(WatchSettings::default());
        let sources = vec![named(1, one), named(2, other)];
        let told = rules.step(&Snapshot { sources, ..Snapshot::default() });
        assert!(told.iter().all(|anomaly| !anomaly.to_string().contains("sesame")));
        let evidence = told.iter().map(|anomaly| anomaly.evidence.as_str());
        evidence.map(str::to_owned).next().filter(|_| told[0].kind == AnomalyKind::SourceUnderTwoNames)
    };
    for (one, other) in [
        ("rtsp://me:sesame@cam/1", "rtsp://you:sesame@cam/1"),
        ("rtsp://me:sesame@cam/1", "rtsp://cam/1"),
        ("rtsp://cam/1", "rtsp://cam/1/"),
        ("rtsp://CAM/1", "RTSP://cam/1"),
    ] {
        let evidence = fires(one, other).unwrap_or_else(|| panic!("{one} {other}"));
        let (names, credentials) = (crate::redact(one), "names that differ in their credentials");
        assert!(evidence.contains(&format!("under the name {names}")) || evidence.contains(credentials), "{evidence}");
    }
    for (one, other) in [
        ("rtsp://cam/1", "rtsp://cam/2"),
        ("rtsp://cam/a", "rtsp://cam/A"),
        ("http://cam/1", "rtsp://cam/1"),
        ("rtsp://cam/1?channel=1", "rtsp://cam/1?channel=2"),
        ("tone:440", "TONE:440"),
        ("http://cam/1?password=a@sesame", "http://cam/2?password=a@sesame"),
    ] {
        assert_eq!(fires(one, other), None, "{one} {other}");
    }
}

/// 24 hours. About every half hour the stream is lost for up to 20 s, with a gap, now and then with a new writer; every few hours the
/// recorder starts again, and somebody keeps the old ring for a while; readers come late once in a while; of four paths that ask for the
/// source one is refused, now and then.
fn a_normal_day(settings: WatchSettings) -> Vec<Anomaly> {
    let mut world = World::with(settings);
    let mut dice = 1_u64;
    let mut next = move |below: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % below
    };
    let (mut away, mut due) = (0, 0);
    world.stand(24 * 3600, |source, _| {
        if away > 0 {
            away -= 1;
            if away == 0 {
                source.gaps += 1;
                source.has_writer = true;
            }
        } else {
            // Arrival is never even.
            due += 48_000;
            if next(4) > 0 {
                source.frames += std::mem::take(&mut due);
            }
            if next(1800) == 0 {
                away = 1 + next(20);
                source.has_writer = next(2) == 0;
            }
            if next(10_000) == 0 {
                let told = "held by process 4711".to_owned();
                source.removed_holders = vec![RemovedHolder { buffer: source.buffer, told }];
                source.buffer += 1;
                source.allocations += 1;
                (source.frames, source.gaps, source.evictions) = (0, 0, 0);
            }
        }
        if next(10) == 0 {
            source.removed_holders.clear();
        }
        if next(1000) == 0 {
            refused(source, ["a.go:1", "b.go:2", "c.go:3", "d.go:4"][next(4) as usize]);
        }
        source.evictions += u64::from(next(300) == 0);
    });
    world.told
}

#[test]
fn a_normal_day_with_reconnects_raises_nothing() {
    let wrong: Vec<_> = a_normal_day(WatchSettings::default()).iter().map(ToString::to_string).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_normal_day_has_everything_in_it_that_raises_something_where_less_is_borne() {
    let strict = WatchSettings {
        repeated_allocations: 1,
        churn_allocations: 1,
        removed_held: Duration::from_secs(5),
        stalled: Duration::from_secs(10),
        rate_tolerance: 0.001,
        lapped_reads: 1,
        ..WatchSettings::default()
    };
    let told = a_normal_day(strict);
    for kind in [
        AnomalyKind::RepeatedAllocation,
        AnomalyKind::Churn,
        AnomalyKind::RemovedAndHeld,
        AnomalyKind::StalledWriter,
        AnomalyKind::WriterRate,
        AnomalyKind::LappedReader,
    ] {
        assert!(told.iter().any(|anomaly| anomaly.kind == kind), "no {}", kind.name());
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut rules = Rules::new(WatchSettings { stalled: Duration::from_secs(1), ..WatchSettings::default() });
    for round in 0..4 {
        let sources: Vec<_> = (0..1000).map(|key| ObservedSource { key: round * 1000 + key, ..source() }).collect();
        for second in 0..3 {
            let ns = (round as i64 * 3 + second) * SECOND;
            rules.step(&Snapshot { sources: sources.clone(), monotonic_ns: ns, utc_ns: ns, ..Snapshot::default() });
        }
    }
    assert_eq!(rules.found().len(), 1024);
}

#[test]
fn kinds_and_severities_have_names_of_their_own() {
    for (number, kind) in AnomalyKind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, number);
        assert_eq!(AnomalyKind::ALL.iter().filter(|other| other.name() == kind.name()).count(), 1);
    }
}
