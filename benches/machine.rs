//! The machine, versions and date of a run.

use std::fs::read_to_string;
use std::process::Command;

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn first_value(path: &str, key: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Returns the machine's load over the last minute.
pub(crate) fn load() -> String {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// Lists the peers' versions, from the lock file.
fn peers() -> String {
    let lock = read_to_string("Cargo.lock").unwrap_or_default();
    let names = ["bcast", "dashmap", "iceoryx2", "papaya", "photon-ring", "ringbuf", "ringfire", "rtrb", "scc"];
    let version = |name: &str| {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", rest.split_once('"')?.0))
    };
    names.into_iter().filter_map(version).collect::<Vec<_>>().join(", ")
}

/// Writes the table that heads the file.
pub(crate) fn describe(command: &str, load_before: &str) -> String {
    let unknown = || "unknown".to_owned();
    let changed = output("git", &["status", "--porcelain", "--untracked-files=no", "--", ".", ":!BENCHMARKS.md"]);
    let changed = if changed.is_none_or(|changed| changed.is_empty()) { "" } else { ", with changes" };
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown);
    let cores = std::thread::available_parallelism().map_or_else(|_| unknown(), |cores| cores.to_string());
    let lines = [
        ("date", output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_else(unknown)),
        ("command", format!("`{command}`")),
        ("commit", format!("{commit}{changed}")),
        ("processor", first_value("/proc/cpuinfo", "model name").unwrap_or_else(unknown)),
        ("cores", cores),
        ("memory", first_value("/proc/meminfo", "MemTotal").unwrap_or_else(unknown)),
        ("kernel", read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()),
        ("compiler", output("rustc", &["--version"]).unwrap_or_else(unknown)),
        ("load before and after", format!("{load_before}, {}", load())),
        ("peers", peers()),
    ];
    let rows = lines.iter().map(|(what, value)| format!("| {what} | {value} |\n"));
    format!("| | |\n|---|---|\n{}", rows.collect::<String>())
}
