//! The ring: a writer that laps, and a reader.

use loom::thread;

use super::{Defect, Model, saw};
use crate::memory::{Region, copy};
use crate::ring::{self, WriteCursor};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::{Arc, Ordering, fence};

/// A ring of two frames and one of slack.
fn region(format: SampleFormat, channels: u16) -> Region {
    let spec = Spec::new(Length::Frames(2), 1000, channels, format).unwrap();
    let region = Region::anonymous(&spec, "ring", 1, 0).unwrap();
    assert_eq!(region.layout().ring_frames, 3);
    region
}

/// The bytes of a frame: its number plus one, repeated. Never zero.
fn frame(number: u64, bytes: usize) -> Vec<u8> {
    std::iter::repeat_n(number as u8 + 1, bytes).collect()
}

fn write(cursor: &mut WriteCursor, region: &Region, frames: u64) {
    let bytes = region.layout().frame_bytes;
    let chunk: Vec<u8> = (cursor.frame()..cursor.frame() + frames).flat_map(|number| frame(number, bytes)).collect();
    cursor.push(region, &chunk, frames);
}

/// Reads the newest frames. Fails the model if frames that pass the check are not those requested.
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
    let (theirs, written) = (Arc::clone(&region), Arc::clone(&region));
    let writer = thread::spawn(move || {
        for frames in chunks {
            write(&mut cursor, &theirs, *frames);
        }
    });
    let reader = thread::spawn(move || read(&region));
    writer.join().unwrap();
    reader.join().unwrap();
    assert_eq!(ring::head(&written), 2 + chunks.iter().sum::<u64>(), "all is published");
}

const PLANTED: &[super::Planted] = &[
    ("reserve (release)", Defect::Lost),
    ("reserve (acquire)", Defect::Lost),
    ("head (publish)", Defect::Relaxed),
    ("head (publish)", Defect::Lost),
    ("head (observe)", Defect::Relaxed),
    ("reserve (announce)", Defect::Lost),
    ("reserve (check)", Defect::Blind),
];

pub(super) const ALL: &[Model] = &[FRAME_BY_FRAME, SHARED_WORDS, LONG_WRITE, DEAD_WRITER];

const FRAME_BY_FRAME: Model = Model {
    run: || lap(region(SampleFormat::F32, 2), &[1, 1]),
    preemptions: 3,
    outcomes: &["refused", "right before the lap", "right at the lap", "right after the lap"],
    planted: PLANTED,
};

#[test]
fn frames_written_one_by_one_are_read_right_or_refused() {
    FRAME_BY_FRAME.check();
}

const SHARED_WORDS: Model = Model {
    run: || lap(region(SampleFormat::S16, 1), &[1, 1]),
    preemptions: 3,
    outcomes: &["refused", "right before the lap", "right at the lap", "right after the lap"],
    planted: PLANTED,
};

#[test]
fn frames_that_share_a_word_are_read_right_or_refused() {
    SHARED_WORDS.check();
}

const LONG_WRITE: Model = Model {
    run: || lap(region(SampleFormat::F32, 2), &[4]),
    preemptions: 3,
    outcomes: &["refused", "right before the lap", "right after the lap"],
    planted: &[
        ("reserve (release)", Defect::Lost),
        ("reserve (acquire)", Defect::Lost),
        ("reserve (announce)", Defect::Lost),
        ("reserve (check)", Defect::Blind),
    ],
};

#[test]
fn write_longer_than_the_ring_is_read_right_or_refused() {
    LONG_WRITE.check();
}

/// A writer that dies in a write longer than the ring: it announced and overwrote frames, and
/// published none.
fn die_writing(region: &Region) {
    region.header().writer.reserve.store(6, Ordering::Relaxed);
    fence(Ordering::Release);
    for (offset, bytes) in ring::spans(region, 4, 2) {
        copy::copy_in(region.words(), offset, &vec![0xee; bytes]);
    }
}

const DEAD_WRITER: Model = Model {
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
    planted: &[("reserve (take over)", Defect::Blind)],
};

#[test]
fn frames_that_a_dead_writer_overwrote_are_refused() {
    DEAD_WRITER.check();
}
