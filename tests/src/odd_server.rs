use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::rig_file::rig_file;
use crate::{Child, START_DEADLINE, wait_for};

/// Servers of odd and hostile streams over HTTP and RTSP, plain and with three kinds of
/// certificates. Their paths are described in `rigs/odd_server.py`.
#[derive(Debug)]
pub struct OddServer {
    folder: TempDir,
    ports: Vec<u16>,
    _server: Child,
}

/// A port of an [`OddServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddPort {
    /// Without TLS.
    Plain,
    /// A certificate that is trusted where its file is.
    Trusted,
    /// A certificate of another host.
    OtherHost,
    /// A certificate that is past its time.
    Expired,
}

impl OddServer {
    /// Starts the servers; returns when they listen.
    ///
    /// # Errors
    /// If they are not ready in time: with their standard error.
    pub fn start() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut command = Child::command("/usr/bin/python3");
        command.arg(rig_file("odd_server.py")).arg(folder.path()).stdout(File::create(&log)?);
        let mut server = Child::start(command)?;
        let ready = || {
            let text = fs::read_to_string(&log).ok()?;
            let ports = text.strip_prefix("ready ")?.split_once('\n')?.0;
            ports.split(' ').map(|port| port.parse().ok()).collect::<Option<Vec<u16>>>()
        };
        let ports = wait_for(START_DEADLINE, || match ready() {
            Some(ports) => Some(Some(ports)),
            None => (!server.is_running()).then_some(None),
        });
        match ports.flatten() {
            Some(ports) => Ok(Self { folder, ports, _server: server }),
            None => Err(io::Error::other(format!("the odd server is not ready: {}", server.stderr()))),
        }
    }

    /// Returns the number of a port.
    pub fn port(&self, port: OddPort) -> u16 {
        self.ports[port as usize]
    }

    /// Returns the URL of a path, as `http` or `rtsps`, with a login.
    pub fn url(&self, scheme: &str, port: OddPort, path: &str) -> String {
        format!("{scheme}://cam:open-sesame@127.0.0.1:{}/{path}", self.port(port))
    }

    /// Returns the path of a file that it made, as `trusted.pem`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the requests so far, a line each.
    pub fn requests(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("log")).unwrap_or_default();
        text.lines().skip(1).map(str::to_owned).collect()
    }
}
