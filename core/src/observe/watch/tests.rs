//! Tests that each rule fires when it must, and only then.

use std::time::Duration;

use super::rules::Rules;
use super::settings::WatchSettings;
use super::snapshot::{ObservedSource, RemovedHolder, Snapshot};
use crate::observe::canonical::Canonical;
use crate::observe::report::NewEpoch;
use crate::track::{Anomaly, AnomalyKind};

const SECOND: i64 = 1_000_000_000;

/// One source, a clock, and the events of the rules.
struct World {
    rules: Rules,
    now: Snapshot,
    events: Vec<Anomaly>,
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
        Self { rules: Rules::new(settings), now, events: Vec::new() }
    }

    /// Passes `seconds` with the source written at its rate; applies `change` each second.
    fn pass(&mut self, seconds: i64, mut change: impl FnMut(&mut ObservedSource, i64)) {
        self.stand(seconds, |source, second| {
            source.frames += 48_000;
            change(source, second);
        });
    }

    /// Passes `seconds` with nothing written but what `change` writes.
    fn stand(&mut self, seconds: i64, mut change: impl FnMut(&mut ObservedSource, i64)) {
        for second in 0..seconds {
            self.now.utc_ns += SECOND;
            self.now.monotonic_ns += SECOND;
            change(&mut self.now.sources[0], second);
            self.events.extend(self.rules.step(&self.now));
        }
    }

    fn kinds(&self) -> Vec<AnomalyKind> {
        self.events.iter().map(|anomaly| anomaly.kind).collect()
    }
}

fn refused(source: &mut ObservedSource, place: &str) {
    match source.refused.iter_mut().find(|(at, _)| at == place) {
        Some((_, count)) => *count += 1,
        None => source.refused.push((place.to_owned(), 1)),
    }
}

#[test]
fn refused_allocations_from_one_place_fire_and_from_several_do_not() {
    let mut world = World::new();
    world.pass(100, |source, second| {
        // Two from each place are one too few.
        if second < 2 {
            refused(source, "a.go:1");
            refused(source, "b.go:2");
        }
    });
    assert_eq!(world.kinds(), []);
    // Three from one place fire, once while it lasts.
    world.pass(21, |source, second| {
        if second % 10 == 0 {
            refused(source, "a.go:1");
        }
    });
    assert_eq!(world.kinds(), [AnomalyKind::RepeatedAllocation]);
    assert!(world.events[0].evidence.contains("called 3 times within 60 s"), "{}", world.events[0]);
    assert!(world.events[0].evidence.contains("at a.go:1"), "{}", world.events[0]);
    world.pass(20, |source, _| refused(source, "a.go:1"));
    assert_eq!(world.kinds().len(), 1);
    let lasted = &world.rules.found()[0];
    assert_eq!((lasted.first_utc_ns, lasted.last_utc_ns), (world.events[0].first_utc_ns, world.now.utc_ns));
    world.pass(200, |_, _| {});
    world.pass(50, |source, _| refused(source, "a.go:1"));
    assert_eq!(world.kinds().len(), 2, "a recurrence is reported again");
    assert_eq!(world.rules.found()[0].count, 2);
    // Another place is another anomaly, even while the first one lasts.
    world.pass(10, |source, _| {
        refused(source, "a.go:1");
        refused(source, "b.go:2");
    });
    assert_eq!(world.rules.found().len(), 2);
    assert!(world.events[2].evidence.contains("at b.go:2"), "{}", world.events[2]);
}

#[test]
fn refusals_before_the_first_look_do_not_count() {
    let mut world = World::new();
    world.now.sources[0].refused.push(("a.go:1".into(), 1000));
    world.pass(100, |_, _| {});
    assert_eq!(world.kinds(), []);
}

#[test]
fn churn_fires_with_and_without_tracking_and_reconnects_do_not() {
    let mut world = World::new();
    // Reconnects: three per minute, each with a gap, in the same ring. Then restarts, each with a
    // new ring.
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
    assert!(world.events[0].evidence.contains("5 rings were allocated for it within 60 s"), "{}", world.events[0]);
    for (rings, kinds) in [(4, &[][..]), (5, &[AnomalyKind::Churn])] {
        let mut world = World::new();
        world.pass(10, |_, _| {});
        world.pass(10, |source, second| source.allocations += u64::from(second < rings));
        assert_eq!(world.kinds(), kinds, "{rings} rings");
    }
}

#[test]
fn removed_buffer_held_too_long_fires_and_a_released_one_does_not() {
    let holder = |buffer| RemovedHolder { buffer, text: "held by process 4711, taken at detector.py:88".into() };
    let mut world = World::new();
    world.pass(50, |source, _| source.removed_holders = vec![holder(3)]);
    world.pass(50, |source, _| source.removed_holders = vec![holder(4)]);
    world.pass(10, |source, _| source.removed_holders.clear());
    // Released and held again: the two times do not add up.
    world.pass(50, |source, _| source.removed_holders = vec![holder(3)]);
    world.pass(10, |source, _| source.removed_holders.clear());
    assert_eq!(world.kinds(), []);
    world.pass(70, |source, _| source.removed_holders = vec![holder(5), holder(5)]);
    assert_eq!(world.kinds(), [AnomalyKind::RemovedAndHeld]);
    assert!(world.events[0].evidence.contains("4711") && world.events[0].evidence.contains("detector.py:88"));
}

