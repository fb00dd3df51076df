//! Cameras that fail in each way that cameras do.
//!
//! The state names the reason, the ring stays, and the audio on both sides of the gap is at its
//! true time.

use capbuf_tests::{Login, RtspOptions, RtspServer};

use crate::capturing::{Capturing, Dump};
use crate::streams::{assert_true_times, lateness_ms};
use crate::without_stalls::{Expected, without_stalls};

/// Asserts one gap since the source was lost, and true times on both sides.
fn assert_one_loss(dump: &Dump, lost: &Dump) {
    let rate = u64::from(dump.sample_rate_hz);
    assert_eq!(dump.rings, 1);
    // More than one where the source was lost again before any audio came.
    assert!(dump.restarts >= 1, "it was never opened again");
    assert_eq!(dump.gaps[0].first_frame, lost.end_frame());
    assert!(dump.samples.starts_with(&lost.samples), "audio before the loss changed");
    for span in dump.spans() {
        assert_true_times(dump, span.start + rate / 2..span.end);
    }
}

/// Captures a mount for four seconds, and returns the sample rate, too.
pub(crate) fn start(server: &RtspServer, mount: &str) -> (Capturing, u64) {
    let mut capturing = Capturing::start(&server.url(mount), &["120", "s16", "1", "quick"], vec![]);
    let rate = u64::from(capturing.dump().sample_rate_hz);
    capturing.wait_for_frames(4 * rate);
    (capturing, rate)
}

#[test]
fn frozen_server_is_given_up_and_found_again_when_it_continues() {
    let mut server = RtspServer::start(RtspOptions::default()).unwrap();
    let mut lost = Dump::default();
    let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
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
fn refused_connection_and_login_are_tried_again() {
    let open = RtspOptions::default();
    let mut server = RtspServer::start(open).unwrap();
    let mut lost = Dump::default();
    let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
        let (mut capturing, rate) = start(&server, "pattern/camera");
        server.kill();
        lost = capturing.wait_for_reason("Connection refused");
        server.restart_as(RtspOptions { login: Some(Login::Digest), ..open }).unwrap();
        capturing.wait_for_reason("401");
        server.restart_as(open).unwrap();
        capturing.wait_for_frames(lost.end_frame() + 4 * rate);
        capturing.dump()
    });
    assert_one_loss(&dump, &lost);
}

#[test]
fn camera_with_changed_codec_and_rate_continues_in_the_same_ring() {
    let mut server = RtspServer::start(RtspOptions::default()).unwrap();
    let (mut capturing, rate) = start(&server, "pattern/camera");
    assert_eq!(rate, 8000);
    server.restart_as(RtspOptions { camera: Some("aac"), ..RtspOptions::default() }).unwrap();
    let lost = capturing.wait_for_dump("restarted", |dump| dump.restarts >= 1);
    capturing.wait_for_frames(lost.end_frame() + 4 * rate);
    let dump = capturing.dump();
    assert_eq!(dump.sample_rate_hz, 8000);
    assert_eq!(dump.rings, 1);
    assert_eq!(dump.gaps.len(), 1, "{:?}", dump.gaps);
    for span in dump.spans() {
        assert_true_times(&dump, span.start + rate / 2..span.end);
    }
}

#[test]
fn each_lost_packet_is_a_gap_of_its_length_in_its_place() {
    let server = RtspServer::start(RtspOptions { loss_percent: 5.0, ..RtspOptions::default() }).unwrap();
    let mut rate = 0;
    let dump = without_stalls(Expected::AnyNumberOf("packet loss"), || {
        let (mut capturing, its_rate) = start(&server, "pattern/pcmu");
        rate = its_rate;
        capturing.wait_for_frames(10 * rate);
        capturing.dump()
    });
    // Packets of 10 ms; timestamps are whole milliseconds.
    let lost: Vec<_> = dump.gaps.iter().map(|gap| gap.duration_ns / 1_000_000).collect();
    assert!(lost.iter().all(|ms| *ms >= 8 && (ms + 2) % 10 <= 4), "{lost:?} ms");
    let percent = lost.iter().sum::<i64>() as f64 / (10.0 * dump.samples.len() as f64 / rate as f64);
    println!("{percent:.1} % lost: {lost:?} ms");
    assert!((1.0..12.0).contains(&percent), "{percent} % lost");
    // With the gaps filled, a gap in a wrong place or of a wrong length would shift what follows.
    let filled = dump.filled();
    // Filling that falls on an edge of the pattern moves that edge, and no other.
    let late = lateness_ms(&filled, filled.first_frame + rate / 2..filled.end_frame());
    let moved = late.iter().filter(|ms| ms.abs() >= 150).count();
    assert!(moved * 4 <= late.len(), "late by {late:?} ms");
}
