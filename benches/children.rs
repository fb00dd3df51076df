//! This program once more, as another process in another role.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use capbuf::Registry;

use crate::Result;

/// Domains of this run only, in shared memory as the real ones.
pub(crate) fn shared_memory() -> Result<tempfile::TempDir> {
    let shared_memory = Path::new("/dev/shm");
    Ok(if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() }?)
}

pub(crate) fn open(base: impl AsRef<Path>) -> Result<Registry> {
    Ok(Registry::builder().domains_folder(base).open("bench")?)
}

/// Killed when dropped.
pub(crate) struct Other {
    pub(crate) child: Child,
    says: BufReader<ChildStdout>,
}

impl Other {
    /// Starts it, and waits until it has done what it does first.
    pub(crate) fn start(role: &str, base: &Path, number: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["child", role]).arg(base).arg(number.to_string()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let says = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut other = Self { child, says };
        let mut line = String::new();
        other.says.read_line(&mut line)?;
        if line.trim() == "ready" { Ok(other) } else { Err(format!("the other process said {line:?}").into()) }
    }

    /// Waits for its end, and returns the numbers that it said.
    pub(crate) fn numbers(mut self) -> Result<Vec<f64>> {
        let mut said = String::new();
        self.says.read_to_string(&mut said)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("the other process failed: {status}").into());
        }
        Ok(said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
