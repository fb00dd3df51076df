//! A recording in one process, seen from others.

use std::fs;
use std::path::Path;

use capbuf::{Length, Registry, SampleFormat, Spec};
use rustix::process::Signal;

use crate::program::{Running, domains_of, json, names_in, run, wait_for, wait_for_audio};

fn assert_fails(folder: &Path, arguments: &[&str], reason: &str) {
    let ended = run(folder, arguments);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{arguments:?}: {}", ended.err);
    assert!(ended.err.contains(reason) && ended.err.lines().count() == 1, "{arguments:?}: {}", ended.err);
}

#[test]
fn sources_are_listed_while_their_recorder_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Running::start(folder.path(), &["record", "position:", "tone:440", "--seconds", "20"]);
    for source in ["position:", "tone:440"] {
        let status = wait_for_audio(folder.path(), source, 0.5);
        assert_eq!(status["writer"]["pid"], recorder.id());
        assert_eq!(
            (status["lifetime"].as_str(), status["readers"].as_array().map(Vec::len)),
            (Some("while open"), Some(0))
        );
    }
    let list = run(folder.path(), &["list"]).out;
    let rows: Vec<Vec<_>> =
        list.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(rows[0], ["SOURCE", "FORMAT", "FILL", "AGE", "WRITER", "READERS", "STATE"]);
    assert_eq!(rows.len(), 3, "{list}");
    for (row, source) in rows[1..].iter().zip(["position:", "tone:440"]) {
        assert_eq!(row[..2], [source, "48000 Hz 1 x s16"]);
        assert!(row[2].ends_with("/20 s") && row[3].ends_with('s'), "{row:?}");
        assert_eq!(row[4..], [&recorder.id().to_string(), "0", "running"]);
    }
    let status = run(folder.path(), &["status", "tone:440"]).out;
    for part in ["source     tone:440\n", "domain     default\n", &format!("process {} (capbuf)", recorder.id())] {
        assert!(status.contains(part), "{part} is not in:\n{status}");
    }

    recorder.signal(Signal::INT);
    assert_eq!(recorder.end().code, Some(0));
    assert_eq!(json(folder.path(), &["list"]), serde_json::json!([]));
    // It has removed its buffers and its liveness lock.
    assert_eq!(names_in(&domains_of(folder.path()).join("default")), Vec::<String>::new());
}

#[test]
fn commands_that_look_create_no_domain() {
    let folder = tempfile::tempdir().expect("a folder");
    let looks = [&["list"][..], &["status", "x"], &["top", "--once"], &["clip", "x", "--last", "1s"], &["remove", "x"]];
    for arguments in looks {
        assert_fails(folder.path(), arguments, "there is no domain \"default\"; there are none");
    }
    assert_eq!(json(folder.path(), &["domains"]), serde_json::json!([]));
    assert_fails(folder.path(), &["domains", "--domain", "x"], "there is no domain \"x\"; there are none");
    assert!(!domains_of(folder.path()).exists());

    assert_eq!(run(folder.path(), &["record", "tone:440", "--for", "100ms", "--domain", "birds"]).code, Some(0));
    for arguments in looks {
        assert_fails(folder.path(), arguments, "there is no domain \"default\"; there are: birds");
    }
    assert_eq!(names_in(&domains_of(folder.path())), ["birds"]);
}

#[test]
fn the_domain_comes_from_the_option_or_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorded = run(folder.path(), &["--domain", "birds", "record", "tone:440", "--for", "200ms", "--keep"]);
    assert_eq!(recorded.code, Some(0), "{}", recorded.err);
    assert_eq!(json(folder.path(), &["list", "--domain", "birds"])[0]["domain"], "birds");
    let list = |name: &str| {
        let mut command = crate::program::capbuf(folder.path(), &["list"]);
        command.env("CAPBUF_DOMAIN", name).output().expect("it runs")
    };
    assert!(String::from_utf8_lossy(&list("birds").stdout).contains("tone:440"));
    assert!(String::from_utf8_lossy(&list("").stderr).contains("no domain \"default\"; there are: birds"));
}

#[test]
fn a_private_recording_is_in_no_domain() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(folder.path(), &["record", "tone:440", "--for", "200ms", "--private"]).code, Some(0));
    assert!(!domains_of(folder.path()).exists());
}

