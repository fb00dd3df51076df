//! Limits of the process: an error with its reason, never the end by a signal.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::program::{Ended, capbuf, domains_of, names_in, record_positions};

/// Makes a command that runs after a command of the shell, such as `ulimit`.
fn limited(folder: &Path, limit: &str, arguments: &[&str]) -> Command {
    let program = capbuf(folder, &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limit} && exec \"$@\""), "sh"]).arg(program.get_program()).args(arguments);
    shell.current_dir(folder).env("CAPBUF_DIR", domains_of(folder)).env_remove("CAPBUF_DOMAIN");
    shell
}

fn run(folder: &Path, limit: &str, arguments: &[&str]) -> Ended {
    limited(folder, limit, arguments).output().expect("it runs").into()
}

/// 20 480 bytes: enough for the files of a process, not for a clip.
const SMALL_FILES: &str = "ulimit -f 40";

#[test]
fn clip_beyond_the_limit_of_a_file_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_recorder, _) = record_positions(folder.path(), &[], 1.5);
    for name in ["x.wav", "x.flac"] {
        let ended = run(folder.path(), SMALL_FILES, &["clip", "position:", "--last", "1s", "-o", name]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("files of 20480 bytes") && ended.err.contains("ulimit -f"), "{}", ended.err);
    }
    assert!(names_in(folder.path()).is_empty());
    // A recording goes on after a clip that can't be written, and says so at its end.
    let record = ["record", "tone:440", "--private", "--for", "1s", "--clip", "1s"];
    let ended = run(folder.path(), SMALL_FILES, &record);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("ulimit -f"), "{}", ended.err);
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn output_beyond_the_limit_of_a_file_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out");
    let out = File::create(&path).expect("a file");
    let command = &["completions", "bash"];
    let ended: Ended = limited(folder.path(), "ulimit -f 1", command).stdout(out).output().expect("it runs").into();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("File too large"), "{}", ended.err);
    assert_eq!(fs::metadata(path).expect("a file").len(), 512);
}
