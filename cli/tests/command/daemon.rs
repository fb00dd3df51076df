//! `capbuf run`: what the file says is what is recorded, whatever happens to the file.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Running, capbuf, json, run, wait_for, wait_for_audio};

/// Writes a configuration as an editor does: beside, and renamed.
fn configure(folder: &Path, text: &str) {
    fs::write(folder.join("new.toml"), text).expect("a file");
    fs::rename(folder.join("new.toml"), folder.join("capbuf.toml")).expect("it is renamed");
}

/// A tone as a source.
fn tone(name: &str, hertz: u32, more: &str) -> String {
    format!("[[source]]\nname = \"{name}\"\nfrom = \"tone:{hertz}\"\nlength = \"5s\"\n{more}\n")
}

fn daemon(folder: &Path) -> Running {
    Running::start(folder, &["run", "-c", "capbuf.toml"])
}

/// The names of the sources that run now.
fn running(folder: &Path) -> Vec<String> {
    let listed: Value = json(folder, &["list"]);
    let sources = listed.as_array().expect("a list").iter();
    let running = sources.filter(|source| source["health"]["state"] == "running");
    running.map(|source| source["source"].as_str().expect("a name").to_owned()).collect()
}

fn wait_until_running(folder: &Path, names: &[&str]) {
    wait_for(&format!("{names:?}"), || (running(folder) == names).then_some(()));
}

#[test]
fn a_file_that_changes_is_followed_and_one_that_is_wrong_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    configure(folder, &(tone("a", 440, "") + &tone("b", 880, "")));
    let mut daemon = daemon(folder);
    // There is no domain before it.
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
    daemon.wait_for_line("a complaint", |line| {
        line.contains("capbuf.toml:10: unknown field `fromat`; allowed: ")
            && line.contains("the configuration is as it was")
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
fn a_domain_has_one_daemon_and_the_next_one_goes_on_in_its_rings() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    configure(folder, &tone("a", 440, ""));
    let first = daemon(folder);
    wait_for("the domain", || (run(folder, &["list"]).code == Some(0)).then_some(()));
    wait_until_running(folder, &["a"]);
    let second = run(folder, &["run", "-c", "capbuf.toml"]);
    assert_eq!(second.code, Some(1), "{}", second.err);
    let told = format!("capbuf: domain default has a daemon already: process {} (capbuf)", first.id());
    assert_eq!(second.complaints(), [told]);
    // Without audio before there would be no gap after.
    let before = wait_for_audio(folder, "a", 0.2);
    // However it ends.
    first.kill();
    let dead = json(folder, &["status", "a"]);
    assert_eq!(dead["health"]["state"], "failed");
    assert!(dead["health"]["reason"].as_str().is_some_and(|why| why.contains("ended without a word")), "{dead}");
    // A length that has changed meanwhile keeps what fits.
    configure(folder, &tone("a", 440, "").replace("5s", "9s"));
    let _third = daemon(folder);
    wait_for("a longer ring", || {
        // For a moment, between the old ring and the new one, there is none.
        let status: Value = serde_json::from_str(&run(folder, &["status", "a", "--json"]).out).ok()?;
        (status["length_s"] == 9.0 && status["id"] != before["id"] && status["gaps"].as_u64() >= Some(1)).then_some(())
    });
    wait_until_running(folder, &["a"]);
}

#[test]
fn the_service_manager_is_told_and_the_log_is_json_where_that_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    configure(folder, &tone("a", 440, ""));
    let socket = UnixDatagram::bind(folder.join("notify")).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let mut command = capbuf(folder, &["run", "-c", "capbuf.toml", "--log", "json"]);
    command.env("NOTIFY_SOCKET", folder.join("notify")).env("WATCHDOG_USEC", "2000000");
    let mut child = command.spawn().expect("it starts");
    let mut told = Vec::new();
    let mut hear = |wanted: &str| {
        while !told.iter().any(|line: &String| line == wanted) {
            let mut message = [0; 1000];
            let length = socket.recv(&mut message).expect(wanted);
            told.extend(String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned));
        }
    };
    hear("READY=1");
    hear("STATUS=sources: 1");
    hear("WATCHDOG=1");
    configure(folder, "[[source]]\nform = 1");
    hear("RELOADING=1");
    hear(
        "STATUS=as it was: capbuf.toml:2: unknown field `form`; allowed: `name`, `from`, `length`, `sample_rate`, \
          `channels`, `format`, `mix`, `gain`, `lifetime`, `when_gone`, `open_within`, `retry_after`, `retry_at_most_after`, \
          `give_up_after`, `then_retry_every`, `nothing_for`, `silence_for`",
    );
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).expect("it runs");
    hear("STOPPING=1");
    assert!(child.wait().expect("it ends").success());
    let mut log = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("a pipe"), &mut log).expect("UTF-8");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.iter().any(|line| line["source"] == "a" && line["state"] == "running"), "{log}");
}