#[test]
fn silent_writer_fires_and_a_source_without_writer_does_not() {
    let mut world = World::new();
    world.pass(10, |_, _| {});
    world.stand(29, |_, _| {});
    world.pass(10, |source, _| source.gaps = 1);
    world.stand(1000, |source, _| source.has_writer = false);
    assert_eq!(world.kinds(), []);
    // However long, only this fires: a silent writer has no rate.
    world.stand(300, |source, _| source.has_writer = true);
    assert_eq!(world.kinds(), [AnomalyKind::StalledWriter]);
    assert!(world.events[0].evidence.contains("written nothing for "), "{}", world.events[0]);
    // A writer that never wrote is stalled, too.
    let mut world = World::new();
    world.stand(40, |_, _| {});
    assert_eq!(world.kinds(), [AnomalyKind::StalledWriter]);
}

#[test]
fn writer_off_its_rate_fires_and_bursts_drift_and_gaps_do_not() {
    let mut world = World::new();
    // 100 ppm of drift, in late bursts of five seconds.
    world.stand(600, |source, second| {
        if second % 5 == 4 {
            source.frames += 5 * 48_005;
        }
    });
    // Stalls of ten seconds, each followed by its audio in one burst.
    for _ in 0..5 {
        world.stand(10, |_, _| {});
        world.stand(1, |source, _| source.frames += 480_000);
        world.pass(60, |_, _| {});
    }
    // Half the audio lost, in recorded gaps.
    world.stand(300, |source, second| {
        source.frames += 48_000 * u64::from(second % 20 < 10);
        source.gaps += u64::from(second % 20 == 10);
    });
    // New rings again and again, each counting from zero.
    world.stand(300, |source, second| {
        source.buffer += u64::from(second % 25 == 0);
        source.frames = 48_000 * (1 + second as u64 % 25);
    });
    assert_eq!(world.kinds(), []);
    world.stand(200, |source, _| source.frames += 44_100);
    assert_eq!(world.kinds(), [AnomalyKind::WriterRate]);
    assert!(world.events[0].evidence.contains("44100 frames a second"), "{}", world.events[0]);
    let mut world = World::new();
    world.stand(200, |source, _| source.frames += 96_000);
    assert_eq!(world.kinds(), [AnomalyKind::WriterRate]);
}

#[test]
fn frequent_late_reads_fire_and_single_ones_do_not() {
    let mut world = World::new();
    world.pass(600, |source, second| source.evictions += u64::from(second % 10 == 0));
    // Evictions of another ring before it was first seen.
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
    assert!(world.events[0].evidence.contains("10 reads within 60 s came too late"), "{}", world.events[0]);
}

#[test]
fn new_epoch_fires_once_and_an_old_one_does_not() {
    let mut world = World::new();
    let epoch = |utc_ns| Some(NewEpoch { first_frame: 5, utc_ns, back_ns: 3600 * SECOND });
    world.now.utc_ns = 1000 * SECOND;
    world.now.sources[0].epoch = epoch(0);
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), []);
    world.now.sources[0].epoch = epoch(1005 * SECOND);
    world.pass(200, |_, _| {});
    assert_eq!(world.kinds(), [AnomalyKind::ClockSetBack]);
    assert_eq!(world.events[0].evidence, "from frame 5 on its times lie 3600.000 s back");
}

#[test]
fn request_with_another_spec_fires() {
    let mut world = World::new();
    world.now.sources[0].spec_mismatches = 5;
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), []);
    world.pass(1, |source, _| {
        source.spec_mismatches += 1;
        source.conflict = ", last at b.go:2".into();
    });
    assert_eq!(world.kinds(), [AnomalyKind::SpecConflict]);
    let evidence = "it was requested with another spec 1 times within 60 s, last at b.go:2";
    assert_eq!(world.events[0].evidence, evidence);
}

#[test]
fn nearly_used_budget_fires_and_less_used_ones_do_not() {
    let mut world = World::new();
    world.now.budget = Some((89, 100));
    world.pass(10, |_, _| {});
    world.now.budget = None;
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), []);
    world.now.budget = Some((90, 100));
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), [AnomalyKind::Budget]);
    assert_eq!(world.events[0].evidence, "90 of 100 bytes are used");
}

#[test]
fn domain_filling_its_file_system_fires_and_other_users_filling_it_do_not() {
    let mut world = World::new();
    // Half used by the domain; nearly full, of others' files; full, of others' files; no bound.
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
    assert!(
        world.events[0].evidence.contains("900 bytes, and 100 bytes are free in its file system"),
        "{}",
        world.events[0]
    );
    // The budget is another anomaly.
    world.now.budget = Some((100, 100));
    world.pass(10, |_, _| {});
    assert_eq!(world.kinds(), [AnomalyKind::Budget; 2]);
}

