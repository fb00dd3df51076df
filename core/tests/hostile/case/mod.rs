//! One case: a valid buffer in a domain, a script of bytes that damages its file, and every call of
//! the API on the result.
//!
//! Shared by the test, which generates scripts, and the fuzzer, which finds them. No call may
//! panic, sleep forever, use more memory than one buffer may, or return contradictory data.

mod calls;
mod clock;
mod damage;
mod ring_file;
mod script;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use capbuf::{
    AllocateOptions, Clock as _, Error, GapReason, Length, Lifetime, Registry, Result, SampleFormat, Span, Spec,
};

use clock::SteppingClock;
use ring_file::RingFile;
use script::Script;

const SOURCE: &str = "tone:440";
const DOMAIN: &str = "hostile";
const START_NS: i64 = 1_790_000_000_000_000_000;
/// Limit on the bytes of one buffer, and of one read.
const MAX_BYTES: u64 = 1 << 20;

/// Runs one case. `base` is an empty folder of domains, and is empty again afterwards.
pub fn run(script: &[u8], base: &Path) {
    let mut script = Script::new(script);
    let clock = Arc::new(SteppingClock::default());
    let open = || {
        let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).max_buffer_bytes(MAX_BYTES);
        registry.domains_folder(base).open(DOMAIN).unwrap()
    };
    let spec = shape(&mut script);
    let recorder = open();
    let lifetime = [Lifetime::UntilRemoved, Lifetime::WhileOpen][usize::from(script.byte() % 4 == 1)];
    let buffer = recorder.get_or_allocate_with(SOURCE, spec, &AllocateOptions::new().lifetime(lifetime)).unwrap();
    let ring = RingFile::find(recorder.path().unwrap());
    let mut writer = buffer.writer().unwrap();
    for _ in 0..script.below(12) {
        match script.byte() % 4 {
            0 => writer.gap(GapReason::SourceLost),
            1 => writer.gap_for(GapReason::PacketLoss, Duration::from_millis(script.below(3000))),
            _ => {}
        }
        let frames = [1, 100, 256, 1500, 100, 100][script.below(6) as usize];
        let _ = writer.write_bytes_at(&vec![script.byte(); frames * spec.frame_bytes()], clock.utc_ns());
        clock.sleep(Duration::from_nanos(frames as u64 * 1_000_000_000 / u64::from(spec.sample_rate_hz())));
    }
    // The recorder ends (0), keeps its handles (1), or also goes on writing (2).
    let stays = script.byte() % 3;
    let mut writer = (stays == 2).then_some(writer);
    let recorder = (stays > 0).then_some((recorder, buffer));
    for _ in 0..script.below(6) {
        damage::apply(&ring, &mut script, recorder.is_some());
    }
    if recorder.is_none() && script.byte() % 16 == 1 {
        damage::reshape(&ring, &mut script);
    }
    let reader = open();
    let mut held = Vec::new();
    for _ in 0..1 + script.below(3) {
        for buffer in [reader.get(SOURCE), no_panic(reader.get_or_allocate(SOURCE, spec))].into_iter().flatten() {
            calls::call_all(&buffer, &mut script);
            held.push(buffer);
        }
        for buffer in reader.buffers() {
            calls::call_all(&buffer, &mut script);
        }
        if let Some(writer) = &mut writer {
            let _ = writer.write_bytes(&vec![1; script.below(3000) as usize]);
            writer.gap(GapReason::Requested);
            let _ = writer.write_bytes_at(&vec![2; spec.frame_bytes() * 2000], script.word() as i64);
        }
        no_panic(reader.sweep());
        if script.byte() % 8 == 1 {
            no_panic(reader.remove(SOURCE));
        }
        for _ in 0..script.below(6) {
            damage::apply(&ring, &mut script, true);
        }
    }
    held.iter().for_each(|buffer| calls::call_all(buffer, &mut script));
    drop(writer);
    recover(&reader, spec);
    drop((held, recorder, reader));
    capbuf::remove_domain(DOMAIN, Some(base)).expect("a domain is removed whatever its contents");
    assert!(!base.join(DOMAIN).exists(), "a removed domain leaves nothing");
}

fn shape(script: &mut Script) -> Spec {
    let format = SampleFormat::ALL[script.below(4) as usize];
    let (frames, rate, channels) =
        [(1000, 1000, 1), (300, 8000, 2), (1, 1, 1), (2000, 48_000, 1), (100, 1000, 3), (10, 100, 64)]
            [script.below(6) as usize];
    Spec::new(Length::Frames(frames), rate, channels, format).unwrap()
}

/// The registry catches a panic while it maps a buffer and returns this error, which must not
/// occur.
fn no_panic<T: Debug>(result: Result<T>) -> Option<T> {
    assert!(!matches!(result, Err(Error::AllocationPanicked { .. })), "{result:?}");
    result.ok()
}

/// Removing a buffer makes room for another, whatever was done to it.
fn recover(registry: &Registry, spec: Spec) {
    match registry.remove(SOURCE) {
        // A file of another layout version is left alone: another version of the library may use
        // it.
        Err(Error::LayoutMismatch { .. }) => return,
        Ok(()) | Err(Error::NotFound { .. }) => {}
        Err(error) => panic!("removal failed: {error}"),
    }
    let buffer = registry.allocate(SOURCE, spec).expect("the source was removed");
    buffer.writer().unwrap().write_bytes(&vec![5; spec.frame_bytes()]).unwrap();
    assert_eq!(buffer.read(Span::Frames(0..1)).unwrap().samples().as_bytes(), vec![5; spec.frame_bytes()]);
}
