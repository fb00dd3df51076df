//! The sender's clock: an RTSP server reports when it captured, and the times are as true as its
//! clock, whatever the delay of its network.

use capbuf::{ClockSource, GapReason, Segment, Span};
use capbuf_capture::{CaptureOptions, State, StreamOptions, Times};
use capbuf_tests::{ClockServer, wait_until};

use super::{DEADLINE, Recording};

const MS_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;

impl Recording {
    /// The newest tenth of a second.
    fn newest(&self) -> Option<Segment> {
        let tenth = self.frames().checked_sub(800)?;
        self.capture.buffer().read(Span::Frames(tenth..tenth + 800)).ok()
    }

    fn clock(&self) -> Option<ClockSource> {
        self.newest().map(|newest| newest.timing().clock)
    }

    /// The lateness of the newest times, by the clock that made the audio.
    fn lateness_ns(&self) -> i64 {
        let newest = self.newest().expect("audio");
        ClockServer::lateness_ns(newest.samples().get::<i16>().expect("s16")[0], newest.start_utc_ns())
    }

    fn wait_for_sender(&self) {
        let is_sender = || self.clock() == Some(ClockSource::Sender);
        assert!(wait_until(DEADLINE, is_sender), "{:?}, {}", self.clock(), self.capture.state());
    }

    /// Waits until times are late by `skew_ns`, to `within_ns`.
    fn wait_for_skew(&self, skew_ns: i64, within_ns: i64) {
        let is_there = || (self.lateness_ns() - skew_ns).abs() <= within_ns;
        assert!(wait_until(DEADLINE, is_there), "{} ns late, not {skew_ns}", self.lateness_ns());
    }

    /// The gaps in all that was recorded.
    fn gaps(&self) -> Vec<capbuf::Gap> {
        let all = self.capture.buffer().read(Span::Frames(0..self.frames())).expect("all is kept");
        all.gaps().iter().map(|found| found.gap).collect()
    }
}

#[test]
fn delay_of_the_network_is_not_in_times_by_the_senders_clock() {
    let server = ClockServer::start().unwrap();
    let recording = Recording::open(&server.url("skew=-3,delay=1.5"));
    recording.wait_for_sender();
    recording.wait_for_frames(recording.frames() + 8000);
    for _ in 0..3 {
        recording.wait_for_frames(recording.frames() + 4000);
        let error_ns = recording.lateness_ns() + 3 * SECOND_NS;
        assert!(error_ns.abs() <= MS_NS, "{error_ns} ns");
    }
    let gaps = recording.gaps();
    let [gap] = gaps.as_slice() else { panic!("{gaps:?}") };
    assert_eq!((gap.reason, gap.duration_ns), (GapReason::ClockStep, 0), "from arrival to the sender: {gap:?}");
    // 1.5 s of the network, 3 s of the clock, the packets that ffmpeg holds.
    assert!((-5000 * MS_NS..-4400 * MS_NS).contains(&gap.clock_step_ns), "{gap:?}");
}

#[test]
fn sender_whose_clock_is_set_steps_on_record_and_loses_no_audio() {
    let server = ClockServer::start().unwrap();
    let steps = [-2, 1].map(|step| {
        let path = format!("skew=-3.5,delay=0.2,step={step},after=6,every=0.7");
        (step, Recording::open(&server.url(&path)))
    });
    for (step, recording) in &steps {
        recording.wait_for_sender();
        // Lateness of 5.5 s is shown as 2.7 s: positions repeat after 8.192 s.
        let skew_ns = (-3500 + 1000 * step) * MS_NS;
        recording.wait_for_skew(if *step < 0 { skew_ns + 8192 * MS_NS } else { skew_ns }, MS_NS);
        let gaps = recording.gaps();
        let last = gaps.last().expect("a gap");
        assert_eq!(last.reason, GapReason::ClockStep, "{gaps:?}");
        let apart_ns = last.clock_step_ns - step * SECOND_NS;
        assert!(apart_ns.abs() <= 5 * MS_NS && gaps.len() == 2, "{gaps:?}");
        let samples = recording.capture.buffer().read(Span::Frames(0..recording.frames())).unwrap();
        let samples = samples.samples().get::<i16>().unwrap();
        assert!(samples.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(40_503_u16.cast_signed())));
    }
}

#[test]
fn server_without_true_reports_is_recorded_by_arrival() {
    let server = ClockServer::start().unwrap();
    let arrival = StreamOptions::new().times(Times::Arrival);
    let cases = [
        ("silent=1", CaptureOptions::new()),
        ("nonsense=1,every=0.5", CaptureOptions::new()),
        ("skew=2", CaptureOptions::new()),
        ("skew=-3", CaptureOptions::new().stream(arrival)),
    ];
    let cases = cases.map(|(path, options)| (path, Recording::start(&server.url(path), &options).unwrap()));
    for (path, recording) in &cases {
        recording.wait_for_frames(9 * 8000);
        assert_eq!(recording.clock(), Some(ClockSource::Arrival), "{path}");
        assert!(recording.lateness_ns().abs() < SECOND_NS && recording.gaps().is_empty(), "{path}");
        assert!(matches!(recording.capture.state(), State::Running), "{path}");
    }
}

#[test]
fn without_reports_nothing_is_written_by_the_senders_clock_alone() {
    let server = ClockServer::start().unwrap();
    let options = CaptureOptions::new().stream(StreamOptions::new().times(Times::Sender));
    let true_one = Recording::start(&server.url("skew=-3"), &options).unwrap();
    let silent = Recording::start(&server.url("silent=1"), &options).unwrap();
    let state = silent.last_state().to_string();
    assert!(state.contains("does not report its clock; allowed: times = auto or arrival"), "{state}");
    assert_eq!(silent.frames(), 0);
    true_one.wait_for_sender();
    true_one.wait_for_skew(-3 * SECOND_NS, MS_NS);
    let first = true_one.capture.buffer().read(Span::Frames(0..1)).unwrap();
    let lateness_ns = ClockServer::lateness_ns(first.samples().get::<i16>().unwrap()[0], first.start_utc_ns());
    assert!((lateness_ns + 3 * SECOND_NS).abs() <= MS_NS, "the first frame: {lateness_ns}");
}
