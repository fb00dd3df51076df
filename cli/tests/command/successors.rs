//! Recorders that die, their successors, and recorders of a busy source.

use capbuf::Registry;
use rustix::process::Signal;

use crate::program::{
    Running, domains_of, json, names_in, positions, record_positions, run, wait_for, wait_for_audio, wav_samples,
};

#[test]
fn a_second_recorder_fails_and_names_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Running::start(folder.path(), &["record", "tone:440"]);
    wait_for_audio(folder.path(), "tone:440", 0.1);
    let ended = run(folder.path(), &["record", "tone:440"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let message = format!("capbuf: source tone:440 has a writer already: process {} (capbuf)", recorder.id());
    assert_eq!(ended.messages(), [message]);
    // The first one continues.
    let before = json(folder.path(), &["status", "tone:440"])["newest_frame"].as_f64().expect("a number");
    wait_for_audio(folder.path(), "tone:440", before / 48_000.0 + 0.1);
}

#[test]
fn kept_audio_survives_a_kill_and_the_next_recorder_continues_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (recorder, first) = record_positions(folder.path(), &["--keep"], 1.0);
    recorder.kill();

    let killed = json(folder.path(), &["status", "position:"]);
    assert_eq!((&killed["has_writer"], &killed["writer"]), (&false.into(), &serde_json::Value::Null));
    assert_eq!((&killed["id"], &killed["readers"]), (&first["id"], &serde_json::json!([])));
    let clip = json(folder.path(), &["clip", "position:", "--last", "1s"]);
    let samples = wav_samples(&folder.path().join(clip["path"].as_str().expect("a path")));
    assert!(samples == positions(clip["first_frame"].as_u64().expect("a number"), 48_000));
    let list = run(folder.path(), &["list"]).out;
    assert!(
        list.lines().nth(1).is_some_and(|line| line.contains("-       0        failed: its process died")),
        "{list}"
    );

    // The lease is free and the ring the same; the missing audio is a recorded gap.
    let written = killed["newest_frame"].as_f64().expect("a number") / 48_000.0;
    let next = Running::start(folder.path(), &["record", "position:", "--keep"]);
    let status = wait_for_audio(folder.path(), "position:", written + 0.5);
    assert_eq!((&status["id"], &status["writer"]["pid"]), (&first["id"], &next.id().into()));
    assert!(status["gaps"].as_u64() >= Some(1));
}

#[test]
fn audio_of_a_killed_recorder_is_orphaned_and_the_next_one_continues_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (recorder, first) = record_positions(folder.path(), &[], 1.0);
    recorder.kill();
    let swept = json(folder.path(), &["domains", "--sweep"]);
    assert_eq!((&swept[0]["buffers"], &swept[0]["swept"]["buffers"]), (&1.into(), &0.into()));
    assert_eq!((&swept[0]["has_dead"], &swept[0]["processes"]), (&true.into(), &0.into()));
    let killed = json(folder.path(), &["status", "position:"]);
    assert_eq!(killed["id"], first["id"]);
    assert!(killed["orphaned_left_s"].as_f64().is_some_and(|left| (300.0..=600.0).contains(&left)), "{killed}");
    for command in [&["list"][..], &["status", "position:"], &["top", "--once"]] {
        let shown = run(folder.path(), command).out;
        assert!(shown.contains("failed: orphaned (5") && shown.contains(" s left)"), "{command:?}: {shown}");
    }
    let clip = json(folder.path(), &["clip", "position:", "--last", "1s"]);
    let samples = wav_samples(&folder.path().join(clip["path"].as_str().expect("a path")));
    assert!(samples == positions(clip["first_frame"].as_u64().expect("a number"), 48_000));

    // The next recorder goes on in the ring, which ends with it.
    let next = Running::start(folder.path(), &["record", "position:"]);
    let written = killed["newest_frame"].as_f64().expect("a number") / 48_000.0;
    let status = wait_for_audio(folder.path(), "position:", written + 0.2);
    assert_eq!((&status["id"], &status["orphaned_left_s"]), (&first["id"], &serde_json::Value::Null));
    assert!(status["gaps"].as_u64() >= Some(1));
    next.signal(Signal::INT);
    assert_eq!(next.end().code, Some(0));
    assert_eq!(names_in(&domains_of(folder.path()).join("default")), Vec::<String>::new());
}

