//! `capbuf clip`, from the memory of another process.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use capbuf::{Length, Registry, SampleFormat, Spec};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::program::{
    Running, capbuf, domains_of, json, names_in, positions, record_positions, run, soxi, wait_for, wav_samples,
};
use crate::without_stalls::without_stalls;

/// Asserts that a clip has the samples of its frame numbers, and returns them.
fn check(folder: &Path, clip: &Value) -> Vec<i16> {
    let samples = wav_samples(&folder.join(clip["path"].as_str().expect("a path")));
    assert_eq!(Some(samples.len() as u64), clip["frames"].as_u64());
    let first_frame = clip["first_frame"].as_u64().expect("a number");
    assert!(samples == positions(first_frame, samples.len()), "from frame {first_frame}: {:?}", &samples[..8]);
    samples
}

#[test]
fn a_clip_has_the_reported_frames() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_recorder, _) = record_positions(folder.path(), &[], 2.0);
    let last = json(folder.path(), &["clip", "position:", "--last", "500ms"]);
    assert_eq!(check(folder.path(), &last).len(), 24_000);
    let (path, start) = (last["path"].as_str().expect("a path"), last["start_utc"].as_str().expect("a time"));
    assert!(path.starts_with("position_20") && path.ends_with("Z.wav"), "{path}");

    // By time, later: the same frames.
    let (end, again) = (last["end_utc"].as_str().expect("a time"), "again.wav");
    let by_time = json(folder.path(), &["clip", "pos", "--from", start, "--to", end, "-o", again]);
    assert_eq!(by_time["first_frame"], last["first_frame"]);
    assert_eq!(check(folder.path(), &by_time), wav_samples(&folder.path().join(path)));
    // An existing file is replaced only with --force.
    let quarter = ["clip", "pos", "--around", start, "--before", "0s", "--after", "250ms", "-o", again];
    let refused = run(folder.path(), &quarter);
    assert_eq!(refused.code, Some(1));
    assert_eq!(refused.err, "capbuf: --output again.wav: the file exists; --force overwrites it\n");
    assert_eq!(check(folder.path(), &by_time), wav_samples(&folder.path().join(path)));
    let around = json(folder.path(), &[&quarter[..], &["--force"]].concat());
    assert_eq!(around["first_frame"], last["first_frame"]);
    // A stall of the machine shifts the estimated times for a while.
    assert!(check(folder.path(), &around).len().abs_diff(12_000) < 20);

    let ended = without_stalls(|| {
        let ended = run(folder.path(), &["clip", "pos", "--last", "1s", "-o", "last.flac", "--force"]);
        if ended.out.contains("gaps: 0\n") { Ok(ended) } else { Err(ended.out) }
    });
    assert_eq!(soxi(&folder.path().join("last.flac")), [48_000, 48_000, 1, 16], "{}", ended.err);
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines[0], "last.flac");
    assert!(lines[1].starts_with("48000 frames, 1.000 s, from 20") && lines[1].ends_with("Z, gaps: 0"), "{lines:?}");
    assert!(lines[2].starts_with("times: file, ±"), "{lines:?}");
    assert_eq!(names_in(folder.path()), ["again.wav", "last.flac", path]);
}

#[test]
fn a_clip_that_ends_in_the_future_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_recorder, _) = record_positions(folder.path(), &[], 1.0);
    let arguments = ["clip", "position:", "--around", "now", "--before", "500ms", "--after", "1s", "--json"];
    // A command that stalls for a second finds the end recorded; a recorder that does leaves a gap.
    let (ended, clip) = without_stalls(|| {
        let ended = run(folder.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let clip: Value = serde_json::from_str(&ended.out).expect("JSON");
        let has_waited_for_all = !ended.err.is_empty() && clip["gaps"] == serde_json::json!([]);
        if has_waited_for_all { Ok((ended, clip)) } else { Err(format!("{}{}", ended.err, clip["gaps"])) }
    });
    assert!(ended.err.starts_with("capbuf: waiting ") && ended.err.lines().count() == 1, "{}", ended.err);
    let frames = check(folder.path(), &clip).len();
    assert!((71_900..=72_100).contains(&frames), "{frames}");
}

#[test]
fn a_span_beyond_memory_fails_unless_available_is_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let (recorder, _) = record_positions(folder.path(), &["--keep"], 1.0);
    recorder.kill();
    for (span, reason) in [
        (&["--from", "-1h", "--to", "now"][..], "is no longer in memory, the oldest audio is from 20"),
        (&["--from", "+1h", "--to", "+2h"], "nothing records the source now"),
        (&["--last", "2m"], "the buffer keeps 60s"),
    ] {
        let ended = run(folder.path(), &[&["clip", "position:"], span].concat());
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{span:?}: {}", ended.err);
        assert!(ended.err.contains(reason), "{span:?}: {}", ended.err);
    }
    let status = json(folder.path(), &["status", "position:"]);
    // The newest audio is what is there, and the beginning is missing.
    let clip = json(folder.path(), &["clip", "position:", "--last", "55s"]);
    assert_eq!((&clip["frames"], &clip["first_frame"]), (&status["newest_frame"], &0.into()));
    let missing = &clip["missing"];
    assert_eq!(missing["not_yet_frames"], 0);
    assert_eq!(missing["evicted_frames"].as_u64(), clip["frames"].as_u64().map(|frames| 55 * 48_000 - frames));
    check(folder.path(), &clip);
    let clip = json(folder.path(), &["clip", "position:", "--from", "-1h", "--to", "+1h", "--available"]);
    assert_eq!((&clip["frames"], &clip["first_frame"]), (&status["newest_frame"], &0.into()));
    assert!(clip["missing"]["evicted_frames"].as_u64() > Some(3000 * 48_000));
    assert!(clip["missing"]["not_yet_frames"].as_u64() > Some(3000 * 48_000));
    check(folder.path(), &clip);
    let ended = run(folder.path(), &["clip", "position:", "--from", "+1h", "--to", "+2h", "--available"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("no audio"), "{}", ended.err);
}