#[test]
fn no_command_shows_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::builder().domains_folder(domains_of(folder.path())).open("default").expect("a domain");
    let spec = Spec::new(Length::Seconds(2.0), 8000, 1, SampleFormat::S16).expect("a spec");
    let cameras = ["rtsp://me:sesame@cam/1", "rtsp://me:sesame2@cam/1", "rtsp://me:sesame@door/1?token=sesame"];
    let buffers = cameras.map(|camera| registry.get_or_allocate(camera, spec).expect("a buffer"));
    for buffer in &buffers {
        buffer.writer().expect("a writer").write(&[7_i16; 8000]).expect("it is written");
    }
    let mut outputs = Vec::new();
    for (arguments, code) in [
        (&["list"][..], 0),
        (&["list", "--json"], 0),
        (&["top", "--once"], 0),
        (&["status", "door"], 0),
        (&["status", "rtsp://***@door/1?token=***", "--json"], 0),
        // Two sources differ only in the password: ambiguous unless the name is whole.
        (&["status", "cam"], 1),
        (&["status", "rtsp://***@cam/1"], 1),
        (&["status", cameras[1]], 0),
        (&["status", "rtsp://me:sesame3@cam/1"], 1),
        (&["list", "--domain", "rtsp://me:sesame@cam/1"], 1),
        (&["clip", "door", "--last", "500ms"], 0),
        (&["clip", "door", "--last", "500ms", "--json"], 0),
        (&["clip", "door", "--last", "5s"], 1),
        (&["clip", cameras[0], "--from", "-10m", "--to", "-9m"], 1),
        (&["remove", "me"], 1),
        (&["remove", cameras[0]], 0),
        (&["remove", cameras[1], "--json"], 0),
        (&["remove", "door"], 0),
    ] {
        let ended = run(folder.path(), arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.err);
        outputs.push(ended.out + &ended.err);
    }
    outputs.extend(names_in(folder.path()));
    assert!(outputs.iter().all(|output| !output.contains("sesame")), "{outputs:#?}");
    assert!(buffers.iter().all(capbuf::CaptureBuffer::is_removed));
}

#[test]
fn recorded_source_is_removed_only_by_force_and_its_recorder_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = Running::start(folder.path(), &["record", "tone:440"]);
    wait_for_audio(folder.path(), "tone:440", 0.2);
    let mut events = Running::start(folder.path(), &["events", "--follow", "--every", "100ms"]);
    let refused = run(folder.path(), &["remove", "440"]);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("tone:440 is being recorded by process "), "{}", refused.err);
    assert!(refused.err.contains(" (capbuf); to remove it all the same, add --force"), "{}", refused.err);
    let removed = json(folder.path(), &["remove", "440", "--force"]);
    assert_eq!((&removed["source"], &removed["had_writer"]), (&"tone:440".into(), &true.into()));
    let removed_by = |line: &str| line.contains("was removed by process ") && line.contains(" (capbuf)");
    recorder.wait_for_line("the reason", removed_by);
    recorder.wait_for_line("that it goes on", |line| line.contains("running"));
    wait_for_audio(folder.path(), "tone:440", 0.2);
    // Ends with the command, which is killed by the limit of the test run.
    let line =
        std::iter::repeat_with(|| events.read_line()).find(|line| line.is_empty() || line.contains("lost buffer"));
    assert!(line.as_deref().is_some_and(removed_by), "{line:?}");
    let metrics = run(folder.path(), &["metrics"]);
    assert!(metrics.out.contains("capbuf_source_buffers_lost_total{source=\"tone:440\"} 1"), "{}", metrics.out);
}

#[test]
fn domains_lists_buffers_bytes_and_processes() {
    let folder = tempfile::tempdir().expect("a folder");
    for domain in ["birds", "owls"] {
        assert_eq!(
            run(folder.path(), &["record", "tone:440", "--for", "100ms", "--keep", "--domain", domain]).code,
            Some(0)
        );
    }
    let recorder = Running::start(folder.path(), &["record", "position:", "--domain", "owls"]);
    let domains = wait_for("two buffers", || {
        let domains = json(folder.path(), &["domains"]);
        (domains[1]["buffers"] == 2).then_some(domains)
    });
    assert_eq!((&domains[0]["name"], &domains[1]["name"]), (&"birds".into(), &"owls".into()));
    assert_eq!((&domains[0]["processes"], &domains[1]["processes"]), (&0.into(), &1.into()));
    assert_eq!((&domains[0]["has_dead"], &domains[1]["has_dead"]), (&false.into(), &false.into()));
    assert!(domains[0]["bytes"].as_u64() > Some(60 * 48_000 * 2));
    assert_eq!(json(folder.path(), &["domains", "--domain", "owls"]).as_array().map(Vec::len), Some(1));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(domains[0]["path"].as_str().expect("a path")).expect("a folder").permissions(),
    );
    assert_eq!(mode & 0o777, 0o700);
    recorder.kill();
}