#[test]
fn what_is_loud_is_a_clip_in_the_folder_that_was_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("clips")).expect("a folder");
    let trigger = "[[trigger]]\nsource = \"a\"\nabove = -20.0\nband = [200, 900]\nfolder = \"clips\"\nbefore = \"0s\"\n\
                   after = \"200ms\"\nat_most = \"500ms\"\n";
    configure(folder, &(tone("a", 440, "") + trigger));
    let mut daemon = daemon(folder);
    daemon.wait_for_line("a clip", |line| line.contains("clip") && line.contains("path=clips/a_20"));
    // Another band, in which there is nothing.
    configure(folder, &(tone("a", 440, "") + &trigger.replace("[200, 900]", "[3000, 9000]")));
    daemon.wait_for_line("the change", |line| line.contains("configured unchanged=1"));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().code, Some(0));
    for name in crate::program::names_in(&folder.join("clips")) {
        let [frames, rate, ..] = crate::program::soxi(&folder.join("clips").join(&name));
        // The last one ends where its trigger did. A machine that stands still bends the times for a while.
        assert!((1..=24_100).contains(&frames) && rate == 48_000, "{name}: {frames}");
    }
}

#[test]
fn a_file_is_checked_without_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let check = |text: &str| {
        configure(folder, text);
        run(folder, &["run", "-c", "capbuf.toml", "--check"])
    };
    let right = check(&tone("a", 440, ""));
    assert_eq!((right.code, right.err.as_str()), (Some(0), ""));
    let wrong = check(&tone("a", 440, "channels = 0"));
    assert_eq!(wrong.complaints(), ["capbuf: capbuf.toml:5: channels is 0; allowed: 1 to 64"]);
    assert_eq!(wrong.code, Some(2));
    let missing = check("[[source]]\nfrom = \"file:nowhere.wav\"");
    assert_eq!(missing.code, Some(1));
    assert!(missing.complaints()[0].contains("capbuf.toml:2: nowhere.wav can't be read"), "{}", missing.err);
    let dear = check(&("budget = \"1 MB\"\n".to_owned() + &tone("a", 440, "").replace("5s", "60s")));
    assert_eq!(dear.code, Some(2), "{}", dear.err);
    assert!(dear.complaints()[0].contains("the budget is 1000000"), "{}", dear.err);
    let none = run(folder, &["run", "-c", "nowhere.toml"]);
    assert_eq!((none.code, none.complaints().len()), (Some(2), 1));
    assert!(none.err.contains("nowhere.toml: it can't be read: No such file"), "{}", none.err);
    assert_eq!(run(folder, &["domains"]).out.lines().count(), 1, "no domain was made");
}

#[test]
fn the_example_explains_every_setting_and_is_right() {
    let text = include_str!("../../../contrib/capbuf.toml");
    let folder = tempfile::tempdir().expect("a folder");
    configure(folder.path(), text);
    let checked = run(folder.path(), &["run", "-c", "capbuf.toml", "--check"]);
    // The devices that it names are not here, which is no fault of the file.
    assert!(checked.code == Some(0) || checked.err.contains("as things are"), "{}", checked.err);
    // With every comment that begins like a setting taken for one, it is right, too.
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix("# ").filter(|rest| rest.contains(" = ") || rest.starts_with('[')) {
            Some(setting) => setting,
            None => line,
        })
        .collect();
    configure(folder.path(), &uncommented.join("\n"));
    let checked = run(folder.path(), &["run", "-c", "capbuf.toml", "--check"]);
    assert!(checked.code == Some(0) || checked.err.contains("as things are"), "{}", checked.err);
    configure(folder.path(), "[[source]]\nxxx = 1");
    let refused = run(folder.path(), &["run", "-c", "capbuf.toml", "--check"]);
    for setting in refused.err.split('`').skip(3).step_by(2) {
        assert!(
            uncommented.iter().any(|line| line.starts_with(&format!("{setting} = "))),
            "{setting} is not explained"
        );
    }
}
