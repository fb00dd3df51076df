use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::rig_file::rig_file;
use crate::{Child, START_DEADLINE, wait_for};

/// GStreamer's RTSP server, playing a 1 kHz tone in the codecs of cameras and encoders.
///
/// Each of [`MOUNTS`](Self::MOUNTS) plays it steadily. Under `pattern/`, as in `pattern/opus`, it
/// is loud only in the first 300 ms of each second of UTC; see
/// [`tone::lateness_ns`](crate::tone::lateness_ns).
#[derive(Debug)]
pub struct RtspServer {
    folder: TempDir,
    options: RtspOptions,
    port: u16,
    server: Child,
}

/// Settings of an [`RtspServer`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RtspOptions {
    /// The login that it requires.
    pub login: Option<Login>,
    /// The percentage of audio packets that it drops.
    pub loss_percent: f64,
    /// The codec of the mount `camera`, one of [`RtspServer::MOUNTS`]; `pcmu` unless set.
    pub camera: Option<&'static str>,
}

/// An authentication scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The password in clear.
    Basic,
    /// Challenge and response.
    Digest,
}

impl RtspServer {
    /// The mounts; `av` has video, too.
    pub const MOUNTS: [&str; 8] = ["aac", "aac-latm", "opus", "pcmu", "pcma", "l16", "g722", "av"];
    /// The user, where a [`Login`] is required.
    pub const USER: &str = "cam";
    /// The password.
    pub const PASSWORD: &str = "open-sesame";

    /// Starts a server on a free port of loopback; returns when it listens.
    ///
    /// # Errors
    /// If Python's GStreamer is missing or the server is not ready in time: with its standard
    /// error.
    pub fn start(options: RtspOptions) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (server, port) = start_server(folder.path(), options, 0)?;
        Ok(Self { folder, options, port, server })
    }

    /// Returns a mount's URL, with user and password if the server requires them.
    pub fn url(&self, mount: &str) -> String {
        match self.options.login {
            Some(_) => format!("rtsp://{}:{}@127.0.0.1:{}/{mount}", Self::USER, Self::PASSWORD, self.port),
            None => self.url_without_login(mount),
        }
    }

    /// Returns a mount's URL without user and password.
    pub fn url_without_login(&self, mount: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{mount}", self.port)
    }

    /// Kills the server, as a power cut does.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts the server again after [`kill`](Self::kill), on the same port.
    ///
    /// # Errors
    /// As [`start`](Self::start), and if another program has bound the port meanwhile.
    pub fn restart(&mut self) -> io::Result<()> {
        self.restart_as(self.options)
    }

    /// Starts the server again on the same port, with other settings.
    ///
    /// # Errors
    /// As [`restart`](Self::restart).
    pub fn restart_as(&mut self, options: RtspOptions) -> io::Result<()> {
        self.kill();
        self.options = options;
        (self.server, self.port) = start_server(self.folder.path(), self.options, self.port)?;
        Ok(())
    }

    /// Stops the server's process: its connections stay open, and nothing answers on them.
    ///
    /// # Errors
    /// If it has ended.
    pub fn freeze(&mut self) -> io::Result<()> {
        self.server.freeze()
    }

    /// Continues a stopped server, which first sends what has piled up.
    ///
    /// # Errors
    /// If it has ended.
    pub fn thaw(&mut self) -> io::Result<()> {
        self.server.thaw()
    }
}

fn start_server(folder: &Path, options: RtspOptions, port: u16) -> io::Result<(Child, u16)> {
    let stdout = folder.join("stdout");
    // By its path: only the system's own Python sees the system's GStreamer.
    let mut command = Child::command("/usr/bin/python3");
    command.arg(rig_file("rtsp_server.py")).arg(port.to_string()).stdout(File::create(&stdout)?);
    // Caches the registry of plugins here, not in the user's home.
    command.env("GST_REGISTRY", folder.join("registry.bin"));
    match options.login {
        Some(Login::Basic) => _ = command.args(["--auth", "basic"]),
        Some(Login::Digest) => _ = command.args(["--auth", "digest"]),
        None => {}
    }
    if let Some(codec) = options.camera {
        command.args(["--camera", codec]);
    }
    if options.loss_percent > 0.0 {
        command.arg("--loss").arg(options.loss_percent.to_string());
    }
    let mut server = Child::start(command)?;

    let ready_port = || {
        let text = std::fs::read_to_string(&stdout).ok()?;
        text.strip_prefix("ready ")?.strip_suffix('\n')?.parse().ok()
    };
    let port = wait_for(START_DEADLINE, || match ready_port() {
        Some(port) => Some(Some(port)),
        None => (!server.is_running()).then_some(None),
    });
    match port.flatten() {
        Some(port) => Ok((server, port)),
        None => {
            Err(io::Error::other(format!("the RTSP server is not ready; its standard error:\n{}", server.stderr())))
        }
    }
}
