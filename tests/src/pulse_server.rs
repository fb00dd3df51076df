use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::{self, JoinHandle};
use std::{env, fs};

use tempfile::TempDir;

use crate::{Child, START_DEADLINE, VirtualMic, position, wait_until};

/// A PulseAudio server of its own for one test, whose microphone hears its speaker.
///
/// Uses no server, settings or sockets of the user. The microphone is 16-bit, mono, 48 kHz and
/// passes samples through unchanged: silence until
/// [`play_position_signal`](Self::play_position_signal), then the [`position`] signal.
#[derive(Debug)]
pub struct PulseServer {
    folder: TempDir,
    daemon: Child,
    player: Option<Player>,
    /// The environment of the daemon, beside its own folders.
    env: Vec<(String, String)>,
}

impl PulseServer {
    /// The microphone's name.
    pub const SOURCE: &str = "microphone";
    /// The speaker's name.
    pub const SINK: &str = "speaker";

    /// Starts a server; returns when clients can connect.
    ///
    /// # Errors
    /// If `pulseaudio` is missing, ends, or is not ready in time: with its standard error.
    pub fn start() -> io::Result<Self> {
        Self::start_with(startup_script, Vec::new())
    }

    /// Starts a server whose microphone is `mic`, through ALSA: 16-bit, mono, 48 kHz. There is no
    /// speaker.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with_microphone(mic: &VirtualMic) -> io::Result<Self> {
        Self::start_with(script_of_microphone, mic.env())
    }

    fn start_with(script: fn(&TempDir) -> String, env: Vec<(String, String)>) -> io::Result<Self> {
        // Not in the build's folder: a socket's path has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("capbuf-pulse-").tempdir()?;
        for name in ["home", "runtime", "state"] {
            fs::create_dir(folder.path().join(name))?;
        }
        // Without a cookie, clients would create one in the user's home.
        fs::write(folder.path().join("cookie"), [0x5a; 256])?;
        fs::write(folder.path().join("server.pa"), script(&folder))?;
        let daemon = start_daemon(&folder, &env)?;
        Ok(Self { folder, daemon, player: None, env })
    }

    /// Returns the environment by which a program finds this server only.
    pub fn env(&self) -> Vec<(String, String)> {
        vec![
            ("PULSE_SERVER".to_owned(), format!("unix:{}", socket(&self.folder).display())),
            ("PULSE_COOKIE".to_owned(), self.folder.path().join("cookie").display().to_string()),
        ]
    }

    /// Plays the [`position`] signal into the speaker from now on, in a loop.
    ///
    /// The microphone may hear a moment of silence first. A signal that already plays ends: two
    /// would be mixed.
    ///
    /// # Errors
    /// If `pacat` cannot be started.
    pub fn play_position_signal(&mut self) -> io::Result<()> {
        self.player = None;
        self.player = Some(Player::start(self.env())?);
        Ok(())
    }

    /// Ends the signal: the microphone hears silence.
    pub fn stop_playing(&mut self) {
        self.player = None;
    }

    /// Kills the server, as a crash would.
    pub fn kill(&mut self) {
        self.daemon.kill();
        self.player = None;
    }

    /// Starts the server again after [`kill`](Self::kill), on the same socket, playing nothing.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        self.daemon = start_daemon(&self.folder, &self.env)?;
        Ok(())
    }

    /// Stops the server's process: its connections stay open, and nothing answers on them.
    ///
    /// # Errors
    /// If it has ended.
    pub fn freeze(&mut self) -> io::Result<()> {
        self.daemon.freeze()
    }

    /// Continues a stopped server.
    ///
    /// # Errors
    /// If it has ended.
    pub fn thaw(&mut self) -> io::Result<()> {
        self.daemon.thaw()
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("socket")
}

/// Returns the script that loads the modules.
///
/// The socket comes last, so that a client that can connect finds everything in place. Rewinding is
/// off: with it the speaker renders seconds ahead and, after a rewind, the microphone hears parts
/// twice.
fn startup_script(folder: &TempDir) -> String {
    let (source, sink) = (PulseServer::SOURCE, PulseServer::SINK);
    let shape = "format=s16le rate=48000 channels=1 channel_map=mono";
    format!(
        "load-module module-null-sink sink_name={sink} norewinds=1 {shape}
load-module module-remap-source source_name={source} master={sink}.monitor master_channel_map=mono remix=no {shape}
set-default-sink {sink}
set-default-source {source}
{}",
        protocol(folder),
    )
}

/// Returns the script that loads the microphone's module.
fn script_of_microphone(folder: &TempDir) -> String {
    let shape = "tsched=0 mmap=0 format=s16le rate=48000 channels=1 channel_map=mono";
    format!(
        "load-module module-alsa-source device={} source_name={} {shape}\n{}",
        VirtualMic::DEVICE,
        PulseServer::SOURCE,
        protocol(folder),
    )
}

fn protocol(folder: &TempDir) -> String {
    let (socket, cookie) = (socket(folder), folder.path().join("cookie"));
    format!("load-module module-native-protocol-unix socket={} auth-cookie={}\n", socket.display(), cookie.display())
}

fn start_daemon(folder: &TempDir, env: &[(String, String)]) -> io::Result<Child> {
    let socket = socket(folder);
    // A killed server leaves its socket, which would look ready.
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }

    let mut command = Child::command("pulseaudio");
    command.args(["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-target=stderr"]);
    command.args(["--realtime=no", "--high-priority=no", "--disable-shm=yes"]);
    command.arg("--file").arg(folder.path().join("server.pa"));
    command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
    for (variable, name) in [
        ("HOME", "home"),
        ("XDG_RUNTIME_DIR", "runtime"),
        ("PULSE_RUNTIME_PATH", "runtime"),
        ("PULSE_STATE_PATH", "state"),
    ] {
        command.env(variable, folder.path().join(name));
    }
    command.envs(env.iter().cloned());
    let mut daemon = Child::start(command)?;

    let connects = || UnixStream::connect(&socket).is_ok();
    if wait_until(START_DEADLINE, || connects() || !daemon.is_running()) && connects() {
        Ok(daemon)
    } else {
        Err(io::Error::other(format!("pulseaudio is not ready; its standard error:\n{}", daemon.stderr())))
    }
}

/// The audio buffered in the server: a player that stalls for less leaves no hole in the sound.
const PLAYED_AHEAD: &str = "--latency-msec=20000";

/// The playing program and the thread that feeds it.
#[derive(Debug)]
struct Player {
    program: Child,
    feeder: Option<JoinHandle<()>>,
}

impl Player {
    fn start(env: Vec<(String, String)>) -> io::Result<Self> {
        let mut command = Child::command("pacat");
        command.args(["--playback", "--raw", "--format=s16le", "--rate=48000", "--channels=1", PLAYED_AHEAD]);
        command.arg(format!("--device={}", PulseServer::SINK)).envs(env).stdin(Stdio::piped());
        let mut program = Child::start(command)?;
        let mut input = program.take_stdin().ok_or_else(|| io::Error::other("pacat has no standard input"))?;
        // The thread ends with the program, whose end closes the pipe.
        let feeder = thread::spawn(move || {
            let signal = position::loop_bytes();
            while input.write_all(&signal).is_ok() {}
        });
        Ok(Self { program, feeder: Some(feeder) })
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.program.kill();
        if let Some(feeder) = self.feeder.take() {
            // The thread cannot panic.
            let _ = feeder.join();
        }
    }
}
