//! What may happen to a buffer, as values that can be made up, printed and made smaller.

use capbuf::{GapReason, SampleFormat};
use proptest::prelude::*;

/// The buffer, and how its source behaves.
#[derive(Debug, Clone)]
pub struct Shape {
    pub length_frames: u64,
    pub rate: u32,
    pub channels: u16,
    pub format: SampleFormat,
    /// How far the source's clock is off.
    pub ppm: i32,
    /// How far a told time is off, at most.
    pub jitter_us: i64,
    /// Read through another registry than it is written through, in a domain.
    pub in_domain: bool,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// Some frames and the beginning of another one, if there is one.
    Write {
        size: Size,
        odd_bytes: usize,
        told: Told,
    },
    /// So much of the source is lost.
    Lose {
        ms: u32,
        told: Option<(GapReason, bool)>,
    },
    /// Frames with a gap before each.
    Chatter {
        gaps: u64,
    },
    /// The wall clock is set, by so many quarters of a second.
    SetClock {
        quarters: i64,
    },
    /// The writer ends, another one begins.
    ChangeWriter,
    /// The buffer is removed; its source gets another one.
    Reallocate,
    Read {
        span: Where,
        how: How,
    },
    Windows {
        window: u64,
        hop: u64,
        from: Option<u64>,
        join_ms: u64,
    },
    Next,
}

/// How much is written at a time.
#[derive(Debug, Clone, Copy)]
pub enum Size {
    Frames(u64),
    /// Around the length of the ring.
    Lengths {
        percent: u64,
        more: u64,
    },
}

#[derive(Debug, Clone, Copy)]
pub enum Told {
    /// The time of the first frame, off by so many thousandths of the jitter.
    Captured {
        off: i64,
    },
    Arrived,
}

/// A span, by places relative to what there is: a place is in thousandths of the way from the oldest to the newest.
#[derive(Debug, Clone)]
pub enum Where {
    Frames {
        from: i64,
        frames: u64,
        off: i64,
    },
    /// From a place, and a part of a frame.
    Time {
        from: i64,
        ms: u64,
        part: i64,
    },
    /// The beginning and the end lie near gaps.
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
pub struct How {
    pub available: bool,
    pub silence: Option<bool>,
    pub wait: bool,
    pub format: Option<SampleFormat>,
    /// Into memory of so many samples more than needed; into a segment if there is none.
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
            // Wide frames in short rings: a case takes its time by bytes.
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

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![2 => (-1000..1000_i64).prop_map(|off| Told::Captured { off }), 1 => Just(Told::Arrived)]
}

fn span() -> impl Strategy<Value = Where> {
    let place = || prop_oneof![4 => 0..1000_i64, 1 => Just(0_i64), 1 => Just(1000_i64), 1 => -500..1500_i64];
    prop_oneof![
        (place(), 0..400_u64, -2..3_i64).prop_map(|(from, frames, off)| Where::Frames { from, frames, off }),
        (place(), 0..3000_u64, -1000..1000_i64).prop_map(|(from, ms, part)| Where::Time { from, ms, part }),
        (0..8_usize, 0..8_usize, -3000..3000_i64, -3000..3000_i64)
            .prop_map(|(first, last, before_us, after_us)| Where::Gaps { first, last, before_us, after_us }),
        prop_oneof![0..300_u64, 300..2000_u64].prop_map(|frames| Where::Last { frames }),
    ]
}

fn how() -> impl Strategy<Value = How> {
    let format = prop::option::of(format());
    let room = prop::option::of(prop_oneof![Just(-1_i64), 0..100_i64]);
    (any::<bool>(), prop::option::of(any::<bool>()), prop::bool::weighted(0.2), format, room)
        .prop_map(|(available, silence, wait, format, room)| How { available, silence, wait, format, room })
}

fn step() -> impl Strategy<Value = Step> {
    let write = (size(), prop_oneof![3 => Just(0_usize), 1 => 0..256_usize], told());
    let lost = prop_oneof![3 => 0..300_u32, 1 => 300..1500_u32];
    let lose = (lost, prop::option::weighted(0.7, (reason(), any::<bool>())));
    let windows = (1..400_u64, 1..600_u64, prop::option::weighted(0.2, 0..3000_u64), 0..400_u64);
    prop_oneof![
        30 => write.prop_map(|(size, odd_bytes, told)| Step::Write { size, odd_bytes, told }),
        10 => lose.prop_map(|(ms, told)| Step::Lose { ms, told }),
        1 => (1..300_u64).prop_map(|gaps| Step::Chatter { gaps }),
        1 => (-8..8_i64).prop_map(|quarters| Step::SetClock { quarters }),
        2 => Just(Step::ChangeWriter),
        1 => Just(Step::Reallocate),
        30 => (span(), how()).prop_map(|(span, how)| Step::Read { span, how }),
        3 => windows.prop_map(|(window, hop, from, join_ms)| Step::Windows { window, hop, from, join_ms }),
        15 => Just(Step::Next),
    ]
}

pub fn script() -> impl Strategy<Value = (Shape, Vec<Step>)> {
    (shape(), prop::collection::vec(step(), 1..60))
}
