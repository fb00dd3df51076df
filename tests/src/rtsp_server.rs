use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::rig_file::rig_file;
use crate::{Child, START_DEADLINE, wait_for};

/// A real RTSP server, GStreamer's, that plays a 1 kHz tone in the codecs of cameras and encoders.
///
/// Each of [`MOUNTS`](Self::MOUNTS) plays it steadily. Under `pattern/`, as in `pattern/opus`, it is loud only during
/// the first 300 ms of every second of UTC, which [`tone::lateness_ns`](crate::tone::lateness_ns) measures.
#[derive(Debug)]
pub struct RtspServer {
    folder: TempDir,
    options: RtspOptions,
    port: u16,
    server: Child,
}

/// How an [`RtspServer`] treats its clients.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RtspOptions {
    /// Whether it asks who they are.
    pub login: Option<Login>,
    /// How many percent of the audio packets it loses.
    pub loss_percent: f64,
    /// The codec of the mount `camera`, one of [`RtspServer::MOUNTS`]; `pcmu` unless set.
    pub camera: Option<&'static str>,
}

/// A way of asking for user and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Password in clear.
    Basic,
    /// Challenge and response.
    Digest,
}

impl RtspServer {
    /// What it plays; `av` has video beside the sound.
    pub const MOUNTS: [&str; 8] = ["aac", "aac-latm", "opus", "pcmu", "pcma", "l16", "g722", "av"];
    /// Who may listen, where it asks for a [`Login`].
    pub const USER: &str = "cam";
    /// The user's password.
    pub const PASSWORD: &str = "open-sesame";

    /// Starts a server on a free port of loopback, and returns when it listens.
    ///
    /// # Errors
    /// Where Python's GStreamer is missing, or the server is not ready in time: with what it said.
    pub fn start(options: RtspOptions) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (server, port) = start_server(folder.path(), options, 0)?;
        Ok(Self { folder, options, port, server })
    }

    /// Names a mount's address, with user and password where the server asks for them.
    pub fn url(&self, mount: &str) -> String {
        match self.options.login {
            Some(_) => format!("rtsp://{}:{}@127.0.0.1:{}/{mount}", Self::USER, Self::PASSWORD, self.port),
            None => self.url_without_login(mount),
        }
    }

    /// Names a mount's address, without user and password.
    pub fn url_without_login(&self, mount: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{mount}", self.port)
    }

    /// Kills the server, as a power cut would.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts the server again, after [`kill`](Self::kill), on the same port.
    ///
    /// # Errors
    /// As [`start`](Self::start), and where somebody else took the port meanwhile.
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

    /// Stops the server where it stands: it keeps its connections, and answers nobody.
    ///
    /// # Errors
    /// Where it has ended already.
    pub fn freeze(&mut self) -> io::Result<()> {
        self.server.freeze()
    }

    /// Lets a frozen server go on; it first sends what has piled up meanwhile.
    ///
    /// # Errors
    /// Where it has ended already.
    pub fn thaw(&mut self) -> io::Result<()> {
        self.server.thaw()
    }
}

fn start_server(folder: &Path, options: RtspOptions, port: u16) -> io::Result<(Child, u16)> {
    let said = folder.join("said");
    // The system's Python, by its path: another one first on the PATH does not see the system's GStreamer.
    let mut command = Child::command("/usr/bin/python3");
    command.arg(rig_file("rtsp_server.py")).arg(port.to_string()).stdout(File::create(&said)?);
    // The registry of plugins is cached here, not in the user's home.
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
        let said = std::fs::read_to_string(&said).ok()?;
        said.strip_prefix("ready ")?.strip_suffix('\n')?.parse().ok()
    };
    let port = wait_for(START_DEADLINE, || match ready_port() {
        Some(port) => Some(Some(port)),
        None => (!server.is_running()).then_some(None),
    });
    match port.flatten() {
        Some(port) => Ok((server, port)),
        None => Err(io::Error::other(format!("the RTSP server is not ready; it said:\n{}", server.complaints()))),
    }
}
