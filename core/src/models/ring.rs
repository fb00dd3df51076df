//! Writing against reading, at and around the lap.

use loom::thread;

use super::{Defect, Model, saw};
use crate::memory::{Region, copy};
use crate::ring::{self, WriteCursor};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::{Arc, Ordering, fence};

/// Two frames are kept, the writer has room for one more.
fn region(format: SampleFormat, channels: u16) -> Region {
    let spec = Spec::new(Length::Frames(2), 1000, channels, format).unwrap();
    let region = Region::anonymous(&spec, "ring", 1, 0).unwrap();
    assert_eq!(region.layout().ring_frames, 3);
    region
}

/// The bytes of a frame: its number, and one more, again and again. Never zero.
fn frame(number: u64, bytes: usize) -> Vec<u8> {
    std::iter::repeat_n(number as u8 + 1, bytes).collect()
}

fn write(cursor: &mut WriteCursor, region: &Region, frames: u64) {
    let bytes = region.layout().frame_bytes;
    let chunk: Vec<u8> = (cursor.frame()..cursor.frame() + frames).flat_map(|number| frame(number, bytes)).collect();
    cursor.push(region, &chunk, frames);
}

/// Copies the newest frames, and fails the model if what passes the check is not what was asked for.
fn read(region: &Region) {
    let head = ring::head(region);
    let first = head.saturating_sub(region.layout().length_frames);
    let mut bytes = Vec::<u8>::new();
    for (offset, len) in ring::spans(region, first, head - first) {
        copy::append(region.words(), offset, len, &mut bytes);
    }
    if ring::oldest_intact(region) > first {
        saw("refused");
        return;
    }
    let right: Vec<u8> = (first..head).flat_map(|number| frame(number, region.layout().frame_bytes)).collect();
    assert_eq!(bytes, right, "frames {first}..{head}");
    saw(match head {
        0..=2 => "right before the lap",
        3 => "right at the lap",
        _ => "right after the lap",
    });
}

fn lap(region: Region, chunks: &'static [u64]) {
    let mut cursor = WriteCursor::of(&region);
    write(&mut cursor, &region, 2);
    let region = Arc::new(region);
    let theirs = Arc::clone(&region);
    let writer = thread::spawn(move || {
        for frames in chunks {
            write(&mut cursor, &theirs, *frames);
        }
    });
    let reader = thread::spawn(move || read(&region));
    writer.join().unwrap();
    reader.join().unwrap();
}

const PLANTED: &[super::Planted] = &[
    ("ring/frames.rs", "fence(Ordering::Release)", Defect::Lost),
    ("ring/frames.rs", "fence(Ordering::Acquire)", Defect::Lost),
    ("ring/frames.rs", "line.head.store(end, Ordering::Release)", Defect::Relaxed),
    ("ring/frames.rs", "writer.head.load(Ordering::Acquire)", Defect::Relaxed),
    ("ring/frames.rs", "line.reserve.store(announced", Defect::Lost),
    ("ring/frames.rs", "writer.reserve.load(Ordering::Relaxed)", Defect::Blind),
];

pub(super) const ALL: &[Model] = &[
    FRAME_BY_FRAME_AROUND_THE_LAP,
    FRAMES_THAT_SHARE_THEIR_WORDS,
    A_WRITE_OF_MORE_THAN_THE_RING_HOLDS,
    AFTER_A_WRITER_THAT_DIED_IN_A_WRITE,
];

const FRAME_BY_FRAME_AROUND_THE_LAP: Model = Model {
    run: || lap(region(SampleFormat::F32, 2), &[1, 1]),
    preemptions: 3,
    outcomes: &["refused", "right before the lap", "right at the lap", "right after the lap"],
    planted: PLANTED,
};

#[test]
fn frame_by_frame_around_the_lap() {
    FRAME_BY_FRAME_AROUND_THE_LAP.check();
}

const FRAMES_THAT_SHARE_THEIR_WORDS: Model = Model {
    run: || lap(region(SampleFormat::S16, 1), &[1, 1]),
    preemptions: 3,
    outcomes: &["refused", "right before the lap", "right at the lap", "right after the lap"],
    planted: PLANTED,
};

#[test]
fn frames_that_share_their_words() {
    FRAMES_THAT_SHARE_THEIR_WORDS.check();
}

const A_WRITE_OF_MORE_THAN_THE_RING_HOLDS: Model = Model {
    run: || lap(region(SampleFormat::F32, 2), &[4]),
    preemptions: 3,
    outcomes: &["refused", "right before the lap", "right after the lap"],
    planted: &[
        ("ring/frames.rs", "fence(Ordering::Release)", Defect::Lost),
        ("ring/frames.rs", "fence(Ordering::Acquire)", Defect::Lost),
        ("ring/frames.rs", "line.reserve.store(announced", Defect::Lost),
        ("ring/frames.rs", "writer.reserve.load(Ordering::Relaxed)", Defect::Blind),
    ],
};

#[test]
fn a_write_of_more_than_the_ring_holds() {
    A_WRITE_OF_MORE_THAN_THE_RING_HOLDS.check();
}

/// A writer that dies in a write of more than the ring holds: it has announced, overwritten what was kept, and published nothing.
fn die_writing(region: &Region) {
    region.header().writer.reserve.store(6, Ordering::Relaxed);
    fence(Ordering::Release);
    for (offset, bytes) in ring::spans(region, 4, 2) {
        copy::copy_in(region.words(), offset, &vec![0xee; bytes]);
    }
}

const AFTER_A_WRITER_THAT_DIED_IN_A_WRITE: Model = Model {
    run: || {
        let region = region(SampleFormat::F32, 2);
        write(&mut WriteCursor::of(&region), &region, 2);
        let region = Arc::new(region);
        let theirs = Arc::clone(&region);
        let writers = thread::spawn(move || {
            die_writing(&theirs);
            write(&mut WriteCursor::of(&theirs), &theirs, 1);
            write(&mut WriteCursor::of(&theirs), &theirs, 1);
        });
        let reader = thread::spawn(move || read(&region));
        writers.join().unwrap();
        reader.join().unwrap();
    },
    preemptions: 3,
    outcomes: &["refused", "right before the lap", "right after the lap"],
    planted: &[("ring/frames.rs", "let announced = line.reserve.load(Ordering::Relaxed)", Defect::Blind)],
};

#[test]
fn after_a_writer_that_died_in_a_write() {
    AFTER_A_WRITER_THAT_DIED_IN_A_WRITE.check();
}
