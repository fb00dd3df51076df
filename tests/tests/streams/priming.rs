//! The delay of encoders: taken off where the container says it, and of known length elsewhere.

use std::path::Path;
use std::process::Command;

use capbuf::{ReadOptions, Span};
use capbuf_capture::State;

use crate::Recording;

const RATE_HZ: u32 = 48_000;
/// The frame at which the click begins.
const CLICK_AT: usize = 48_000;

/// Writes two seconds of silence with a click.
fn write_click(path: &Path) {
    let data_bytes = 4 * CLICK_AT as u32;
    let mut bytes = Vec::new();
    let header = [b"RIFF".as_slice(), &(36 + data_bytes).to_le_bytes(), b"WAVEfmt ", &16_u32.to_le_bytes()];
    header.iter().for_each(|part| bytes.extend_from_slice(part));
    [1_u16, 1].iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    [RATE_HZ, 2 * RATE_HZ].iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    [2_u16, 16].iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data_bytes.to_le_bytes());
    for frame in 0..2 * CLICK_AT {
        let is_click = (CLICK_AT..CLICK_AT + 40).contains(&frame);
        let sample: i16 = if !is_click {
            0
        } else if frame % 2 == 0 {
            20_000
        } else {
            -20_000
        };
        bytes.extend_from_slice(&sample.to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

/// By how many frames the click is late in a file that ffmpeg wrote with `arguments`.
fn late_frames(folder: &Path, name: &str, arguments: &[&str]) -> i64 {
    let path = folder.join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-i"]).arg(folder.join("click.wav")).args(arguments).arg(&path);
    assert!(ffmpeg.status().unwrap().success(), "{name}");
    let recording = Recording::open(&format!("file:{}", path.display()));
    assert_eq!(recording.last_state(), State::Finished, "{name}");
    let buffer = recording.capture.buffer();
    let all = buffer.read_with(Span::Frames(0..recording.frames()), &ReadOptions::new().available()).unwrap();
    let samples = all.samples().get::<f32>().map(<[f32]>::to_vec);
    let samples = samples.unwrap_or_else(|| {
        let whole = all.samples().get::<i16>().expect("f32 or s16");
        whole.iter().map(|sample| f32::from(*sample) / 32_768.0).collect()
    });
    let at = samples.iter().position(|sample| sample.abs() > 0.1).expect("a click");
    at as i64 - CLICK_AT as i64
}

#[test]
fn delay_of_an_encoder_is_taken_off_where_the_container_says_it() {
    let folder = tempfile::tempdir().unwrap();
    write_click(&folder.path().join("click.wav"));
    // The last column: the table of docs/times.md.
    let cases: [(&str, &[&str], i64); 8] = [
        ("aac.m4a", &["-c:a", "aac"], 0),
        ("opus.ogg", &["-c:a", "libopus"], 0),
        ("opus.webm", &["-c:a", "libopus"], 0),
        ("aac.ts", &["-c:a", "aac"], 1024),
        ("aac.aac", &["-c:a", "aac", "-f", "adts"], 1024),
        ("aac.mkv", &["-c:a", "aac"], 1024),
        ("opus.ts", &["-c:a", "libopus"], 312),
        ("mp2.ts", &["-c:a", "mp2"], 480),
    ];
    std::thread::scope(|scope| {
        let folder = folder.path();
        let found = cases
            .map(|(name, arguments, late)| (name, late, scope.spawn(move || late_frames(folder, name, arguments))));
        for (name, late, found) in found {
            let found = found.join().unwrap_or_else(|_| panic!("{name}"));
            assert!(found.abs_diff(late) <= 3, "{name}: the click is {found} frames late, not {late}");
        }
    });
}
