//! Limits on the bytes of one buffer.

use capbuf::{Error, Length, Registry, SampleFormat, Spec};

use crate::support::mono;

#[test]
fn buffer_of_exactly_the_limit_is_allocated_and_one_byte_more_is_refused() {
    let probe = Registry::private();
    probe.get_or_allocate("x", mono(1.0, 1000)).unwrap();
    for (short_by, is_allocated) in [(0, true), (1, false)] {
        let limited = Registry::builder().max_buffer_bytes(probe.stats().bytes - short_by).build();
        assert_eq!(limited.get_or_allocate("x", mono(1.0, 1000)).is_ok(), is_allocated, "{short_by} bytes short");
    }
}

#[test]
fn buffer_above_the_limit_is_refused_with_the_limit() {
    let limited = Registry::builder().max_buffer_bytes(100_000).build();
    assert_eq!(limited.max_buffer_bytes(), 100_000);
    let error = limited.get_or_allocate("x", mono(60.0, 48_000)).unwrap_err();
    assert!(error.to_string().contains("one buffer allows 100000 bytes"), "{error}");
}

#[test]
fn buffer_larger_than_memory_is_refused_and_leaves_nothing() {
    let unlimited = Registry::builder().max_buffer_bytes(u64::MAX).budget_bytes(u64::MAX).build();
    let huge = Spec::new(Length::Frames(1 << 40), 768_000, 64, SampleFormat::F32).unwrap();
    let error = unlimited.get_or_allocate("x", huge).unwrap_err();
    assert!(matches!(error, Error::OutOfMemory { requested_bytes, .. } if requested_bytes > 1 << 48), "{error}");
    assert!(!unlimited.contains("x"));
    assert_eq!((unlimited.stats().rings_mapped, unlimited.stats().bytes), (0, 0));
}
