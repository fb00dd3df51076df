//! Cameras that fail in every way that cameras do, and ffmpeg with them: the state and its reason are told, the ring stays, the
//! gaps are as long as they were, and the audio on both sides is at its true time.

use std::time::Duration;

use capbuf_tests::{Login, RtspOptions, RtspServer, wait_for, wait_until};
use rustix::process::{Pid, Signal, kill_process};

use crate::capturing::{Capturing, Dump, undisturbed, undisturbed_where};
use crate::processes::{Holds, Process, children_of, is_there};
use crate::streams::{assert_true_times, lateness_ms};

const DEADLINE: Duration = Duration::from_secs(120);

/// One gap, as the source was lost, and true times on both sides.
fn assert_one_loss(dump: &Dump, lost: &Dump) {
    let rate = u64::from(dump.sample_rate_hz);
    assert_eq!((dump.rings, dump.gaps.len()), (1, 1), "{:?}", dump.gaps);
    // One more where it was lost again before anything came.
    assert!(dump.restarts >= 1);
    assert_eq!((dump.gaps[0].first_frame, dump.gaps[0].reason.as_str()), (lost.end_frame(), "source lost"));
    assert!(dump.samples.starts_with(&lost.samples), "what was there is still there");
    for span in dump.spans() {
        assert_true_times(dump, span.start + rate / 2..span.end);
    }
}

fn start(server: &RtspServer, mount: &str) -> (Capturing, u64) {
    let mut capturing = Capturing::start(&server.url(mount), &["120", "s16", "1", "quick"], vec![]);
    let rate = u64::from(capturing.dump().sample_rate_hz);
    capturing.wait_for_frames(4 * rate);
    (capturing, rate)
}

#[test]
fn a_frozen_server_is_given_up_and_found_again_when_it_goes_on() {
    let mut server = RtspServer::start(RtspOptions::default()).unwrap();
    let mut lost = Dump::default();
    let dump = undisturbed(&["source lost"], || {
        let (mut capturing, rate) = start(&server, "pattern/camera");
        server.freeze().unwrap();
        lost = capturing.wait_for_state("lost");
        server.thaw().unwrap();
        capturing.wait_for_frames(lost.end_frame() + 4 * rate);
        capturing.dump()
    });
    assert_one_loss(&dump, &lost);
}

#[test]
fn a_server_that_refuses_is_asked_again_until_it_lets_in() {
    let open = RtspOptions::default();
    let mut server = RtspServer::start(open).unwrap();
    let refused = |capturing: &mut Capturing, why: &str| {
        let dump = wait_for(DEADLINE, || Some(capturing.dump()).filter(|dump| dump.state.contains(why)));
        dump.unwrap_or_else(|| panic!("not {why}: {}", capturing.dump().state))
    };
    let mut lost = Dump::default();
    let dump = undisturbed(&["source lost"], || {
        let (mut capturing, rate) = start(&server, "pattern/camera");
        // Nobody listens: connections are refused.
        server.kill();
        lost = refused(&mut capturing, "Connection refused");
        // It asks who that is.
        server.restart_as(RtspOptions { login: Some(Login::Digest), ..open }).unwrap();
        refused(&mut capturing, "401");
        server.restart_as(open).unwrap();
        capturing.wait_for_frames(lost.end_frame() + 4 * rate);
        capturing.dump()
    });
    assert_one_loss(&dump, &lost);
}

#[test]
fn a_camera_whose_codec_and_rate_were_changed_goes_on_in_the_same_ring() {
    let mut server = RtspServer::start(RtspOptions::default()).unwrap();
    let (mut capturing, rate) = start(&server, "pattern/camera");
    assert_eq!(rate, 8000);
    server.restart_as(RtspOptions { camera: Some("aac"), ..RtspOptions::default() }).unwrap();
    let lost = wait_for(DEADLINE, || Some(capturing.dump()).filter(|dump| dump.restarts >= 1)).expect("it goes on");
    capturing.wait_for_frames(lost.end_frame() + 4 * rate);
    let dump = capturing.dump();
    assert_eq!((dump.sample_rate_hz, dump.rings, dump.gaps.len()), (8000, 1, 1), "{:?}", dump.gaps);
    for span in dump.spans() {
        assert_true_times(&dump, span.start + rate / 2..span.end);
    }
}

