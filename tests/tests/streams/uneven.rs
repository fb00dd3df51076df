//! Streams whose packets come unevenly, or bear uneven timestamps: each sample is in the ring once,
//! and no silence between them.

use capbuf::{ReadOptions, Span};
use capbuf_tests::{OddPort, OddServer};

use crate::{Recording, rtsp};

const RATE_HZ: u64 = 8000;

/// The number of a sample, as the server counts them, of which a sample has the low bits.
fn number(sample: i16) -> u64 {
    (i64::from(sample) + 0x4000).cast_unsigned() & 0x7fff
}

/// The UTC time, in ns, at which the first sample of a path was captured.
fn began_ns(server: &OddServer, path: &str) -> i64 {
    let line = server.requests().into_iter().find(|line| line.starts_with(&format!("plays {path} "))).unwrap();
    (line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap() * 1e9) as i64
}

/// Records `seconds` of a path, and checks that they are whole but for `lost` frames. Returns the
/// error of the time of the last second, in ms.
fn error_ms(server: &OddServer, url: &str, path: &str, seconds: u64, lost: u64) -> i64 {
    let recording = Recording::open(url);
    recording.wait_for_frames(seconds * RATE_HZ);
    let buffer = recording.capture.buffer();
    let options = ReadOptions::new().available().silence(false);
    let all = buffer.read_with(Span::Frames(0..seconds * RATE_HZ), &options).unwrap();
    let samples = all.samples().get::<i16>().unwrap();
    let mut missing = 0;
    for (at, pair) in samples.windows(2).enumerate() {
        let step = number(pair[1]).wrapping_sub(number(pair[0])) & 0x7fff;
        assert!(step == 1 || step <= lost + 1, "{path}: frame {at} goes on by {step}");
        missing += step - 1;
    }
    assert_eq!((missing, all.silence_frames()), (lost, 0), "{path}");
    let gaps: i64 = all.gaps().iter().map(|gap| gap.gap.duration_ns).sum();
    assert_eq!(gaps / 1_000_000, (lost * 1000 / RATE_HZ).cast_signed(), "{path}: {:?}", all.gaps());
    // The last second, as the first guess may have been corrected.
    let began_ns = began_ns(server, path);
    let first = (seconds - 1) * RATE_HZ;
    let tail = buffer.read(Span::Frames(first..first + 1)).unwrap();
    let sample = number(tail.samples().get::<i16>().unwrap()[0]);
    let label = (tail.start_utc_ns() - began_ns) as f64 * RATE_HZ as f64 / 1e9;
    // The number whose low bits these are, nearest to the label.
    let turns = ((label - sample as f64) / 32_768.0).round();
    ((label - sample as f64 - turns * 32_768.0) * 1000.0 / RATE_HZ as f64).round() as i64
}

#[test]
fn packets_that_come_or_are_stamped_unevenly_are_whole_audio() {
    let server = OddServer::start().unwrap();
    let faults = [
        ("even", 0),
        ("jitter=5", 0),
        ("jitter=10", 0),
        ("jitter=50", 0),
        ("wall&burst=0.04", 0),
        ("wall&burst=0.3", 0),
        ("wall&burst=1", 0),
        ("burst=1", 0),
        ("stall=3:1.5", 0),
        ("wall&stall=3:1.5", 0),
        ("backlog=3", 0),
        ("lose=3:10", 1600),
    ];
    std::thread::scope(|scope| {
        let recordings = faults.map(|(faults, lost)| {
            let server = &server;
            (
                faults,
                scope.spawn(move || {
                    let path = format!("{faults}/L16:{RATE_HZ}:1:count");
                    error_ms(server, &rtsp(server, &path), &path, 7, lost)
                }),
            )
        });
        for (faults, recording) in recordings {
            let error_ms = recording.join().unwrap_or_else(|_| panic!("{faults}"));
            // ffmpeg passes a burst of equal timestamps on with the next one: a second late.
            // The backlog is longer.
            assert!((-100..2000).contains(&error_ms), "{faults}: times are {error_ms} ms off");
        }
    });
}

#[test]
fn audio_that_comes_in_large_writes_has_the_times_of_its_capture() {
    let server = OddServer::start().unwrap();
    // The seconds between two writes, and those until the times are compared.
    let writes = [("writes/0.5", 6), ("writes/1", 7), ("writes/2", 11), ("writes/4", 17)];
    std::thread::scope(|scope| {
        let recordings = writes.map(|(path, seconds)| {
            let server = &server;
            let url = format!("http://127.0.0.1:{}/{path}", server.port(OddPort::Plain));
            (path, scope.spawn(move || error_ms(server, &url, path, seconds, 0)))
        });
        for (path, recording) in recordings {
            let error_ms = recording.join().unwrap_or_else(|_| panic!("{path}"));
            // A busy machine is late by less than the shortest of the pauses.
            assert!((-100..400).contains(&error_ms), "{path}: times are {error_ms} ms off");
        }
    });
}
