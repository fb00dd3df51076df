//! A web server that plays a tone live, in a format and at a pace that a test chooses.

use std::f64::consts::TAU;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The content of one connection: AU of 16 bits without an end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Live {
    pub(crate) declared_hz: u32,
    pub(crate) true_hz: u32,
    pub(crate) channels: u16,
    pub(crate) tone_hz: f64,
    /// The length that the server declares, after which it ends.
    pub(crate) frames: Option<u64>,
}

/// A running server. Ends with the test program.
pub(crate) struct LiveServer {
    port: u16,
    /// Increased to close all connections.
    closings: Arc<AtomicU32>,
}

impl LiveServer {
    /// Plays the first entry to the first client, and so on; the last one to all that follow.
    pub(crate) fn start(plays: &'static [Live]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let port = listener.local_addr().expect("an address").port();
        let closings = Arc::new(AtomicU32::new(0));
        let of_clients = Arc::clone(&closings);
        thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                let live = plays[number.min(plays.len() - 1)];
                let closings = Arc::clone(&of_clients);
                thread::spawn(move || play(client, live, &closings));
            }
        });
        Self { port, closings }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/live.au", self.port)
    }

    /// Closes all connections.
    pub(crate) fn close(&self) {
        self.closings.fetch_add(1, Ordering::Relaxed);
    }
}

/// Plays to one client until it goes, or is closed.
fn play(mut client: TcpStream, live: Live, closings: &AtomicU32) -> Option<()> {
    let reader = client.try_clone().ok()?;
    BufReader::new(reader).lines().map_while(Result::ok).find(String::is_empty)?;
    let Live { declared_hz, true_hz, channels, tone_hz, frames } = live;
    // ffmpeg recognises AU at once; of WAV it reads 128 kB first.
    let length = frames.map(|frames| format!("Content-Length: {}\r\n", 24 + 2 * u64::from(channels) * frames));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: audio/basic\r\nConnection: close\r\n";
    let mut head = format!("{head}{}\r\n.snd", length.unwrap_or_default()).into_bytes();
    const SIGNED_16_BITS: u32 = 3;
    head.extend([24, u32::MAX, SIGNED_16_BITS, declared_hz, channels.into()].map(u32::to_be_bytes).as_flattened());
    client.write_all(&head).ok()?;
    let (begin, closed, mut frame) = (Instant::now(), closings.load(Ordering::Relaxed), 0_u64);
    while closings.load(Ordering::Relaxed) == closed {
        let due = (begin.elapsed().as_secs_f64() * f64::from(true_hz)) as u64;
        let due = frames.map_or(due, |frames| due.min(frames));
        let sample = |frame: u64| ((TAU * tone_hz * frame as f64 / f64::from(true_hz)).sin() * 16_000.0) as i16;
        let samples = (frame..due).flat_map(|frame| std::iter::repeat_n(sample(frame), usize::from(channels)));
        client.write_all(&samples.flat_map(i16::to_be_bytes).collect::<Vec<_>>()).ok()?;
        frame = due;
        if frames == Some(frame) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Some(())
}
