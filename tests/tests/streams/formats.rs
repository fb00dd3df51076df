//! Sample formats of streams: those of their codecs.

use capbuf::SampleFormat;
use capbuf_capture::CaptureOptions;
use capbuf_tests::{OddPort, OddServer};

use crate::{Recording, rtsp};

#[test]
fn buffer_has_the_sample_format_of_the_stream_unless_one_is_requested() {
    let server = OddServer::start().unwrap();
    let http = |name: &str| server.url("http", OddPort::Plain, name);
    for (url, format) in [
        (http("s16.wav"), SampleFormat::S16),
        (http("s24.flac"), SampleFormat::S24),
        (http("s32.wav"), SampleFormat::S32),
        (http("f32.wav"), SampleFormat::F32),
        (http("tone.mp3"), SampleFormat::S16),
        (rtsp(&server, "L16:8000:1:1000"), SampleFormat::S16),
        (rtsp(&server, "L24:8000:1:1000"), SampleFormat::S24),
    ] {
        let recording = Recording::open(&url);
        assert_eq!(recording.spec().format(), format, "{url}");
        recording.wait_for_frames(4000);
    }
    let requested = CaptureOptions::new().format(SampleFormat::S16);
    let recording = Recording::start(&http("s24.flac"), &requested).unwrap();
    assert_eq!(recording.spec().format(), SampleFormat::S16);
}
