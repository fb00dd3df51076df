//! Cameras: a real RTSP server whose tone is loud in the first 300 ms of each second of UTC.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use capbuf_tests::{Child, Login, RtspOptions, RtspServer, START_DEADLINE, pcm, tone, wait_until};

use crate::capturing::{Capturing, Dump};
use crate::without_stalls::{Expected, without_stalls};

const MS: i64 = 1_000_000;

fn now_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64
}

/// Returns how late the pattern's edges in a span without gaps are labelled, in ms.
pub(crate) fn lateness_ms(dump: &Dump, frames: Range<u64>) -> Vec<i64> {
    let samples = pcm::f32_from_s16(&dump.samples_of(&frames));
    let lateness = tone::lateness_ns(&samples, dump.sample_rate_hz, dump.time_ns(frames.start));
    let lateness: Vec<_> = lateness.iter().map(|ns| ns / MS).collect();
    println!("frames {frames:?}: late by {lateness:?} ms");
    assert!(lateness.len() >= 3, "{} edges", lateness.len());
    lateness
}

/// Compares the pattern's edges in a span without gaps with the frames' times.
pub(crate) fn assert_true_times(dump: &Dump, frames: Range<u64>) {
    let lateness = lateness_ms(dump, frames);
    assert!(lateness.iter().all(|ms| ms.abs() < 150), "late by {lateness:?} ms");
}

fn assert_tone(dump: &Dump, source: &str) {
    let frequency = tone::dominant_frequency(&pcm::f32_from_s16(&dump.channel(0)), dump.sample_rate_hz);
    assert!((frequency - 1000.0).abs() < 3.0, "{source}: {frequency} Hz");
}

#[test]
fn each_codec_yields_the_sent_tone_at_true_times() {
    let server = RtspServer::start(RtspOptions::default()).unwrap();
    for mount in ["aac", "opus", "pcmu"] {
        let mut capturing = Capturing::start(&server.url(mount), &["30"], vec![]);
        let rate = u64::from(capturing.dump().sample_rate_hz);
        capturing.wait_for_frames(3 * rate);
        assert_tone(&capturing.dump(), mount);

        let dump = without_stalls(Expected::Exactly(&[]), || {
            let mut capturing = Capturing::start(&server.url(&format!("pattern/{mount}")), &["60"], vec![]);
            capturing.wait_for_frames(5 * rate);
            capturing.dump()
        });
        // A new encoder takes a moment to find its level.
        assert_true_times(&dump, dump.first_frame + rate / 2..dump.end_frame());
    }
}

#[test]
fn restarted_server_is_one_gap_of_the_right_length_with_each_codec() {
    let mut server = RtspServer::start(RtspOptions { login: Some(Login::Digest), ..RtspOptions::default() }).unwrap();
    let mut all = ["aac", "opus", "pcmu"]
        .map(|mount| (mount, Capturing::start(&server.url(&format!("pattern/{mount}")), &["120"], vec![])));
    for (_, capturing) in &mut all {
        let rate = u64::from(capturing.dump().sample_rate_hz);
        capturing.wait_for_frames(3 * rate);
    }
    server.kill();
    let killed_ns = now_ns();
    let lost = all.each_mut().map(|(_, capturing)| capturing.wait_for_state("lost"));
    let restarted_ns = now_ns();
    server.restart().unwrap();
    for ((mount, capturing), lost) in all.iter_mut().zip(lost) {
        assert!(!lost.state.contains(RtspServer::PASSWORD), "{}", lost.state);
        let rate = u64::from(lost.sample_rate_hz);
        capturing.wait_for_frames(lost.end_frame() + 4 * rate);
        let dump = capturing.dump();
        assert_eq!(dump.rings, 1, "{mount}");
        assert_eq!(dump.gaps.len(), 1, "{mount}: {:?}", dump.gaps);
        let gap = &dump.gaps[0];
        println!("{mount}: killed at {killed_ns}, restarted at {restarted_ns}: {gap:?}");
        assert_eq!(gap.first_frame, lost.end_frame(), "{mount}");
        assert_eq!(gap.reason, "source lost", "{mount}");
        // The audio ends with the server and continues after its restart, as exactly as times are.
        assert!((gap.start_ns - killed_ns).abs() < 500 * MS, "{} ms after the kill", (gap.start_ns - killed_ns) / MS);
        let end_ns = gap.start_ns + gap.duration_ns;
        assert!(end_ns > restarted_ns - 150 * MS, "{} ms after the restart", (end_ns - restarted_ns) / MS);
        assert!(dump.samples.starts_with(&lost.samples), "{mount}: audio before the loss changed");
        // True times on both sides prove that the gap is as long as it lasted. A new encoder takes
        // a moment to find its level.
        for span in dump.spans() {
            assert_true_times(&dump, span.start + rate / 2..span.end);
        }
    }
}

/// Starts an ffmpeg that sends a tone of 1 kHz in real time.
fn sender(output: &[&str]) -> Child {
    let mut command = Child::command("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "sine=1000:r=48000"]).args(output);
    Child::start(command).unwrap()
}

/// Captures two seconds, which must be the tone.
fn assert_tone_from(url: &str) {
    let mut capturing = Capturing::start(url, &["60"], vec![]);
    let rate = u64::from(capturing.dump().sample_rate_hz);
    capturing.wait_for_frames(2 * rate);
    assert_tone(&capturing.dump(), url);
}

#[test]
fn tone_over_udp_is_captured() {
    // A port that was free a moment ago; only the capture will listen there.
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let url = format!("udp://127.0.0.1:{port}");
    let _sender = sender(&["-c:a", "aac", "-f", "mpegts", &url]);
    assert_tone_from(&url);
}

#[test]
fn web_radio_is_captured() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/station");
    let mut sender = sender(&["-c:a", "libvorbis", "-content_type", "audio/ogg", "-listen", "1", "-f", "ogg", &url]);
    // It serves one listener only, so a probe by connecting would take the capture's place.
    let listens = || {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        sockets.lines().any(|line| line.contains(&format!("0100007F:{port:04X} 00000000:0000 0A")))
    };
    assert!(wait_until(START_DEADLINE, || listens() || !sender.is_running()), "{}", sender.stderr());
    assert_tone_from(&url);
}
