//! Clips, verified by independent programs.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, Sample, SampleFormat, Span, Spec, convert};
use capbuf_capture::{
    ClipInfo, ClipProgress, ClipTags, Error, IfExists, write_clip, write_clip_with, write_clip_with_progress,
};

use crate::sounds::{run, sample_24};
use crate::waiting::wait_until;

const UTC_NS: i64 = 1_800_000_000_000_000_000;

/// A buffer with a second of [`sample_24`], converted to its format.
fn buffer(rate: u32, channels: u16, format: SampleFormat) -> CaptureBuffer {
    fn fill<S: Sample>(buffer: &CaptureBuffer, count: usize) {
        let integers: Vec<i32> = (0..count).map(|i| sample_24(i) << 8).collect();
        let mut samples = vec![S::default(); count];
        convert(&integers, &mut samples);
        buffer.writer().and_then(|mut writer| writer.write_at(&samples, UTC_NS)).expect("it is written");
    }
    let spec = Spec::new(Length::Seconds(1.0), rate, channels, format).expect("a spec");
    let buffer = Registry::private().get_or_allocate("clip", spec).expect("a buffer");
    let count = rate as usize * usize::from(channels);
    match format {
        SampleFormat::S16 => fill::<i16>(&buffer, count),
        SampleFormat::S24 => fill::<capbuf::I24>(&buffer, count),
        SampleFormat::S32 => fill::<i32>(&buffer, count),
        SampleFormat::F32 => fill::<f32>(&buffer, count),
    }
    buffer
}

fn write(buffer: &CaptureBuffer, path: &Path) -> Result<ClipInfo, Error> {
    write_clip(&buffer.read(Span::Last(Duration::from_secs(1))).expect("a second"), path)
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn other_programs_read_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = 48_000 * 2;
    for (format, extension, bits, sox_format) in [
        (SampleFormat::S16, "wav", 16, ["-b16", "-esigned"]),
        (SampleFormat::S24, "wav", 24, ["-b24", "-esigned"]),
        (SampleFormat::S32, "wav", 32, ["-b32", "-esigned"]),
        (SampleFormat::F32, "wav", 32, ["-b32", "-efloat"]),
        (SampleFormat::S16, "flac", 16, ["-b16", "-esigned"]),
        (SampleFormat::S24, "flac", 24, ["-b24", "-esigned"]),
        (SampleFormat::F32, "flac", 24, ["-b24", "-esigned"]),
    ] {
        let path = folder.path().join(format!("{format}.{extension}"));
        let clip = write(&buffer(48_000, 2, format), &path).expect("it is written");
        assert_eq!((clip.frames, clip.sample_rate_hz, clip.channels, clip.start_utc_ns), (48_000, 48_000, 2, UTC_NS));
        assert_eq!(clip.bytes, path.metadata().expect("it is there").len());

        let name = path.to_str().expect("UTF-8");
        let reported: Vec<String> =
            ["-s", "-r", "-c"].iter().map(|option| run("soxi", &[option, name]).trim().to_owned()).collect();
        assert_eq!(reported, ["48000", "48000", "2"], "{name}");
        let probed = run(
            "ffprobe",
            &["-v", "error", "-show_entries", "stream=sample_rate,channels,duration_ts", "-of", "csv=p=0", name],
        );
        assert_eq!(probed.trim(), "48000,2,48000", "{name}");

        // The samples, read by sox, without dither.
        let raw = path.with_extension("raw");
        run("sox", &[&["-D", name, "-t", "raw"], &sox_format[..], &[raw.to_str().expect("UTF-8")]].concat());
        let raw = std::fs::read(raw).expect("raw samples");
        let found = raw.chunks(bits / 8).map(|sample| match (sample.len(), sox_format[1]) {
            (2, _) => i64::from(i16::from_le_bytes([sample[0], sample[1]])) << 8,
            (3, _) => i64::from(i32::from_le_bytes([0, sample[0], sample[1], sample[2]]) >> 8),
            (_, "-esigned") => i64::from(i32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]) >> 8),
            _ => (f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]) * 8_388_608.0) as i64,
        });
        let tolerance = if format == SampleFormat::S16 { 256 } else { 0 };
        let wrong = found.enumerate().find(|(i, sample)| (sample - i64::from(sample_24(*i))).abs() > tolerance);
        assert_eq!(wrong, None, "{name}");
        assert_eq!(raw.len(), count * bits / 8, "{name}");
    }
}

