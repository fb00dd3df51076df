//! Waits for a process that is frozen while it holds a lock file.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::process::Signal;

use crate::program::{Running, domains_of, names_in, run};

#[test]
fn frozen_holder_of_a_lock_is_named_and_the_wait_ends_by_a_signal_or_in_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(folder.path(), &["record", "tone:440", "--for", "100ms", "--keep"]).code, Some(0));
    let domain = domains_of(folder.path()).join("default");
    let ring = names_in(&domain).into_iter().find(|name| name.ends_with(".ring")).expect("a ring");
    let lock = domain.join(ring.replace("-0.ring", ".claim"));
    let mut lock = File::options().write(true).create_new(true).mode(0o600).open(lock).expect("a lock file");
    lock.lock().expect("it is free");
    writeln!(lock, "{}\nfrozen", std::process::id()).expect("written");
    let holder = format!("process {} (frozen)", std::process::id());
    for command in [&["remove", "tone:440"][..], &["record", "tone:440"]] {
        let mut running = Running::start(folder.path(), command);
        running.wait_for_line("the holder", |line| line.starts_with("waiting for ") && line.contains(&holder));
        running.signal(Signal::TERM);
        let ended = running.end();
        assert!(ended.code.is_none_or(|code| code == 0), "{command:?}: {:?} {}", ended.code, ended.err);
    }
    let ended = run(folder.path(), &["remove", "tone:440"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains(&format!("{holder} has held it for 10 s")), "{}", ended.err);
    drop(lock);
    assert_eq!(run(folder.path(), &["remove", "tone:440"]).code, Some(0));
}
