use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait_for;

/// A child process that never outlives the test.
///
/// Killed when dropped, and by the kernel when the test's process ends, even by SIGKILL. Its
/// standard error is recorded for [`stderr`](Self::stderr), apart from the test's own output.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    stderr: File,
}

impl Child {
    /// Prepares a program for [`start`](Self::start).
    pub fn command(program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Starts a command from [`command`](Self::command), with the caller's arguments, environment
    /// and pipes.
    ///
    /// # Errors
    /// If `setpriv` cannot be started. A program that does not exist ends at once with status 127.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let stderr = tempfile::tempfile()?;
        command.stderr(stderr.try_clone()?);
        let process = spawn_from_lasting_thread(command)?;
        Ok(Self { process, stderr })
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Takes the standard input, if it was piped.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// Takes the standard output, if it was piped.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// Returns whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Waits until the process ends by itself; returns nothing after `deadline`.
    pub fn wait(&mut self, deadline: Duration) -> Option<ExitStatus> {
        wait_for(deadline, || self.process.try_wait().ok().flatten())
    }

    /// Returns the standard error so far.
    pub fn stderr(&self) -> String {
        // At an offset: the file's own position is shared with the process, which writes there.
        let length = self.stderr.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        match self.stderr.read_exact_at(&mut bytes, 0) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(its standard error cannot be read: {error})"),
        }
    }

    /// Kills the process and waits until it has ended.
    pub fn kill(&mut self) {
        // Fails if the process has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Interrupts the process, as Ctrl-C does.
    ///
    /// # Errors
    /// If it has ended.
    pub fn interrupt(&mut self) -> io::Result<()> {
        self.signal(Signal::INT)
    }

    /// Stops the process: its sockets stay open, and nothing answers on them.
    ///
    /// # Errors
    /// If it has ended.
    pub fn freeze(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Continues a stopped process.
    ///
    /// # Errors
    /// If it has ended.
    pub fn thaw(&mut self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // Once waited for, its id may belong to another process.
        if !self.is_running() {
            return Err(io::Error::other(format!("process {} has ended", self.id())));
        }
        Ok(kill_process(Pid::from_child(&self.process), signal)?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

type Spawn = (Command, Sender<io::Result<process::Child>>);

/// Spawns from one thread that lives as long as the process.
///
/// The kernel sends the parent-death signal when the *thread* that forked ends. A test's own thread
/// ends with the test, and would kill a rig that it shares with others.
fn spawn_from_lasting_thread(command: Command) -> io::Result<process::Child> {
    static SPAWNER: OnceLock<Sender<Spawn>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, spawns) = mpsc::channel::<Spawn>();
        thread::spawn(move || {
            for (mut command, reply) in spawns {
                // The caller may have panicked; then the child ends with the process.
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });

    let program = command.get_args().nth(3).unwrap_or_default().to_owned();
    let (reply, answer) = mpsc::channel();
    let spawned = match spawner.send((command, reply)) {
        Ok(()) => answer.recv().unwrap_or_else(|_| Err(io::Error::other("the spawning thread has ended"))),
        Err(_) => Err(io::Error::other("the spawning thread has ended")),
    };
    spawned.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot start {} through setpriv: {error}", program.display()))
    })
}
