//! One case of the writer's way for bytes: a script tells in which pieces they come, and what comes between.
//!
//! The same for the test and for the fuzzer. However they are cut, whole frames come out, in order, and gaps drop what is begun.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{GapReason, Length, ManualClock, ReadOptions, Registry, SampleFormat, Span, Spec};

/// Runs one case.
pub fn run(script: &[u8]) {
    let mut script = script.iter().copied();
    let mut byte = move || script.next();
    let Some((format, channels)) = byte().zip(byte()) else { return };
    let format = SampleFormat::ALL[usize::from(format % 4)];
    let spec = Spec::new(Length::Frames(400), 8000, 1 + u16::from(channels % 64), format).unwrap();
    let clock = Arc::new(ManualClock::new(1_790_000_000_000_000_000));
    let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).build();
    let buffer = registry.allocate("tone:440", spec).unwrap();
    let mut writer = buffer.writer().unwrap();
    let frame_bytes = spec.frame_bytes();
    let (mut whole, mut begun, mut number) = (Vec::new(), Vec::new(), 0_u32);
    while let Some(choice) = byte() {
        match choice {
            0..24 => {
                begun.clear();
                match choice % 3 {
                    0 => writer.gap(GapReason::Requested),
                    1 => writer.gap_for(GapReason::PacketLoss, Duration::from_millis(u64::from(choice))),
                    _ => {
                        drop(writer);
                        writer = buffer.writer().unwrap();
                    }
                }
            }
            24..40 => clock.advance(Duration::from_millis(u64::from(choice) * 40)),
            _ => {
                let scale = [1, 1, 7, 97][usize::from(choice % 4)];
                let piece: Vec<u8> = (0..usize::from(choice - 40) * scale)
                    .map(|_| {
                        number += 1;
                        (number.wrapping_mul(0x9e37_79b9) >> 24) as u8
                    })
                    .collect();
                begun.extend_from_slice(&piece);
                let rest = begun.split_off(begun.len() / frame_bytes * frame_bytes);
                whole.append(&mut begun);
                begun = rest;
                match choice % 2 {
                    0 => writer.write_bytes(&piece).unwrap(),
                    _ => writer.write_bytes_at(&piece, 1_790_000_000_000_000_000 + i64::from(number)).unwrap(),
                }
            }
        }
        let frames = (whole.len() / frame_bytes) as u64;
        assert_eq!(writer.next_frame(), frames);
        assert_eq!(buffer.frames().end, frames);
    }
    let kept = buffer.frames();
    if !kept.is_empty() {
        let segment = buffer.read_with(Span::Frames(kept.clone()), &ReadOptions::new()).unwrap();
        assert!(segment.samples().as_bytes() == &whole[kept.start as usize * frame_bytes..], "other bytes came out");
    }
}
