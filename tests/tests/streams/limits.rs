//! Streams that no buffer can hold.

use capbuf_capture::CaptureOptions;
use capbuf_tests::{OddPort, OddServer};

use crate::{DEADLINE, Recording, refused, rtsp};

#[test]
fn stream_beyond_the_limits_is_refused_for_good_with_what_is_allowed() {
    let server = OddServer::start().unwrap();
    let url = |name: &str| server.url("http", OddPort::Plain, name);
    for (name, reason) in [
        ("wide.wav", "its audio has 65 channels; allowed: 1 to 64"),
        ("fast.wav", "its audio has 768001 Hz; allowed: 1 to 768000 Hz"),
        ("video.ts", "it has no audio; allowed: a stream with an audio track"),
    ] {
        let error = refused(&url(name), &CaptureOptions::new());
        assert!(error.is_permanent() && error.to_string().contains(reason), "{name}: {error}");
    }
    let wide = refused(&url("wide.wav"), &CaptureOptions::new().channels(1));
    assert!(wide.is_permanent() && wide.to_string().contains("65 channels"), "{wide}");
    let slower = Recording::start(&url("fast.wav"), &CaptureOptions::new().sample_rate_hz(48_000)).unwrap();
    slower.wait_for_frames(4000);
}

#[test]
fn unknown_codec_is_refused_by_that_reason_and_asked_for_once() {
    let server = OddServer::start().unwrap();
    let error = refused(&rtsp(&server, "PIGEON:8000:1:-1"), &CaptureOptions::new().open_deadline(DEADLINE));
    assert!(error.is_permanent() && error.to_string().contains("the codec of a track is unknown"), "{error}");
    let asked = server.requests().iter().filter(|request| request.contains("DESCRIBE")).count();
    assert_eq!(asked, 1, "{:?}", server.requests());
}
