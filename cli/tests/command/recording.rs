//! `capbuf record`: clips, status lines and signals.

use std::path::Path;
use std::time::SystemTime;

use rustix::process::Signal;

use crate::program::{Running, names_in, run, sound, soxi};
use crate::without_stalls::without_stalls;

/// Asserts that a clip's name has source and time, and returns the source.
fn source_in(name: &str) -> &str {
    let (source, rest) = name.rsplit_once('_').expect("source and time");
    // A number follows if the name was in use.
    let time = rest.split_once('Z').expect("UTC").0;
    let shape: String = time.chars().map(|sign| if sign.is_ascii_digit() { '0' } else { sign }).collect();
    assert_eq!(shape, "00000000T000000.000", "{name}");
    source
}

#[test]
fn clips_are_written_at_the_end_and_their_paths_are_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("clips")).expect("a folder");
    let ended =
        run(folder.path(), &["record", "tone:440", "position:", "--for", "5s", "--clip", "1s", "--out", "clips"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.messages(), Vec::<&str>::new());
    let mut printed: Vec<_> = ended.out.lines().map(|line| line.strip_prefix("clips/").expect("in clips")).collect();
    printed.sort_unstable();
    assert_eq!(printed, names_in(&folder.path().join("clips")));
    assert_eq!(printed.iter().map(|name| source_in(name)).collect::<Vec<_>>(), ["position", "tone-440"]);
    for name in printed {
        assert_eq!(soxi(&folder.path().join("clips").join(name)), [48_000, 48_000, 1, 16]);
    }
}

#[test]
fn clips_have_the_requested_format() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, expected) in [
        (["--format", "s24", "--rate", "8000", "--channels", "3", "--type", "wav"], [4000, 8000, 3, 24]),
        (["--format", "f32", "--rate", "16000", "--channels", "2", "--type", "flac"], [8000, 16_000, 2, 24]),
        (["--format", "s32", "--rate", "44100", "--channels", "1", "--type", "wav"], [22_050, 44_100, 1, 32]),
    ] {
        let common = ["record", "tone:1000", "--for", "4s", "--clip", "0.5", "--seconds", "30"];
        let ended = run(folder.path(), &[&common[..], &arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(soxi(&folder.path().join(ended.out.trim())), expected);
    }
}

#[test]
fn the_name_of_a_clip_has_its_start_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = SystemTime::now();
    let ended = run(folder.path(), &["record", "tone:440", "--for", "4s", "--clip", "500ms"]);
    let after = SystemTime::now();
    let time = ended.out.trim().rsplit_once('_').expect("source and time").1;
    let day_seconds = |at: usize| time[at..at + 2].parse::<u64>().expect("a number");
    let named_s = day_seconds(9) * 3600 + day_seconds(11) * 60 + day_seconds(13);
    let seconds =
        |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs() % 86_400;
    // The day may change in between.
    let since_before_s = (named_s + 86_400 - seconds(before)) % 86_400;
    assert!(since_before_s <= (seconds(after) + 86_400 - seconds(before)) % 86_400, "{time}");
}

#[test]
fn sigusr1_writes_clips_and_the_recording_continues() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(folder.path(), &["record", "tone:440", "position:", "--clip", "200ms"]);
    let kept_s = |line: &str| line.split("/60 s").next()?.rsplit(' ').next()?.parse::<f64>().ok();
    for source in ["tone:440", "position:"] {
        let has_enough = |line: &str| line.starts_with(source) && kept_s(line).is_some_and(|kept_s| kept_s >= 1.0);
        running.wait_for_line("a second of sound", has_enough);
    }
    for _ in 0..2 {
        running.signal(Signal::USR1);
        for source in ["tone-440", "position"] {
            let line = running.read_line();
            let name = Path::new(&line).file_name().expect("a name").to_string_lossy().into_owned();
            assert_eq!(source_in(&name), source);
            assert_eq!(soxi(&folder.path().join(line)), [9600, 48_000, 1, 16]);
        }
    }
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 2, "the clips of --clip at the end");
    assert_eq!(names_in(folder.path()).len(), 6);
}

#[test]
fn a_recording_of_files_ends_with_them() {
    let folder = tempfile::tempdir().expect("a folder");
    sound(folder.path(), "a b.wav");
    sound(folder.path(), "-odd.flac");
    let arguments = ["record", "file:a b.wav", "file:-odd.flac", "--clip", "10s", "--type", "flac"];
    let ended = without_stalls(|| {
        let ended = run(folder.path(), &arguments);
        if ended.err.lines().rev().take(2).all(|line| line.contains("gaps 0")) { Ok(ended) } else { Err(ended.err) }
    });
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.lines().last().is_some_and(|line| line.ends_with("finished")), "{}", ended.err);
    let mut clips: Vec<_> = ended.out.lines().collect();
    clips.sort_unstable();
    assert_eq!(clips.iter().map(|clip| source_in(clip)).collect::<Vec<_>>(), ["./file-a-b.wav", "./file-odd.flac"]);
    for clip in clips {
        assert_eq!(soxi(&folder.path().join(clip)), [32_000, 16_000, 2, 16], "the whole file");
    }
}

#[test]
fn sources_that_differ_in_punctuation_get_their_own_clips() {
    let folder = tempfile::tempdir().expect("a folder");
    sound(folder.path(), "a b.wav");
    sound(folder.path(), "a-b.wav");
    let ended =
        run(folder.path(), &["record", "file:a b.wav?loop", "file:a-b.wav?loop", "--for", "4s", "--clip", "100ms"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(names_in(folder.path()).len(), 4, "{}", ended.out);
}

#[test]
fn status_lines_show_level_length_age_and_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = without_stalls(|| {
        let ended = run(folder.path(), &["record", "tone:440", "--for", "4s", "--seconds", "5"]);
        if ended.err.lines().last().is_some_and(|line| line.contains("gaps 0")) { Ok(ended) } else { Err(ended.err) }
    });
    let last = ended.err.lines().last().expect("a status line");
    for part in ["tone:440", "[###########-]", "-6.0 dBFS", "/5 s", "age ", "gaps 0", "running"] {
        assert!(last.contains(part), "{part} is not in: {last}");
    }
    assert!(!ended.err.contains('\u{1b}'), "no escape sequences without a terminal");
    assert_eq!(ended.out, "", "stdout is for paths");
}

#[test]
fn status_lines_are_redrawn_in_place_on_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = format!("{} record tone:440 position: --private --for 1s", env!("CARGO_BIN_EXE_capbuf"));
    // `script` runs a command in a new terminal.
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(folder.path());
    script.stdin(std::process::Stdio::null());
    // The lines are drawn five times a second.
    let drawn = without_stalls(|| {
        let output = script.output().expect("script");
        let drawn = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success(), "{drawn}");
        if drawn.matches("\u{1b}[2A\u{1b}[J").count() >= 2 { Ok(drawn) } else { Err(drawn) }
    });
    for frame in drawn.split("\u{1b}[2A\u{1b}[J") {
        assert_eq!(frame.lines().filter(|line| !line.is_empty()).count(), 2, "a line for each source: {frame:?}");
    }
}
