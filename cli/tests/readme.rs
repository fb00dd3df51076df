//! Runs the commands of the README. (Its Rust code is a doctest of `capbuf-capture`.)
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

const README: &str = include_str!("../../README.md");
/// The pages whose commands are run, in this order, in one folder and one domain.
const PAGES: [&str; 3] = [README, include_str!("../../docs/domains.md"), include_str!("../../docs/debugging.md")];

/// Returns the console blocks of the README as shell scripts: lines after `$ `, without comments.
///
/// Leaves out `make` and `cargo`: the programs are built.
fn scripts() -> Vec<String> {
    let blocks =
        PAGES.iter().flat_map(|page| page.split("```console\n").skip(1)).filter_map(|block| block.split("```").next());
    let command = |line: &str| Some(line.strip_prefix("$ ")?.split(" #").next()?.trim().to_owned());
    let is_run = |command: &String| !command.starts_with("make ") && !command.starts_with("cargo ");
    let scripts = blocks.map(|block| block.lines().filter_map(command).filter(is_run).collect::<Vec<_>>().join("\n"));
    scripts.filter(|script| !script.is_empty()).collect()
}

#[test]
fn the_commands_work_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let mut printed = String::new();
    for script in scripts() {
        let built = script.replace("target/release/capbuf", env!("CARGO_BIN_EXE_capbuf"));
        let mut shell = Command::new("sh");
        shell.args(["-ec", &built]).current_dir(&folder);
        // The user's domains stay untouched.
        shell.env("CAPBUF_DIR", folder.path().join("domains")).env_remove("CAPBUF_DOMAIN");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        printed += &String::from_utf8_lossy(&output.stdout);
    }
    for expected in ["SOURCE ", "removed tone:440", "attempts", "capbuf_"] {
        assert!(printed.contains(expected), "{expected} is not in {printed}");
    }
    assert!(folder.path().join("clips/last.flac").exists(), "a clip from the domain");
    let entries = std::fs::read_dir(folder.path().join("clips")).unwrap().map(|entry| entry.unwrap());
    let clips: Vec<_> = entries.filter(|clip| clip.file_name() != "last.flac").collect();
    let [clip] = &clips[..] else { panic!("{clips:?}") };
    let name = clip.file_name().into_string().unwrap();
    assert!(name.starts_with("tone-440_") && name.ends_with(".wav"), "{name}");
    let clip = hound::WavReader::open(clip.path()).unwrap();
    assert_eq!((clip.duration(), clip.spec().sample_rate, clip.spec().bits_per_sample), (96_000, 48_000, 16));
}

#[test]
fn every_target_that_the_readme_names_is_in_the_makefile() {
    let makefile = include_str!("../../Makefile");
    for target in
        README.split("make ").skip(1).filter_map(|rest| rest.split(|sign: char| !sign.is_alphanumeric()).next())
    {
        assert!(!is_target(target) || makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

/// Returns whether a word after "make " stands in a command or in code, so is a target.
fn is_target(word: &str) -> bool {
    README.contains(&format!("$ make {word}")) || README.contains(&format!("`make {word}`"))
}
