//! Actions on a buffer, as values that proptest generates, prints and shrinks.

use capbuf::{GapReason, SampleFormat};
use proptest::prelude::*;

/// The buffer, and the behaviour of its source.
#[derive(Debug, Clone)]
pub struct Shape {
    pub length_frames: u64,
    pub rate: u32,
    pub channels: u16,
    pub format: SampleFormat,
    /// Error of the source's clock.
    pub ppm: i32,
    /// Largest error of a passed capture time.
    pub jitter_us: i64,
    /// Write and read through two registries of a domain.
    pub in_domain: bool,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// Writes frames, and `odd_bytes` of the next one.
    Write {
        size: Size,
        odd_bytes: usize,
        timing: Timing,
    },
    /// Loses audio. The writer reports the gap, with its length if the flag is set, or nothing.
    Lose {
        ms: u32,
        reported: Option<(GapReason, bool)>,
    },
    /// Writes single frames with a gap before each.
    ManyGaps {
        gaps: u64,
    },
    /// Steps the wall clock.
    SetClock {
        quarter_seconds: i64,
    },
    ChangeWriter,
    /// Removes the buffer and allocates another for the same source.
    Reallocate,
    Read {
        span: SpanChoice,
        mode: ReadMode,
    },
    Windows {
        window: u64,
        hop: u64,
        from: Option<u64>,
        join_ms: u64,
    },
    NextWindow,
}

/// Number of frames of a write.
#[derive(Debug, Clone, Copy)]
pub enum Size {
    Frames(u64),
    /// A part of the ring's length, and `more` frames.
    Lengths {
        percent: u64,
        more: u64,
    },
}

/// Time of a write.
#[derive(Debug, Clone, Copy)]
pub enum Timing {
    /// The capture time of the first frame is passed, wrong by `off` thousandths of the jitter.
    Captured { off: i64 },
    /// No time is passed: the buffer uses the time of arrival.
    Arrived,
}

/// A span relative to the buffer. `from` is in thousandths of the way from the oldest to the newest
/// frame.
#[derive(Debug, Clone)]
pub enum SpanChoice {
    Frames {
        from: i64,
        frames: u64,
        off: i64,
    },
    /// `part` shifts both ends by thousandths of a frame.
    Time {
        from: i64,
        ms: u64,
        part: i64,
    },
    /// Starts near one gap and ends near another, counted from the newest.
    Gaps {
        first: usize,
        last: usize,
        before_us: i64,
        after_us: i64,
    },
    Last {
        frames: u64,
    },
}

#[derive(Debug, Clone, Copy)]
pub struct ReadMode {
    pub available: bool,
    pub silence: Option<bool>,
    pub wait: bool,
    pub format: Option<SampleFormat>,
    /// Reads into memory with `room` samples more than needed; `None` reads a segment.
    pub room: Option<i64>,
}

fn reason() -> impl Strategy<Value = GapReason> {
    prop::sample::select(GapReason::ALL.to_vec())
}

fn format() -> impl Strategy<Value = SampleFormat> {
    prop::sample::select(SampleFormat::ALL.to_vec())
}

pub fn shape() -> impl Strategy<Value = Shape> {
    let length = prop_oneof![1..20_u64, 20..1500_u64, Just(256_u64), Just(1000_u64)];
    let rate = prop::sample::select(vec![100_u32, 1000, 8000, 44_100, 48_000]);
    let channels = prop_oneof![4 => 1..4_u16, 1 => Just(64_u16)];
    let jitter_us = prop_oneof![Just(0_i64), 1..20_000_i64];
    (length, rate, channels, format(), -300..300_i32, jitter_us, prop::bool::weighted(0.2)).prop_map(
        |(length_frames, rate, channels, format, ppm, jitter_us, in_domain)| {
            // A case's run time grows with its bytes: wide frames only in short rings.
            let length_frames = if channels > 8 { length_frames.min(100) } else { length_frames };
            Shape { length_frames, rate, channels, format, ppm, jitter_us, in_domain }
        },
    )
}

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        6 => (0..300_u64).prop_map(Size::Frames),
        2 => ((50..250_u64), (0..3_u64)).prop_map(|(percent, more)| Size::Lengths { percent, more }),
        1 => (0..3_u64).prop_map(|more| Size::Lengths { percent: 100, more }),
    ]
}

fn timing() -> impl Strategy<Value = Timing> {
    prop_oneof![2 => (-1000..1000_i64).prop_map(|off| Timing::Captured { off }), 1 => Just(Timing::Arrived)]
}

fn span() -> impl Strategy<Value = SpanChoice> {
    let place = || prop_oneof![4 => 0..1000_i64, 1 => Just(0_i64), 1 => Just(1000_i64), 1 => -500..1500_i64];
    prop_oneof![
        (place(), 0..400_u64, -2..3_i64).prop_map(|(from, frames, off)| SpanChoice::Frames { from, frames, off }),
        (place(), 0..3000_u64, -1000..1000_i64).prop_map(|(from, ms, part)| SpanChoice::Time { from, ms, part }),
        (0..8_usize, 0..8_usize, -3000..3000_i64, -3000..3000_i64)
            .prop_map(|(first, last, before_us, after_us)| SpanChoice::Gaps { first, last, before_us, after_us }),
        prop_oneof![0..300_u64, 300..2000_u64].prop_map(|frames| SpanChoice::Last { frames }),
    ]
}

fn mode() -> impl Strategy<Value = ReadMode> {
    let format = prop::option::of(format());
    let room = prop::option::of(prop_oneof![Just(-1_i64), 0..100_i64]);
    (any::<bool>(), prop::option::of(any::<bool>()), prop::bool::weighted(0.2), format, room)
        .prop_map(|(available, silence, wait, format, room)| ReadMode { available, silence, wait, format, room })
}

fn step() -> impl Strategy<Value = Step> {
    let write = (size(), prop_oneof![3 => Just(0_usize), 1 => 0..256_usize], timing());
    let lost = prop_oneof![3 => 0..300_u32, 1 => 300..1500_u32];
    let lose = (lost, prop::option::weighted(0.7, (reason(), any::<bool>())));
    let windows = (1..400_u64, 1..600_u64, prop::option::weighted(0.2, 0..3000_u64), 0..400_u64);
    prop_oneof![
        30 => write.prop_map(|(size, odd_bytes, timing)| Step::Write { size, odd_bytes, timing }),
        10 => lose.prop_map(|(ms, reported)| Step::Lose { ms, reported }),
        1 => (1..300_u64).prop_map(|gaps| Step::ManyGaps { gaps }),
        2 => prop_oneof![8 => -8..8_i64, 1 => Just(-120_i64), 1 => Just(120_i64)]
            .prop_map(|quarter_seconds| Step::SetClock { quarter_seconds }),
        3 => Just(Step::ChangeWriter),
        1 => Just(Step::Reallocate),
        30 => (span(), mode()).prop_map(|(span, mode)| Step::Read { span, mode }),
        3 => windows.prop_map(|(window, hop, from, join_ms)| Step::Windows { window, hop, from, join_ms }),
        15 => Just(Step::NextWindow),
    ]
}

pub fn script() -> impl Strategy<Value = (Shape, Vec<Step>)> {
    (shape(), prop::collection::vec(step(), 1..60))
}
