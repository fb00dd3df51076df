//! Runs the commands of `docs/station.md` one after another in a shell.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

const PAGE: &str = include_str!("../../docs/station.md");

/// Returns the code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    PAGE.split(&format!("```{language}\n")).skip(1).filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn the_commands_of_the_page_build_and_run_a_station() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    // Replaces the release build, the microphone and the camera.
    std::fs::create_dir_all(path.join("target/release")).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_capbuf"), path.join("target/release/capbuf")).unwrap();
    let [config] = &blocks("toml")[..] else { panic!("one file") };
    let config =
        config.replace("device:default", "tone:440").replace("rtsp://user:password@camera.example/audio", "position:");
    assert!(config.contains("tone:440") && config.contains("position:"));
    std::fs::write(path.join("capbuf.toml"), config).unwrap();
    let mut script = "set -eu -o pipefail -m\ntrap 'kill %1 2>/dev/null || true' EXIT\n".to_owned();
    let commands = blocks("console").into_iter().flat_map(str::lines).filter_map(|line| line.strip_prefix("$ "));
    let mut count = 0;
    for command in commands.filter(|command| !command.starts_with("cargo ")) {
        count += 1;
        script += &format!("{command}\n");
        if command.ends_with('&') {
            // The next commands need some audio.
            script += "until bin/capbuf clip yard --around now --before 2s --after 100ms -o early.wav 2>/dev/null; do sleep 0.1; done\n";
        }
        if command.starts_with("kill ") {
            script += "wait %1\n";
        }
    }
    assert!(count >= 10, "{count} commands");
    std::fs::write(path.join("script"), &script).unwrap();
    let mut shell = Command::new("bash");
    shell.arg("script").current_dir(path).env("CAPBUF_DIR", path.join("domains")).env_remove("CAPBUF_DOMAIN");
    let output = shell.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{out}\n{err}");
    for file in ["before.wav", "around.flac"] {
        assert!(path.join(file).metadata().unwrap().len() > 10_000, "{file}");
    }
    assert!(out.contains("nest box") && out.contains("running"), "{out}");
}

#[test]
fn the_page_lists_the_states_of_the_library() {
    for state in capbuf::SourceState::ALL {
        let name = state.name();
        assert!(name == "idle" || PAGE.contains(&format!("`{name}`")), "{name}");
    }
}
