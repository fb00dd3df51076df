//! Captures through ffmpeg that lose their child, and that are killed themselves.

use std::time::Duration;

use capbuf_tests::processes::{Process, Resources, children_of, is_running};
use capbuf_tests::{Login, RtspOptions, RtspServer, wait_for, wait_until};
use rustix::process::{Pid, Signal, kill_process};

use crate::capturing::{Capturing, DEADLINE};
use crate::failing_streams::start;

/// Waits until a capture has one child, a running ffmpeg.
fn ffmpeg_of(capturing: &Capturing) -> Process {
    let only = || match &children_of(capturing.id())[..] {
        [only] if !only.is_zombie && only.command_line.contains("ffmpeg") => Some(only.clone()),
        _ => None,
    };
    wait_for(DEADLINE, only).unwrap_or_else(|| panic!("not one ffmpeg: {:?}", children_of(capturing.id())))
}

fn signal(process: &Process, signal: Signal) {
    let pid = Pid::from_raw(process.pid.cast_signed()).expect("a process");
    kill_process(pid, signal).expect("it runs");
}

#[test]
fn repeated_kills_of_ffmpeg_leave_one_child_and_leak_nothing() {
    let server = RtspServer::start(RtspOptions { login: Some(Login::Basic), ..RtspOptions::default() }).unwrap();
    let (mut capturing, rate) = start(&server, "pcmu");
    let kills = if std::env::var_os("CAPBUF_LONG").is_some() { 100 } else { 12 };
    let mut before = None;
    for number in 0..kills {
        let ffmpeg = ffmpeg_of(&capturing);
        assert!(!ffmpeg.command_line.contains(RtspServer::PASSWORD), "{}", ffmpeg.command_line);
        signal(&ffmpeg, Signal::KILL);
        capturing.wait_for_dump("restarted", |dump| dump.restarts > number);
        assert!(children_of(capturing.id()).len() <= 1, "{:?}", children_of(capturing.id()));
        capturing.wait_for_more(rate / 4);
        // The first kills allocate what later ones reuse.
        if number == 4 {
            before = Some(Resources::of(capturing.id()).unwrap());
        }
    }
    ffmpeg_of(&capturing);
    let (before, after) = (before.unwrap(), Resources::of(capturing.id()).unwrap());
    println!("{before:?} after five kills, {after:?} after {kills}");
    assert_eq!(after.descriptors, before.descriptors);
    assert_eq!(after.threads, before.threads);
    assert!(after.resident_kb < before.resident_kb + 4096, "{before:?}, {after:?}");
    assert_eq!(capturing.dump().rings, 1);
}

#[test]
fn stream_stopped_together_with_its_ffmpeg_continues_in_the_same_run() {
    let server = RtspServer::start(RtspOptions::default()).unwrap();
    let (mut capturing, rate) = start(&server, "pcmu");
    let ffmpeg = ffmpeg_of(&capturing);
    // As a service is by systemd, or with its machine: longer than any timeout of a silent pipe.
    capturing.freeze();
    signal(&ffmpeg, Signal::STOP);
    std::thread::sleep(Duration::from_secs(15));
    // The pipe is still empty when the capture looks.
    capturing.thaw();
    std::thread::sleep(Duration::from_secs(1));
    signal(&ffmpeg, Signal::CONT);
    capturing.wait_for_more(3 * rate);
    assert_eq!(ffmpeg_of(&capturing).pid, ffmpeg.pid);
    let dump = capturing.dump();
    assert_eq!((dump.restarts, dump.rings), (0, 1), "{}", dump.state);
}

#[test]
fn ffmpeg_ends_with_a_killed_capture() {
    let server = RtspServer::start(RtspOptions::default()).unwrap();
    let (capturing, _) = start(&server, "pcmu");
    let ffmpeg = ffmpeg_of(&capturing);
    capturing.kill();
    assert!(wait_until(DEADLINE, || !is_running(ffmpeg.pid)), "{ffmpeg:?} is an orphan");
}
