//! Failures: one line each, exit code 2 for an invalid command line, 1 for failures while running.

use std::net::{Ipv4Addr, TcpListener};

use crate::program::{Ended, capbuf, run};

fn assert_fails(arguments: &[&str], code: i32, reason: &str) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.err);
    assert_eq!(ended.out, "");
    let messages = ended.messages();
    assert_eq!(messages.len(), 1, "{arguments:?}: {}", ended.err);
    assert!(messages[0].contains(reason), "{arguments:?}: {messages:?}");
    ended
}

#[test]
fn an_invalid_command_line_is_reported_in_one_line() {
    for (arguments, reason) in [
        (&[][..], "the command is missing; see: capbuf --help"),
        (&["play"], "unrecognized subcommand 'play'"),
        (&["record"], "required arguments were not provided: <SOURCE>"),
        (&["record", "--loud"], "unexpected argument '--loud'"),
        (&["record", "mic:1"], "source \"mic:1\" is not understood: there is no such kind of source; allowed: "),
        (&["record", ""], "it is empty"),
        (&["record", "tone:440", "tone:440"], "source tone:440 is passed twice"),
        (&["record", "tone:440", "--for", "soon"], "\"soon\" is not a duration"),
        (&["record", "tone:440", "--for", "-1s"], "\"-1s\" is not a duration"),
        (&["record", "tone:440", "--clip", "0s"], "\"0s\" is not a duration"),
        (&["record", "tone:440", "--seconds", "0"], "length in seconds is 0"),
        (&["record", "tone:440", "--seconds", "-5"], "length in seconds is -5"),
        (&["record", "tone:440", "--seconds", "1e30"], "length"),
        (&["record", "tone:440", "--seconds", "NaN"], "length in seconds is NaN"),
        (&["record", "tone:440", "--rate", "0"], "sample_rate_hz is 0"),
        (&["record", "tone:440", "--channels", "65"], "channels is 65; allowed: 1 to 64"),
        (&["record", "tone:440", "--channels", "70000"], "70000"),
        (&["record", "tone:440", "--format", "s20"], "s16, s24, s32, f32"),
        (&["record", "tone:440", "--type", "mp3"], "invalid value 'mp3'"),
        (&["record", "tone:440", "--type", "flac", "--format", "s32"], "--type flac can't store --format s32"),
        (&["record", "tone:440", "--seconds", "5", "--clip", "6s"], "--clip is 6s; allowed: up to the 5 s"),
        (&["record", "tone:440", "--type", "flac", "--channels", "9"], "allowed: up to 8"),
        (&["record", "tone:440", "--out", "nowhere"], "--out nowhere: the folder does not exist"),
        (&["record", "tone:440", "--domain", "a/b"], "domain is \"a/b\"; allowed: 1 to 64 letters"),
        (&["record", "tone:440", "--domain", "a", "--private"], "--private is in no domain"),
        (&["record", "tone:440", "--keep", "--private"], "cannot be used with '--private'"),
        (&["clip"], "required arguments were not provided"),
        (&["clip", "x"], "required arguments were not provided"),
        (&["clip", "x", "--last", "0s"], "\"0s\" is not a duration"),
        (&["clip", "x", "--last", "1s", "--around", "now"], "cannot be used with"),
        (&["clip", "x", "--from", "-1s"], "required arguments were not provided: --to <TIME>"),
        (&["clip", "x", "--from", "-1s", "--to", "-2s"], " is empty; --to must be after --from"),
        (&["clip", "x", "--around", "soon"], "\"soon\" is not a time; allowed: RFC 3339"),
        (&["clip", "x", "--last", "1s", "--before", "1s"], "cannot be used with"),
        (&["clip", "x", "--last", "1s", "-o", "x.mp3"], "--output x.mp3: unknown extension; allowed: .wav, .flac"),
        (&["clip", "x", "--last", "1s", "-o", "nowhere/x.wav"], "--output nowhere/x.wav: its folder does not exist"),
        (&["top", "--every", "1ms"], "interval is \"1ms\"; allowed: 50ms or more"),
        (&["top", "--count", "0"], "invalid value '0'"),
        (&["completions", "tcl"], "invalid value 'tcl'"),
        (
            &["clip", "x", "--around", "now", "--before", "-1s"],
            "\"-1s\" is not a duration; allowed: a number 0 or more",
        ),
        (&["clip", "x", "--around", "now", "--after", "-1s"], "\"-1s\" is not a duration"),
        (&["clip", "x", "--last", "-1s"], "\"-1s\" is not a duration"),
        (&["clip", "x", "--last", "1s", "--force"], "required arguments were not provided: --output <FILE>"),
        (&["events", "--for", "-1s"], "\"-1s\" is not a duration"),
        (&["events", "--every", "-1s"], "\"-1s\" is not a duration"),
        (&["events", "--stalled", "-1s"], "\"-1s\" is not a duration"),
        (&["events", "--held", "-1s"], "\"-1s\" is not a duration"),
        (&["top", "--every", "-1s"], "\"-1s\" is not a duration"),
        (&["top", "--count", "-1"], "\"-1\" is out of range; allowed: 1 or more"),
        (&["top", "--count", "x"], "\"x\" is not a whole number"),
        (&["record", "tone:440", "--rate", "-5"], "\"-5\" is out of range; allowed: hertz"),
        (&["record", "tone:440", "--rate", "48k"], "\"48k\" is not a whole number"),
        (&["record", "tone:440", "--channels", "-1"], "\"-1\" is out of range; allowed: 1 to 64"),
        (&["record", "tone:440", "--channels", "two"], "\"two\" is not a whole number"),
        (&["record", "tone:440", "--seconds", "x"], "\"x\" is not a number; allowed: seconds"),
        (&["record", "tone:440", "--seconds", "-x"], "\"-x\" is not a number"),
        (&["record", "tone:440", "--seconds", "1e308"], "length is 1e308 s; allowed: up to"),
        (&["record", "tone:440", "--seconds", "1e-9"], "length is 1e-9 s; allowed: at least one frame"),
    ] {
        let ended = assert_fails(arguments, 2, reason);
        let words: Vec<_> = ended.err.split(|sign: char| !sign.is_alphanumeric()).collect();
        let of_rust = ["u16", "u32", "u64", "f64", "Seconds", "Frames", "Some", "None", "digit", "float", "literal"];
        assert!(!words.iter().any(|word| of_rust.contains(word)), "{}", ended.err);
    }
}

