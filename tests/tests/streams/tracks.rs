//! Streams of several audio tracks.

use capbuf::SourceState;
use capbuf_capture::CaptureOptions;
use capbuf_tests::{OddServer, wait_until};

use crate::{DEADLINE, Recording, refused, rtsp};

#[test]
fn track_is_the_chosen_one_or_the_one_of_most_channels_that_delivers() {
    let server = OddServer::start().unwrap();
    for (path, rate, channels) in [
        ("L16:8000:1:0,L16:44100:2:1000", 44_100, 2),
        ("L16:8000:1:0,L16:44100:2:1000#audio=0", 8000, 1),
        ("L16:8000:1:0,L16:44100:2:1000#audio=1", 44_100, 2),
        ("L16:8000:1:1000,L16:16000:1:1000", 8000, 1),
        // These are announced and never sent.
        ("L16:8000:2:-1,L16:16000:1:1000", 16_000, 1),
        ("L16:8000:1:-1,L16:11025:1:-1,L16:16000:1:1000", 16_000, 1),
    ] {
        let recording = Recording::open(&rtsp(&server, path));
        assert_eq!((recording.spec().sample_rate_hz(), recording.spec().channels()), (rate, channels), "{path}");
        recording.wait_for_frames(4000);
    }
}

#[test]
fn track_of_zeros_beside_others_is_in_the_history_with_the_way_to_choose() {
    let server = OddServer::start().unwrap();
    let remark_of = |recording: &Recording| {
        let history = recording.capture.history();
        history.into_iter().filter(|change| change.state == SourceState::Running).find_map(|change| change.reason)
    };
    let silent = Recording::open(&rtsp(&server, "L16:8000:1:0,L16:8000:1:1000"));
    let tone = Recording::open(&rtsp(&server, "L16:8000:1:0,L16:8000:1:1000#audio=1"));
    let alone = Recording::open(&rtsp(&server, "L16:8000:1:0"));
    assert!(wait_until(DEADLINE, || remark_of(&silent).is_some()), "{:?}", silent.capture.history());
    let remark = remark_of(&silent).unwrap();
    assert!(remark.contains("audio track 0 is all zeros, and the stream has 2"), "{remark}");
    assert!(remark.contains("#audio=NUMBER"), "{remark}");
    for other in [tone, alone] {
        other.wait_for_frames(8000 * 6);
        assert_eq!(remark_of(&other), None);
    }
}

#[test]
fn unknown_track_is_refused_for_good_with_the_tracks_there_are() {
    let server = OddServer::start().unwrap();
    for (path, allowed) in [("L16:8000:1:1000#audio=1", "allowed: 0"), ("L16:8000:1:0,L16:8000:1:0#audio=9", "0 to 1")]
    {
        let error = refused(&rtsp(&server, path), &CaptureOptions::new());
        assert!(error.is_permanent() && error.to_string().contains(allowed), "{error}");
    }
}
