//! Streams of several audio tracks.

use capbuf_capture::CaptureOptions;
use capbuf_tests::OddServer;

use crate::{Recording, refused, rtsp};

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
fn unknown_track_is_refused_for_good_with_the_tracks_there_are() {
    let server = OddServer::start().unwrap();
    for (path, allowed) in [("L16:8000:1:1000#audio=1", "allowed: 0"), ("L16:8000:1:0,L16:8000:1:0#audio=9", "0 to 1")]
    {
        let error = refused(&rtsp(&server, path), &CaptureOptions::new());
        assert!(error.is_permanent() && error.to_string().contains(allowed), "{error}");
    }
}
