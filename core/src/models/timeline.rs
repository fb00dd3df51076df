//! Publishing time anchors, and frames after them, against looking frames' times up.

use loom::thread;

use super::{Defect, Model, saw};
use crate::gap::GapReason;
use crate::memory::Region;
use crate::ring::{Anchor, WriteCursor, publish_anchor};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::Arc;
use crate::time::Extent;

/// The anchor of a frame: each frame has its own, after a gap, so that no other one tells its time.
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

pub(super) const ALL: &[Model] = &[A_FRAME_THAT_IS_SEEN_HAS_ITS_OWN_TIME];

const A_FRAME_THAT_IS_SEEN_HAS_ITS_OWN_TIME: Model = Model {
    run: || {
        let spec = Spec::new(Length::Frames(2), 1000, 2, SampleFormat::F32).unwrap();
        let region = Region::anonymous(&spec, "timeline", 1, 0).unwrap();
        let mut cursor = WriteCursor::of(&region);
        // Every slot has an anchor, so that the next one lies where another did.
        for _ in 0..region.anchors().len() {
            write(&mut cursor, &region);
        }
        let region = Arc::new(region);
        let theirs = Arc::clone(&region);
        let writer = thread::spawn(move || {
            write(&mut cursor, &theirs);
            write(&mut cursor, &theirs);
        });
        let reader = thread::spawn(move || look(&region));
        writer.join().unwrap();
        reader.join().unwrap();
    },
    preemptions: 1,
    outcomes: &["nothing new", "one frame more", "two frames more"],
    planted: &[
        ("ring/anchors.rs", "fence(Ordering::Release)", Defect::Lost),
        ("ring/anchors.rs", "fence(Ordering::Acquire)", Defect::Lost),
        ("ring/anchors.rs", "line.anchor_head.store(end, Ordering::Release)", Defect::Relaxed),
        ("time/extent.rs", "writer.anchor_head.load(Ordering::Acquire)", Defect::Relaxed),
        ("ring/anchors.rs", "line.anchor_reserve.store(announced", Defect::Lost),
        ("ring/anchors.rs", "writer.anchor_reserve.load(Ordering::Relaxed)", Defect::Blind),
    ],
};

#[test]
fn a_frame_that_is_seen_has_its_own_time() {
    A_FRAME_THAT_IS_SEEN_HAS_ITS_OWN_TIME.check();
}
