//! A folder of domains, and processes that work in them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use capbuf::{Length, Registry, SampleFormat, Spec};
use capbuf_tests::{Child, START_DEADLINE, wait_until};
use tempfile::TempDir;

/// The domain of all tests.
pub(crate) const DOMAIN: &str = "birds";
/// The source of tests that need one.
pub(crate) const SOURCE: &str = "tone:440";
/// How long a thing that must happen may take on a machine that is busy with something else.
pub(crate) const DEADLINE: Duration = START_DEADLINE;

/// The shape that workers allocate.
pub(crate) fn spec(frames: u64) -> Spec {
    Spec::new(Length::Frames(frames), 48_000, 1, SampleFormat::S16).unwrap()
}

/// A folder of domains in shared memory, gone with the test.
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
        Registry::builder().domains_folder(self.path()).open(DOMAIN).unwrap()
    }

    /// The names of the files of the domain that end or begin so.
    pub(crate) fn files(&self, ends: &[&str]) -> Vec<String> {
        files_in(&self.domain(), ends)
    }

    /// The one ring that there is.
    pub(crate) fn ring(&self) -> PathBuf {
        let rings = self.files(&[".ring"]);
        assert_eq!(rings.len(), 1, "{rings:?}");
        self.domain().join(&rings[0])
    }

    /// Asserts that no file is in the domain but its rings and the presences of so many living processes. Waits for it: a registry's
    /// helper, just about to commit memory, may be the last that has a buffer open.
    pub(crate) fn assert_clean(&self, rings: usize, processes: usize, when: &str) {
        let is_clean = || {
            let counted = (self.files(&[".ring"]).len(), self.files(&["process-"]).len());
            counted == (rings, processes) && files_in(&self.domain(), &[""]).len() == rings + processes
        };
        assert!(wait_until(START_DEADLINE, is_clean), "{when}: {:#?}", files_in(&self.domain(), &[""]));
    }
}

/// The names in a folder that begin or end with one of these.
pub(crate) fn files_in(folder: &Path, ends: &[&str]) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        names.filter(|name| ends.iter().any(|end| name.ends_with(end) || name.starts_with(end))).collect();
    names.sort();
    names
}

/// A process that does as it is told, a line at a time.
pub(crate) struct Worker {
    child: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Worker {
    /// Starts one that has no domain open yet.
    pub(crate) fn start(folder: &Folder) -> Self {
        let mut command = Child::command(env!("CARGO_BIN_EXE_works_in_domain"));
        command.env("CAPBUF_DIR", folder.path());
        Self::of(command)
    }

    /// Starts one that has the domain open.
    pub(crate) fn open(folder: &Folder) -> Self {
        let mut worker = Self::start(folder);
        worker.expect(&format!("open {DOMAIN}"), "opened");
        worker
    }

    /// Starts one that has the domain and the buffer of [`SOURCE`] open.
    pub(crate) fn get(folder: &Folder) -> Self {
        let mut worker = Self::open(folder);
        let answer = worker.ask(&format!("get {SOURCE}"));
        assert!(answer.starts_with("ring "), "{answer}");
        worker
    }

    /// Starts what [`Child::command`] prepared.
    pub(crate) fn of(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Child::start(command).unwrap();
        let orders = child.take_stdin();
        let output = BufReader::new(child.take_stdout().unwrap());
        let (sender, answers) = mpsc::channel();
        // It ends with the process, whose end closes the pipe.
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, orders, answers }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives an order.
    pub(crate) fn tell(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it was not told to end");
        writeln!(orders, "{order}").unwrap_or_else(|error| panic!("{order}: {error}: {}", self.child.complaints()));
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> String {
        self.answers.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("{error}: {}", self.child.complaints()))
    }

    /// Gives an order and returns the answer.
    pub(crate) fn ask(&mut self, order: &str) -> String {
        self.tell(order);
        self.answer()
    }

    /// Gives an order whose answer is known.
    pub(crate) fn expect(&mut self, order: &str, answer: &str) {
        let given = self.ask(order);
        assert_eq!(given, answer, "{order}");
    }

    /// Gives an order that must be refused, and returns why.
    pub(crate) fn refused(&mut self, order: &str, kind: &str) -> String {
        let answer = self.ask(order);
        assert!(answer.starts_with(&format!("error {kind} ")), "{order}: {answer}");
        answer
    }

    /// The newest of the answers that came so far.
    pub(crate) fn newest_answer(&mut self) -> Option<String> {
        assert!(self.child.is_running(), "{}", self.child.complaints());
        self.answers.try_iter().last()
    }

    /// Waits for it to end by itself once it has nothing more to do.
    pub(crate) fn end(mut self) {
        self.orders = None;
        let status = self.child.wait(DEADLINE).expect("it ends");
        assert!(status.success(), "{status}: {}", self.child.complaints());
    }

    /// Kills it, unless it has complained and ended before.
    pub(crate) fn kill(&mut self) {
        assert!(self.child.is_running(), "{}", self.child.complaints());
        self.child.kill();
    }
}

/// The numbers in an answer, in their order.
pub(crate) fn numbers(answer: &str) -> Vec<u64> {
    answer.split(' ').filter_map(|word| word.parse().ok()).collect()
}
