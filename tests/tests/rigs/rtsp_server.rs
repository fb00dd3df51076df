//! The RTSP server, checked by ffmpeg.

use std::thread;

use capbuf_tests::{Login, RtspOptions, RtspServer, pcm, tone};

use crate::{DEADLINE, RATE, run};

/// Decodes the first `seconds` of a stream by ffmpeg, as 48 kHz mono.
fn decode(url: &str, transport: &str, seconds: &str) -> Result<Vec<i16>, String> {
    let timeout_us = DEADLINE.as_micros().to_string();
    let input = ["-v", "error", "-rtsp_transport", transport, "-timeout", &timeout_us, "-i", url];
    let output = ["-map", "0:a", "-t", seconds, "-f", "s16le", "-ar", "48000", "-ac", "1", "-"];
    let output = run("ffmpeg", &[&input[..], &output[..]].concat());
    if output.stdout.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(pcm::s16_from_bytes(&output.stdout))
}

#[test]
fn each_mount_plays_1_khz_over_tcp_and_udp() {
    let server = RtspServer::start(RtspOptions::default()).unwrap();
    thread::scope(|scope| {
        for (i, mount) in RtspServer::MOUNTS.into_iter().enumerate() {
            let url = server.url(mount);
            let transport = if i % 2 == 0 { "tcp" } else { "udp" };
            scope.spawn(move || {
                let samples = decode(&url, transport, "1").unwrap_or_else(|error| panic!("{mount}: {error}"));
                let frequency = tone::dominant_frequency(&pcm::f32_from_s16(&samples), 48_000);
                assert!((frequency - 1000.0).abs() < 2.0, "{mount} over {transport}: {frequency} Hz");
            });
        }
    });
}

#[test]
fn pattern_is_loud_in_the_first_300_ms_of_each_second_of_utc() {
    let server = RtspServer::start(RtspOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pattern.mkv").display().to_string();
    let url = server.url("pattern/pcmu");
    // Labels each packet with the time of its arrival.
    let input = ["-v", "error", "-rtsp_transport", "tcp", "-use_wallclock_as_timestamps", "1", "-i", &url];
    let output = ["-map", "0:a", "-c:a", "pcm_s16le", "-copyts", "-frames:a", "400", "-f", "matroska", &file];
    let recorded = run("ffmpeg", &[&input[..], &output[..]].concat());
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));

    let packets = run("ffprobe", &["-v", "error", "-show_entries", "packet=pts_time,size", "-of", "csv=p=0", &file]);
    let packets = String::from_utf8(packets.stdout).unwrap();
    let samples = run("ffmpeg", &["-v", "error", "-i", &file, "-f", "s16le", "-c", "copy", "-"]);
    let samples = pcm::f32_from_s16(&pcm::s16_from_bytes(&samples.stdout));

    // Each packet implies a time of the first sample; the earliest is of the packet with the least
    // delay.
    let mut before = 0.0;
    let mut claims = Vec::new();
    for packet in packets.lines() {
        let (seconds, size) = packet.split_once(',').expect("time,size");
        claims.push(seconds.parse::<f64>().unwrap() - before / 8_000.0);
        before += size.trim_end_matches(',').parse::<f64>().unwrap() / 2.0;
    }
    let start = claims.into_iter().min_by(f64::total_cmp).expect("packets");
    let lateness = tone::lateness_ns(&samples, 8_000, (start * 1e9) as i64);
    assert!(lateness.len() >= 6, "four seconds have eight changes: {lateness:?}");
    assert!(lateness.iter().all(|late_ns| (-20_000_000..150_000_000).contains(late_ns)), "{lateness:?}");
}

#[test]
fn login_is_required() {
    for login in [Login::Basic, Login::Digest] {
        let server = RtspServer::start(RtspOptions { login: Some(login), ..RtspOptions::default() }).unwrap();
        assert!(decode(&server.url("pcmu"), "tcp", "0.2").is_ok(), "{login:?}");
        let refused = decode(&server.url_without_login("pcmu"), "tcp", "0.2").unwrap_err();
        assert!(refused.contains("401"), "{login:?}: {refused}");
    }
}

#[test]
fn killed_rtsp_server_restarts_at_its_address() {
    let mut server = RtspServer::start(RtspOptions::default()).unwrap();
    let url = server.url("opus");
    decode(&url, "tcp", "0.2").unwrap();
    server.kill();
    decode(&url, "tcp", "0.2").unwrap_err();
    server.restart().unwrap();
    assert_eq!(server.url("opus"), url);
    decode(&url, "tcp", "0.2").unwrap();
}

#[test]
fn dropped_packets_are_missing_from_the_stream() {
    let server = RtspServer::start(RtspOptions { loss_percent: 30.0, ..RtspOptions::default() }).unwrap();
    let samples = decode(&server.url("pcmu"), "tcp", "2").unwrap();
    assert!(samples.len() < 2 * RATE * 9 / 10, "{} samples of {}", samples.len(), 2 * RATE);
}

#[test]
fn frozen_rtsp_server_does_not_answer_until_thawed() {
    let mut server = RtspServer::start(RtspOptions::default()).unwrap();
    let url = server.url("pcmu");
    let probe = ["-v", "error", "-rtsp_transport", "tcp", "-timeout", "1000000", "-i", &url];
    server.freeze().unwrap();
    let probed = run("ffprobe", &probe);
    assert!(!probed.status.success(), "a frozen server answered: {probed:?}");
    server.thaw().unwrap();
    decode(&url, "tcp", "0.2").unwrap();
}
