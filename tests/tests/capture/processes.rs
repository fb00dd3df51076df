//! What the system tells of processes.

use std::fs;

/// A process, as `/proc` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// A dead one that nobody waited for.
    pub(crate) is_zombie: bool,
    pub(crate) command_line: String,
}

/// All processes there are now.
fn all() -> impl Iterator<Item = Process> {
    let pids = fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        // Any of them may end in between.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        // The name in brackets may hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let is_zombie = fields.next()? == "Z";
        let parent = fields.next()?.parse().ok()?;
        let command_line = String::from_utf8_lossy(&command_line).replace('\0', " ");
        Some(Process { pid, parent, is_zombie, command_line })
    })
}

/// The children of a process.
pub(crate) fn children_of(parent: u32) -> Vec<Process> {
    all().filter(|process| process.parent == parent).collect()
}

/// Whether a process is there, dead ones that nobody waited for not counted.
pub(crate) fn is_there(pid: u32) -> bool {
    all().any(|process| process.pid == pid && !process.is_zombie)
}

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holds {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    pub(crate) resident_kb: u64,
}

impl Holds {
    pub(crate) fn of(pid: u32) -> Self {
        let count = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).expect("it runs").count();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        let resident_kb = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        Self { descriptors: count("fd"), threads: count("task"), resident_kb }
    }
}
