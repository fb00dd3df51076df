//! Playlists and redirects to files and services of this machine.

use capbuf_capture::{CaptureOptions, State};
use capbuf_tests::{OddPort, OddServer};

use crate::{Recording, refused_as};

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn nothing_of_this_machine_reaches_a_buffer_and_the_reason_says_what_was_refused() {
    let server = OddServer::start().unwrap();
    let url = |path: &str| server.url("http", OddPort::Plain, path);
    let file = server.file("good.ts").display().to_string();
    // A service that only this machine can reach.
    let service = format!("http://127.0.0.2:{}/good.ts", server.port(OddPort::Plain));
    for (target, named) in [
        ("file:///etc/hostname".to_owned(), "file:///etc/hostname".to_owned()),
        (format!("file://{file}"), format!("file://{file}")),
        (format!("concat:file://{file}|file:///etc/hostname"), "concat:file".to_owned()),
        (format!("subfile,,start,0,end,9999,,:{file}"), "subfile".to_owned()),
        ("data:video/mp2t;base64,R0AREABC8CUAAcEAAP8B".to_owned(), "data:video/mp2t".to_owned()),
        (service.clone(), "127.0.0.2 port ".to_owned()),
    ] {
        let first = url(&format!("first?{}", hex(&target)));
        refused_as(&first, &format!("the stream points to {named}"));
        refused_as(&first, "refused");
        // Behind a segment that is played.
        let expected = format!("the stream points to {named}");
        let recording = match Recording::start(&url(&format!("list?{}", hex(&target))), &CaptureOptions::new()) {
            Ok(recording) => recording,
            Err(error) => {
                assert!(error.to_string().contains(&expected), "{error}");
                continue;
            }
        };
        let State::BackingOff { reason, .. } = recording.last_state() else { panic!("{}", recording.capture.state()) };
        assert!(reason.to_string().contains(&expected), "{reason}");
        let seconds = recording.frames() as f64 / f64::from(recording.spec().sample_rate_hz());
        assert!(seconds < 2.5, "{target}: {seconds} s of a segment of 2 s");
    }
    refused_as(&url(&format!("to?{}", hex(&service))), "the stream points to 127.0.0.2 port ");
    for target in [format!("file://{file}"), format!("concat:{file}"), "data:audio/wav;base64,AAAA".to_owned()] {
        refused_as(
            &url(&format!("to?{}", hex(&target))),
            "redirects to something that is no http:// or https:// URL: refused",
        );
    }
    refused_as(&url(&format!("master?{}", hex(&format!("file://{file}")))), "the stream points to file:///");
    refused_as(&url(&format!("master?{}", hex(&service))), "the stream points to 127.0.0.2 port ");
}

#[test]
fn its_own_server_may_be_local_whatever_its_name() {
    let server = OddServer::start().unwrap();
    let port = server.port(OddPort::Plain);
    for url in [
        format!("http://localhost:{port}/list?/good.ts"),
        format!("http://127.0.0.1:{port}/to?http://127.0.0.1:{port}/s16.wav"),
        format!("rtsp://localhost:{port}/L16:8000:1:1000"),
    ] {
        Recording::open(&url).wait_for_frames(4000);
    }
}
