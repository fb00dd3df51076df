//! Sources whose frames come faster or slower than they say.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, GapReason, Length, Registry, SampleFormat, SourceState, Span, Writer};
use capbuf_capture::{
    Backoff, CaptureOptions, Error, Format, RequestedFormat, Result, RunOutcome, Source, State, Stop, Supervised,
    WrongRate,
};

use crate::live_server::{Live, LiveServer};
use crate::sounds::frequency_hz;
use crate::waiting::{floats, wait_until};

const DECLARED_HZ: u32 = 8000;
const TONE_HZ: f64 = 500.0;

/// A microphone that says 8000 Hz, delivers a tone at another rate, and can be unplugged.
#[derive(Clone)]
struct Liar {
    true_hz: Arc<AtomicU32>,
    unplugged: Arc<AtomicU32>,
}

impl Liar {
    fn new(true_hz: u32) -> Self {
        Self { true_hz: Arc::new(true_hz.into()), unplugged: Arc::default() }
    }
}

impl Source for Liar {
    fn open(&mut self, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        Ok(Format { sample_rate_hz: DECLARED_HZ, channels: 1, sample_format: SampleFormat::F32 })
    }

    fn run(&mut self, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let (begin, unplugged) = (Instant::now(), self.unplugged.load(Ordering::Relaxed));
        let mut rate_hz = self.true_hz.load(Ordering::Relaxed);
        let (mut changed_s, mut before, mut frame) = (0.0, 0, 0_u64);
        while !stop.sleep(Duration::from_millis(20)) {
            let (now_hz, now_s) = (self.true_hz.load(Ordering::Relaxed), begin.elapsed().as_secs_f64());
            if now_hz != rate_hz {
                (rate_hz, changed_s, before) = (now_hz, now_s, frame);
            }
            if self.unplugged.load(Ordering::Relaxed) != unplugged {
                return Err(Error::Device { name: "liar".to_owned(), reason: "it is gone".to_owned() });
            }
            let due = before + ((now_s - changed_s) * f64::from(rate_hz)) as u64;
            let sample = |frame: u64| (TAU * TONE_HZ * frame as f64 / f64::from(rate_hz)).sin() as f32 / 2.0;
            let chunk: Vec<f32> = (frame..due).map(sample).collect();
            writer.write(&chunk)?;
            frame = due;
        }
        Ok(RunOutcome::Stopped)
    }
}

fn options(wrong_rate: WrongRate) -> CaptureOptions {
    CaptureOptions::new()
        .length(Length::Seconds(120.0))
        .backoff(Backoff::new(Duration::from_millis(10), Duration::from_millis(20)))
        .wrong_rate(wrong_rate)
}

fn begin(liar: &Liar, wrong_rate: WrongRate) -> Supervised {
    let (registry, options) = (Registry::private(), options(wrong_rate));
    Supervised::begin_source(&registry, "liar", Box::new(liar.clone()), &options).expect("it begins")
}

fn has_reason(supervised: &Supervised, state: SourceState, reason: &str) -> bool {
    let is_it = |shown: &String| shown.contains(reason);
    supervised.history().iter().any(|change| change.state == state && change.reason.as_ref().is_some_and(is_it))
}

#[test]
fn wrong_rates_are_refused_with_both_rates() {
    let rates = [4000, 7200, 8800, 16_000, 32_000];
    let liars = rates.map(|true_hz| (true_hz, begin(&Liar::new(true_hz), WrongRate::Refuse)));
    let honest = begin(&Liar::new(DECLARED_HZ), WrongRate::Refuse);
    for (true_hz, supervised) in liars {
        let reason = format!("liar: {true_hz} frames a second come, 8000 are declared");
        wait_until(&reason, || supervised.restarts() > 0);
        assert!(has_reason(&supervised, SourceState::Stalled, &reason), "{:?}", supervised.history());
        assert!(has_reason(&supervised, SourceState::BackingOff, &reason), "{:?}", supervised.history());
        let buffer = supervised.buffer().expect("it ran");
        wait_until("audio after the gap", || buffer.gaps() > 0);
        assert_eq!(buffer.spec().sample_rate_hz(), DECLARED_HZ);
    }
    assert_eq!((honest.restarts(), honest.state()), (0, State::Running));
}

/// Waits for two seconds more, and asserts their frequency.
fn assert_tone(buffer: &CaptureBuffer) {
    let second = u64::from(DECLARED_HZ);
    // A block of the conversion may belong to the time before.
    let from = buffer.frames().end + second / 2;
    let samples = floats(buffer, from..from + 2 * second);
    let found = frequency_hz(&samples, 1, DECLARED_HZ);
    assert!((found - TONE_HZ).abs() < 3.0, "{found} Hz");
}

