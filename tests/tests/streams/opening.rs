//! The opening of a stream: transports, and reasons.

use std::time::Duration;

use capbuf_capture::{CaptureOptions, Error, StreamOptions, Transport};
use capbuf_tests::OddServer;

use crate::{Recording, refused, refused_as, rtsp};

#[test]
fn transport_is_the_chosen_one_and_a_refused_one_names_another() {
    let server = OddServer::start().unwrap();
    let over_udp = rtsp(&server, "udp/L16:8000:1:1000");
    refused_as(&over_udp, "refuses the transport tcp (461 Unsupported Transport); use another one");
    refused_as(&over_udp, "#transport=udp");
    refused_as(&rtsp(&server, "tcp/L16:8000:1:1000?transport=udp"), "#transport=tcp");
    for url in [format!("{over_udp}?transport=udp"), format!("{over_udp}#transport=udp")] {
        Recording::open(&url).wait_for_frames(4000);
    }
    let options = CaptureOptions::new().stream(StreamOptions::new().transport(Transport::Udp));
    Recording::start(&over_udp, &options).unwrap().wait_for_frames(4000);
    assert!(server.requests().iter().all(|request| !request.contains("transport=")), "{:?}", server.requests());
    let error = refused(&format!("{over_udp}#transport=tcp"), &options);
    assert!(error.is_permanent() && error.to_string().contains("transport is set twice"), "{error}");
    let error = refused("tone:440", &options);
    assert!(error.is_permanent() && error.to_string().contains("only streams"), "{error}");
}

#[test]
fn words_of_the_source_survive_the_deadline_of_opening() {
    let server = OddServer::start().unwrap();
    let options = CaptureOptions::new().open_deadline(Duration::from_secs(3));
    let error = refused(&rtsp(&server, "hang/L16:8000:1:1000"), &options);
    assert!(matches!(error, Error::OpenTimedOut { .. }), "{error}");
    assert!(
        error.to_string().contains("did not deliver audio within 3s: ") && error.to_string().contains("404"),
        "{error}"
    );
}
