//! A night of a camera in simulated time: it loses packets, stalls, swaps its tracks, reboots,
//! comes back in another format, and lies about its rate. Each frame that arrived is in the ring
//! once, in its place. What a lie delivers until it is found is not written.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use capbuf::{CaptureBuffer, Clock, GapReason, Length, ManualClock, Registry, SampleFormat, Span, Spec};

use super::packet_writer::PacketWriter;
use super::packets::Packet;
use super::sender::{Remembered, SenderClock};
use crate::error::{Error, Result};
use crate::source::contract::{RunOutcome, Source};
use crate::source::format::{Format, RequestedFormat};
use crate::source::processing::output::Output;
use crate::source::processing::{Processed, Processing};
use crate::source::rate_check::RATE_WITHIN;
use crate::stop::Stop;

const SECOND_NS: i64 = 1_000_000_000;
const UTC_NS: i64 = 1_800_000_000 * SECOND_NS;
const NIGHT: Duration = Duration::from_secs(8 * 3600);
/// The rate of the buffer: low, so that the night is short.
const RATE_HZ: u32 = 1000;
/// The packets in a second, as it was recorded.
const PACKETS_PER_S: u32 = 25;
/// ffmpeg's muxer holds a packet until the second one after it.
const HELD_PACKETS: i64 = 2;
/// The frequency of the tone that is resampled.
const TONE_HZ: f64 = 50.0;
/// The frames at the ends of a converted span, where the filter is not settled.
const UNSETTLED: usize = 400;
/// The largest deviation of the time of a frame.
const TIMES_WITHIN_NS: i64 = 60_000_000;

/// A frame that has to be in the ring.
#[derive(Clone, Copy)]
struct Wanted {
    value: i16,
    within: u16,
}

/// The frames that arrived, in order, compared with those in the ring.
struct Ledger {
    buffer: CaptureBuffer,
    wanted: VecDeque<Wanted>,
    /// The number of the next frame to be compared, and of the next one to be wanted.
    compared: u64,
    end: u64,
    /// Frames whose time is known.
    times: VecDeque<(u64, i64)>,
}

impl Ledger {
    /// Adds frames, and the time of the first one.
    fn want(&mut self, values: impl Iterator<Item = Wanted>, utc_ns: Option<i64>) {
        self.times.extend(utc_ns.map(|utc_ns| (self.end, utc_ns)));
        let before = self.wanted.len();
        self.wanted.extend(values);
        self.end += (self.wanted.len() - before) as u64;
    }

    /// Compares all frames of the ring that were not compared yet.
    fn compare(&mut self) {
        let end = self.buffer.frames().end.min(self.end);
        if end == self.compared {
            return;
        }
        let segment = self.buffer.read(Span::Frames(self.compared..end)).expect("a minute is kept");
        for (at, sample) in segment.samples().get::<i16>().expect("s16").iter().enumerate() {
            let frame = self.compared + at as u64;
            let wanted = self.wanted.pop_front().expect("as many as there are");
            let off = sample.abs_diff(wanted.value);
            assert!(off <= wanted.within, "frame {frame} is {sample}, and arrived as {}", wanted.value);
        }
        self.compared = end;
        while let Some((frame, utc_ns)) = self.times.pop_front_if(|(frame, _)| *frame < end) {
            if let Ok(one) = self.buffer.read(Span::Frames(frame..frame + 1)) {
                let off_ns = one.start_utc_ns() - utc_ns;
                assert!(off_ns.abs() < TIMES_WITHIN_NS, "frame {frame} is {off_ns} ns off");
            }
        }
    }
}

/// A connection of the camera.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// As the buffer.
    Honest,
    /// Twice the rate, and stereo.
    Other,
    /// Declares the rate of the buffer, and delivers twice that.
    Liar,
}

impl Kind {
    fn declared(self) -> Format {
        let (sample_rate_hz, channels) = if self == Self::Other { (2 * RATE_HZ, 2) } else { (RATE_HZ, 1) };
        Format { sample_rate_hz, channels, sample_format: SampleFormat::S16 }
    }

    fn true_hz(self) -> u32 {
        if self == Self::Honest { RATE_HZ } else { 2 * RATE_HZ }
    }
}

struct Camera {
    clock: Arc<ManualClock>,
    random: fastrand::Rng,
    next: Arc<Mutex<Kind>>,
    kind: Kind,
    /// A liar that is not known as one yet.
    is_believed: bool,
    ledger: Arc<Mutex<Ledger>>,
}

impl Camera {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("one thread")
    }
}

impl Source for Camera {
    fn open(&mut self, requested: &RequestedFormat, _: &Stop) -> Result<Format> {
        self.kind = *self.next.lock().expect("one thread");
        let declared = self.kind.declared();
        if requested.or(declared) != declared {
            let (requested, offered) = (format!("{requested:?}"), declared.to_string());
            return Err(Error::NotOffered { source_name: "camera".to_owned(), requested, offered });
        }
        Ok(declared)
    }