#[test]
fn pythons_wave_module_reads_integer_clips() {
    let folder = tempfile::tempdir().expect("a folder");
    for (format, bytes, channels) in [(SampleFormat::S16, 2, 1), (SampleFormat::S24, 3, 5), (SampleFormat::S32, 4, 2)] {
        let path = folder.path().join(format!("{format}.wav"));
        write(&buffer(11_025, channels, format), &path).expect("it is written");
        let script = "import sys, wave; w = wave.open(sys.argv[1]); \
                      print(w.getnframes(), w.getframerate(), w.getnchannels(), w.getsampwidth())";
        let printed = run("python3", &["-c", script, path.to_str().expect("UTF-8")]);
        assert_eq!(printed.trim(), format!("11025 11025 {channels} {bytes}"));
    }
}

#[test]
fn clips_of_any_length_and_rate_are_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    for (rate, channels, frames) in
        [(8000, 1, 1), (44_101, 1, 17), (96_000, 1, 5000), (250_000, 2, 9000), (767_999, 8, 5000), (1, 3, 1)]
    {
        let buffer = buffer(rate, channels, SampleFormat::S24);
        let segment = buffer.read(Span::Frames(0..frames)).expect("frames");
        for extension in ["wav", "flac"] {
            let path = folder.path().join(format!("{rate}.{extension}"));
            let clip = write_clip(&segment, &path).expect("it is written");
            assert_eq!(clip.frames, frames);
            if rate > 1 {
                let counted = run("soxi", &["-s", path.to_str().expect("UTF-8")]);
                assert_eq!(counted.trim(), frames.to_string(), "{rate} Hz, {channels} channels, {extension}");
                assert_eq!(run("soxi", &["-r", path.to_str().expect("UTF-8")]).trim(), rate.to_string(), "{extension}");
            }
        }
    }
}