#[test]
fn a_source_that_is_not_utf_8_is_reported_in_one_line() {
    use std::os::unix::ffi::OsStrExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let mut command = capbuf(folder.path(), &["record"]);
    let ended: Ended = command.arg(std::ffi::OsStr::from_bytes(b"tone:\xff")).output().expect("it runs").into();
    assert_eq!((ended.code, ended.messages().len()), (Some(2), 1), "{}", ended.err);
    assert!(ended.err.contains("UTF-8"), "{}", ended.err);
    assert_fails(&["record", "tone:4\u{7}40"], 2, "tone:");
}

#[test]
fn an_unavailable_source_is_reported_in_one_line() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let camera = format!("rtsp://me:sesame@127.0.0.1:{port}/x?token=sesame");
    for (arguments, reason) in [
        (&["record", "file:/nowhere/x.wav"][..], "/nowhere/x.wav: No such file"),
        (&["record", "file:/dev/null"], "not a regular file"),
        (&["record", "file:."], "it is a folder"),
        (&["record", "device:alsa:none such"], "no alsa device \"none such\""),
        (&["record", "tone:40000"], "it offers rates above 80000 Hz"),
        (&["record", "tone:440", "--seconds", "10000000"], "bytes"),
        (&["record", &camera], "Connection refused"),
    ] {
        let ended = assert_fails(arguments, 1, reason);
        assert!(!ended.err.contains("sesame"), "{}", ended.err);
    }
}

#[test]
fn a_stream_without_ffmpeg_names_the_package() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = capbuf(folder.path(), &["record", "http://127.0.0.1:1/x"]);
    let ended: Ended = command.env("PATH", folder.path()).output().expect("it runs").into();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("capbuf: ffmpeg is needed for network streams"), "{}", ended.err);
    assert!(ended.err.contains("apt install ffmpeg"), "{}", ended.err);
}

#[test]
fn a_file_that_needs_ffmpeg_names_the_package_and_the_kinds_that_need_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let aiff = folder.path().join("x.aiff");
    std::fs::write(&aiff, b"FORM\0\0\0\x04AIFF").expect("a file");
    let mut command = capbuf(folder.path(), &["record", &format!("file:{}", aiff.display())]);
    let ended: Ended = command.env("PATH", folder.path()).output().expect("it runs").into();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("for files but WAV, FLAC, Ogg Vorbis and MP3"), "{}", ended.err);
    assert!(ended.err.contains("apt install ffmpeg"), "{}", ended.err);
}
