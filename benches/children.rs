//! Runs this program as another process, in a role.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use capbuf::Registry;

use crate::Result;

/// Makes a folder of domains for this run, in shared memory as real ones.
pub(crate) fn shared_memory() -> Result<tempfile::TempDir> {
    let shared_memory = Path::new("/dev/shm");
    Ok(if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() }?)
}

pub(crate) fn open(base: impl AsRef<Path>) -> Result<Registry> {
    Ok(Registry::builder().domains_folder(base).open("bench")?)
}

/// Another process; killed when dropped.
pub(crate) struct Other {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Other {
    /// Starts the process and waits until it prints `ready`.
    pub(crate) fn start(role: &str, base: &Path, number: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["child", role]).arg(base).arg(number.to_string()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut other = Self { child, stdout };
        let mut line = String::new();
        other.stdout.read_line(&mut line)?;
        if line.trim() == "ready" { Ok(other) } else { Err(format!("the other process printed {line:?}").into()) }
    }

    /// Waits until the process ends, and returns the numbers that it printed.
    pub(crate) fn numbers(mut self) -> Result<Vec<f64>> {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("the other process failed: {status}").into());
        }
        Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Both fail if the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