#[test]
fn source_under_two_names_fires_and_two_sources_do_not() {
    let named = |key, name: &str| ObservedSource {
        key,
        name: crate::redact(name),
        canonical: Some(Canonical::of(name)),
        ..source()
    };
    let fires = |one: &str, other: &str| {
        let now = Snapshot { sources: vec![named(1, one), named(2, other)], ..Snapshot::default() };
        let events = Rules::new(WatchSettings::default()).step(&now);
        assert!(events.iter().all(|anomaly| !anomaly.to_string().contains("sesame")));
        events.into_iter().find(|anomaly| anomaly.kind == AnomalyKind::SourceUnderTwoNames).map(|found| found.evidence)
    };
    for (one, other) in [
        ("rtsp://me:sesame@cam/1", "rtsp://you:sesame@cam/1"),
        ("rtsp://me:sesame@cam/1", "rtsp://cam/1"),
        ("rtsp://cam/1", "rtsp://cam/1/"),
        ("rtsp://CAM/1", "RTSP://cam/1"),
        ("http://cam/1?channel=1&password=sesame", "http://cam/1?channel=1&password=a@sesame"),
    ] {
        let evidence = fires(one, other).unwrap_or_else(|| panic!("{one} {other}"));
        let (names, credentials) = (crate::redact(one), "names that differ in their credentials");
        assert!(evidence.contains(&format!("under the name {names}")) || evidence.contains(credentials), "{evidence}");
    }
    for (one, other) in [
        ("rtsp://cam/1", "rtsp://cam/2"),
        ("rtsp://cam/a", "rtsp://cam/A"),
        ("http://cam/1", "rtsp://cam/1"),
        ("rtsp://cam/1?camera=nest", "rtsp://cam/1?camera=yard"),
        ("tone:440", "TONE:440"),
        ("http://cam/1?password=a@sesame", "http://cam/2?password=a@sesame"),
    ] {
        assert_eq!(fires(one, other), None, "{one} {other}");
    }
}

/// 24 hours. About every half hour the stream is lost for up to 20 s, with a gap, sometimes with a
/// new writer. Every few hours the recorder restarts, and a process holds the old ring for a while.
/// Some reads come too late. Some calls of `allocate`, from four places, are refused.
fn normal_day(settings: WatchSettings) -> Vec<Anomaly> {
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
            // Chunks arrive unevenly.
            due += 48_000;
            if next(4) > 0 {
                source.frames += std::mem::take(&mut due);
            }
            if next(1800) == 0 {
                away = 1 + next(20);
                source.has_writer = next(2) == 0;
            }
            if next(10_000) == 0 {
                let text = "held by process 4711".to_owned();
                source.removed_holders = vec![RemovedHolder { buffer: source.buffer, text }];
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
    world.events
}

#[test]
fn normal_day_with_reconnects_raises_nothing() {
    let wrong: Vec<_> = normal_day(WatchSettings::default()).iter().map(ToString::to_string).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn normal_day_raises_each_kind_under_stricter_settings() {
    let strict = WatchSettings {
        repeated_allocations: 1,
        churn_allocations: 1,
        removed_held: Duration::from_secs(5),
        stalled: Duration::from_secs(10),
        rate_tolerance: 0.001,
        lapped_reads: 1,
        ..WatchSettings::default()
    };
    let events = normal_day(strict);
    for kind in [
        AnomalyKind::RepeatedAllocation,
        AnomalyKind::Churn,
        AnomalyKind::RemovedAndHeld,
        AnomalyKind::StalledWriter,
        AnomalyKind::WriterRate,
        AnomalyKind::LappedReader,
    ] {
        assert!(events.iter().any(|anomaly| anomaly.kind == kind), "no {}", kind.name());
    }
}

#[test]
fn number_of_remembered_anomalies_is_bounded() {
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
fn kinds_are_numbered_in_order_and_have_unique_names() {
    for (number, kind) in AnomalyKind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, number);
        assert_eq!(AnomalyKind::ALL.iter().filter(|other| other.name() == kind.name()).count(), 1);
    }
}

#[test]
fn source_that_is_down_fires_once_until_it_runs() {
    let mut world = World::new();
    world.pass(3, |source, _| source.down = None);
    world.stand(5, |source, _| source.down = Some("backing off: connection refused".into()));
    assert_eq!(world.kinds(), [AnomalyKind::SourceDown]);
    assert!(world.events[0].evidence.ends_with("not recorded: backing off: connection refused"));
    world.pass(3, |source, _| source.down = None);
    world.stand(5, |source, _| source.down = Some("failed".into()));
    assert_eq!(world.kinds(), [AnomalyKind::SourceDown; 2]);
}
