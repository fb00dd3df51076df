//! The ring under Miri, which lets a load see any value that the memory model allows and switches
//! threads anywhere.
//!
//! ```text
//! make miri
//! ```

use std::thread;

use crate::memory::{Region, copy};
use crate::ring::{self, WriteCursor};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::{Arc, Ordering, lost_fence};

const FRAMES: u64 = 24;

/// Results of the reads of one round.
#[derive(Debug, Default, PartialEq)]
struct Reads {
    right: usize,
    refused: usize,
    wrong: usize,
}

/// One writer laps a ring of five frames, one reader copies the newest four of them all the while.
/// `lost` are fences of the writer and of the reader that are not there.
fn lap(lost: [Option<Ordering>; 2]) -> Reads {
    let spec = Spec::new(Length::Frames(4), 1000, 2, SampleFormat::F32).unwrap();
    let region = Arc::new(Region::tiny(&spec, 5));
    let theirs = Arc::clone(&region);
    let writer = thread::spawn(move || {
        lost_fence::plant(lost[0]);
        let mut cursor = WriteCursor::of(&theirs);
        while cursor.frame() < FRAMES {
            let number = cursor.frame() + 1;
            cursor.push(&theirs, &number.to_ne_bytes(), 1);
        }
    });
    let reader = thread::spawn(move || {
        lost_fence::plant(lost[1]);
        let mut reads = Reads::default();
        loop {
            let head = ring::head(&region);
            let first = head.saturating_sub(4);
            let mut numbers = Vec::<u64>::new();
            for (offset, bytes) in ring::spans(&region, first, head - first) {
                copy::append(region.words(), offset, bytes / 8, &mut numbers);
            }
            if ring::oldest_intact(&region) > first {
                reads.refused += 1;
            } else if numbers.iter().copied().eq(first + 1..=head) {
                reads.right += 1;
            } else {
                reads.wrong += 1;
            }
            if head == FRAMES {
                return reads;
            }
        }
    });
    writer.join().unwrap();
    reader.join().unwrap()
}

fn rounds(lost: [Option<Ordering>; 2], rounds: usize) -> Reads {
    let mut all = Reads::default();
    for _ in 0..rounds {
        let reads = lap(lost);
        (all.right, all.refused, all.wrong) =
            (all.right + reads.right, all.refused + reads.refused, all.wrong + reads.wrong);
    }
    all
}

#[test]
fn no_read_is_wrong_and_some_are_refused() {
    let reads = rounds([None, None], 4);
    assert!(reads.wrong == 0 && reads.right > 0, "{reads:?}");
    println!("{reads:?}");
}

#[test]
fn without_the_writers_fence_some_reads_are_wrong() {
    let reads = rounds([Some(Ordering::Release), None], 16);
    assert!(reads.wrong > 0, "Miri no longer sees the defect: {reads:?}");
    println!("{reads:?}");
}

#[test]
fn without_the_readers_fence_some_reads_are_wrong() {
    let reads = rounds([None, Some(Ordering::Acquire)], 16);
    assert!(reads.wrong > 0, "Miri no longer sees the defect: {reads:?}");
    println!("{reads:?}");
}
