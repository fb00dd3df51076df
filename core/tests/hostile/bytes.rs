//! One case of `write_bytes`: a script cuts a stream of bytes into chunks, with gaps and changes of
//! writer between them.
//!
//! Shared by the test and the fuzzer. Whole frames come out in order; a gap drops a partial frame.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{GapReason, Length, ManualClock, ReadOptions, Registry, SampleFormat, Span, Spec};

const START_NS: i64 = 1_790_000_000_000_000_000;

/// Runs one case.
pub fn run(script: &[u8]) {
    let mut script = script.iter().copied();
    let mut byte = move || script.next();
    let Some((format, channels)) = byte().zip(byte()) else { return };
    let format = SampleFormat::ALL[usize::from(format % 4)];
    let spec = Spec::new(Length::Frames(400), 8000, 1 + u16::from(channels % 64), format).unwrap();
    let clock = Arc::new(ManualClock::new(START_NS));
    let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).build();
    let buffer = registry.allocate("tone:440", spec).unwrap();
    let mut writer = buffer.writer().unwrap();
    let frame_bytes = spec.frame_bytes();
    // Bytes of whole frames, bytes of the partial frame, bytes generated so far.
    let (mut whole, mut partial, mut number) = (Vec::new(), Vec::new(), 0_u32);
    while let Some(choice) = byte() {
        match choice {
            0..24 => {
                partial.clear();
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
                let chunk: Vec<u8> = (0..usize::from(choice - 40) * scale)
                    .map(|_| {
                        number += 1;
                        (number.wrapping_mul(0x9e37_79b9) >> 24) as u8
                    })
                    .collect();
                partial.extend_from_slice(&chunk);
                let rest = partial.split_off(partial.len() / frame_bytes * frame_bytes);
                whole.append(&mut partial);
                partial = rest;
                match choice % 2 {
                    0 => writer.write_bytes(&chunk).unwrap(),
                    _ => writer.write_bytes_at(&chunk, START_NS + i64::from(number)).unwrap(),
                }
            }
        }
        let frames = (whole.len() / frame_bytes) as u64;
        assert_eq!(writer.next_frame(), frames);
        assert_eq!(buffer.frames().end, frames);
    }
    let frames = buffer.frames();
    if !frames.is_empty() {
        let segment = buffer.read_with(Span::Frames(frames.clone()), &ReadOptions::new()).unwrap();
        assert!(segment.samples().as_bytes() == &whole[frames.start as usize * frame_bytes..], "wrong bytes");
    }
}
