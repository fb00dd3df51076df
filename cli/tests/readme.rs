//! The README's commands do what it says. (Its Rust is run as a doctest of `capbuf-capture`.)
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The lines after `$ ` in the README's blocks of commands, without their comments.
fn commands() -> impl Iterator<Item = &'static str> {
    let blocks = README.split("```console\n").skip(1).filter_map(|block| block.split("```").next());
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ "));
    lines.map(|line| line.split(" #").next().unwrap_or(line).trim())
}

#[test]
fn the_commands_of_the_quick_start_work_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let mut done = 0;
    for command in commands().filter(|command| !command.starts_with("make ") && !command.starts_with("cargo ")) {
        let built = command.replace("target/release/capbuf", env!("CARGO_BIN_EXE_capbuf"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &built]).current_dir(&folder);
        // No test touches the user's own domain.
        let output =
            shell.env("CAPBUF_DIR", folder.path().join("domains")).env_remove("CAPBUF_DOMAIN").output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        done += 1;
    }
    assert!(done >= 9, "{done} commands found");
    assert!(folder.path().join("clips/last.flac").exists(), "cut out of the domain");
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

/// A word after "make " is meant as a target where it stands in a command or in code.
fn is_target(word: &str) -> bool {
    README.contains(&format!("$ make {word}")) || README.contains(&format!("`make {word}`"))
}