#[test]
fn a_sample_format_that_flac_lacks_is_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorded = run(folder.path(), &["record", "tone:440", "--for", "4s", "--format", "s32", "--keep"]);
    assert_eq!(recorded.code, Some(0), "{}", recorded.err);
    for output in [&["-o", "x.flac"][..], &["--type", "flac"]] {
        let ended = run(folder.path(), &[&["clip", "tone:440", "--last", "100ms"], output].concat());
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.contains("FLAC can't store") && ended.err.contains("s32"), "{}", ended.err);
    }
}

/// Runs a command with a terminal as its stderr, and returns what it printed there.
fn stderr_on_a_terminal(folder: &Path, arguments: &[&str]) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
    let name = ptsname(&master, Vec::new()).expect("its name");
    let terminal = File::options().read(true).write(true).open(name.to_str().expect("UTF-8")).expect("a terminal");
    let mut command = capbuf(folder, arguments);
    let mut child = command.stdout(Stdio::null()).stderr(terminal).spawn().expect("it starts");
    // Closes our copy of the command's end.
    drop(command);
    let (mut output, mut terminal) = (Vec::new(), File::from(master));
    let mut chunk = [0; 4096];
    // Reading fails once no process has the terminal open.
    while let Ok(read) = terminal.read(&mut chunk) {
        output.extend(&chunk[..read]);
        if read == 0 {
            break;
        }
    }
    assert!(child.wait().expect("it ends").success());
    String::from_utf8(output).expect("UTF-8")
}

#[test]
fn only_a_long_clip_on_a_terminal_shows_progress() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::builder().domains_folder(domains_of(folder.path())).open("default").expect("a domain");
    let spec = Spec::new(Length::Seconds(90.0), 8000, 1, SampleFormat::S16).expect("a spec");
    let buffer = registry.get_or_allocate("yard", spec).expect("a buffer");
    let mut writer = buffer.writer().expect("a writer");
    let start_ns = buffer.clock().utc_ns() - 90_000_000_000;
    for second in 0..90_u64 {
        let at_ns = start_ns + second as i64 * 1_000_000_000;
        writer.write_at(&positions(second * 8000, 8000), at_ns).expect("it is written");
    }
    for name in ["long.wav", "long.flac"] {
        let output = stderr_on_a_terminal(folder.path(), &["clip", "yard", "--last", "80s", "-o", name]);
        let lines: Vec<_> = output.split("\r\x1b[K").collect();
        let shows = |line: &str| lines.contains(&line);
        assert!(lines.len() > 50 && shows("writing the clip: 100 %, 80 of 80 s"), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("writing the clip: 5") && line.ends_with("40 of 80 s")));
        assert_eq!((lines[0], lines[lines.len() - 1]), ("", ""), "the line is erased at the end");
        assert_eq!(soxi(&folder.path().join(name))[0], 80 * 8000);
    }
    let output = stderr_on_a_terminal(folder.path(), &["clip", "yard", "--last", "59s", "-o", "short.flac"]);
    assert_eq!(output, "");
    let ended = run(folder.path(), &["clip", "yard", "--last", "80s", "-o", "again.wav"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn an_interrupted_clip_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::builder().domains_folder(domains_of(folder.path())).open("default").expect("a domain");
    // Long enough to be unfinished when the signal arrives.
    let spec = Spec::new(Length::Seconds(120.0), 48_000, 8, SampleFormat::S16).expect("a spec");
    let buffer = registry.get_or_allocate("yard", spec).expect("a buffer");
    let mut writer = buffer.writer().expect("a writer");
    let start_ns = buffer.clock().utc_ns() - 120_000_000_000;
    for second in 0..120 {
        writer.write_at(&positions(0, 8 * 48_000), start_ns + second * 1_000_000_000).expect("it is written");
    }
    let clipping = Running::start(folder.path(), &["clip", "yard", "--last", "110s", "-o", "long.flac"]);
    // A file without a name has the number of its inode in /proc; one that has a name is `.part`.
    let is_unfinished = |file: PathBuf| {
        let file = file.strip_prefix(folder.path()).ok()?.to_str()?.to_owned();
        (file.ends_with(" (deleted)") || file.ends_with(".part")).then_some(())
    };
    wait_for("the unfinished file", || {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", clipping.pid())).ok()?;
        descriptors.flatten().find_map(|fd| is_unfinished(fs::read_link(fd.path()).ok()?))
    });
    clipping.signal(Signal::INT);
    let ended = clipping.end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
    assert_eq!(ended.err, "capbuf: clip long.flac: its writing was stopped");
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
    // What a killed writer left on a file system without nameless files is removed by the next.
    fs::write(folder.path().join(".capbuf-killed.part"), "half").expect("a file");
    let ended = run(folder.path(), &["clip", "yard", "--last", "1s", "-o", "short.wav"]);
    assert_eq!((ended.code, names_in(folder.path())), (Some(0), vec!["short.wav".to_owned()]), "{}", ended.err);
}
