//! `capbuf run` while its configuration changes, and its end: nothing blocks, and no audio is lost.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::{configure, daemon, tone, wait_until_running};
use crate::program::{DEADLINE, capbuf, json, names_in, run, soxi, wait_for, wait_for_audio};

/// Returns a trigger that fires at once, whose clip would end in five minutes, and its source.
fn long_trigger(more: &str) -> String {
    tone("a", 100, "sample_rate = 1000").replace("5s", "20m")
        + "[[trigger]]\nsource = \"a\"\nabove = -20.0\nfolder = \"clips\"\nbefore = \"1s\"\nafter = \"5m\"\n\
           at_most = \"10m\"\n"
        + more
}

#[test]
fn signals_end_the_daemon_with_the_clips_of_its_triggers() {
    // The second signal only ends the wait for sources.
    for signals in [&[Signal::TERM][..], &[Signal::INT], &[Signal::TERM, Signal::TERM]] {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        fs::create_dir(folder.join("clips")).expect("a folder");
        configure(folder, &long_trigger(""));
        let mut daemon = daemon(folder);
        wait_for("the domain", || (run(folder, &["list"]).code == Some(0)).then_some(()));
        wait_for_audio(folder, "a", 0.5);
        signals.iter().for_each(|signal| daemon.signal(*signal));
        daemon.wait_for_line("a clip", |line| line.contains("path=clips/a_20") && !line.contains("missing_frames=0"));
        let ended = daemon.end();
        assert!(ended.code == Some(0) || signals.len() > 1 && ended.code == Some(130), "{}", ended.err);
        let names = names_in(&folder.join("clips"));
        assert_eq!(names.len(), 1, "{names:?}");
        let [frames, ..] = soxi(&folder.join("clips").join(&names[0]));
        assert!(frames >= 500, "{frames}");
    }
}

/// A daemon whose service manager is the test.
struct Served {
    socket: UnixDatagram,
    child: Child,
}

impl Served {
    fn start(folder: &Path) -> Self {
        let socket = UnixDatagram::bind(folder.join("notify")).expect("a socket");
        socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let mut command = capbuf(folder, &["run", "-c", "capbuf.toml"]);
        command.env("NOTIFY_SOCKET", folder.join("notify")).env("WATCHDOG_USEC", "2000000");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        Self { socket, child: command.spawn().expect("it starts") }
    }

