//! Processes as `/proc` shows them.

use std::time::Duration;
use std::{fs, io};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// It has ended, and its parent has not waited for it.
    pub is_zombie: bool,
    /// Its arguments, joined by spaces.
    pub command_line: String,
}

/// Lists all processes.
fn all() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        // Any of them may end meanwhile.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let mut fields = after_name(&stat).split_whitespace();
        let is_zombie = fields.next()? == "Z";
        let parent = fields.next()?.parse().ok()?;
        let command_line = String::from_utf8_lossy(&command_line).replace('\0', " ");
        Some(Process { pid, parent, is_zombie, command_line })
    })
}

/// Returns the fields of a `stat` file from the state on; the name before it may contain anything.
fn after_name(stat: &str) -> &str {
    stat.rsplit_once(')').map_or("", |(_, fields)| fields)
}

/// Lists the children of a process.
pub fn children_of(parent: u32) -> Vec<Process> {
    all().filter(|process| process.parent == parent).collect()
}

/// Returns whether a process exists and is no zombie.
pub fn is_running(pid: u32) -> bool {
    all().any(|process| process.pid == pid && !process.is_zombie)
}

/// Returns whether a thread of a process is asleep in a timed sleep, as a waiting read is.
pub fn is_in_timed_sleep(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let waits_in = |task: fs::DirEntry| fs::read_to_string(task.path().join("wchan")).unwrap_or_default();
    tasks.map(waits_in).any(|function| function.contains("nanosleep"))
}

/// Returns the CPU time of a process, user and system, in steps of 10 ms; zero for one that has
/// ended.
pub fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ticks = after_name(&stat).split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Resources of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Open file descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
    /// Resident memory.
    pub resident_kb: u64,
}

impl Resources {
    /// Counts the resources of a process.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let count = |folder: &str| Ok::<_, io::Error>(fs::read_dir(format!("/proc/{pid}/{folder}"))?.count());
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let resident_kb = resident.trim().trim_end_matches(" kB").parse().map_err(io::Error::other)?;
        Ok(Self { descriptors: count("fd")?, threads: count("task")?, resident_kb })
    }
}