#[test]
fn wrong_rate_is_corrected_and_measured_anew() {
    let liar = Liar::new(16_000);
    let supervised = begin(&liar, WrongRate::Correct);
    wait_until("it is corrected", || supervised.restarts() == 1);
    let reason = "16000 frames a second come, 8000 are declared; from now on they are taken as that many";
    assert!(has_reason(&supervised, SourceState::BackingOff, reason), "{:?}", supervised.history());
    let running = "16000 frames a second come, 8000 are declared; they are converted from 16000 Hz";
    assert!(has_reason(&supervised, SourceState::Running, running), "{:?}", supervised.history());
    let buffer = supervised.buffer().expect("it ran");
    assert_eq!(buffer.spec().sample_rate_hz(), DECLARED_HZ);
    assert!(buffer.status().health.is_some_and(|health| health.reason == running));
    assert_tone(&buffer);
    let first = buffer.frames().end;

    // The correction outlives a reconnect.
    liar.unplugged.fetch_add(1, Ordering::Relaxed);
    wait_until("it is opened again", || supervised.restarts() == 2);
    assert_tone(&buffer);

    // A source that mends its ways is found as well.
    liar.true_hz.store(DECLARED_HZ, Ordering::Relaxed);
    wait_until("it is corrected again", || supervised.restarts() == 3);
    let reason = "8000 frames a second come, 16000 are declared";
    assert!(has_reason(&supervised, SourceState::BackingOff, reason), "{:?}", supervised.history());
    assert_tone(&buffer);
    let after = supervised.history();
    assert_eq!(after.last().map(|change| (change.state, change.reason.is_some())), Some((SourceState::Running, false)));
    let all = buffer.read(Span::Frames(first..buffer.frames().end)).expect("all of it");
    let reopened = all.gaps().iter().filter(|gap| gap.gap.reason == GapReason::SourceLost);
    assert_eq!(reopened.count(), 2, "one for each opening: {:?}", all.gaps());
}

#[test]
fn rate_that_is_no_standard_one_is_corrected() {
    let liars = [7200, 8800].map(|true_hz| begin(&Liar::new(true_hz), WrongRate::Correct));
    for supervised in liars {
        wait_until("it is corrected", || supervised.restarts() == 1);
        assert_tone(&supervised.buffer().expect("it ran"));
    }
}

const fn live(true_hz: u32) -> Live {
    Live { declared_hz: DECLARED_HZ, true_hz, channels: 1, tone_hz: TONE_HZ, frames: None }
}

#[test]
fn streams_at_wrong_rates_are_refused_before_they_are_delayed() {
    static LIARS: [[Live; 1]; 4] = [[live(4000)], [live(8800)], [live(16_000)], [live(32_000)]];
    let liars = LIARS.each_ref().map(|plays| {
        let server = LiveServer::start(plays);
        let options = options(WrongRate::Refuse);
        let supervised = Supervised::begin(&Registry::private(), &server.url(), &options).expect("it begins");
        (plays[0].true_hz, supervised)
    });
    for (true_hz, supervised) in liars {
        let reason = format!("{true_hz} frames a second come, 8000 are declared");
        wait_until(&reason, || has_reason(&supervised, SourceState::BackingOff, &reason));
        let buffer = supervised.buffer().expect("it ran");
        // One of four times the rate is 30 s ahead when it is found.
        let is_held = (DECLARED_HZ..4 * DECLARED_HZ).contains(&true_hz);
        assert!(!is_held || buffer.frames().is_empty(), "{true_hz}: {:?}", buffer.frames());
    }
}

#[test]
fn file_on_a_web_server_has_no_rate_of_its_own() {
    const FRAMES: u64 = 20 * DECLARED_HZ as u64;
    static FILE: [Live; 1] = [Live { frames: Some(FRAMES), ..live(16_000) }];
    let server = LiveServer::start(&FILE);
    let options = options(WrongRate::Refuse);
    let supervised = Supervised::begin(&Registry::private(), &server.url(), &options).expect("it begins");
    wait_until("its end", || supervised.state().has_ended());
    assert_eq!(supervised.state(), State::Finished, "{:?}", supervised.history());
    let buffer = supervised.buffer().expect("it ran");
    assert_eq!(buffer.frames(), 0..FRAMES);
    assert_eq!(buffer.read(Span::Frames(0..FRAMES)).expect("all of it").gaps(), []);
}

#[test]
fn streams_at_wrong_rates_are_corrected() {
    static LIARS: [[Live; 1]; 3] = [[live(4000)], [live(8800)], [live(16_000)]];
    let liars = LIARS.each_ref().map(|plays| {
        let server = LiveServer::start(plays);
        let options = options(WrongRate::Correct).format(SampleFormat::F32);
        let supervised = Supervised::begin(&Registry::private(), &server.url(), &options).expect("it begins");
        (server, supervised)
    });
    let begun = |supervised: &Supervised, restarts| {
        wait_until("it is opened again", || supervised.restarts() == restarts);
        let buffer = supervised.buffer().expect("it ran");
        let before = buffer.frames().end;
        wait_until("audio at the right rate", || buffer.frames().end > before + 2 * u64::from(DECLARED_HZ));
        assert_tone(&buffer);
        assert_eq!(supervised.restarts(), restarts, "{:?}", supervised.history());
    };
    for (server, supervised) in &liars {
        begun(supervised, 1);
        server.close();
    }
    liars.iter().for_each(|(_, supervised)| begun(supervised, 2));
}
