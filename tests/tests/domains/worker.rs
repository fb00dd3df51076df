//! A folder of domains, and processes that work in them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use capbuf::{Length, Registry, SampleFormat, Spec};
use capbuf_tests::processes::is_in_timed_sleep;
use capbuf_tests::{Child, START_DEADLINE, wait_until};
use tempfile::TempDir;

/// The domain of each test.
pub(crate) const DOMAIN: &str = "birds";
/// The source of tests with one source.
pub(crate) const SOURCE: &str = "tone:440";
/// The longest wait for an event that must happen.
pub(crate) const DEADLINE: Duration = START_DEADLINE;

/// Returns the spec that workers allocate.
pub(crate) fn spec(frames: u64) -> Spec {
    Spec::new(Length::Frames(frames), 48_000, 1, SampleFormat::S16).unwrap()
}

/// A folder of domains in shared memory, removed with the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("capbuf-tests-").tempdir_in("/dev/shm").unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn domain(&self) -> PathBuf {
        self.path().join(DOMAIN)
    }

    /// Opens the domain in the test's own process.
    pub(crate) fn open(&self) -> Registry {
        // The thread that commits memory ahead would hold a buffer for a moment longer.
        Registry::builder().domains_folder(self.path()).commit_ahead(false).open(DOMAIN).unwrap()
    }

    /// Lists the domain's files whose names begin or end with one of `affixes`.
    pub(crate) fn files(&self, affixes: &[&str]) -> Vec<String> {
        files_in(&self.domain(), affixes)
    }

    /// Returns the only ring.
    pub(crate) fn ring(&self) -> PathBuf {
        let rings = self.files(&[".ring"]);
        assert_eq!(rings.len(), 1, "{rings:?}");
        self.domain().join(&rings[0])
    }

    /// Asserts that the domain has `rings` rings, the liveness locks of `processes` processes, and
    /// no other file.
    ///
    /// Waits for it: a registry's helper thread, about to commit memory, may be the last to hold a
    /// buffer.
    pub(crate) fn assert_clean(&self, rings: usize, processes: usize, when: &str) {
        let is_clean = || {
            let counted = (self.files(&[".ring"]).len(), self.files(&["process-"]).len());
            counted == (rings, processes) && files_in(&self.domain(), &[""]).len() == rings + processes
        };
        assert!(wait_until(START_DEADLINE, is_clean), "{when}: {:#?}", files_in(&self.domain(), &[""]));
    }
}

/// Lists the names in a folder that begin or end with one of `affixes`. The key of the names is
/// hidden.
pub(crate) fn files_in(folder: &Path, affixes: &[&str]) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| !name.starts_with('.'));
    let mut names: Vec<_> =
        names.filter(|name| affixes.iter().any(|affix| name.ends_with(affix) || name.starts_with(affix))).collect();
    names.sort();
    names
}

/// A process that obeys commands, a line each.
pub(crate) struct Worker {
    child: Child,
    commands: Option<ChildStdin>,
    replies: Receiver<String>,
}

impl Worker {
    /// Starts a worker without a domain.
    pub(crate) fn start(folder: &Folder) -> Self {
        // What it leaves is swept at once: the grace time has tests of its own.
        Self::start_with_grace(folder, 0)
    }

    fn start_with_grace(folder: &Folder, grace_s: u32) -> Self {
        let mut command = Child::command(env!("CARGO_BIN_EXE_works_in_domain"));
        command.env("CAPBUF_DIR", folder.path()).env("CAPBUF_GRACE", grace_s.to_string());
        Self::of(command)
    }

    /// Starts a worker with the domain open.
    pub(crate) fn open(folder: &Folder) -> Self {
        Self::open_with_grace(folder, 0)
    }

    /// As [`Worker::open`]; its rings stay for `grace_s` seconds if it is killed.
    pub(crate) fn open_with_grace(folder: &Folder, grace_s: u32) -> Self {
        let mut worker = Self::start_with_grace(folder, grace_s);
        // That thread may hold a buffer when the process ends, which then is no orderly end.
        let how = if grace_s > 0 { " without-thread" } else { "" };
        worker.expect(&format!("open {DOMAIN}{how}"), "opened");
        worker
    }

    /// Starts a worker with the domain and the buffer of [`SOURCE`] open.
    pub(crate) fn get(folder: &Folder) -> Self {
        let mut worker = Self::open(folder);
        let reply = worker.request(&format!("get {SOURCE}"));
        assert!(reply.starts_with("ring "), "{reply}");
        worker
    }

    /// Starts a command from [`Child::command`].
    pub(crate) fn of(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Child::start(command).unwrap();
        let commands = child.take_stdin();
        let output = BufReader::new(child.take_stdout().unwrap());
        let (sender, replies) = mpsc::channel();
        // The thread ends with the process, whose end closes the pipe.
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, commands, replies }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a thread of the process sleeps in a waiting read.
    pub(crate) fn wait_until_it_waits(&self) {
        assert!(wait_until(DEADLINE, || is_in_timed_sleep(self.pid())), "process {} does not wait", self.pid());
    }

    /// Sends a command.
    pub(crate) fn send(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("its standard input");
        writeln!(commands, "{command}").unwrap_or_else(|error| panic!("{command}: {error}: {}", self.child.stderr()));
    }

    /// Waits for the next reply.
    pub(crate) fn reply(&mut self) -> String {
        self.replies.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("{error}: {}", self.child.stderr()))
    }

    /// Sends a command and waits for the reply.
    pub(crate) fn request(&mut self, command: &str) -> String {
        self.send(command);
        self.reply()
    }

    /// Sends a command and asserts the reply.
    pub(crate) fn expect(&mut self, command: &str, reply: &str) {
        let found = self.request(command);
        assert_eq!(found, reply, "{command}");
    }

    /// Sends a command, asserts an error of some kind, and returns the reply.
    pub(crate) fn expect_error(&mut self, command: &str, kind: &str) -> String {
        let reply = self.request(command);
        assert!(reply.starts_with(&format!("error {kind} ")), "{command}: {reply}");
        reply
    }

    /// Returns the newest reply so far, and drops the older ones.
    pub(crate) fn newest_reply(&mut self) -> Option<String> {
        assert!(self.child.is_running(), "{}", self.child.stderr());
        self.replies.try_iter().last()
    }

    /// Closes the standard input and waits until the process ends by itself.
    pub(crate) fn end(mut self) {
        self.commands = None;
        let status = self.child.wait(DEADLINE).expect("it ends");
        assert!(status.success(), "{status}: {}", self.child.stderr());
    }

    /// Stops the process until [`thaw`](Self::thaw).
    pub(crate) fn freeze(&mut self) {
        self.child.freeze().unwrap();
    }

    /// Continues a stopped process.
    pub(crate) fn thaw(&mut self) {
        self.child.thaw().unwrap();
    }

    /// Kills the process, which must still run.
    pub(crate) fn kill(&mut self) {
        assert!(self.child.is_running(), "{}", self.child.stderr());
        self.child.kill();
    }
}

/// Returns the numbers in a reply.
pub(crate) fn numbers(reply: &str) -> Vec<u64> {
    reply.split(' ').filter_map(|word| word.parse().ok()).collect()
}
