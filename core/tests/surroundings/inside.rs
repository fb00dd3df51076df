//! Runs a test in a process of its own, in which a script has mounted or limited something.

use std::process::Command;

const INSIDE: &str = "CAPBUF_TEST_INSIDE";

/// Runs `test` in a new process after `script`, which may mount: the mounts are gone with the
/// process. `name` is the path of the calling test.
pub(crate) fn inside(script: &str, name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let all: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let command = |namespaces: &[&str], script: &str| {
        let mut command = Command::new("unshare");
        command.args(namespaces).args(["sh", "-c", &format!("{script} && exec \"$@\""), "sh"]);
        command
    };
    let is_allowed = |namespaces: &&[&str]| {
        let mut probe = command(namespaces, "mount -t tmpfs capbuf-tests /mnt");
        probe.arg("true").output().is_ok_and(|output| output.status.success())
    };
    let allowed = all.into_iter().find(is_allowed);
    let allowed = allowed.expect("unshare cannot mount a file system as this user: run the test as root");
    let mut command = command(allowed, script);
    command.arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{}: {text}", output.status);
}
