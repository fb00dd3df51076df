//! Sound files for tests, made by other programs where possible.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Sample `i` of a pseudorandom signal of 24 bits.
pub(crate) fn sample_24(i: usize) -> i32 {
    (i as u32).wrapping_mul(2_654_435_769).cast_signed() >> 8
}

/// Writes a WAV file of `frames` frames of [`sample_24`], reduced to `bits` bits.
pub(crate) fn wav(path: &Path, bits: u16, channels: u16, sample_rate: u32, frames: usize) {
    let float = bits == 32;
    let sample_format = if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
    let spec = hound::WavSpec { channels, sample_rate, bits_per_sample: bits, sample_format };
    let mut writer = hound::WavWriter::create(path, spec).expect("a WAV file");
    for i in 0..frames * usize::from(channels) {
        match (float, bits) {
            (true, _) => writer.write_sample(sample_24(i) as f32 / 8_388_608.0),
            (false, 16) => writer.write_sample((sample_24(i) >> 8) as i16),
            (false, _) => writer.write_sample(sample_24(i)),
        }
        .expect("a sample");
    }
    writer.finalize().expect("a WAV file");
}

/// Runs a program that must succeed, and returns what it prints.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output();
    let done = done.map_err(|error| format!("{program} is needed ({error}): scripts/install test")).expect("it runs");
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Converts a file by ffmpeg to the format of `extension`.
pub(crate) fn converted(from: &Path, extension: &str) -> PathBuf {
    let to = from.with_extension(extension);
    let paths = [from.to_str().expect("UTF-8"), to.to_str().expect("UTF-8")];
    run("ffmpeg", &["-nostdin", "-loglevel", "error", "-y", "-i", paths[0], paths[1]]);
    to
}

/// Writes a WAV file with two seconds of a 1 kHz tone, by sox.
pub(crate) fn tone(path: &Path, sample_rate: u32, channels: u16) {
    let (rate, channels) = (sample_rate.to_string(), channels.to_string());
    let to = path.to_str().expect("UTF-8");
    run("sox", &["-n", "-r", &rate, "-c", &channels, "-b", "16", to, "synth", "2", "sine", "1000", "vol", "0.5"]);
}

/// The frequency of a tone, by its rising zero crossings.
pub(crate) fn frequency_hz(samples: &[f32], channels: usize, sample_rate: u32) -> f64 {
    let first: Vec<f32> = samples.iter().step_by(channels).copied().collect();
    let rising = first.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    rising as f64 * f64::from(sample_rate) / first.len() as f64
}
