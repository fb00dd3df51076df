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

/// A program that a test started, and that never outlives it.
///
/// It is killed when this is dropped, and by the kernel when the test's process ends in whatever way, SIGKILL included.
/// What it writes to its standard error is kept for [`complaints`](Self::complaints), out of the test's own output.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    stderr: File,
}

impl Child {
    /// Prepares a program to be given to [`start`](Self::start).
    pub fn command(program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Starts what [`command`](Self::command) prepared; arguments, environment and pipes are the caller's to set.
    ///
    /// # Errors
    /// Where the program cannot be started. One that does not exist is started by `setpriv`, and ends at once with 127.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let stderr = tempfile::tempfile()?;
        command.stderr(stderr.try_clone()?);
        let process = spawn_from_a_thread_that_stays(command)?;
        Ok(Self { process, stderr })
    }

    /// Tells the program's process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Takes the program's standard input, where it was piped.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// Takes the program's standard output, where it was piped.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// Says whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Waits for the program to end by itself, and returns nothing if it has not within `deadline`.
    pub fn wait(&mut self, deadline: Duration) -> Option<ExitStatus> {
        wait_for(deadline, || self.process.try_wait().ok().flatten())
    }

    /// Returns what the program wrote to its standard error so far.
    pub fn complaints(&self) -> String {
        // Not by the file's own offset, which the program shares and writes at.
        let length = self.stderr.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        match self.stderr.read_exact_at(&mut bytes, 0) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(its standard error cannot be read: {error})"),
        }
    }

    /// Kills the program, which has no say in it, and waits until it is gone.
    pub fn kill(&mut self) {
        // It fails for a program that has ended by itself, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Asks the program to end, as Ctrl-C does.
    ///
    /// # Errors
    /// Where it has ended already.
    pub fn interrupt(&mut self) -> io::Result<()> {
        self.signal(Signal::INT)
    }

    /// Stops the program where it stands: it keeps its sockets and answers nobody.
    ///
    /// # Errors
    /// Where it has ended already.
    pub fn freeze(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen program go on.
    ///
    /// # Errors
    /// Where it has ended already.
    pub fn thaw(&mut self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // Once it was waited for, its id may be another program's.
        if !self.is_running() {
            return Err(io::Error::other(format!("process {} has ended already", self.id())));
        }
        Ok(kill_process(Pid::from_child(&self.process), signal)?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

type Order = (Command, Sender<io::Result<process::Child>>);

/// Spawns from one thread that lives as long as the process.
///
/// The kernel sends the parent-death signal when the *thread* that forked ends. A test's own thread ends with the test,
/// and would take along a rig that it shares with others.
fn spawn_from_a_thread_that_stays(command: Command) -> io::Result<process::Child> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in orders {
                // Whoever ordered it may have given up; a child that nobody takes is reaped with the process.
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });

    let program = command.get_args().nth(3).unwrap_or_default().to_owned();
    let (reply, answer) = mpsc::channel();
    let spawned = match spawner.send((command, reply)) {
        Ok(()) => answer.recv().unwrap_or_else(|_| Err(io::Error::other("nobody is there to start it"))),
        Err(_) => Err(io::Error::other("nobody is there to start it")),
    };
    spawned.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot start {} through setpriv: {error}", program.display()))
    })
}
