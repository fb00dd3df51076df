//! The reader of NUT on real, cut and damaged bytes, and the sender's clock on simulated reports.

use super::clock::{Remembered, SenderClock};
use super::nut::{Nut, Stamp};

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;
const PACKET: i64 = 20 * MS;
const UTC: i64 = 1_800_000_000 * SECOND;

/// A second of ffmpeg's output for a camera: PCMU in packets of 20 ms, stamped from the first on.
const SENT: &[u8] = include_bytes!("../../../../fuzz/seeds/stamps/camera.nut");

fn stamps(sent: &[u8]) -> Vec<Stamp> {
    let mut nut = Nut::new(sent);
    std::iter::from_fn(|| nut.next().ok()).collect()
}

#[test]
fn each_packet_has_its_stream_time_and_the_senders() {
    let stamps = stamps(SENT);
    assert!(stamps.len() > 40, "{}", stamps.len());
    for (number, stamp) in (0..).zip(&stamps) {
        assert_eq!(stamp.stream_ns, number * PACKET);
    }
    // The first report comes after the first packet.
    assert_eq!(stamps[0].sender_utc_ns, None);
    let offsets: Vec<_> = stamps.iter().filter_map(|stamp| Some(stamp.sender_utc_ns? - stamp.stream_ns)).collect();
    assert!(offsets.len() == stamps.len() - 1 && offsets.iter().all(|offset_ns| *offset_ns == offsets[0]));
    let recorded_ns = 1_796_000_000 * SECOND..1_797_000_000 * SECOND;
    assert!(recorded_ns.contains(&offsets[0]), "{}", offsets[0]);
}

#[test]
fn damaged_output_ends_without_a_panic_and_goes_on_after_the_damage() {
    for length in 0..SENT.len().min(2000) {
        stamps(&SENT[..length]);
    }
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..3000 {
        let mut garbled = SENT.to_vec();
        for _ in 0..=random.usize(..6) {
            let range = if random.bool() { 250.min(garbled.len()) } else { garbled.len() };
            garbled[random.usize(..range)] = *random.choice(&[0, 1, 0x4e, 0x7f, 0x80, 0xff]).expect("one");
        }
        assert!(stamps(&garbled).len() <= garbled.len());
    }
    let twice = [b"noise", SENT, &[0; 400], SENT].concat();
    assert!(stamps(&twice).len() >= 2 * stamps(SENT).len() - 1);
}

/// A camera in simulated time. Its clock and its network are as the test sets them.
struct Camera {
    clock: SenderClock,
    packets: i64,
    /// The offset of its clock, and the one that it reported last.
    offset_ns: i64,
    reported_ns: i64,
    delay_ns: i64,
    /// The packets between two reports; 0 for none.
    report_every: i64,
    drift_ppm: i64,
}

impl Camera {
    fn new(clock: SenderClock) -> Self {
        Self { clock, packets: 0, offset_ns: 0, reported_ns: 0, delay_ns: 1500 * MS, report_every: 50, drift_ppm: 0 }
    }

    /// The true time of a packet.
    fn utc_ns(&self, packet: i64) -> i64 {
        let stream_ns = packet * PACKET;
        UTC + stream_ns + stream_ns / 1_000_000 * self.drift_ppm
    }

    fn send(&mut self, seconds: i64) {
        for _ in 0..seconds * 50 {
            let stream_ns = self.packets * PACKET;
            if self.report_every > 0 && self.packets % self.report_every == 0 {
                self.reported_ns = self.utc_ns(self.packets) - stream_ns + self.offset_ns;
            }
            let stamp =
                Stamp { stream_ns, sender_utc_ns: (self.report_every > 0).then_some(stream_ns + self.reported_ns) };
            let arrived_ns = self.utc_ns(self.packets + 1) + self.delay_ns;
            self.clock.add(stamp, arrived_ns);
            self.packets += 1;
        }
    }

    /// The error of the newest packet's time, if it has one, by the camera's own clock.
    fn error_ns(&self) -> Option<i64> {
        let packet = self.packets - 1;
        let utc_ns = self.clock.utc_ns(packet * PACKET)?;
        Some(utc_ns - self.utc_ns(packet) - self.offset_ns)
    }
}

fn camera() -> Camera {
    Camera::new(SenderClock::new(None, false, Remembered::default()))
}

