//! Every call on a buffer, with checks that its results are consistent.

use std::fmt::Debug;
use std::time::Duration;

use capbuf::{CaptureBuffer, GapReason, I24, ReadOptions, Sample, SampleFormat, Span, WindowOptions};

use super::script::Script;
use super::{MAX_BYTES, START_NS, no_panic};

pub fn call_all(buffer: &CaptureBuffer, script: &mut Script) {
    let (frames, length) = (buffer.frames(), buffer.spec().length_frames());
    assert!(frames.start <= frames.end && frames.end - frames.start <= length, "{frames:?} of {length}");
    let status = buffer.status();
    assert!(status.oldest_frame <= status.newest_frame);
    assert!(status.level.is_none_or(|level| level.peak >= 0.0));
    let _ = (buffer.opened_by(), buffer.id(), buffer.handles(), buffer.lifetime(), format!("{buffer:?}"));
    assert!(buffer.same_as(&buffer.clone()));

    let (newest, newest_ns) = (frames.end, status.newest_utc_ns.unwrap_or(START_NS));
    let oldest_ns = status.oldest_utc_ns.unwrap_or(START_NS);
    let (one, other) = (script.word(), script.word());
    let spans = [
        Span::Frames(0..10),
        Span::Frames(frames.start..newest),
        Span::Frames(newest.saturating_sub(length)..newest),
        Span::Frames(newest.saturating_sub(20)..newest.saturating_add(20)),
        Span::Frames(0..u64::MAX),
        Span::Frames(u64::MAX - 1..u64::MAX),
        Span::Frames(one.min(other)..one.max(other)),
        Span::Time(oldest_ns..newest_ns),
        Span::Time(START_NS..START_NS + 1_000_000_000),
        Span::Time(newest_ns.saturating_sub(50_000_000)..newest_ns.saturating_add(50_000_000)),
        Span::Time(i64::MIN..i64::MAX),
        Span::Time((one as i64).min(other as i64)..(one as i64).max(other as i64)),
        Span::Last(Duration::from_millis(script.below(1500))),
        Span::Last(buffer.spec().duration()),
        Span::Last(Duration::MAX),
    ];
    let options = [
        ReadOptions::new(),
        ReadOptions::new().available(),
        ReadOptions::new().available().silence(false).wait(Duration::from_millis(5)),
        ReadOptions::new().silence(true).format(SampleFormat::ALL[script.below(4) as usize]),
    ];
    for span in &spans {
        let first = script.byte() as usize;
        for options in [first, first + 1].map(|number| &options[number % options.len()]) {
            read(buffer, span, options);
        }
    }
    let into = options[script.below(4) as usize];
    for span in &spans {
        match script.byte() % 4 {
            0 => read_into::<i16>(buffer, span, &into),
            1 => read_into::<I24>(buffer, span, &into),
            2 => read_into::<i32>(buffer, span, &into),
            _ => read_into::<f32>(buffer, span, &into),
        }
    }
    windows(buffer, script);
    write(buffer, script);
}

fn read(buffer: &CaptureBuffer, span: &Span, options: &ReadOptions) {
    let Ok(segment) = buffer.read_with(span.clone(), options) else { return };
    let samples = segment.frames() * u64::from(segment.channels());
    assert_eq!(segment.samples().len() as u64, samples, "{segment:?}");
    let buffer_bytes = buffer.spec().length_frames() * u64::from(segment.channels()) * 4;
    assert!(samples * segment.format().bytes() as u64 <= buffer_bytes.clamp(MAX_BYTES, 2 * MAX_BYTES));
    let captured_frames = segment.extracted().captured_frames;
    assert_eq!(captured_frames + segment.silence_frames(), segment.frames());
    // Fewer where an epoch was cut off.
    assert!(captured_frames <= segment.end_frame() - segment.first_frame(), "{:?}", segment.extracted());
    for gap in segment.gaps() {
        assert!(gap.at_frame + gap.silence_frames <= segment.frames(), "{gap:?} in {} frames", segment.frames());
    }
}

fn read_into<T: Sample + Debug>(buffer: &CaptureBuffer, span: &Span, options: &ReadOptions) {
    const MARK: i32 = 0x55_55_55_00;
    let mut out = vec![T::from_s32(MARK); 4096];
    let Ok(extracted) = buffer.read_into(span.clone(), options, &mut out) else { return };
    assert_eq!(extracted.captured_frames + extracted.silence_frames, extracted.frames);
    let samples = extracted.frames as usize * usize::from(buffer.spec().channels());
    assert!(out[samples..].iter().all(|sample| sample.to_s32() == T::from_s32(MARK).to_s32()));
}

fn windows(buffer: &CaptureBuffer, script: &mut Script) {
    let options = WindowOptions::new(1 + script.below(400), 1 + script.below(400));
    let options = if script.byte() % 4 == 1 { options.from_frame(script.word() >> 2) } else { options };
    let join = [Duration::ZERO, Duration::from_millis(100), Duration::MAX][script.below(3) as usize];
    let Ok(mut windows) = buffer.windows(options.join_gaps(join)) else { return };
    let mut out = vec![0_i16; windows.window_samples() as usize];
    let mut last = 0;
    for _ in 0..5 {
        let Ok(window) = windows.next_into(&mut out, Duration::from_millis(5)) else { continue };
        assert!(window.first_frame >= last && window.first_frame < window.end_frame, "{window:?} after {last}");
        last = window.first_frame;
        read(buffer, &window.around(script.below(1000), script.word()), &ReadOptions::new().available());
    }
}

fn write(buffer: &CaptureBuffer, script: &mut Script) {
    let Some(mut writer) = no_panic(buffer.writer()) else { return };
    let bytes = vec![script.byte(); script.below(5000) as usize];
    let utc_ns = script.word() as i64;
    let _ = writer.write_bytes(&bytes);
    writer.gap_for(GapReason::Overrun, Duration::from_nanos(script.word()));
    let _ = writer.write_bytes_at(&bytes, utc_ns);
    writer.gap(GapReason::Detected);
    let _ = writer.write_bytes_at(&bytes, utc_ns.saturating_add(1_000_000_000));
    let _ = writer.write_bytes(&bytes);
    assert!(writer.next_frame() > 0 || bytes.len() < buffer.spec().frame_bytes());
}
