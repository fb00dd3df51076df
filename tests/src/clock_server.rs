use std::fs::File;
use std::io;

use tempfile::TempDir;

use crate::rig_file::rig_file;
use crate::{Child, START_DEADLINE, wait_for};

/// An RTSP server with a known clock, which it reports; each sample shows when it was made. Its
/// paths are described in `rigs/clock_server.py`.
#[derive(Debug)]
pub struct ClockServer {
    _folder: TempDir,
    port: u16,
    _server: Child,
}

impl ClockServer {
    /// The rate of its audio: mono, 16 bits.
    pub const RATE_HZ: i64 = 8000;

    /// Starts the server; returns when it listens.
    ///
    /// # Errors
    /// If it is not ready in time: with its standard error.
    pub fn start() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut command = Child::command("/usr/bin/python3");
        command.arg(rig_file("clock_server.py")).stdout(File::create(&log)?);
        let mut server = Child::start(command)?;
        let ready = || std::fs::read_to_string(&log).ok()?.strip_prefix("ready ")?.strip_suffix('\n')?.parse().ok();
        let port = wait_for(START_DEADLINE, || match ready() {
            Some(port) => Some(Some(port)),
            None => (!server.is_running()).then_some(None),
        });
        match port.flatten() {
            Some(port) => Ok(Self { _folder: folder, port, _server: server }),
            None => Err(io::Error::other(format!("the clock server is not ready: {}", server.stderr()))),
        }
    }

    /// Returns the URL of a path, as `skew=-3,delay=1.5`.
    pub fn url(&self, path: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{path}", self.port)
    }

    /// Returns how much later than made a sample is, in ns, if `utc_ns` is its time: within ±4 s.
    pub fn lateness_ns(sample: i16, utc_ns: i64) -> i64 {
        let number = i64::from(crate::position::index(sample));
        let labelled = i128::from(utc_ns) * i128::from(Self::RATE_HZ);
        let apart = (labelled - i128::from(number) * 1_000_000_000).rem_euclid(65_536 * 1_000_000_000);
        let apart = if apart > 32_768 * 1_000_000_000 { apart - 65_536 * 1_000_000_000 } else { apart };
        (apart / i128::from(Self::RATE_HZ)) as i64
    }
}
