//! Each rig, checked by programs of others: arecord, parec, ffmpeg.
//!
//! The tests of captures rely on the properties proved here.
#![allow(clippy::unwrap_used, clippy::panic)]

mod ending;
mod http_server;
mod pulse_server;
mod rtsp_server;
mod stalls;
mod virtual_mic;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);
const RATE: usize = 48_000;

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().expect(program)
}
