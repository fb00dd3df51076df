//! The PulseAudio server, checked by parec.

use std::process::Command;

use capbuf_tests::{Child, PulseServer, Recorder, position};

use crate::{DEADLINE, RATE};

fn parec(server: &PulseServer) -> Command {
    let mut command = Child::command("parec");
    command.args(["--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=100"]);
    command.arg(format!("--device={}", PulseServer::SOURCE)).envs(server.env());
    command
}

#[test]
fn parec_hears_the_position_signal_without_a_break() {
    let mut server = PulseServer::start().unwrap();
    server.play_position_signal().unwrap();
    let recorder = Recorder::start(parec(&server)).unwrap();
    let samples = recorder.wait_for_sound(2 * RATE, DEADLINE).unwrap();
    assert_eq!(position::breaks(&samples), []);
}

#[test]
fn killed_sound_server_restarts_in_its_place() {
    let mut server = PulseServer::start().unwrap();
    server.play_position_signal().unwrap();
    let mut recorder = Recorder::start(parec(&server)).unwrap();
    recorder.wait_for_sound(RATE / 4, DEADLINE).unwrap();
    server.kill();
    assert!(recorder.program.wait(DEADLINE).is_some(), "parec did not notice");

    server.restart().unwrap();
    server.play_position_signal().unwrap();
    Recorder::start(parec(&server)).unwrap().wait_for_sound(RATE / 4, DEADLINE).unwrap();
}

#[test]
fn frozen_sound_server_is_silent_until_thawed() {
    let mut server = PulseServer::start().unwrap();
    server.play_position_signal().unwrap();
    let mut recorder = Recorder::start(parec(&server)).unwrap();
    recorder.wait_for_sound(RATE / 4, DEADLINE).unwrap();
    server.freeze().unwrap();
    let frozen = recorder.wait_for_silence(DEADLINE).expect("samples still come");
    assert!(recorder.program.is_running(), "a frozen server closed its connections");

    server.thaw().unwrap();
    recorder.wait_for_sound(frozen + RATE / 4, DEADLINE).unwrap();
}