    fn run(&mut self, writer: capbuf::Writer, stop: &Stop) -> Result<RunOutcome> {
        self.run_into(Output::direct(writer), stop)
    }

    fn run_into(&mut self, output: Output, stop: &Stop) -> Result<RunOutcome> {
        self.is_believed = self.kind == Kind::Liar && output.format().sample_rate_hz == RATE_HZ;
        let lasts_s = self.random.u32(if self.is_believed { 60..61 } else { 30..1800 });
        let mut sender = SenderClock::new(None, false, Remembered::default());
        let mut writer = PacketWriter::new(output, self.kind.declared(), || false, &mut sender);
        let mut connection = Connection::new(self);
        for number in 0..lasts_s * PACKETS_PER_S {
            if let Some(packet) = connection.packet(number) {
                writer.add(packet, stop)?;
            }
            if number.is_multiple_of(20 * PACKETS_PER_S) {
                connection.camera.ledger().compare();
            }
        }
        writer.drain(stop)?;
        writer.finish()?;
        connection.finish();
        Err(Error::Stream { source_name: "camera".to_owned(), reason: "it reboots".to_owned() })
    }
}

/// The packets of one connection.
struct Connection<'a> {
    camera: &'a mut Camera,
    begin_ns: i64,
    begin_utc_ns: i64,
    /// The number of the first frame of the next packet, on the clock of the signal.
    frame: u64,
    /// The timestamp of the first packet of this track, and the number of that packet.
    origin: (i64, u32),
    /// Packets that are lost, and the arrival of packets that wait.
    lost: u32,
    stalled_until_ns: i64,
    /// The last converted frames: if a loss or the end follows, the filter is not settled there.
    newest: VecDeque<Wanted>,
    /// Converted frames since the last loss, but the newest, and the time of the first.
    converted: usize,
    span_utc_ns: i64,
}

impl<'a> Connection<'a> {
    fn new(camera: &'a mut Camera) -> Self {
        let (begin_ns, begin_utc_ns) = (camera.clock.monotonic_ns(), camera.clock.utc_ns());
        let (frame, origin) = (camera.random.u64(..1 << 40), (camera.random.i64(0..SECOND_NS * 1000), 0));
        Self {
            camera,
            begin_ns,
            begin_utc_ns,
            frame,
            origin,
            lost: 0,
            stalled_until_ns: 0,
            newest: VecDeque::new(),
            converted: 0,
            span_utc_ns: 0,
        }
    }

    /// Returns the packet of this number, at its arrival; `None` if it is lost.
    fn packet(&mut self, number: u32) -> Option<Packet> {
        let rate_hz = self.camera.kind.true_hz();
        let frames = u64::from(rate_hz / PACKETS_PER_S);
        let period_ns = SECOND_NS / i64::from(PACKETS_PER_S);
        let recorded_ns = i64::from(number) * period_ns;
        let random = &mut self.camera.random;
        // A loss before the clock has settled is late audio.
        if number > 3 * PACKETS_PER_S && !self.camera.is_believed {
            match random.u32(..20_000) {
                0..20 => self.lost = random.u32(1..10),
                20 => self.lost = random.u32(10..250),
                21 => self.stalled_until_ns = self.begin_ns + recorded_ns + random.i64(0..4 * SECOND_NS),
                // Another track: its clock began hours before.
                22 if self.lost == 0 => {
                    self.origin = (random.i64(5000..20_000) * SECOND_NS, number);
                    if self.camera.kind == Kind::Honest {
                        self.frame = random.u64(..1 << 40);
                    }
                }
                _ => {}
            }
        }
        let first = self.frame;
        self.frame += frames;
        let jitter_ns = random.i64(0..15_000_000);
        let arrival_ns = self.begin_ns + recorded_ns + (1 + HELD_PACKETS) * period_ns + jitter_ns;
        let wait_ns = arrival_ns.max(self.stalled_until_ns) - self.camera.clock.monotonic_ns();
        self.camera.clock.advance(Duration::from_nanos(wait_ns.max(0).unsigned_abs()));
        if self.lost > 0 {
            self.lost -= 1;
            self.end_span();
            return None;
        }
        let (declared, kind) = (self.camera.kind.declared(), self.camera.kind);
        // Whole milliseconds of declared frames.
        let counted = i64::from(number - self.origin.1) * frames as i64;
        let timestamp_ms = self.origin.0 / 1_000_000 + counted * 1000 / i64::from(declared.sample_rate_hz);
        let utc_ns = self.begin_utc_ns + recorded_ns;
        let samples: Vec<i16> = (first..first + frames).map(|frame| value(kind, frame)).collect();
        self.want(&samples, utc_ns);
        let repeated = samples.iter().flat_map(|sample| std::iter::repeat_n(*sample, declared.channels.into()));
        let data: Vec<u8> = repeated.flat_map(i16::to_ne_bytes).collect();
        Some(Packet { timestamp_ns: timestamp_ms * 1_000_000, data: data.into() })
    }

