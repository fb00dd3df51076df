//! `capbuf run`: records the configured sources, and follows the file.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Running, capbuf, json, run, wait_for, wait_for_audio};

/// Replaces the configuration as an editor does: by renaming a new file.
pub(crate) fn configure(folder: &Path, text: &str) {
    fs::write(folder.join("new.toml"), text).expect("a file");
    fs::rename(folder.join("new.toml"), folder.join("capbuf.toml")).expect("it is renamed");
}

/// Returns the configuration of a tone.
pub(crate) fn tone(name: &str, hertz: u32, more: &str) -> String {
    format!("[[source]]\nname = \"{name}\"\nfrom = \"tone:{hertz}\"\nlength = \"5s\"\n{more}\n")
}

pub(crate) fn daemon(folder: &Path) -> Running {
    Running::start(folder, &["run", "-c", "capbuf.toml"])
}

/// Returns the names of the running sources.
fn running(folder: &Path) -> Vec<String> {
    let listed: Value = json(folder, &["list"]);
    let sources = listed.as_array().expect("a list").iter();
    let running = sources.filter(|source| source["health"]["state"] == "running");
    running.map(|source| source["source"].as_str().expect("a name").to_owned()).collect()
}

pub(crate) fn wait_until_running(folder: &Path, names: &[&str]) {
    wait_for(&format!("{names:?}"), || (running(folder) == names).then_some(()));
}

#[test]
fn a_changed_file_is_applied_and_an_invalid_one_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    configure(folder, &(tone("a", 440, "") + &tone("b", 880, "")));
    let mut daemon = daemon(folder);
    // The daemon creates the domain.
    wait_for("the domain", || (run(folder, &["list"]).code == Some(0)).then_some(()));
    wait_until_running(folder, &["a", "b"]);
    let before = json(folder, &["status", "a"]);

    configure(folder, &(tone("a", 440, "") + &tone("c", 660, "")));
    wait_until_running(folder, &["a", "c"]);
    let after = json(folder, &["status", "a"]);
    assert_eq!(
        (&before["id"], &before["health"], &after["health"]["restarts"]),
        (&after["id"], &after["health"], &0.into())
    );

    configure(folder, &(tone("a", 440, "") + &tone("d", 550, "fromat = \"s16\"")));
    daemon.wait_for_line("the diagnostic", |line| {
        line.contains("capbuf.toml:10: unknown field `fromat`; allowed: ")
            && line.contains("the configuration is unchanged")
    });
    wait_for_audio(folder, "a", after["newest_frame"].as_f64().expect("a number") / 48_000.0 + 0.2);
    assert_eq!(running(folder), ["a", "c"]);

    configure(folder, &tone("d", 550, ""));
    daemon.signal(Signal::HUP);
    wait_until_running(folder, &["d"]);
    daemon.signal(Signal::TERM);
    let ended = daemon.end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
    assert!(ended.err.lines().last().is_some_and(|line| line.contains("ended closed_all=true")), "{}", ended.err);
}

#[test]
fn a_domain_has_one_daemon_and_the_next_one_continues_its_rings() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    configure(folder, &tone("a", 440, ""));
    let first = daemon(folder);
    wait_for("the domain", || (run(folder, &["list"]).code == Some(0)).then_some(()));
    wait_until_running(folder, &["a"]);
    let second = run(folder, &["run", "-c", "capbuf.toml"]);
    assert_eq!(second.code, Some(1), "{}", second.err);
    let message = format!("capbuf: another daemon records into domain default: process {} (capbuf)", first.id());
    assert_eq!(second.messages(), [message]);
    // Audio before the kill, so that there is a gap after it.
    let before = wait_for_audio(folder, "a", 0.2);
    // Also after a kill.
    first.kill();
    let dead = json(folder, &["status", "a"]);
    assert_eq!(dead["health"]["state"], "failed");
    assert!(dead["health"]["reason"].as_str().is_some_and(|why| why.contains("its process died")), "{dead}");
    // A new length keeps the audio that fits.
    configure(folder, &tone("a", 440, "").replace("5s", "9s"));
    let _third = daemon(folder);
    wait_for("a longer ring", || {
        // There is no buffer for a moment, between the old ring and the new one.
        let status: Value = serde_json::from_str(&run(folder, &["status", "a", "--json"]).out).ok()?;
        (status["length_s"] == 9.0 && status["id"] != before["id"] && status["gaps"].as_u64() >= Some(1)).then_some(())
    });
    wait_until_running(folder, &["a"]);
}

