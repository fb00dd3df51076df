//! A process killed while it opens a domain, allocates, removes or closes leaves a domain that
//! works.
//!
//! `strace` kills it at each of its system calls in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use capbuf::{Registry, Span};
use capbuf_tests::{Child, position};

use crate::worker::{DEADLINE, DOMAIN, Folder, SOURCE, spec};

const FRAMES: u64 = 8000;

/// A system call's name, and its number among the thread's calls of that name, from 1.
type Call = (String, usize);

/// Lets a worker obey commands and end. Returns its calls, each with its thread, and whether it was
/// killed.
fn work(folder: &Folder, commands: &[&str], kill_at: Option<&Call>) -> (Vec<(String, String)>, bool) {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = Child::command("strace");
    command.args(["--follow-forks", "--trace=%file,%desc,%memory", "--string-limit=200", "--output"]);
    command.arg(trace.path());
    if let Some((call, number)) = kill_at {
        command.arg(format!("--inject={call}:signal=SIGKILL:when={number}"));
    }
    command.arg(env!("CARGO_BIN_EXE_works_in_domain")).env("CAPBUF_DIR", folder.path()).env("CAPBUF_GRACE", "0");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = Child::start(command).unwrap();
    // Fails if the worker was killed before it read.
    let _ = child.take_stdin().unwrap().write_all(format!("{}\n", commands.join("\n")).as_bytes());
    let status = child.wait(DEADLINE).expect("it ends");
    let killed = status.signal() == Some(9);
    assert!(killed || status.success(), "{status}: {}", child.stderr());
    let lines = std::fs::read_to_string(trace.path()).unwrap();
    let calls = lines.lines().filter(|line| !line.contains(" resumed>"));
    let calls = calls.filter_map(|line| {
        let (thread, call) = line.split_once(' ')?;
        call.contains('(').then(|| (thread.to_owned(), call.trim_start().to_owned()))
    });
    (calls.collect(), killed)
}

/// Lists a worker's calls from its first use of the folder of domains on.
fn calls_in_folder(folder: &Folder, commands: &[&str]) -> Vec<Call> {
    let (calls, killed) = work(folder, commands, None);
    assert!(!killed);
    let touched = folder.path().to_str().unwrap();
    let first = calls.iter().position(|(_, call)| call.contains(touched)).expect("it touches the folder");
    let mut counts = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (at, (thread, call)) in calls.iter().enumerate() {
        let name = call.split('(').next().unwrap_or_default();
        let count: &mut usize = counts.entry((thread, name)).or_default();
        *count += 1;
        // Killed where it only looks at a descriptor, it is as if killed at the next call.
        if at >= first && !call.contains("AT_EMPTY_PATH") {
            found.insert((name.to_owned(), *count));
        }
    }
    found.into_iter().collect()
}

/// Asserts that the killed process's source gets one ring that works, and that no other file is
/// left.
fn assert_works(folder: &Folder, registry: &Registry, at: &Call) {
    // Hangs if a dead process still held a lock.
    let buffer = registry.get_or_allocate(SOURCE, spec(FRAMES)).unwrap_or_else(|error| panic!("{at:?}: {error}"));
    assert!(registry.get(SOURCE).is_some_and(|same| same.same_as(&buffer)), "{at:?}");
    // A second ring, even a removed one, would hide the other.
    assert_eq!(folder.files(&[".ring"]).len(), 1, "{at:?}");
    let mut writer = buffer.writer().unwrap_or_else(|error| panic!("{at:?}: {error}"));
    assert_eq!(writer.next_frame(), 0, "{at:?}");
    writer.write(&position::samples(0..3 * FRAMES)).unwrap();
    let segment = buffer.read(Span::Frames(2 * FRAMES..3 * FRAMES)).unwrap();
    assert_eq!(position::first_wrong(2 * FRAMES, segment.samples().get::<i16>().unwrap()), None, "{at:?}");
    let opened_by: Vec<_> = buffer.opened_by().into_iter().map(|opened| opened.holder.pid).collect();
    assert_eq!(opened_by, [std::process::id()], "{at:?}");
    registry.sweep().unwrap();
    folder.assert_clean(1, 1, &format!("{at:?}"));
}

