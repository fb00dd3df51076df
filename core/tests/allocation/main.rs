//! A source gets one ring, a ring is unmapped with its last handle, and a failed allocation leaves
//! nothing behind.
#![allow(clippy::unwrap_used, clippy::panic)]

mod limits;
mod racing;
mod removal;
#[path = "../support/mod.rs"]
mod support;

use capbuf::{Error, Length, Registry, SampleFormat, Span, Spec};
use support::{mono, signal};

#[test]
fn mismatch_error_shows_both_specs_and_no_secret() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("rtsp://me:secret@host/a", mono(60.0, 48_000)).unwrap();
    buffer.writer().unwrap().write(&signal(0..480)).unwrap();
    let others = [
        mono(30.0, 48_000),
        mono(60.0, 44_100),
        Spec::new(Length::Seconds(60.0), 48_000, 2, SampleFormat::S16).unwrap(),
        Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::F32).unwrap(),
    ];
    for other in others {
        let error = registry.get_or_allocate("rtsp://me:secret@host/a", other).unwrap_err();
        assert!(
            matches!(error, Error::SpecMismatch { existing, requested, .. } if existing == mono(60.0, 48_000) && requested == other)
        );
        let text = error.to_string();
        assert!(text.contains(&other.to_string()), "{text}");
        assert!(text.contains("60 s (2880000 frames) of 48000 Hz 1 x s16"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    assert_eq!(registry.stats().rings_mapped, 1);
    assert_eq!(buffer.read(Span::Frames(0..480)).unwrap().frames(), 480);
}

#[test]
fn strict_allocation_of_an_existing_source_fails() {
    let registry = Registry::private();
    let first = registry.allocate("tone:1", mono(1.0, 8000)).unwrap();
    let error = registry.allocate("tone:1", mono(1.0, 8000)).unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { existing, .. } if existing == *first.spec()));
}

#[test]
fn lookups_find_a_source_from_allocation_to_removal() {
    let registry = Registry::private();
    let lookups = || [registry.contains("tone:1"), registry.get("tone:1").is_some(), !registry.buffers().is_empty()];
    assert_eq!(lookups(), [false; 3]);
    let first = registry.allocate("tone:1", mono(1.0, 8000)).unwrap();
    assert_eq!(lookups(), [true; 3]);
    assert!(registry.get("tone:1").unwrap().same_as(&first));
    registry.remove("tone:1").unwrap();
    assert_eq!(lookups(), [false; 3]);
    assert!(matches!(registry.remove("tone:1"), Err(Error::NotFound { .. })));
}

#[test]
fn allocation_after_removal_makes_another_buffer() {
    let registry = Registry::private();
    let first = registry.allocate("tone:1", mono(1.0, 8000)).unwrap();
    registry.remove("tone:1").unwrap();
    let second = registry.allocate("tone:1", mono(1.0, 8000)).unwrap();
    assert!(!second.same_as(&first));
    assert!(first.is_removed());
    assert!(!second.is_removed());
}

#[test]
fn buffers_are_listed_in_order_of_their_names() {
    let registry = Registry::private();
    for name in ["b", "a", "c"] {
        registry.get_or_allocate(name, mono(0.1, 8000)).unwrap();
    }
    let names: Vec<_> = registry.buffers().iter().map(|buffer| buffer.source().to_string()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn invalid_source_names_are_refused_before_anything_is_mapped() {
    let registry = Registry::private();
    for bad in ["", "line\nbreak", "nul\0", &"long".repeat(300)] {
        assert!(matches!(registry.get_or_allocate(bad, mono(1.0, 8000)), Err(Error::InvalidSource { .. })));
        assert!(!registry.contains(bad));
        assert!(registry.get(bad).is_none());
        assert!(matches!(registry.remove(bad), Err(Error::NotFound { .. })));
    }
    assert_eq!(registry.stats().rings_mapped, 0);
}

#[test]
fn second_writer_is_refused_until_the_first_ends() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("rtsp://me:secret@host", mono(1.0, 8000)).unwrap();
    let first = buffer.writer().unwrap();
    let busy = buffer.writer().unwrap_err();
    assert!(matches!(busy, Error::WriterBusy { .. }), "{busy}");
    assert!(!busy.to_string().contains("secret"), "{busy}");
    assert!(buffer.status().has_writer);
    drop(first);
    assert!(!buffer.status().has_writer);
    buffer.writer().unwrap();
}
