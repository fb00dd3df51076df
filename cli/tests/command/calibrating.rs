//! `capbuf calibrate`, on buffers with a clap at known times.

use std::path::Path;

use capbuf::{CaptureBuffer, GapReason, Length, Registry, SampleFormat, Spec};

use crate::program::{domains_of, json, run};

const START_NS: i64 = 1_800_000_000_000_000_000;
const MS: i64 = 1_000_000;

fn buffer(folder: &Path, source: &str, rate_hz: u32, channels: u16) -> (Registry, CaptureBuffer) {
    let registry = Registry::builder().domains_folder(domains_of(folder)).open("default").expect("a domain");
    let spec = Spec::new(Length::Seconds(20.0), rate_hz, channels, SampleFormat::S16).expect("a shape");
    let buffer = registry.get_or_allocate(source, spec).expect("a buffer");
    (registry, buffer)
}

/// Six seconds of noise, and a burst of another noise, the clap, at `clap_ms`; interleaved.
fn clap(rate_hz: u32, channels: u16, clap_ms: u32, seed: u32) -> Vec<i16> {
    let random = |number: u32| {
        let mut value = number.wrapping_mul(0x9e37_79b9) ^ (number >> 15);
        value = (value ^ (value >> 16)).wrapping_mul(0x85eb_ca6b);
        value = (value ^ (value >> 13)).wrapping_mul(0xc2b2_ae35);
        ((value ^ (value >> 16)) >> 16) as f64 / 32_768.0 - 1.0
    };
    let clap = |at_s: f64| {
        let tone =
            |number: u32| (std::f64::consts::TAU * (310.0 + 83.1 * f64::from(number)) * at_s + random(number)).sin();
        if at_s < 0.0 { 0.0 } else { (-at_s * 50.0).exp() * (1..30).map(tone).sum::<f64>() * 1000.0 }
    };
    let frame = |index: u32| {
        let noise = 30.0 * random(seed.wrapping_mul(7_654_321).wrapping_add(index));
        (noise + clap(f64::from(index) / f64::from(rate_hz) - f64::from(clap_ms) / 1000.0)) as i16
    };
    (0..6 * rate_hz).flat_map(|index| std::iter::repeat_n(frame(index), channels.into())).collect()
}

/// Writes in chunks of 100 ms, with a gap before chunk `gap_at`.
fn write(buffer: &CaptureBuffer, samples: &[i16], latency_ns: i64, gap_at: Option<usize>) {
    let spec = *buffer.spec();
    let mut writer = buffer.writer().expect("the writer");
    writer.set_latency(latency_ns);
    let chunk = spec.sample_rate_hz() as usize / 10 * usize::from(spec.channels());
    for (number, samples) in samples.chunks(chunk).enumerate() {
        if gap_at == Some(number) {
            writer.gap_for(GapReason::PacketLoss, std::time::Duration::from_millis(100));
        }
        let lost = gap_at.is_some_and(|gap_at| number >= gap_at);
        writer.write_at(samples, START_NS + (number as i64 + i64::from(lost)) * 100 * MS).expect("it is written");
    }
}

#[test]
fn the_latency_of_a_source_is_measured_on_top_of_the_one_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_one, yard) = buffer(folder.path(), "yard", 48_000, 1);
    let (_two, camera) = buffer(folder.path(), "camera", 44_100, 2);
    write(&yard, &clap(48_000, 1, 3000, 1), 0, None);
    // Late by 744 ms, of which 600 ms are taken off.
    write(&camera, &clap(44_100, 2, 3744, 2), 600 * MS, None);
    let measured = json(folder.path(), &["calibrate", "yard", "camera"]);
    let ns = |key: &str| measured[key].as_i64().expect("a number");
    assert!((ns("offset_ns") - 144 * MS).abs() < MS / 20, "{measured}");
    assert!((ns("latency_ns") - 744 * MS).abs() < MS / 20 && ns("latency_before_ns") == 600 * MS, "{measured}");
    assert_eq!(measured["latency"], format!("{}ms", ns("latency_ns") as f64 / 1e6), "{measured}");
    assert!(measured["quality"].as_f64().expect("a number") > 0.1, "{measured}");
    let schema = std::fs::read_to_string("../docs/schema/calibrate.json").expect("a schema");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let keys = |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&measured), keys(&schema["properties"]));

    // The other way round, in words.
    let ended = run(folder.path(), &["calibrate", "camera", "yard"]);
    assert!(ended.code == Some(0) && ended.out.contains("before camera\n"), "{}{}", ended.out, ended.err);
    assert!(
        ["-144ms", "-144.0", "-143.9"].iter().any(|latency| ended.out.contains(&format!("\nlatency = \"{latency}"))),
        "{}",
        ended.out
    );
}

#[test]
fn sources_without_a_common_sound_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_one, yard) = buffer(folder.path(), "yard", 16_000, 1);
    let (_two, deaf) = buffer(folder.path(), "deaf", 16_000, 1);
    let (_three, lossy) = buffer(folder.path(), "lossy", 16_000, 1);
    let (_four, _new) = buffer(folder.path(), "new", 16_000, 1);
    write(&yard, &clap(16_000, 1, 3000, 1), 0, None);
    // Its clap is to come.
    write(&deaf, &clap(16_000, 1, 99_000, 2), 0, None);
    write(&lossy, &clap(16_000, 1, 3100, 3), 0, Some(35));
    for (arguments, code, reason) in [
        (&["yard", "deaf"][..], 1, "no sound in common"),
        (&["yard", "lossy"], 1, "lossy: a gap (packet loss) lies in"),
        (&["lossy", "yard"], 1, "lossy: a gap (packet loss) lies in"),
        (&["yard", "new"], 1, "new: no audio yet"),
        (&["new", "yard"], 1, "new: no audio yet"),
        (&["yard", "yard"], 2, "yard is both A and B; allowed: two sources"),
        (&["yard", "deaf", "--for", "61s"], 2, "allowed: 1s to 60s"),
        (&["yard", "deaf", "--for", "10ms"], 2, "allowed: 1s to 60s"),
    ] {
        let ended = run(folder.path(), &[&["calibrate"], arguments].concat());
        assert!(
            ended.code == Some(code) && ended.err.contains(reason),
            "{arguments:?}: {:?} {}",
            ended.code,
            ended.err
        );
    }
    // After the gap there is no clap, but no gap either.
    let ended = run(folder.path(), &["calibrate", "yard", "lossy", "--for", "2s"]);
    assert!(ended.code == Some(1) && ended.err.contains("no sound in common"), "{}", ended.err);
}