/// Numbers of kills by whether a ring existed then.
#[derive(Debug)]
struct Kills {
    without_ring: usize,
    with_ring: usize,
}

/// Kills a process at each call that it makes for `commands` after `prepare`; then another one uses
/// the source.
///
/// The other one opens the domain after the kill if `newcomer`, and before it otherwise.
fn kill_at_each_call(prepare: &[&str], commands: &[&str], newcomer: bool) -> Kills {
    let prepared = || {
        let folder = Folder::new();
        if !prepare.is_empty() {
            work(&folder, prepare, None);
        }
        folder
    };
    let calls = calls_in_folder(&prepared(), commands);
    let mut kills = Kills { without_ring: 0, with_ring: 0 };
    for call in &calls {
        let folder = prepared();
        let bystander = (!newcomer).then(|| folder.open());
        let (_, killed) = work(&folder, commands, Some(call));
        let has_ring = folder.domain().exists() && !folder.files(&[".ring"]).is_empty();
        let registry = bystander.unwrap_or_else(|| {
            let registry = folder.open();
            let left = folder.files(&[".new", ".claim", "process-"]);
            assert_eq!(left.len(), 1, "{call:?}: {left:?} is not swept");
            registry
        });
        let rings = folder.files(&[".ring"]).len() as u64;
        assert_works(&folder, &registry, call);
        // A published ring is used; a removed one is replaced.
        let made = registry.stats().rings_allocated;
        assert!(made == 1 - rings || !prepare.is_empty(), "{call:?}: {made} made, {rings} were there");
        kills.without_ring += usize::from(killed && !has_ring);
        kills.with_ring += usize::from(killed && has_ring);
    }
    // The helper thread may end before its last calls, or make some in the main thread's place.
    let all = kills.without_ring + kills.with_ring;
    assert!(all > 10 && all * 10 >= calls.len() * 8, "{all} kills at {} calls: {calls:?}", calls.len());
    kills
}

const OPEN: &str = "open birds";
const ALLOCATE: &str = "allocate tone:440 8000";

#[test]
fn commands_name_the_domain_and_source_of_these_tests() {
    assert_eq!(OPEN, format!("open {DOMAIN}"));
    assert_eq!(ALLOCATE, format!("allocate {SOURCE} {FRAMES}"));
}

#[test]
fn newcomer_gets_a_whole_ring_after_an_allocation_is_killed_at_any_call() {
    let kills = kill_at_each_call(&[], &[OPEN, ALLOCATE], true);
    assert!(kills.without_ring > 10, "{kills:?}");
    assert!(kills.with_ring > 3, "{kills:?}");
}

#[test]
fn bystander_gets_a_whole_ring_after_an_allocation_is_killed_at_any_call() {
    let kills = kill_at_each_call(&[], &[OPEN, ALLOCATE], false);
    assert!(kills.without_ring > 10, "{kills:?}");
    assert!(kills.with_ring > 3, "{kills:?}");
}

#[test]
fn removal_killed_at_any_call_leaves_no_ring_that_hides_a_new_one() {
    let kills = kill_at_each_call(&[OPEN, ALLOCATE], &[OPEN, "remove tone:440"], false);
    assert!(kills.without_ring > 3, "{kills:?}");
    assert!(kills.with_ring > 10, "{kills:?}");
}

#[test]
fn while_open_ring_is_made_anew_after_its_last_user_is_killed_at_any_call() {
    let kills = kill_at_each_call(&[], &[OPEN, "allocate tone:440 8000 while-open", "close"], true);
    assert!(kills.without_ring > 10, "{kills:?}");
    assert!(kills.with_ring > 10, "{kills:?}");
}
