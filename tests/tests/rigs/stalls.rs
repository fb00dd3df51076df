//! The stall detector, in a process that is frozen as a stalled machine freezes a test.

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use capbuf_tests::{Child, Stall, StallDetector};

use crate::DEADLINE;

fn now_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos().try_into().expect("before 2262")
}

/// Runs the detector in another process during `disturb`, and returns the stalls that it saw.
fn stalls_seen_during(disturb: impl FnOnce(&mut Child)) -> Vec<Stall> {
    let mut command = Child::command(env!("CARGO_BIN_EXE_reports_stalls"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = Child::start(command).unwrap();
    let mut output: BufReader<ChildStdout> = BufReader::new(child.take_stdout().expect("its standard output"));
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    assert_eq!(first, "watching\n", "{}", child.stderr());
    disturb(&mut child);
    drop(child.take_stdin());
    assert!(child.wait(DEADLINE).is_some_and(|status| status.success()), "{}", child.stderr());
    let stall = |line: String| {
        let (start, end) = line.split_once(' ').expect("two numbers");
        Stall { start_utc_ns: start.parse().unwrap(), end_utc_ns: end.parse().unwrap() }
    };
    output.lines().map(|line| stall(line.unwrap())).collect()
}

#[test]
fn frozen_process_sees_a_stall_that_covers_the_time() {
    let (mut frozen_ns, mut thawed_ns) = (0, 0);
    let stalls = stalls_seen_during(|child| {
        child.freeze().unwrap();
        frozen_ns = now_ns();
        std::thread::sleep(2 * StallDetector::SHORTEST);
        thawed_ns = now_ns();
        child.thaw().unwrap();
    });
    // The signal may take a moment to stop all threads.
    let late_ns = 50_000_000;
    let covers = |stall: &Stall| stall.start_utc_ns <= frozen_ns + late_ns && stall.end_utc_ns >= thawed_ns;
    assert!(stalls.iter().any(covers), "{frozen_ns} to {thawed_ns}: {stalls:?}");
}