#[test]
fn refusal_names_what_the_type_can_store() {
    let folder = tempfile::tempdir().expect("a folder");
    for (channels, format, name, reason) in [
        (1, SampleFormat::S32, "a.flac", "write .wav"),
        (9, SampleFormat::S16, "a.flac", "no more than 8 channels; write .wav instead"),
        (1, SampleFormat::S16, "a.mp3", "allowed: .wav, .flac"),
        (1, SampleFormat::S16, "a", "allowed: .wav, .flac"),
        (1, SampleFormat::S16, ".wav", "allowed: .wav, .flac"),
    ] {
        let error = write(&buffer(8000, channels, format), &folder.path().join(name)).expect_err(name).to_string();
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

#[test]
fn failed_write_leaves_no_file_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let buffer = buffer(8000, 1, SampleFormat::S16);
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").expect("a file");
    std::fs::create_dir(folder.path().join("taken.wav")).expect("a folder");
    for path in [folder.path().join("nowhere/clip.wav"), file.join("clip.wav"), folder.path().join("taken.wav")] {
        let error = write(&buffer, &path).expect_err("it can't be written");
        assert!(matches!(error, Error::Clip { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    let mut names = names_in(folder.path());
    names.sort();
    assert_eq!(names, ["file", "taken.wav"]);
}

#[test]
fn clip_replaces_a_file_only_when_asked_and_has_the_mode_of_a_new_one() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let (path, other) = (folder.path().join("Clip.WAV"), folder.path().join("other"));
    std::fs::write(&path, "the old content").expect("a file");
    std::fs::write(&other, "").expect("a file");
    let buffer = buffer(8000, 1, SampleFormat::S16);
    let refused = write(&buffer, &path).expect_err("the file exists").to_string();
    assert!(refused.contains("Clip.WAV") && refused.contains("the file exists"), "{refused}");
    assert_eq!(std::fs::read(&path).expect("a file"), b"the old content");
    let segment = buffer.read(Span::Last(Duration::from_secs(1))).expect("a second");
    let numbered = write_clip_with(&segment, &path, &ClipTags::new("clip"), IfExists::Number).expect("it is written");
    assert_eq!(numbered.path, folder.path().join("Clip-2.WAV"));
    write_clip_with(&segment, &path, &ClipTags::new("clip"), IfExists::Overwrite).expect("it is written");
    assert_eq!(run("soxi", &["-s", path.to_str().expect("UTF-8")]).trim(), "8000");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode(&path), mode(&other));
}

#[test]
fn gap_is_silence_in_the_clip() {
    let spec = Spec::new(Length::Seconds(5.0), 8000, 1, SampleFormat::S16).expect("a spec");
    let buffer = Registry::private().get_or_allocate("clip", spec).expect("a buffer");
    let mut writer = buffer.writer().expect("a writer");
    writer.write_at(&[1_i16; 8000], UTC_NS).expect("it is written");
    writer.gap(capbuf::GapReason::SourceLost);
    writer.write_at(&[2_i16; 8000], UTC_NS + 2_000_000_000).expect("it is written");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.wav");
    let options = ReadOptions::new().available();
    let segment = buffer.read_with(Span::Time(UTC_NS..UTC_NS + 3_000_000_000), &options).expect("three seconds");
    assert_eq!(write_clip(&segment, &path).map(|clip| clip.frames), Ok(24_000));
    let samples: Vec<i16> =
        hound::WavReader::open(&path).expect("WAV").samples().collect::<Result<_, _>>().expect("samples");
    assert_eq!([samples[7999], samples[8000], samples[15_999], samples[16_000]], [1, 0, 0, 2]);
}

/// A segment of `count` seconds at 8 kHz.
fn seconds(count: u64) -> capbuf::Segment {
    let spec = Spec::new(Length::Seconds(count as f64), 8000, 1, SampleFormat::S16).expect("a spec");
    let buffer = Registry::private().get_or_allocate("clip", spec).expect("a buffer");
    let samples: Vec<i16> = (0..count as usize * 8000).map(|i| (sample_24(i) >> 8) as i16).collect();
    buffer.writer().and_then(|mut writer| writer.write_at(&samples, UTC_NS)).expect("it is written");
    buffer.read(Span::Frames(0..count * 8000)).expect("all of it")
}

#[test]
fn progress_is_reported_each_second_and_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["clip.wav", "clip.flac"] {
        let path = folder.path().join(name);
        let mut reports = Vec::new();
        let clip = write_clip_with_progress(&seconds(20), &path, None, IfExists::Fail, |progress| {
            let is_whole = progress.frames == progress.of_frames;
            assert_eq!((progress.of_frames, path.exists()), (160_000, is_whole), "{name}");
            reports.push(progress.frames);
            ControlFlow::Continue(())
        });
        assert_eq!(clip.map(|clip| clip.frames), Ok(160_000));
        assert_eq!(reports.last(), Some(&160_000));
        if name.ends_with("wav") {
            assert_eq!(reports, (1..=20).map(|second| second * 8000).collect::<Vec<_>>());
        }
        // FLAC is encoded in blocks of half a second.
        assert!(reports.windows(2).all(|pair| (8000..=16_000).contains(&(pair[1] - pair[0])) || pair[1] == 160_000));
        assert!(reports.len() > 10, "{reports:?}");
    }
}

#[test]
fn cancelled_clip_leaves_neither_a_file_nor_a_thread_behind() {
    // Threads inherit their name from their creator: those of this test are counted by it.
    let thread = std::thread::Builder::new().name("cancels clips".to_owned());
    thread.spawn(cancel_clips).expect("a thread").join().expect("no panic");
}

fn cancel_clips() {
    let threads = || {
        let name =
            |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
        let own = std::fs::read_to_string("/proc/thread-self/comm").expect("a name");
        let tasks = std::fs::read_dir("/proc/self/task").expect("tasks");
        tasks.filter_map(name).filter(|name| *name == own).count()
    };
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(threads(), 1);
    for name in ["clip.wav", "clip.flac"] {
        let mut reports = 0;
        let cancelled =
            write_clip_with_progress(&seconds(20), &folder.path().join(name), None, IfExists::Fail, |progress| {
                reports += 1;
                assert!(progress.frames < 60_000, "it was not cancelled");
                if reports == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        let error = cancelled.expect_err("it was cancelled").to_string();
        assert!(error.contains(name) && error.ends_with("its writing was stopped"), "{error}");
        assert_eq!(reports, 3);
        assert_eq!(names_in(folder.path()), Vec::<String>::new());
        wait_until("its threads have ended", || threads() == 1);
    }
    // A complete clip stays.
    let path = folder.path().join("clip.wav");
    let at_the_end = |progress: ClipProgress| match progress.frames == progress.of_frames {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let written = write_clip_with_progress(&seconds(2), &path, None, IfExists::Fail, at_the_end);
    assert_eq!(written.map(|clip| clip.frames), Ok(16_000));
    assert!(path.exists());
}