    /// Reads notifications until one begins with `wanted`, and returns it.
    fn expect(&self, wanted: &str) -> String {
        loop {
            let mut message = [0; 1000];
            let length = self.socket.recv(&mut message).expect(wanted);
            let message = String::from_utf8_lossy(&message[..length]);
            if let Some(line) = message.lines().find(|line| line.starts_with(wanted)) {
                return line.to_owned();
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Fails only after its end.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

#[test]
fn watchdog_is_served_while_a_changed_trigger_completes_its_clip() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("clips")).expect("a folder");
    configure(folder, &long_trigger(""));
    let daemon = Served::start(folder);
    daemon.expect("READY=1");
    wait_for_audio(folder, "a", 0.5);
    for edited in ["band = [50.0, 400.0]", "band = [50.0, 300.0]", ""] {
        configure(folder, &long_trigger(edited));
        daemon.expect("RELOADING=1");
        daemon.expect("READY=1");
        (0..3).for_each(|_| drop(daemon.expect("WATCHDOG=1")));
    }
    assert_eq!(names_in(&folder.join("clips")), Vec::<String>::new(), "the clips go on");
    drop(daemon);
    assert!(!names_in(&folder.join("clips")).is_empty(), "their clips are written at the end");
}

/// The refusal that `capbuf status` of the daemon shows.
fn reason_of(folder: &Path) -> String {
    let status = json(folder, &["status", "capbuf run"]);
    status["health"]["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn watchdog_is_served_and_audio_stays_whatever_becomes_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let valid = tone("a", 440, "") + &tone("b", 880, "");
    configure(folder, &valid);
    let daemon = Served::start(folder);
    daemon.expect("READY=1");
    wait_until_running(folder, &["a", "b"]);
    let path = folder.join("capbuf.toml");
    let before = json(folder, &["status", "a"]);
    let unchanged = |damage: &str, reason: &str| {
        let status = daemon.expect("STATUS=configuration unchanged: ");
        assert!(status.contains(reason), "{damage}: {status}");
        (0..2).for_each(|_| drop(daemon.expect("WATCHDOG=1")));
        let after = json(folder, &["status", "a"]);
        assert_eq!((&before["id"], &before["health"]), (&after["id"], &after["health"]), "{damage}");
        assert_eq!(json(folder, &["list"]).as_array().map(Vec::len), Some(2), "{damage}");
        // Every process of the domain can see the reason.
        let shown = status.replace("STATUS=configuration unchanged: ", "configuration refused: ");
        let shown: String = shown.chars().take(150).collect();
        for command in [&["status", "a"][..], &["list"], &["status", "capbuf run"]] {
            wait_for("the reason", || {
                let ended = run(folder, command);
                (ended.out + &ended.err).contains(&shown).then_some(())
            });
        }
        assert_eq!(json(folder, &["status", "a"])["refused_configuration"].as_str(), Some(&*reason_of(folder)));
        // The daemon is no source that is down.
        let found = run(folder, &["events", "--for", "1ms"]);
        assert!(!(found.out + &found.err).contains("source down"), "{damage}");
        // Each begins with the valid file, which is applied.
        configure(folder, &valid);
        daemon.expect("STATUS=sources: 2");
        wait_for("its end", || (!run(folder, &["status", "a"]).out.contains("refused")).then_some(()));
    };
    fs::write(&path, "").expect("it is there");
    unchanged("empty", "it has no [[source]]; allowed: one or more, or allow_no_sources = true");
    fs::write(&path, "# all sources are off").expect("it is there");
    unchanged("without a source", "it has no [[source]]");
    fs::write(&path, &valid[..valid.len() / 2 + 20]).expect("it is there");
    unchanged("half-saved", "capbuf.toml:");
    fs::remove_file(&path).expect("it is there");
    unchanged("missing", "can't read it: No such file");
    fs::remove_file(&path).expect("it is there");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    unchanged("a FIFO", "can't read it: it is no regular file");
    fs::remove_file(&path).expect("it is there");
    fs::create_dir(&path).expect("a folder");
    let status = daemon.expect("STATUS=configuration unchanged: ");
    assert!(status.contains("can't read it: "), "{status}");
}

#[test]
fn source_that_comes_back_goes_on_in_its_ring_and_one_that_does_not_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (a, b) = (tone("a", 440, ""), tone("b", 880, ""));
    configure(folder, &(a.clone() + &b));
    let mut daemon = daemon(folder);
    wait_for("the domain", || (run(folder, &["list"]).code == Some(0)).then_some(()));
    wait_until_running(folder, &["a", "b"]);
    let before = wait_for_audio(folder, "b", 0.3);
    configure(folder, &a);
    daemon.wait_for_line("the removal of b", |line| line.contains("configured") && line.contains("stopped=\"b\""));
    wait_until_running(folder, &["a"]);
    assert_eq!(json(folder, &["status", "b"])["id"], before["id"], "its audio stays");
    configure(folder, &(a.clone() + &b));
    wait_until_running(folder, &["a", "b"]);
    let after = json(folder, &["status", "b"]);
    assert_eq!(after["id"], before["id"]);
    assert!(after["newest_frame"].as_u64() >= before["newest_frame"].as_u64(), "{after}");
    // At once, if the file says so; and all, if it says that it has no source.
    configure(folder, &format!("remove_after = \"0s\"\n{a}"));
    wait_for("the removal", || (run(folder, &["status", "b"]).code != Some(0)).then_some(()));
    wait_until_running(folder, &["a"]);
    configure(folder, "allow_no_sources = true\nremove_after = \"0s\"\n");
    wait_for("the removal", || (run(folder, &["status", "a"]).code != Some(0)).then_some(()));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn audio_kept_for_a_source_that_is_gone_gives_way_to_the_budget() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    // A ring of 480 kB fits twice, but not three times.
    let with = |names: &[&str]| {
        let sources: Vec<_> = names.iter().map(|name| tone(name, 440, "")).collect();
        format!("budget = \"1200 kB\"\n{}", sources.concat())
    };
    configure(folder, &with(&["a", "b"]));
    let _daemon = daemon(folder);
    wait_for("the domain", || (run(folder, &["list"]).code == Some(0)).then_some(()));
    wait_until_running(folder, &["a", "b"]);
    configure(folder, &with(&["a", "c"]));
    // b is stopped in the same step as c begins, so its ring is in the way.
    wait_until_running(folder, &["a", "c"]);
}

#[test]
fn check_does_not_wait_for_a_pipe() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let fifo = |name: &str| {
        let path = folder.join(name);
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    };
    fifo("sound");
    configure(folder, "[[source]]\nfrom = \"file:sound\"\n");
    let checked = run(folder, &["run", "-c", "capbuf.toml", "--check"]);
    assert_eq!(checked.code, Some(1), "{}", checked.err);
    assert!(checked.err.contains("capbuf.toml:2: can't read sound: not a regular file"), "{}", checked.err);
    fifo("pipe.toml");
    for more in [&["--check"][..], &[]] {
        let checked = run(folder, &[&["run", "-c", "pipe.toml"], more].concat());
        assert_eq!(checked.code, Some(2), "{}", checked.err);
        assert!(checked.err.contains("pipe.toml: can't read it: it is no regular file"), "{}", checked.err);
    }
}
