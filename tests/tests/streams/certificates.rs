//! Servers whose certificates are not trusted: they get no password.

use capbuf_capture::CaptureOptions;
use capbuf_tests::{OddPort, OddServer};

use crate::{Recording, refused, refused_as};

const PATHS: [(&str, &str); 2] = [("https", "s16.wav"), ("rtsps", "L16:8000:1:1000")];

#[test]
fn server_with_an_unknown_certificate_gets_nothing_and_the_error_has_both_cures() {
    let server = OddServer::start().unwrap();
    for (scheme, path) in PATHS {
        for port in [OddPort::Trusted, OddPort::OtherHost, OddPort::Expired] {
            let error = refused(&server.url(scheme, port, path), &CaptureOptions::new()).to_string();
            assert!(error.contains("not trusted") && error.contains("ca=PATH"), "{error}");
            assert!(error.contains("tls=insecure"), "{error}");
        }
        // A certificate of another host, or of another time, is not trusted by its file either.
        for (port, name) in [(OddPort::OtherHost, "other.pem"), (OddPort::Expired, "expired.pem")] {
            let url = format!("{}#ca={}", server.url(scheme, port, path), server.file(name).display());
            refused_as(&url, "not trusted");
        }
        let missing = format!("{}#ca=/no/such/file", server.url(scheme, OddPort::Trusted, path));
        assert!(refused(&missing, &CaptureOptions::new()).is_permanent());
        refused_as(&missing, "the CA file /no/such/file can't be read");
    }
    assert_eq!(server.requests(), Vec::<String>::new(), "an untrusted server was asked");
}

#[test]
fn login_is_not_sent_for_the_segments_of_a_playlist_whose_certificates_ffmpeg_does_not_check() {
    let server = OddServer::start().unwrap();
    let playlist = server.url("https", OddPort::Trusted, "first?/good.ts");
    let url = format!("{playlist}#ca={}", server.file("trusted.pem").display());
    refused_as(&url, "a playlist, or an unknown format, over https:// with a login");
    assert!(!server.requests().iter().any(|request| request.contains("GET /good.ts")), "{:?}", server.requests());
    Recording::open(&format!("{playlist}#tls=insecure")).wait_for_frames(4000);
}

#[test]
fn trusted_and_allowed_certificates_are_accepted() {
    let server = OddServer::start().unwrap();
    for (scheme, path) in PATHS {
        let trusted = server.url(scheme, OddPort::Trusted, path);
        Recording::open(&format!("{trusted}#ca={}", server.file("trusted.pem").display())).wait_for_frames(4000);
        for port in [OddPort::Trusted, OddPort::OtherHost, OddPort::Expired] {
            let insecure = format!("{}#tls=insecure", server.url(scheme, port, path));
            Recording::open(&insecure).wait_for_frames(4000);
        }
    }
    assert!(server.requests().iter().any(|request| request.contains("Basic ")), "{:?}", server.requests());
}