#[test]
fn reports_are_believed_once_three_hold_together_and_drift_is_followed() {
    for drift_ppm in [-200, 0, 200] {
        let mut camera = camera();
        camera.drift_ppm = drift_ppm;
        camera.send(1);
        assert_eq!(camera.error_ns(), None, "one report is not enough");
        camera.send(9);
        for _ in 0..20 {
            camera.send(3);
            let error_ns = camera.error_ns().expect("believed");
            assert!(error_ns.abs() < MS / 10, "{drift_ppm} ppm: {error_ns} ns");
        }
    }
}

#[test]
fn stream_times_in_whole_milliseconds_are_as_good() {
    let mut camera = camera();
    camera.send(10);
    let exact_ns = camera.clock.utc_ns(499 * PACKET);
    assert_eq!(camera.clock.utc_ns(499 * PACKET + MS / 2), exact_ns);
}

#[test]
fn impossible_or_contradictory_reports_are_not_believed() {
    // Ahead of the arrivals, and far behind them.
    for offset_ns in [2 * SECOND, 1530 * MS, -9 * SECOND, -3600 * SECOND] {
        let mut camera = camera();
        camera.offset_ns = offset_ns;
        camera.send(30);
        assert_eq!(camera.error_ns(), None, "{offset_ns}");
    }
    let mut random = fastrand::Rng::with_seed(3);
    let mut camera = camera();
    for _ in 0..100 {
        camera.offset_ns = random.i64(-5 * SECOND..SECOND);
        camera.send(1);
        assert_eq!(camera.error_ns(), None);
    }
    let mut fast = self::camera();
    for second in 0..100 {
        fast.offset_ns = second * 10 * MS;
        fast.send(1);
        assert_eq!(fast.error_ns(), None, "a clock that is 1 % fast");
    }
    let mut silent = self::camera();
    silent.report_every = 0;
    silent.send(30);
    assert!(silent.error_ns().is_none() && !silent.clock.has_reports());
}

#[test]
fn clock_a_few_milliseconds_ahead_is_believed() {
    let mut camera = camera();
    (camera.delay_ns, camera.offset_ns) = (MS, 4 * MS);
    camera.send(10);
    assert!(camera.error_ns().expect("believed").abs() < MS / 10);
}

#[test]
fn sender_whose_clock_is_set_steps_once_two_reports_agree() {
    let mut camera = camera();
    camera.send(10);
    for step_ns in [-2 * SECOND, SECOND, 300 * MS, -60 * MS] {
        camera.offset_ns += step_ns;
        camera.send(1);
        assert!(!camera.clock.take_step(), "one report may be an outlier");
        camera.send(9);
        assert!(camera.clock.take_step() && !camera.clock.take_step(), "{step_ns}");
        assert!(camera.error_ns().expect("believed").abs() < MS / 10, "{step_ns}");
    }
    // To a time that can't be true.
    camera.offset_ns = 20 * SECOND;
    camera.send(10);
    assert_eq!(camera.error_ns(), None);
    camera.offset_ns = 0;
    camera.send(10);
    assert!(camera.error_ns().expect("believed again").abs() < MS / 10);
}

#[test]
fn one_wrong_report_changes_nothing() {
    let mut camera = camera();
    camera.send(10);
    camera.offset_ns = 400 * MS;
    camera.send(1);
    camera.offset_ns = 0;
    camera.send(10);
    assert!(!camera.clock.take_step());
    assert!(camera.error_ns().expect("believed").abs() < MS / 10);
}

#[test]
fn remembered_delay_dates_a_new_connection_until_the_next_report() {
    let mut camera = camera();
    camera.send(10);
    let remembered = camera.clock.remembered();
    let mut again = Camera::new(SenderClock::new(None, false, remembered));
    again.report_every = 0;
    again.send(3);
    assert!(again.error_ns().expect("remembered").abs() < MS / 10);
    again.report_every = 50;
    again.send(1);
    assert!(again.error_ns().expect("believed").abs() < MS / 10);
    assert!(again.clock.believes_reports(), "the first report agrees");
    let mut silent = Camera::new(SenderClock::new(None, false, remembered));
    silent.report_every = 0;
    silent.send(90);
    assert_eq!(silent.error_ns(), None, "not for ever");
}
