//! The web server, checked by ffmpeg.

use capbuf_tests::{HttpServer, Page};

use crate::{RATE, run};

#[test]
fn web_server_serves_its_pages_and_404() {
    let wav = run("ffmpeg", &["-v", "error", "-f", "lavfi", "-i", "sine=f=1000:r=48000:d=1", "-f", "wav", "-"]).stdout;
    let server = HttpServer::start([
        ("tone.wav", Page { status: "200 OK", content_type: "audio/wav", body: wav }),
        ("login", Page { status: "200 OK", content_type: "text/html", body: b"<html>who are you?</html>".to_vec() }),
    ])
    .unwrap();
    let decode = |path| run("ffmpeg", &["-v", "error", "-i", &server.url(path), "-f", "s16le", "-"]);
    assert_eq!(decode("tone.wav").stdout.len(), 2 * RATE);
    let (missing, page) = (decode("nothing"), decode("login"));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("404"), "{missing:?}");
    assert!(String::from_utf8_lossy(&page.stderr).contains("Invalid data"), "{page:?}");
}