#[test]
fn the_service_manager_is_notified_and_the_log_can_be_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    configure(folder, &tone("a", 440, ""));
    let socket = UnixDatagram::bind(folder.join("notify")).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let mut command = capbuf(folder, &["run", "-c", "capbuf.toml", "--log", "json"]);
    command.env("NOTIFY_SOCKET", folder.join("notify")).env("WATCHDOG_USEC", "2000000");
    let mut child = command.spawn().expect("it starts");
    let mut received = Vec::new();
    let mut expect = |wanted: &str| {
        while !received.iter().any(|line: &String| line == wanted) {
            let mut message = [0; 1000];
            let length = match socket.recv(&mut message) {
                // A stopped and continued process.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                received => received.expect(wanted),
            };
            received.extend(String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned));
        }
    };
    expect("READY=1");
    expect("STATUS=sources: 1");
    expect("WATCHDOG=1");
    configure(folder, "[[source]]\nform = 1");
    expect("RELOADING=1");
    expect(
        "STATUS=configuration unchanged: capbuf.toml:2: unknown field `form`; allowed: `name`, `from`, `length`, `sample_rate`, \
          `channels`, `format`, `mix`, `gain`, `track`, `transport`, `times`, `tls`, `ca_file`, `ffmpeg_options`, `lifetime`, \
          `when_gone`, `open_within`, `retry_after`, `retry_at_most_after`, `give_up_after`, `then_retry_every`, \
          `nothing_for`, `silence_for`, `wrong_rate`, `latency`",
    );
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).expect("it runs");
    expect("STOPPING=1");
    assert!(child.wait().expect("it ends").success());
    let mut log = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("a pipe"), &mut log).expect("UTF-8");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.iter().any(|line| line["source"] == "a" && line["state"] == "running"), "{log}");
}

#[test]
fn a_trigger_writes_clips_to_the_configured_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("clips")).expect("a folder");
    let trigger = "[[trigger]]\nsource = \"a\"\nabove = -20.0\nband = [200, 900]\nfolder = \"clips\"\nbefore = \"0s\"\n\
                   after = \"200ms\"\nat_most = \"500ms\"\n";
    configure(folder, &(tone("a", 440, "") + trigger));
    let mut daemon = daemon(folder);
    daemon.wait_for_line("a clip", |line| line.contains("clip") && line.contains("path=clips/a_20"));
    // A band without sound.
    configure(folder, &(tone("a", 440, "") + &trigger.replace("[200, 900]", "[3000, 9000]")));
    daemon.wait_for_line("the change", |line| line.contains("configured unchanged=1"));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().code, Some(0));
    for name in crate::program::names_in(&folder.join("clips")) {
        let [frames, rate, ..] = crate::program::soxi(&folder.join("clips").join(&name));
        // The last clip ends with its trigger. A stall of the machine shifts the estimated times.
        assert!((1..=24_100).contains(&frames) && rate == 48_000, "{name}: {frames}");
    }
}

#[test]
fn check_reports_problems_without_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let check = |text: &str| {
        configure(folder, text);
        run(folder, &["run", "-c", "capbuf.toml", "--check"])
    };
    let right = check(&tone("a", 440, ""));
    assert_eq!((right.code, right.err.as_str()), (Some(0), ""));
    let wrong = check(&tone("a", 440, "channels = 0"));
    assert_eq!(wrong.messages(), ["capbuf: capbuf.toml:5: channels is 0; allowed: 1 to 64"]);
    assert_eq!(wrong.code, Some(2));
    let missing = check("[[source]]\nfrom = \"file:nowhere.wav\"");
    assert_eq!(missing.code, Some(1));
    assert!(missing.messages()[0].contains("capbuf.toml:2: can't read nowhere.wav"), "{}", missing.err);
    let over_budget = check(&("budget = \"1 MB\"\n".to_owned() + &tone("a", 440, "").replace("5s", "60s")));
    assert_eq!(over_budget.code, Some(2), "{}", over_budget.err);
    assert!(over_budget.messages()[0].contains("the budget is 1000000"), "{}", over_budget.err);
    // The name of the domain may also come from the command line.
    let domain = run(folder, &["run", "-c", "capbuf.toml", "--check", "--domain", "two birds"]);
    assert_eq!(domain.code, Some(2), "{}", domain.err);
    let none = run(folder, &["run", "-c", "nowhere.toml"]);
    assert_eq!((none.code, none.messages().len()), (Some(2), 1));
    assert!(none.err.contains("nowhere.toml: can't read it: No such file"), "{}", none.err);
    assert_eq!(run(folder, &["domains"]).out.lines().count(), 1, "no domain was created");
}

