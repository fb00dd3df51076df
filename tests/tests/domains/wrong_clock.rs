//! A recorder with a wrong clock, and the one that follows it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::worker::{Folder, SOURCE, Worker, numbers};

const SECOND_NS: i64 = 1_000_000_000;
const HOUR_NS: i64 = 3600 * SECOND_NS;

fn now_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64
}

/// Writes `seconds` seconds of audio from a time on, in chunks of a tenth of a second.
fn write(worker: &mut Worker, first: u64, seconds: i64, utc_ns: i64) {
    for tenth in 0..seconds * 10 {
        let end = first + (tenth as u64 + 1) * 4800;
        worker.expect(&format!("write-at 4800 {}", utc_ns + tenth * SECOND_NS / 10), &format!("written {end}"));
    }
}

/// Asserts that a span of time has these frames at its times, to 10 ns.
fn expect_at(reader: &mut Worker, times: [i64; 2], frames: [u64; 2]) {
    let reply = reader.request(&format!("read-time {} {}", times[0], times[1]));
    let found = numbers(&reply);
    assert!(found.len() == 4 && found[..2] == frames, "{reply}, not frames {frames:?}");
    let is_near = |(found, time): (&u64, i64)| found.abs_diff(time.unsigned_abs()) <= 10;
    assert!(found[2..].iter().zip(times).all(is_near), "{reply}, not {times:?}");
}

#[test]
fn audio_of_a_recorder_an_hour_ahead_hides_none_of_its_successor() {
    let folder = Folder::new();
    let mut wrong = Worker::open(&folder);
    wrong.request(&format!("allocate {SOURCE} 960000"));
    wrong.expect("writer", "writer 0");
    let mut reader = Worker::get(&folder);
    let begin_ns = now_ns() - 10 * SECOND_NS;
    write(&mut wrong, 0, 5, begin_ns + HOUR_NS - 5 * SECOND_NS);
    let old = [begin_ns + HOUR_NS - 2 * SECOND_NS, begin_ns + HOUR_NS - SECOND_NS];
    expect_at(&mut reader, old, [144_000, 192_000]);
    wrong.end();

    let mut right = Worker::get(&folder);
    right.expect("writer", "writer 240000");
    write(&mut right, 240_000, 10, begin_ns);
    // From the first chunk on, around the middle, up to the end: each at its time.
    for (from_s, to_s) in [(0, 1), (4, 6), (9, 10)] {
        let times = [from_s, to_s].map(|second| begin_ns + second * SECOND_NS);
        expect_at(&mut reader, times, [from_s, to_s].map(|second| 240_000 + second.unsigned_abs() * 48_000));
    }
    // What an hour later will be is not what the wrong clock said.
    reader.expect_error(&format!("read-time {} {}", old[0], old[1]), "NotYet");
    // By numbers, all is there.
    reader.expect("read 0 720000", "right 720000");
    let found = reader.request("look");
    assert!(found.starts_with("wrong ") && found.contains("clock set back"), "{found}");
}

#[test]
fn epoch_begins_under_a_reader_without_a_wrong_time() {
    let folder = Folder::new();
    let mut witness = Worker::open(&folder);
    witness.request(&format!("allocate {SOURCE} 960000"));
    let registry = folder.open();
    let buffer = registry.get(SOURCE).unwrap();
    // Each writer begins two seconds behind the end of the one before.
    let base_ns = now_ns() - 1000 * SECOND_NS;
    let mut writer = Worker::get(&folder);
    let (end, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                let Some(newest_ns) = buffer.status().newest_utc_ns else { continue };
                let span = capbuf::Span::Time(newest_ns - SECOND_NS / 2..newest_ns);
                let Ok(segment) = buffer.read(span) else { continue };
                // All epochs share one line of times: second s of epoch n is frame n x 144000 + s.
                let (first, start_ns) = (segment.first_frame(), segment.start_utc_ns());
                let epoch = first / 144_000;
                let expected_ns = base_ns + epoch as i64 * SECOND_NS + (first % 144_000) as i64 * 1_000_000 / 48;
                assert!((start_ns - expected_ns).abs() < 100_000, "frame {first} at {start_ns}, not {expected_ns}");
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Enough for reads beside all moments of a change.
        for epoch in (0..2000).take_while(|epoch| *epoch < 20 || reads.load(Ordering::Relaxed) < 200) {
            writer.expect("writer", &format!("writer {}", epoch * 144_000));
            write(&mut writer, epoch * 144_000, 3, base_ns + epoch as i64 * SECOND_NS);
            writer.expect("drop-writer", "dropped");
        }
        end.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert!(reads.into_inner() >= 200, "the reader has seen too little");
}
