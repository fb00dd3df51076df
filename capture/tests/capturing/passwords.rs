//! Passwords with raw characters: they reach the server whole, and nothing else sees them.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use capbuf::Registry;
use capbuf_capture::{Capture, CaptureOptions};

/// A server that asks each client for a password, and sends on the `Authorization` of the answer.
fn ask_for_password(answers: Sender<String>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    // Ends with the test program.
    thread::spawn(move || listener.incoming().flatten().try_for_each(|client| answer(client, &answers)));
    port
}

fn answer(mut client: TcpStream, answers: &Sender<String>) -> Option<()> {
    let lines = BufReader::new(client.try_clone().ok()?).lines().map_while(Result::ok);
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(login) = line.strip_prefix("Authorization: Basic ") {
            answers.send(login.to_owned()).ok()?;
        }
    }
    let refusal = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"door\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    // The client may have closed the connection.
    let _ = client.write_all(refusal.as_bytes());
    Some(())
}

fn base64(text: &str) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sign = |chunk: &[u8], at: usize| {
        let bits = chunk.iter().chain(&[0, 0]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        if at > chunk.len() { '=' } else { char::from(SIGNS[bits >> (18 - 6 * at) & 63]) }
    };
    text.as_bytes().chunks(3).flat_map(|chunk| (0..4).map(move |at| sign(chunk, at))).collect()
}

#[test]
fn raw_characters_of_a_password_reach_the_server() {
    assert_eq!(
        (base64("me:a"), base64("me:ab"), base64("me:abc")),
        ("bWU6YQ==".into(), "bWU6YWI=".into(), "bWU6YWJj".into())
    );
    let (sender, answers) = channel();
    let port = ask_for_password(sender);
    for password in ["plain", "p/w", "p?w", "p#w", "p@w", "p[w]", "100%", "p w", "p\\w", "p'w", "pü", "p%2Fw"] {
        let url = format!("http://me:{password}@127.0.0.1:{port}/x");
        let error = Capture::start(&Registry::private(), &url, &CaptureOptions::new()).expect_err(password);
        assert!(error.to_string().contains("401") && !error.to_string().contains(password), "{password}: {error}");
        // An escape is decoded by the client.
        let sent = base64(&format!("me:{}", password.replace("%2F", "/")));
        assert_eq!(answers.recv_timeout(Duration::from_secs(30)).as_ref(), Ok(&sent), "{password}");
        while answers.try_recv().is_ok() {}
    }
}

#[test]
fn unclear_password_is_refused_at_once_with_the_cure() {
    let (sender, _answers) = channel();
    let port = ask_for_password(sender);
    for login in ["me:1/sesame", "me:1?sesame", "me:p@x/sesame"] {
        let url = format!("http://{login}@localhost:{port}/x");
        let error = Capture::start(&Registry::private(), &url, &CaptureOptions::new()).expect_err(login);
        assert!(error.is_permanent() && error.to_string().contains("write / as %2F"), "{error}");
        assert!(!error.to_string().contains("sesame"), "{error}");
    }
}
