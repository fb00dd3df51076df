//! The timeline: anchors published before their frames, and a reader that looks up times.

use loom::thread;

use super::{Defect, Model, saw};
use crate::gap::GapReason;
use crate::memory::Region;
use crate::ring::{Anchor, WriteCursor, publish_anchor};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::Arc;
use crate::time::Extent;

/// The anchor of a frame: each frame has its own, after a gap, so that no other one gives its time.
fn anchor_of(frame: u64) -> Anchor {
    let mut anchor = Anchor::new(frame, 1000 + 50 * frame as i64, 10.0);
    (anchor.gap, anchor.gap_ns) = (Some(GapReason::PacketLoss), 40);
    anchor
}

fn write(cursor: &mut WriteCursor, region: &Region) {
    publish_anchor(region, &anchor_of(cursor.frame()));
    cursor.push(region, &[1; 8], 1);
}

fn look(region: &Region) {
    let Some(extent) = Extent::of(region) else {
        saw("lapped again and again");
        return;
    };
    let newest = extent.newest_frame - 1;
    // The writer may have taken the older one away by now, and no more.
    assert!((newest - 1..=newest).contains(&extent.oldest_frame), "{extent:?}");
    assert_eq!(extent.newest_segment().1, anchor_of(newest), "the newest of {extent:?}");
    for frame in extent.oldest_frame..extent.newest_frame {
        match extent.segment_of_frame(region, frame) {
            Some((_, anchor)) => assert_eq!(anchor, anchor_of(frame), "the one of {frame}"),
            None => saw("lapped"),
        }
    }
    saw(match newest {
        0..8 => "nothing new",
        8 => "one frame more",
        _ => "two frames more",
    });
}

/// Times of the frames after a clock was set back: they begin before that of frame 7.
fn anchor_after_step(frame: u64) -> Anchor {
    let mut anchor = Anchor::new(frame, 1345 + 10 * (frame as i64 - 8), 10.0);
    if frame == 8 {
        (anchor.gap, anchor.back_ns) = (Some(GapReason::ClockStep), 15);
    }
    anchor
}

/// Looks times up. An epoch is seen whole or not at all.
fn look_by_time(region: &Region) {
    let Some(extent) = Extent::of(region) else {
        saw("lapped again and again");
        return;
    };
    let newest = extent.newest_frame - 1;
    let oldest = extent.oldest_by_time(region);
    let begin = extent.begin_of_epoch(region);
    if newest < 8 {
        let found = oldest.map(|(frame, utc_ns)| (utc_ns, anchor_of(frame).utc_ns));
        assert!(found.is_none_or(|(found, right)| found == right), "{oldest:?} of the first epoch");
        assert_eq!(begin, None, "no epoch has begun");
        saw(if found.is_some() { "first epoch" } else { "lapped" });
        return;
    }
    let right = |frame: u64| frame >= 8 && frame <= newest;
    assert!(
        oldest.is_none_or(|(frame, utc_ns)| right(frame) && utc_ns == anchor_after_step(frame).utc_ns),
        "{oldest:?} of the second epoch"
    );
    assert!(begin.is_none_or(|begin| (begin.first_frame, begin.back_ns, begin.epoch) == (8, 15, 8)), "{begin:?}");
    // A time of both epochs is that of the newest one.
    let place = extent.place_of_begin(region, 1350);
    assert!(place.is_none_or(|place| right(place.frame) || place.frame == newest + 1), "{place:?}");
    saw(if place.is_some() { "second epoch" } else { "lapped" });
}

pub(super) const ALL: &[Model] = &[FRAME_HAS_ITS_ANCHOR, EPOCH_BEGINS_AS_ONE];

/// Runs a writer of a ring whose every slot has an anchor, so that the next one lies where another
/// did, beside a reader.
fn beside_a_reader(read: fn(&Region), write_more: fn(&Region, WriteCursor)) {
    let spec = Spec::new(Length::Frames(2), 1000, 2, SampleFormat::F32).unwrap();
    let region = Region::anonymous(&spec, "timeline", 1, 0).unwrap();
    let mut cursor = WriteCursor::of(&region);
    for _ in 0..region.anchors().len() {
        write(&mut cursor, &region);
    }
    let region = Arc::new(region);
    let theirs = Arc::clone(&region);
    let writer = thread::spawn(move || write_more(&theirs, cursor));
    let reader = thread::spawn(move || read(&region));
    writer.join().unwrap();
    reader.join().unwrap();
}

const EPOCH_BEGINS_AS_ONE: Model = Model {
    run: || {
        beside_a_reader(look_by_time, |region, mut cursor| {
            publish_anchor(region, &anchor_after_step(cursor.frame()));
            cursor.push(region, &[1; 8], 1);
        });
    },
    preemptions: 1,
    outcomes: &["first epoch", "second epoch"],
    planted: &[("anchor head (publish)", Defect::Relaxed), ("anchor head (observe)", Defect::Relaxed)],
};

const FRAME_HAS_ITS_ANCHOR: Model = Model {
    run: || {
        beside_a_reader(look, |region, mut cursor| {
            write(&mut cursor, region);
            write(&mut cursor, region);
        });
    },
    preemptions: 1,
    outcomes: &["nothing new", "one frame more", "two frames more"],
    planted: &[
        ("anchor reserve (release)", Defect::Lost),
        ("anchor reserve (acquire)", Defect::Lost),
        ("anchor head (publish)", Defect::Relaxed),
        ("anchor head (observe)", Defect::Relaxed),
        ("anchor reserve (announce)", Defect::Lost),
        ("anchor reserve (check)", Defect::Blind),
    ],
};

#[test]
fn frame_that_is_seen_has_its_own_anchor() {
    FRAME_HAS_ITS_ANCHOR.check();
}

#[test]
fn epoch_is_seen_with_its_own_times_or_not_at_all() {
    EPOCH_BEGINS_AS_ONE.check();
}
