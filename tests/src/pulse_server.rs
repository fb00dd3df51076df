use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::{self, JoinHandle};
use std::{env, fs};

use tempfile::TempDir;

use crate::{Child, START_DEADLINE, position, wait_until};

/// The sound server PulseAudio, private to one test, with a microphone that hears what is played into its speaker.
///
/// Nobody else's server, settings or sockets are touched. The microphone is 16-bit, mono, 48 kHz, and passes samples
/// through unchanged: silence until [`play_position_signal`](Self::play_position_signal), the [`position`] signal from
/// then on.
#[derive(Debug)]
pub struct PulseServer {
    folder: TempDir,
    daemon: Child,
    player: Option<Player>,
}

impl PulseServer {
    /// The microphone's name.
    pub const SOURCE: &str = "microphone";
    /// The speaker's name, whose sound the microphone hears.
    pub const SINK: &str = "speaker";

    /// Starts a server, and returns when it can be connected to.
    ///
    /// # Errors
    /// Where `pulseaudio` is missing, or ends, or is not ready in time: with what it said.
    pub fn start() -> io::Result<Self> {
        // Not in the build's folder: a socket's path may have 107 bytes at most.
        let folder = tempfile::Builder::new().prefix("capbuf-pulse-").tempdir()?;
        for name in ["home", "runtime", "state"] {
            fs::create_dir(folder.path().join(name))?;
        }
        // Clients that find no cookie make one, in the user's home.
        fs::write(folder.path().join("cookie"), [0x5a; 256])?;
        fs::write(folder.path().join("server.pa"), startup_script(&folder))?;
        let daemon = start_daemon(&folder)?;
        Ok(Self { folder, daemon, player: None })
    }

    /// Lists the environment variables by which a program finds this server, and no other.
    pub fn env(&self) -> Vec<(String, String)> {
        vec![
            ("PULSE_SERVER".to_owned(), format!("unix:{}", socket(&self.folder).display())),
            ("PULSE_COOKIE".to_owned(), self.folder.path().join("cookie").display().to_string()),
        ]
    }

    /// Plays the [`position`] signal into the speaker from now on, in a loop.
    ///
    /// The microphone may hear a moment of silence before it. Playing twice at once would mix the two: the first one
    /// ends.
    ///
    /// # Errors
    /// Where `pacat` cannot be started.
    pub fn play_position_signal(&mut self) -> io::Result<()> {
        self.player = None;
        self.player = Some(Player::start(self.env())?);
        Ok(())
    }

    /// Ends what is played: the microphone hears silence.
    pub fn stop_playing(&mut self) {
        self.player = None;
    }

    /// Kills the server, as a crash would.
    pub fn kill(&mut self) {
        self.daemon.kill();
        self.player = None;
    }

    /// Starts the server again, after [`kill`](Self::kill), on the same socket; nothing is played.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        self.daemon = start_daemon(&self.folder)?;
        Ok(())
    }

    /// Stops the server where it stands: it keeps its connections, and answers nobody.
    ///
    /// # Errors
    /// Where it has ended already.
    pub fn freeze(&mut self) -> io::Result<()> {
        self.daemon.freeze()
    }

    /// Lets a frozen server go on.
    ///
    /// # Errors
    /// Where it has ended already.
    pub fn thaw(&mut self) -> io::Result<()> {
        self.daemon.thaw()
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("socket")
}

/// The socket comes last: who can connect finds everything else in place. Without rewinding, the speaker plays each twentieth of
/// a second as it comes; with it, seconds ahead, and what it then changes its mind about the microphone hears twice or late.
fn startup_script(folder: &TempDir) -> String {
    let (source, sink) = (PulseServer::SOURCE, PulseServer::SINK);
    let shape = "format=s16le rate=48000 channels=1 channel_map=mono";
    format!(
        "load-module module-null-sink sink_name={sink} norewinds=1 {shape}
load-module module-remap-source source_name={source} master={sink}.monitor master_channel_map=mono remix=no {shape}
set-default-sink {sink}
set-default-source {source}
load-module module-native-protocol-unix socket={} auth-cookie={}
",
        socket(folder).display(),
        folder.path().join("cookie").display(),
    )
}

fn start_daemon(folder: &TempDir) -> io::Result<Child> {
    let socket = socket(folder);
    // A server that was killed leaves its socket behind, which would look ready.
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
    let mut daemon = Child::start(command)?;

    let connects = || UnixStream::connect(&socket).is_ok();
    if wait_until(START_DEADLINE, || connects() || !daemon.is_running()) && connects() {
        Ok(daemon)
    } else {
        Err(io::Error::other(format!("pulseaudio is not ready; it said:\n{}", daemon.complaints())))
    }
}

/// So much of what is played waits in the server. A player or a server that is held up for less than that, by a machine that is
/// busy elsewhere, leaves no hole in the sound.
const PLAYED_AHEAD: &str = "--latency-msec=20000";

/// The program that plays, and the thread that feeds it.
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
        // It ends when the program does, which closes the pipe.
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
            // It cannot panic.
            let _ = feeder.join();
        }
    }
}
