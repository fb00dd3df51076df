//! The constant delay of a source, taken off its times.

use capbuf::{ClockSource, MAX_LATENCY_NS, Registry, SampleFormat, Span, Writer};
use capbuf_capture::{
    Backoff, Capture, CaptureOptions, Error, Format, RequestedFormat, Result, RunOutcome, Source, State, Stop,
};

use crate::waiting::{wait_for_state, wait_until};

const FORMAT: Format = Format { sample_rate_hz: 8000, channels: 1, sample_format: SampleFormat::S16 };
const AT_NS: i64 = 1_800_000_000_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// A source that is lost once, and writes a tenth of a second of each second that it is opened in.
struct LostOnce {
    opened: i64,
}

impl Source for LostOnce {
    fn open(&mut self, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        self.opened += 1;
        Ok(FORMAT)
    }

    fn run(&mut self, mut writer: Writer, _: &Stop) -> Result<RunOutcome> {
        writer.write_at(&[1_i16; 800], AT_NS + self.opened * SECOND_NS)?;
        if self.opened > 1 {
            return Ok(RunOutcome::Finished);
        }
        Err(Error::Stream { source_name: "lost once".to_owned(), reason: "unplugged".to_owned() })
    }
}

#[test]
fn latency_is_taken_off_all_times_also_after_a_reconnect_and_with_conversion() {
    let backoff = Backoff::new(std::time::Duration::from_millis(1), std::time::Duration::from_millis(2));
    for (latency_ns, gain_db) in [(44_000_000, 0.0), (-1_500_000_000, 0.0), (44_000_000, 6.0)] {
        let options = CaptureOptions::new().backoff(backoff.clone()).latency(latency_ns).gain_db(gain_db);
        let source = Box::new(LostOnce { opened: 0 });
        let capture = Capture::start_source(&Registry::private(), "lost once", source, &options).expect("it starts");
        wait_for_state(&capture, "its end", State::has_ended);
        for (opening, frames) in [(1, 0..800), (2, 800..1600)] {
            let segment = capture.buffer().read(Span::Frames(frames)).expect("all of it");
            assert_eq!(segment.start_utc_ns(), AT_NS + opening * SECOND_NS - latency_ns, "opening {opening}");
            assert_eq!(segment.timing().latency_ns, latency_ns, "opening {opening}");
        }
    }
}

#[test]
fn latency_of_a_test_signal_is_reported() {
    let options = CaptureOptions::new().latency(30 * SECOND_NS);
    let capture = Capture::start(&Registry::private(), "tone:440", &options).expect("it starts");
    wait_until("audio", || capture.buffer().frames().end > 0);
    let timing = capture.buffer().status().timing.expect("it has audio");
    assert_eq!(timing.latency_ns, 30 * SECOND_NS);
    assert!(ClockSource::ALL.contains(&timing.clock));
}

#[test]
fn latency_of_more_than_a_minute_is_refused() {
    for latency_ns in [MAX_LATENCY_NS + 1, -MAX_LATENCY_NS - 1, i64::MAX, i64::MIN] {
        let options = CaptureOptions::new().latency(latency_ns);
        let refused = Capture::start(&Registry::private(), "tone:440", &options).expect_err("too long").to_string();
        assert!(refused.contains(&latency_ns.to_string()) && refused.contains("60 s"), "{refused}");
    }
}