#[test]
fn each_packet_that_is_lost_is_a_gap_of_its_length_in_its_place() {
    let server = RtspServer::start(RtspOptions { loss_percent: 5.0, ..RtspOptions::default() }).unwrap();
    let mut rate = 0;
    let dump = undisturbed_where(
        |found| found.iter().all(|reason| *reason == "packet loss"),
        || {
            let (mut capturing, its_rate) = start(&server, "pattern/pcmu");
            rate = its_rate;
            capturing.wait_for_frames(10 * rate);
            capturing.dump()
        },
    );
    assert!(dump.gaps.iter().all(|gap| gap.reason == "packet loss"), "{:?}", dump.gaps);
    // Packets of 10 ms; timestamps are whole milliseconds.
    let lost: Vec<_> = dump.gaps.iter().map(|gap| gap.duration_ns / 1_000_000).collect();
    assert!(lost.iter().all(|ms| *ms >= 8 && (ms + 2) % 10 <= 4), "{lost:?} ms");
    let percent = lost.iter().sum::<i64>() as f64 / (10.0 * dump.samples.len() as f64 / rate as f64);
    println!("{percent:.1} % lost: {lost:?} ms");
    assert!((1.0..12.0).contains(&percent), "{percent} % lost");
    // With the gaps filled, the audio is at its true times all along: a loss in a wrong place or of a wrong length would shift it.
    let filled = dump.filled();
    // Silence that falls on an edge moves that one, and no other.
    let late = lateness_ms(&filled, filled.first_frame + rate / 2..filled.end_frame());
    let moved = late.iter().filter(|ms| ms.abs() >= 150).count();
    assert!(moved * 4 <= late.len(), "late by {late:?} ms");
}

/// The one ffmpeg of a capture, once it is there and none other.
fn ffmpeg_of(capturing: &Capturing) -> Process {
    let only = || match &children_of(capturing.id())[..] {
        [only] if !only.is_zombie && only.command_line.contains("ffmpeg") => Some(only.clone()),
        _ => None,
    };
    wait_for(DEADLINE, only).unwrap_or_else(|| panic!("not one ffmpeg: {:?}", children_of(capturing.id())))
}

fn kill(process: &Process) {
    let pid = Pid::from_raw(process.pid.cast_signed()).expect("a process");
    kill_process(pid, Signal::KILL).expect("it runs");
}

#[test]
fn ffmpeg_killed_again_and_again_leaves_one_child_and_nothing_else_behind() {
    let server = RtspServer::start(RtspOptions { login: Some(Login::Basic), ..RtspOptions::default() }).unwrap();
    let (mut capturing, rate) = start(&server, "pcmu");
    let kills = if std::env::var_os("CAPBUF_LONG").is_some() { 100 } else { 12 };
    let mut before = None;
    for number in 0..kills {
        let ffmpeg = ffmpeg_of(&capturing);
        assert!(!ffmpeg.command_line.contains(RtspServer::PASSWORD), "{}", ffmpeg.command_line);
        kill(&ffmpeg);
        let again = wait_until(DEADLINE, || capturing.dump().restarts > number);
        assert!(again, "{}", capturing.dump().state);
        assert!(children_of(capturing.id()).len() <= 1, "{:?}", children_of(capturing.id()));
        capturing.wait_for_more(rate / 4);
        // The first ones make room for what is used again.
        if number == 4 {
            before = Some(Holds::of(capturing.id()));
        }
    }
    ffmpeg_of(&capturing);
    let (before, after) = (before.unwrap(), Holds::of(capturing.id()));
    println!("{before:?} after five kills, {after:?} after {kills}");
    assert_eq!((after.descriptors, after.threads), (before.descriptors, before.threads));
    assert!(after.resident_kb < before.resident_kb + 4096, "{before:?}, {after:?}");
    assert_eq!(capturing.dump().rings, 1);
}

#[test]
fn ffmpeg_ends_with_a_capture_that_is_killed() {
    let server = RtspServer::start(RtspOptions::default()).unwrap();
    let (capturing, _) = start(&server, "pcmu");
    let ffmpeg = ffmpeg_of(&capturing);
    capturing.kill();
    assert!(wait_until(DEADLINE, || !is_there(ffmpeg.pid)), "{ffmpeg:?} is an orphan");
}
