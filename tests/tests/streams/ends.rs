//! Streams that end: a resource with a length is complete, a live one is lost.

use capbuf_capture::State;
use capbuf_tests::{OddPort, OddServer};

use crate::Recording;

#[test]
fn resource_with_a_length_and_playlist_with_an_end_are_finished() {
    let server = OddServer::start().unwrap();
    for path in ["s16.wav", "s24.flac", "tone.mp3", "first?/good.ts", "to?/s16.wav"] {
        let recording = Recording::open(&server.url("http", OddPort::Plain, path));
        assert_eq!(recording.last_state(), State::Finished, "{path}");
        let seconds = recording.frames() as f64 / f64::from(recording.spec().sample_rate_hz());
        assert!((1.99..2.2).contains(&seconds), "{path}: {seconds} s");
    }
}

#[test]
fn live_stream_that_is_closed_and_transfer_that_is_cut_are_lost() {
    let server = OddServer::start().unwrap();
    for path in ["live/tone.mp3", "live/s16.wav", "chunked/tone.mp3", "chunked/s24.flac", "cut/s16.wav", "cut/s24.flac"]
    {
        let recording = Recording::open(&server.url("http", OddPort::Plain, path));
        let state = recording.last_state();
        assert!(matches!(state, State::BackingOff { .. }), "{path}: {state}");
        if path.starts_with("live/") {
            assert!(state.to_string().ends_with(": the server closed the connection"), "{path}: {state}");
        }
    }
}