    fn want(&mut self, samples: &[i16], utc_ns: i64) {
        if self.camera.is_believed {
            // Held until it is found; nothing of it is written.
            return;
        }
        if self.camera.kind == Kind::Honest {
            let exact = samples.iter().map(|value| Wanted { value: *value, within: 0 });
            return self.camera.ledger().want(exact, Some(utc_ns));
        }
        if self.converted == 0 && self.newest.is_empty() {
            self.span_utc_ns = utc_ns;
        }
        self.newest.extend(samples.iter().step_by(2).map(|value| Wanted { value: *value, within: 100 }));
        while self.newest.len() > UNSETTLED {
            let mut wanted = self.newest.pop_front().expect("some");
            if self.converted < UNSETTLED {
                wanted.within = u16::MAX;
            }
            let utc_ns = (self.converted == 0).then_some(self.span_utc_ns);
            self.camera.ledger().want(std::iter::once(wanted), utc_ns);
            self.converted += 1;
        }
    }

    /// Ends a converted span, at a loss.
    fn end_span(&mut self) {
        let utc_ns = (self.converted == 0 && !self.newest.is_empty()).then_some(self.span_utc_ns);
        let last = self.newest.drain(..).map(|wanted| Wanted { within: u16::MAX, ..wanted });
        self.camera.ledger.lock().expect("one thread").want(last, utc_ns);
        self.converted = 0;
    }

    fn finish(mut self) {
        self.end_span();
        let mut ledger = self.camera.ledger();
        ledger.compare();
        assert!(ledger.wanted.is_empty(), "{} frames that arrived are missing", ledger.wanted.len());
    }
}

/// The signal: its own position, or a tone if it is resampled.
fn value(kind: Kind, frame: u64) -> i16 {
    if kind == Kind::Honest {
        return frame.wrapping_mul(40_503) as i16;
    }
    let turns = TONE_HZ * (frame % u64::from(kind.true_hz())) as f64 / f64::from(kind.true_hz());
    ((TAU * turns).sin() * 10_000.0) as i16
}

#[test]
fn night_of_a_hostile_camera_is_in_the_ring_frame_by_frame() {
    for seed in 0..3 {
        let clock = Arc::new(ManualClock::new(UTC_NS));
        let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).build();
        let spec = Spec::new(Length::Seconds(60.0), RATE_HZ, 1, SampleFormat::S16).expect("valid");
        let buffer = registry.allocate("camera", spec).expect("room");
        let (wanted, times) = (VecDeque::new(), VecDeque::new());
        let ledger = Ledger { buffer: buffer.clone(), wanted, compared: 0, end: 0, times };
        let (ledger, next) = (Arc::new(Mutex::new(ledger)), Arc::new(Mutex::new(Kind::Honest)));
        let mut random = fastrand::Rng::with_seed(seed);
        let camera = Camera {
            clock: Arc::clone(&clock),
            random: random.fork(),
            next: Arc::clone(&next),
            kind: Kind::Honest,
            is_believed: false,
            ledger: Arc::clone(&ledger),
        };
        let mut source = Processed::new(Box::new(camera), Processing::default(), RATE_WITHIN);
        let (mut lies, begin_ns, stop) = (0, clock.monotonic_ns(), Stop::new());
        while clock.monotonic_ns() - begin_ns < NIGHT.as_nanos() as i64 {
            source.open(&RequestedFormat::exactly(&spec), &stop).expect("it opens");
            let mut writer = buffer.writer().expect("the only one");
            writer.gap(GapReason::SourceLost);
            let opened_ns = clock.monotonic_ns();
            match source.run(writer, &stop) {
                Err(Error::WrongRate { come_hz, declared_hz, .. }) => {
                    let after_ns = clock.monotonic_ns() - opened_ns;
                    assert_eq!((come_hz, declared_hz), (2 * RATE_HZ, RATE_HZ), "seed {seed}");
                    assert!(after_ns < 10 * SECOND_NS, "found after {after_ns} ns");
                    source.correct(come_hz);
                    lies += 1;
                }
                Err(Error::Stream { .. }) => {
                    let mut next = next.lock().expect("one thread");
                    // A liar is believed again once it declares another rate.
                    let honest_again = if *next == Kind::Liar { 1 } else { 0 };
                    *next = [Kind::Honest, Kind::Honest, Kind::Other, Kind::Liar][random.usize(honest_again * 2..4)];
                }
                other => panic!("seed {seed}: {other:?}"),
            }
            clock.advance(Duration::from_millis(random.u64(5000..60_000)));
        }
        let frames = ledger.lock().expect("one thread").compared;
        assert!(lies > 0 && frames > 6 * 3600 * u64::from(RATE_HZ), "seed {seed}: {lies} lies, {frames} frames");
    }
}
