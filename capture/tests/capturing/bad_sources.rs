//! Sources that cannot be opened: a readable error without credentials, and no allocation.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use capbuf::{Length, Registry};
use capbuf_capture::{Capture, CaptureOptions, Error};

/// Starts a source that must not start, and returns the error.
fn refused(locator: &str, options: &CaptureOptions) -> Error {
    let registry = Registry::private();
    let error = Capture::start(&registry, locator, options).expect_err(locator);
    let shown = error.to_string();
    assert!(!shown.contains("sesame") && !format!("{error:?}").contains("sesame"), "{shown}");
    assert!(shown.len() < 600 && !shown.contains(char::is_control), "{shown:?}");
    assert_eq!(registry.stats().rings_mapped, 0, "{shown}");
    error
}

fn refused_as(locator: &str, reason: &str) {
    let shown = refused(locator, &CaptureOptions::new()).to_string();
    assert!(shown.contains(reason), "{locator}: {shown}");
}

/// A server that sends each client the same answer, or none, on a free port.
fn serve(answer: Option<&'static str>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    // Ends with the test program.
    thread::spawn(move || {
        let mut silent = Vec::new();
        for client in listener.incoming().flatten() {
            match answer {
                Some(answer) => reply(client, answer),
                None => silent.push(client),
            }
        }
    });
    port
}

fn reply(mut client: TcpStream, answer: &str) {
    let Ok(reader) = client.try_clone() else { return };
    for line in BufReader::new(reader).lines() {
        if line.is_ok_and(|line| line.is_empty()) {
            break;
        }
    }
    // The client may have closed the connection.
    let _ = client.write_all(answer.as_bytes());
}

#[test]
fn strings_that_are_no_locator() {
    for locator in
        ["", "tone", "mic:1", "tone:x", "rtsp://", "file:", "device:oss:x", "position:1", "ftp://me:sesame@h/"]
    {
        let error = refused(locator, &CaptureOptions::new());
        assert!(error.is_permanent(), "{error}");
    }
}

#[test]
fn invalid_lengths_rates_and_channels() {
    let options = CaptureOptions::new;
    for (options, reason) in [
        (options().length(Length::Seconds(0.0)), "length in seconds"),
        (options().length(Length::Seconds(-1.0)), "length in seconds"),
        (options().length(Length::Seconds(f64::NAN)), "length in seconds"),
        (options().length(Length::Seconds(1e300)), "length"),
        (options().length(Length::Frames(u64::MAX)), "length"),
        (options().sample_rate_hz(0), "sample_rate_hz is 0"),
        (options().sample_rate_hz(u32::MAX), "sample_rate_hz"),
        (options().channels(0), "channels is 0"),
        (options().channels(u16::MAX), "channels"),
    ] {
        let shown = refused("tone:440", &options).to_string();
        assert!(shown.contains(reason), "{shown}");
    }
    let huge = refused("tone:440", &options().length(Length::Seconds(1e7)));
    assert!(matches!(huge, Error::Buffer(capbuf::Error::OverBudget { .. })), "{huge}");
    let shown = refused("tone:30000", &options()).to_string();
    assert!(shown.contains("it offers rates above 60000 Hz"), "{shown}");
}

#[test]
fn devices_that_do_not_exist() {
    let shown = refused("device:alsa:no such device", &CaptureOptions::new()).to_string();
    assert!(shown.contains("no alsa device \"no such device\" to record from; there is: "), "{shown}");
    // With or without a sound server.
    let shown = refused("device:pulseaudio:no such device", &CaptureOptions::new()).to_string();
    assert!(shown.contains("no such device") || shown.contains("pulseaudio can't be reached"), "{shown}");
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text.wav"), "This is no audio, whatever its name is.\n".repeat(100)).expect("a file");
    std::fs::write(path("empty.flac"), "").expect("a file");
    std::fs::write(path("head.wav"), b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0").expect("a file");
    for (name, reason) in [
        ("text.wav", "not audio in a known format: it is no WAV, FLAC, Ogg Vorbis or MP3, and ffmpeg finds none in it"),
        ("empty.flac", "it is empty"),
        ("head.wav", "head.wav: "),
        ("nothing.wav", "No such file"),
        ("", "it is a folder"),
    ] {
        refused_as(&format!("file:{}", path(name).display()), reason);
    }
    // Opening a pipe without a writer would block.
    refused_as("file:/dev/zero", "not a regular file");
    refused_as("file:/dev/null", "not a regular file");
}

#[test]
fn damaged_files_end_or_fail_without_blocking() {
    let folder = tempfile::tempdir().expect("a folder");
    let original = folder.path().join("tone.wav");
    crate::sounds::tone(&original, 8000, 1);
    let mut seed = 1_u64;
    for extension in ["wav", "flac", "ogg", "mp3"] {
        let whole = if extension == "wav" { original.clone() } else { crate::sounds::converted(&original, extension) };
        let whole = std::fs::read(whole).expect("a file");
        for round in 0..20 {
            let mut damaged = whole.clone();
            damaged.truncate(whole.len() * (20 - round / 2) / 20);
            for _ in 0..round {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (seed >> 33) as usize % damaged.len();
                damaged[at] = (seed >> 25) as u8;
            }
            let path = folder.path().join(format!("damaged-{round}.{extension}"));
            std::fs::write(&path, damaged).expect("a file");
            // It starts or fails, depending on the damage.
            match Capture::start(&Registry::private(), &format!("file:{}", path.display()), &CaptureOptions::new()) {
                Ok(capture) => assert!(capture.stop()),
                Err(error) => assert!(!matches!(error, Error::Thread { .. } | Error::OpenTimedOut { .. }), "{error}"),
            }
        }
    }
}

#[test]
fn streams_whose_port_is_closed() {
    // A port without a listener: it was just closed.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    for scheme in ["http", "rtsp"] {
        refused_as(&format!("{scheme}://me:sesame@127.0.0.1:{port}/x?token=sesame"), "Connection refused");
    }
}

#[test]
fn streams_that_do_not_exist_or_are_no_audio() {
    let not_there = serve(Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    refused_as(&format!("http://127.0.0.1:{not_there}/x"), "404");
    let not_allowed = serve(Some("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    refused_as(&format!("http://me:sesame@127.0.0.1:{not_allowed}/x"), "401");
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 32\r\nConnection: close\r\n\r\n<html><body>Log in</body></html>";
    let not_audio = serve(Some(page));
    refused_as(&format!("http://127.0.0.1:{not_audio}/x"), "not audio that ffmpeg knows");
    // A server of another protocol.
    refused_as(&format!("rtsp://127.0.0.1:{not_audio}/x"), "127.0.0.1");
}

#[test]
fn silent_server_is_an_error() {
    let silent = serve(None);
    let error = refused(&format!("http://127.0.0.1:{silent}/x"), &CaptureOptions::new());
    assert!(matches!(error, Error::Stream { .. } | Error::Stalled { .. } | Error::OpenTimedOut { .. }), "{error}");
}
