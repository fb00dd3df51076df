//! Writes of any number of bytes and any size of chunk.
#![allow(clippy::unwrap_used)]

mod support;

use capbuf::{Error, GapReason, SampleFormat, Span};
use support::{START_NS, manual, mono, ms, shorts, signal, spec};

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[test]
fn byte_chunks_of_any_size_keep_the_framing() {
    let (registry, _) = manual();
    for size in [1, 2, 3, 5, 4095, 4096] {
        let source = format!("chunks of {size} bytes");
        let buffer = registry.get_or_allocate(&source, spec(1.0, 8000, 2, SampleFormat::S16)).unwrap();
        let mut writer = buffer.writer().unwrap();
        let samples = signal(0..40_000);
        for (number, chunk) in bytes(&samples).chunks(size).enumerate() {
            writer.write_bytes_at(chunk, START_NS + (number * size / 4) as i64 * 125_000).unwrap();
        }
        assert_eq!(writer.next_frame(), 20_000);
        let newest = buffer.read(Span::Frames(12_000..20_000)).unwrap();
        assert_eq!(shorts(&newest), &samples[24_000..]);
    }
}

#[test]
fn partial_frame_before_a_gap_is_dropped() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", spec(1.0, 8000, 2, SampleFormat::S16)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let data = bytes(&signal(0..20));
    writer.write_bytes(&data[..15]).unwrap();
    writer.gap(GapReason::PacketLoss);
    writer.write_bytes(&data[16..19]).unwrap();
    writer.gap_for(GapReason::PacketLoss, ms(1));
    writer.write_bytes(&data[16..24]).unwrap();
    writer.write_bytes(&data[24..27]).unwrap();
    drop(writer);
    buffer.writer().unwrap().write_bytes(&data[28..32]).unwrap();
    let segment = buffer.read(Span::Frames(0..6)).unwrap();
    let expected: Vec<i16> = [0..6, 8..12, 14..16].into_iter().flat_map(signal).collect();
    assert_eq!(shorts(&segment), expected);
    let reasons: Vec<_> = segment.gaps().iter().map(|gap| (gap.at_frame, gap.gap.reason)).collect();
    assert_eq!(reasons, [(3, GapReason::PacketLoss), (5, GapReason::WriterChanged)]);
}

#[test]
fn write_larger_than_the_ring_keeps_its_tail_and_counts_all_frames() {
    let (registry, _) = manual();
    for (before, frames) in
        [(0, 8001), (10, 9000), (5000, 8000), (5000, 9023), (5000, 9024), (5000, 9025), (7, 1_000_000)]
    {
        let buffer = registry.get_or_allocate(&format!("{before} {frames}"), mono(1.0, 8000)).unwrap();
        let mut writer = buffer.writer().unwrap();
        writer.write_at(&signal(0..before), START_NS).unwrap();
        let at_ns = START_NS + before as i64 * 125_000;
        writer.write_at(&signal(before..before + frames), at_ns).unwrap();
        let end = before + frames;
        let status = buffer.status();
        assert_eq!((status.newest_frame, status.oldest_frame), (end, end.saturating_sub(8000)));
        let tail = buffer.read(Span::Last(ms(1000))).unwrap();
        assert_eq!(shorts(&tail), signal(end - 8000..end));
        assert_eq!(tail.end_utc_ns(), START_NS + end as i64 * 125_000);
        writer.write_at(&signal(end..end + 1), START_NS + end as i64 * 125_000).unwrap();
        assert_eq!(shorts(&buffer.read(Span::Last(ms(1000))).unwrap()), signal(end - 7999..end + 1));
    }
}

#[test]
fn samples_of_another_format_are_refused_and_not_written() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let error = writer.write(&[0.5_f32]).unwrap_err();
    assert_eq!(error, Error::FormatMismatch { given: SampleFormat::F32, expected: SampleFormat::S16 });
    assert!(writer.write_at(&[1_i32], START_NS).is_err());
    assert_eq!(buffer.status().newest_frame, 0);
}

#[test]
fn empty_write_is_counted_and_writes_nothing() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write::<i16>(&[]).unwrap();
    writer.write_bytes(&[]).unwrap();
    assert_eq!((buffer.status().newest_frame, buffer.status().writes), (0, 2));
}

#[test]
fn every_chunk_size_fills_the_ring() {
    let (registry, _) = manual();
    for chunk in [1, 17, 480, 1024, 1025, 2729, 8000, 16_368] {
        let buffer = registry.get_or_allocate(&format!("{chunk}"), mono(1.0, 8000)).unwrap();
        let mut writer = buffer.writer().unwrap();
        while writer.next_frame() < 30_000 {
            let next = writer.next_frame();
            writer.write_at(&signal(next..next + chunk), START_NS + next as i64 * 125_000).unwrap();
        }
        let end = writer.next_frame();
        assert_eq!(shorts(&buffer.read(Span::Last(ms(1000))).unwrap()), signal(end - 8000..end), "chunks of {chunk}");
        assert_eq!(buffer.status().newest_utc_ns, Some(START_NS + end as i64 * 125_000));
    }
}

#[test]
fn level_covers_the_last_second_of_all_channels() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", spec(3.0, 8000, 2, SampleFormat::F32)).unwrap();
    assert_eq!(buffer.status().level, None);
    let mut writer = buffer.writer().unwrap();
    writer.write(&[0.9_f32; 16_000]).unwrap();
    let half: Vec<f32> = (0..8000).flat_map(|_| [0.5, -0.25]).collect();
    writer.write(&half).unwrap();
    let level = buffer.status().level.unwrap();
    assert_eq!(level.peak, 0.5);
    assert!((level.rms - (0.3125_f32 / 2.0).sqrt()).abs() < 1e-6, "{level:?}");
}

#[test]
fn pending_partial_frame_began_before_the_time_of_the_next_bytes() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(100.0, 2)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write_bytes_at(&[1], START_NS).unwrap();
    writer.write_bytes_at(&[0, 2, 0], START_NS + 500_000_000).unwrap();
    assert_eq!(buffer.status().oldest_utc_ns, Some(START_NS));
}

#[test]
fn nan_and_infinity_count_as_silence_in_the_level() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", spec(1.0, 8000, 1, SampleFormat::F32)).unwrap();
    buffer.writer().unwrap().write(&[f32::NAN, 0.5, f32::INFINITY, -0.5]).unwrap();
    let level = buffer.status().level.unwrap();
    assert_eq!(level.peak, 0.5);
    assert!((level.rms - 0.125_f32.sqrt()).abs() < 1e-6, "{level:?}");
}

#[test]
fn buffer_at_its_byte_limit_can_be_read_as_f32_and_has_a_level() {
    let registry = capbuf::Registry::builder().max_buffer_bytes(120_000).build();
    let buffer = registry.get_or_allocate("x", mono(1.0, 40_000)).unwrap();
    buffer.writer().unwrap().write(&signal(0..40_000)).unwrap();
    assert!(buffer.status().level.is_some());
    let as_floats = capbuf::ReadOptions::new().format(SampleFormat::F32);
    assert_eq!(buffer.read_with(Span::Frames(0..40_000), &as_floats).unwrap().frames(), 40_000);
}