#[test]
fn recorder_after_one_with_a_wrong_clock_has_right_times_from_its_first_chunk() {
    let folder = tempfile::tempdir().expect("a folder");
    let (recorder, status) = record_positions(folder.path(), &["--keep"], 0.2);
    recorder.kill();
    {
        // Its clock is an hour ahead.
        let registry = Registry::builder().domains_folder(domains_of(folder.path())).open("default").expect("a domain");
        let buffer = registry.get("position:").expect("a kept buffer");
        let hour_ns = buffer.clock().utc_ns() + 3_600_000_000_000;
        buffer.writer().expect("no writer").write_at(&[7_i16; 48_000], hour_ns).expect("writable");
    }
    let before = status["newest_frame"].as_f64().expect("a number") / 48_000.0 + 1.0;
    let _next = Running::start(folder.path(), &["record", "position:", "--keep"]);
    wait_for_audio(folder.path(), "position:", before + 1.5);

    let around = ["clip", "position:", "--around", "now", "--before", "500ms", "--after", "200ms"];
    for arguments in [&around[..], &["clip", "position:", "--last", "500ms"]] {
        let clip = json(folder.path(), arguments);
        let status = json(folder.path(), &["status", "position:"]);
        // Within the epoch: RFC 3339 compares as text.
        let text = |value: &serde_json::Value, field: &str| value[field].as_str().expect("a time").to_owned();
        assert!(text(&clip, "start_utc") >= text(&status, "epoch_utc"), "{clip} {status}");
        assert!(text(&clip, "end_utc") <= text(&status, "newest_utc"), "{clip} {status}");
        assert!(clip["first_frame"].as_u64() >= status["epoch_frame"].as_u64(), "{clip} {status}");
        let samples = wav_samples(&folder.path().join(clip["path"].as_str().expect("a path")));
        // One sample of the signal may be 7.
        let of_wrong_clock = samples.windows(2).any(|pair| pair == [7, 7]);
        assert!(!samples.iter().all(|sample| *sample == 0) && !of_wrong_clock, "{clip}");
    }
    let status = run(folder.path(), &["status", "position:"]).out;
    let epoch = status.lines().find(|line| line.starts_with("epoch")).expect("a line");
    assert!(epoch.contains("(frame ") && epoch.contains(" s back"), "{epoch}");
    let report = run(folder.path(), &["report"]).out;
    assert!(report.contains("clock set back"), "{report}");
}

#[test]
fn recorder_of_another_shape_replaces_an_orphaned_buffer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (recorder, first) = record_positions(folder.path(), &[], 0.2);
    recorder.kill();
    let _next = Running::start(folder.path(), &["record", "position:", "--seconds", "30"]);
    let replaced = wait_for("the new buffer", || {
        let status: serde_json::Value =
            serde_json::from_str(&run(folder.path(), &["status", "position:", "--json"]).out).ok()?;
        (status["id"] != first["id"] && status["newest_frame"].as_u64() > Some(0)).then_some(status)
    });
    assert_eq!(replaced["length_s"], 30.0);
}

#[test]
fn audio_of_a_killed_recorder_is_swept_after_its_grace_time() {
    let folder = tempfile::tempdir().expect("a folder");
    for grace in ["0", "1"] {
        let recorder = Running::start_with_grace(folder.path(), &["record", "position:"], grace);
        wait_for_audio(folder.path(), "position:", 0.2);
        recorder.kill();
        wait_for("a sweep", || (json(folder.path(), &["domains", "--sweep"])[0]["buffers"] == 0).then_some(()));
        assert_eq!(names_in(&domains_of(folder.path()).join("default")), Vec::<String>::new());
    }
    for wrong in ["soon", "-1", "604801"] {
        let ended = Running::start_with_grace(folder.path(), &["record", "tone:440"], wrong).end();
        assert_eq!(ended.code, Some(2));
        let message = format!("CAPBUF_GRACE is \"{wrong}\"; allowed: 0 to 604800 seconds");
        assert!(ended.err.contains(&message), "{}", ended.err);
    }
}
