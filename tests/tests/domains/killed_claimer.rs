//! A process that is killed while it opens a domain, makes a ring, removes one, or closes again harms nobody: `strace` kills it
//! at each single one of its system calls.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use capbuf::{Registry, Span};
use capbuf_tests::{Child, position};

use crate::worker::{DEADLINE, DOMAIN, Folder, SOURCE, spec};

const FRAMES: u64 = 8000;

/// A system call by its name, and the how many'th of that name it is in its thread.
type Call = (String, usize);

/// Lets a worker do what it is told, and end. Returns what it called, each with its thread, and whether it was killed.
fn work(folder: &Folder, orders: &[&str], kill_at: Option<&Call>) -> (Vec<(String, String)>, bool) {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = Child::command("strace");
    command.args(["--follow-forks", "--trace=%file,%desc,%memory", "--string-limit=200", "--output"]);
    command.arg(trace.path());
    if let Some((call, number)) = kill_at {
        command.arg(format!("--inject={call}:signal=SIGKILL:when={number}"));
    }
    command.arg(env!("CARGO_BIN_EXE_works_in_domain")).env("CAPBUF_DIR", folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = Child::start(command).unwrap();
    // A worker that was killed reads nothing.
    let _ = child.take_stdin().unwrap().write_all(format!("{}\n", orders.join("\n")).as_bytes());
    let status = child.wait(DEADLINE).expect("it ends");
    let killed = status.signal() == Some(9);
    assert!(killed || status.success(), "{status}: {}", child.complaints());
    let lines = std::fs::read_to_string(trace.path()).unwrap();
    let calls = lines.lines().filter(|line| !line.contains(" resumed>"));
    let calls = calls.filter_map(|line| {
        let (thread, call) = line.split_once(' ')?;
        call.contains('(').then(|| (thread.to_owned(), call.trim_start().to_owned()))
    });
    (calls.collect(), killed)
}

/// Every call of a worker from where it first touches the folder of domains on.
fn calls_to_be_killed_at(folder: &Folder, orders: &[&str]) -> Vec<Call> {
    let (calls, killed) = work(folder, orders, None);
    assert!(!killed);
    let touched = folder.path().to_str().unwrap();
    let first = calls.iter().position(|(_, call)| call.contains(touched)).expect("it touches the folder");
    let mut counts = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (at, (thread, call)) in calls.iter().enumerate() {
        let name = call.split('(').next().unwrap_or_default();
        let count: &mut usize = counts.entry((thread, name)).or_default();
        *count += 1;
        if at >= first {
            found.insert((name.to_owned(), *count));
        }
    }
    found.into_iter().collect()
}

/// Asks for the source that somebody was killed over: there must be one whole ring that works, at the end, and nothing else.
fn assert_works(folder: &Folder, registry: &Registry, at: &Call) {
    // Without any waiting of ours: a lock that its dead holder kept would hang here.
    let buffer = registry.get_or_allocate(SOURCE, spec(FRAMES)).unwrap_or_else(|error| panic!("{at:?}: {error}"));
    assert!(registry.get(SOURCE).is_some_and(|same| same.same_as(&buffer)), "{at:?}");
    // None beside it, not even one that is marked as removed: its name would hide the other.
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

/// How often somebody was killed while there was no ring, and while there was one.
struct Kills {
    without_ring: usize,
    with_ring: usize,
}

/// Kills at each call of one who obeys `orders` where `prepare` was done before, and asks for the source then: who opens the
/// domain only now, or who had it open.
fn kill_at_each_call(prepare: &[&str], orders: &[&str], newcomer: bool) -> Kills {
    let prepared = || {
        let folder = Folder::new();
        if !prepare.is_empty() {
            work(&folder, prepare, None);
        }
        folder
    };
    let calls = calls_to_be_killed_at(&prepared(), orders);
    let mut kills = Kills { without_ring: 0, with_ring: 0 };
    for call in &calls {
        let folder = prepared();
        let bystander = (!newcomer).then(|| folder.open());
        let (_, killed) = work(&folder, orders, Some(call));
        let has_ring = folder.domain().exists() && !folder.files(&[".ring"]).is_empty();
        let registry = bystander.unwrap_or_else(|| {
            let registry = folder.open();
            let left = folder.files(&[".new", ".claim", "process-"]);
            assert_eq!(left.len(), 1, "{call:?}: {left:?} is not swept");
            registry
        });
        let rings = folder.files(&[".ring"]).len() as u64;
        assert_works(&folder, &registry, call);
        // A ring that was published is used; one that was marked as removed is not.
        let made = registry.stats().rings_allocated;
        assert!(made == 1 - rings || !prepare.is_empty(), "{call:?}: {made} made, {rings} were there");
        kills.without_ring += usize::from(killed && !has_ring);
        kills.with_ring += usize::from(killed && has_ring);
    }
    // The helper that commits memory may be stopped by the end before its last calls.
    let all = kills.without_ring + kills.with_ring;
    assert!(all > 10 && all + 3 >= calls.len(), "{all} kills at {} calls: {calls:?}", calls.len());
    kills
}

const OPEN: &str = "open birds";
const ALLOCATE: &str = "allocate tone:440 8000";

#[test]
fn the_orders_name_the_domain_and_source_of_these_tests() {
    assert_eq!((OPEN.split(' ').nth(1), ALLOCATE), (Some(DOMAIN), &*format!("allocate {SOURCE} {FRAMES}")));
}

#[test]
fn whoever_opens_the_domain_after_a_claimer_was_killed_at_any_of_its_calls_gets_a_whole_ring() {
    let kills = kill_at_each_call(&[], &[OPEN, ALLOCATE], true);
    assert!(kills.without_ring > 10 && kills.with_ring > 3);
}

#[test]
fn whoever_had_the_domain_open_while_a_claimer_was_killed_at_any_of_its_calls_gets_a_whole_ring() {
    let kills = kill_at_each_call(&[], &[OPEN, ALLOCATE], false);
    assert!(kills.without_ring > 10 && kills.with_ring > 3);
}

#[test]
fn a_ring_that_its_remover_left_when_it_was_killed_at_any_of_its_calls_hides_no_new_one() {
    let kills = kill_at_each_call(&[OPEN, ALLOCATE], &[OPEN, "remove tone:440"], false);
    assert!(kills.without_ring > 3 && kills.with_ring > 10);
}

#[test]
fn a_ring_that_goes_with_its_last_user_is_made_anew_after_that_one_was_killed_at_any_of_its_calls() {
    let kills = kill_at_each_call(&[], &[OPEN, "allocate tone:440 8000 while-open", "close"], true);
    assert!(kills.without_ring > 10 && kills.with_ring > 10);
}
