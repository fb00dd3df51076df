//! Decoding of whole files, and the comparison with what is right.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use capbuf::SampleFormat;
use tempfile::TempDir;

use crate::source::file::decode::Decoder;
use crate::source::pacing::{Supplied, Supply};
use crate::stop::Stop;

/// The content of a file.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) channels: usize,
    pub(super) format: SampleFormat,
    /// The samples; full scale is 1.0.
    pub(super) samples: Vec<f64>,
    /// Lost frames: the frame they are missing before, counted without them, and their number.
    pub(super) gaps: Vec<(usize, u64)>,
    /// The reason why it ended, if not by its end.
    pub(super) reason: Option<String>,
}

/// Decodes a file as fast as possible.
///
/// # Errors
/// The reason why it can't be opened.
pub(super) fn decode(path: &Path) -> Result<Decoded, String> {
    let mut decoder = Decoder::open(path, false, &Stop::new()).map_err(|error| error.to_string())?;
    let format = decoder.format();
    let channels = usize::from(format.channels);
    let format = format.sample_format;
    let mut decoded = Decoded { channels, format, samples: Vec::new(), gaps: Vec::new(), reason: None };
    let is_float = format == SampleFormat::F32;
    let (mut integers, mut floats) = (vec![0_i32; 960 * channels], vec![0_f32; 960 * channels]);
    loop {
        let next = if is_float { decoder.next(&mut floats, channels) } else { decoder.next(&mut integers, channels) };
        match next {
            Ok(Supplied::Frames(frames)) if is_float => {
                decoded.samples.extend(floats[..frames * channels].iter().map(|sample| f64::from(*sample)));
            }
            Ok(Supplied::Frames(frames)) => {
                decoded.samples.extend(integers[..frames * channels].iter().map(|sample| full_scale(*sample)));
            }
            Ok(Supplied::Lost(frames)) => decoded.gaps.push((decoded.samples.len() / channels, frames)),
            Ok(Supplied::End) => return Ok(decoded),
            Err(error) => {
                decoded.reason = Some(error.to_string());
                return Ok(decoded);
            }
        }
    }
}

pub(super) fn full_scale(sample: i32) -> f64 {
    f64::from(sample) / 2_147_483_648.0
}

/// A folder of files of the test.
pub(super) struct Files {
    folder: TempDir,
}

impl Files {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).expect("a file");
        self.path(name)
    }
}

/// Returns what ffmpeg decodes, at full scale 1.0. Empty if it can't.
pub(super) fn by_ffmpeg(path: &Path, channels: usize) -> Vec<f64> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "quiet", "-i"]).arg(path).args(["-ac", &channels.to_string(), "-f", "f64le", "-"]);
    let done = command.stderr(Stdio::null()).output().expect("ffmpeg is needed: scripts/install test");
    done.stdout.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

/// The right content of a file.
pub(super) struct Right<'a> {
    /// The samples of the file that it was made of.
    pub(super) of: &'a [f64],
    /// The frames of those that come out; between them is a gap.
    pub(super) kept: Vec<Range<usize>>,
    /// Why it ends, if not by its end: a part of the message.
    pub(super) reason: Option<&'static str>,
    /// The largest difference of a sample.
    pub(super) tolerance: f64,
}

impl Right<'_> {
    pub(super) fn check(&self, name: &str, found: &Result<Decoded, String>) {
        let Ok(found) = found else { panic!("{name}: {found:?}") };
        let channels = found.channels;
        let right: Vec<f64> =
            self.kept.iter().flat_map(|kept| &self.of[kept.start * channels..kept.end * channels]).copied().collect();
        let frames = |samples: &[f64]| samples.len() / channels;
        assert_eq!(frames(&found.samples), frames(&right), "{name}: frames; gaps {:?}, {:?}", found.gaps, found.reason);
        let differs = |(a, b): (&f64, &f64)| (a - b).abs() > self.tolerance;
        let first = found.samples.iter().zip(&right).position(differs);
        assert_eq!(first.map(|at| at / channels), None, "{name}: the first frame that differs; gaps {:?}", found.gaps);
        let (mut gaps, mut at, mut next) = (Vec::new(), 0, 0);
        for kept in &self.kept {
            if kept.start > next {
                gaps.push((at, (kept.start - next) as u64));
            }
            at += kept.len();
            next = kept.end;
        }
        assert_eq!(found.gaps, gaps, "{name}: gaps");
        match (self.reason, &found.reason) {
            (None, None) => {}
            (Some(right), Some(reason)) => assert!(reason.contains(right), "{name}: {reason}"),
            (right, reason) => panic!("{name}: {reason:?}, not {right:?}"),
        }
    }
}

/// Checks that a file is refused, for a reason.
pub(super) fn is_refused(name: &str, found: &Result<Decoded, String>, reason: &str) {
    match found {
        Err(message) => assert!(message.contains(reason), "{name}: {message}"),
        Ok(found) => panic!("{name}: {} frames, {:?}", found.samples.len() / found.channels, found.reason),
    }
}

/// Runs ffmpeg, which must succeed.
pub(super) fn ffmpeg(arguments: &[&str], to: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(arguments).arg(to);
    let done = command.output().expect("ffmpeg is needed: scripts/install test");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The input options of a signal that is different everywhere: a sweep under noise, of a second.
const SIGNAL: [&str; 4] =
    ["-f", "lavfi", "-i", "aevalsrc=0.3*sin(400*t*t+2000*t)+0.1*(random(0)-0.5)|0.3*cos(300*t*t):s=44100:d=1"];

/// Makes a file of [`SIGNAL`].
pub(super) fn made(files: &Files, name: &str, options: &[&str]) -> PathBuf {
    let path = files.path(name);
    ffmpeg(&[&SIGNAL, options].concat(), &path);
    path
}