#[test]
fn the_example_explains_every_setting_and_is_valid() {
    let text = include_str!("../../../contrib/capbuf.toml");
    let folder = tempfile::tempdir().expect("a folder");
    configure(folder.path(), text);
    let checked = run(folder.path(), &["run", "-c", "capbuf.toml", "--check"]);
    // The devices of the example are missing here: a warning.
    assert!(
        checked.code == Some(0) || checked.err.contains("devices, files or folders are missing"),
        "{}",
        checked.err
    );
    // It is also valid with every commented setting in force.
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix("# ").filter(|rest| rest.contains(" = ") || rest.starts_with('[')) {
            Some(setting) => setting,
            None => line,
        })
        .collect();
    configure(folder.path(), &uncommented.join("\n"));
    let checked = run(folder.path(), &["run", "-c", "capbuf.toml", "--check"]);
    assert!(
        checked.code == Some(0) || checked.err.contains("devices, files or folders are missing"),
        "{}",
        checked.err
    );
    configure(folder.path(), "[[source]]\nxxx = 1");
    let refused = run(folder.path(), &["run", "-c", "capbuf.toml", "--check"]);
    for setting in refused.err.split('`').skip(3).step_by(2) {
        assert!(
            uncommented.iter().any(|line| line.starts_with(&format!("{setting} = "))),
            "{setting} is not explained"
        );
    }
}

#[test]
fn source_that_never_opened_is_in_every_output_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let missing = "[[source]]\nname = \"nest box\"\nfrom = \"file:missing.wav\"\n";
    configure(folder, &(tone("a", 440, "") + missing));
    let daemon = daemon(folder);
    let state = |name: &str| {
        let ended = run(folder, &["status", name, "--json"]);
        let status: Value = serde_json::from_str(&ended.out).ok()?;
        Some((status["health"]["state"].as_str()?.to_owned(), status))
    };
    let status = wait_for("the state", || state("nest box").filter(|(state, _)| state == "backing off")).1;
    let reason = status["health"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("missing.wav"), "{reason}");
    assert_eq!((&status["id"], &status["bytes"], &status["has_writer"]), (&Value::Null, &0.into(), &false.into()));
    assert_eq!(status["recorder"]["pid"], daemon.id());
    wait_until_running(folder, &["a"]);

    let listed = json(folder, &["list"]);
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|source| &source["source"]).collect();
    assert_eq!(names, ["a", "nest box"]);
    for arguments in [&["list"][..], &["status", "nest"], &["top", "--once"], &["events", "--for", "1ms"]] {
        let ended = run(folder, arguments);
        let line = ended.out.lines().find(|line| line.contains("missing.wav"));
        let line = line.unwrap_or_else(|| panic!("{arguments:?}: {}{}", ended.out, ended.err));
        assert!(arguments[0] == "events" || line.contains("backing off") || line.contains("starting"), "{line}");
    }
    let metrics = run(folder, &["metrics"]).out;
    assert!(metrics.contains("capbuf_source_state{source=\"nest box\"}"), "{metrics}");
    let clip = run(folder, &["clip", "nest", "--last", "1s"]);
    assert_eq!(clip.code, Some(1));
    assert!(clip.err.contains("nest box has no audio yet, it was not opened"), "{}", clip.err);

    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().code, Some(0));
    let left = json(folder, &["list"]);
    let left: Vec<_> = left.as_array().expect("a list").iter().map(|source| &source["source"]).collect();
    assert_eq!(left, ["a"], "the one with audio");
}

#[test]
fn file_that_is_silent_is_played_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let silence = ["-n", "-r", "8000", "-c", "1", "-b", "16", "-D", "silence.wav", "trim", "0", "1"];
    let made = Command::new("sox").args(silence).current_dir(folder).status();
    assert!(made.expect("sox is needed: scripts/install test").success());
    configure(
        folder,
        "[[source]]\nname = \"a\"\nfrom = \"file:silence.wav\"\nsilence_for = \"250ms\"\nretry_after = \"1ms\"\n",
    );
    let daemon = daemon(folder);
    let status = wait_for("its end", || {
        let ended = run(folder, &["status", "a", "--json"]);
        serde_json::from_str::<Value>(&ended.out).ok().filter(|status| status["health"]["state"] == "finished")
    });
    let expected = (&0.into(), &8000.into(), &0.into());
    assert_eq!((&status["health"]["restarts"], &status["newest_frame"], &status["gaps"]), expected, "{status}");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().code, Some(0));
}
