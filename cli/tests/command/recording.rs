//! `capbuf record` where all goes well.

use std::path::Path;
use std::time::SystemTime;

use rustix::process::Signal;

use crate::program::{Running, names_in, run, sound, soxi, wait_for};

/// Checks a clip's name, and returns the source in it.
fn source_in(name: &str) -> &str {
    let (source, rest) = name.rsplit_once('_').expect("source and time");
    // Where there is a clip of that name already, a number follows.
    let time = rest.split_once('Z').expect("UTC").0;
    let shape: String = time.chars().map(|sign| if sign.is_ascii_digit() { '0' } else { sign }).collect();
    assert_eq!(shape, "00000000T000000.000", "{name}");
    source
}

#[test]
fn clips_are_written_at_the_end_and_their_paths_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("clips")).expect("a folder");
    let ended =
        run(folder.path(), &["record", "tone:440", "position:", "--for", "5s", "--clip", "1s", "--out", "clips"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.complaints(), Vec::<&str>::new());
    let mut printed: Vec<_> = ended.out.lines().map(|line| line.strip_prefix("clips/").expect("in clips")).collect();
    printed.sort_unstable();
    assert_eq!(printed, names_in(&folder.path().join("clips")));
    assert_eq!(printed.iter().map(|name| source_in(name)).collect::<Vec<_>>(), ["position", "tone-440"]);
    for name in printed {
        assert_eq!(soxi(&folder.path().join("clips").join(name)), [48_000, 48_000, 1, 16]);
    }
}

#[test]
fn what_is_asked_is_what_is_in_the_clip() {
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
fn the_name_tells_when_the_clip_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = SystemTime::now();
    let ended = run(folder.path(), &["record", "tone:440", "--for", "4s", "--clip", "500ms"]);
    let after = SystemTime::now();
    let time = ended.out.trim().rsplit_once('_').expect("source and time").1;
    let day_seconds = |at: usize| time[at..at + 2].parse::<u64>().expect("a number");
    let told_s = day_seconds(9) * 3600 + day_seconds(11) * 60 + day_seconds(13);
    let seconds =
        |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs() % 86_400;
    // Around midnight the day begins anew.
    let since_before_s = (told_s + 86_400 - seconds(before)) % 86_400;
    assert!(since_before_s <= (seconds(after) + 86_400 - seconds(before)) % 86_400, "{time}");
}

#[test]
fn a_signal_writes_clips_and_the_recording_goes_on() {
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
    assert_eq!(ended.out.lines().count(), 2, "and the clips of --clip at the end");
    assert_eq!(names_in(folder.path()).len(), 6);
}

#[test]
fn a_recording_of_files_ends_with_them() {
    let folder = tempfile::tempdir().expect("a folder");
    sound(folder.path(), "a b.wav");
    sound(folder.path(), "-odd.flac");
    let arguments = ["record", "file:a b.wav", "file:-odd.flac", "--clip", "10s", "--type", "flac"];
    // A machine that stands still leaves a gap: once more.
    let ended = wait_for("a recording without a gap", || {
        let ended = run(folder.path(), &arguments);
        ended.err.lines().rev().take(2).all(|line| line.contains("gaps 0")).then_some(ended)
    });
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.lines().last().is_some_and(|line| line.ends_with("finished")), "{}", ended.err);
    let mut clips: Vec<_> = ended.out.lines().collect();
    clips.sort_unstable();
    assert_eq!(clips.iter().map(|clip| source_in(clip)).collect::<Vec<_>>(), ["./file-a-b.wav", "./file-odd.flac"]);
    for clip in clips {
        assert_eq!(soxi(&folder.path().join(clip)), [32_000, 16_000, 2, 16], "all that there is");
    }
}

#[test]
fn sources_that_differ_in_signs_only_get_clips_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    sound(folder.path(), "a b.wav");
    sound(folder.path(), "a-b.wav");
    let ended =
        run(folder.path(), &["record", "file:a b.wav?loop", "file:a-b.wav?loop", "--for", "4s", "--clip", "100ms"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(names_in(folder.path()).len(), 4, "{}", ended.out);
}

#[test]
fn status_lines_tell_level_length_age_and_state() {
    let folder = tempfile::tempdir().expect("a folder");
    // A machine that stands still leaves a gap: once more.
    let ended = wait_for("a recording without a gap", || {
        let ended = run(folder.path(), &["record", "tone:440", "--for", "4s", "--seconds", "5"]);
        ended.err.lines().last().is_some_and(|line| line.contains("gaps 0")).then_some(ended)
    });
    let last = ended.err.lines().last().expect("a status line");
    for part in ["tone:440", "[###########-]", "-6.0 dBFS", "/5 s", "age ", "gaps 0", "running"] {
        assert!(last.contains(part), "{part} is not in: {last}");
    }
    assert!(!ended.err.contains('\u{1b}'), "nothing for a terminal where there is none");
    assert_eq!(ended.out, "", "stdout is for paths");
}

#[test]
fn on_a_terminal_the_status_lines_are_redrawn_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = format!("{} record tone:440 position: --private --for 1s", env!("CARGO_BIN_EXE_capbuf"));
    // `script` runs a command in a terminal of its own.
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(folder.path());
    script.stdin(std::process::Stdio::null());
    // A second has some looks, if nobody is held up.
    let drawn = wait_for("some looks", || {
        let output = script.output().expect("script");
        let drawn = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success(), "{drawn}");
        (drawn.matches("\u{1b}[2A\u{1b}[J").count() >= 2).then_some(drawn)
    });
    for frame in drawn.split("\u{1b}[2A\u{1b}[J") {
        assert_eq!(frame.lines().filter(|line| !line.is_empty()).count(), 2, "a line for each source: {frame:?}");
    }
}
