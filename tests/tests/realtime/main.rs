//! The writer makes no system call, so it takes no lock that could block: observed by `strace`.

use capbuf_tests::Child;

/// Returns the system calls of the writing thread between its two marks.
fn calls_between_marks(arguments: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("trace");
    let mut command = Child::command("strace");
    command
        .args(["--follow-forks", "--output"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_writes_between_marks"))
        .args(arguments);
    let mut child = Child::start(command).expect("strace starts");
    let status = child.wait(capbuf_tests::START_DEADLINE).expect("ends by itself");
    assert!(status.success(), "{}", child.stderr());
    let trace = std::fs::read_to_string(trace).expect("the trace");
    let begin = trace.lines().find(|line| line.contains("capbuf-mark-begin")).expect("the first mark");
    let thread = begin.split_whitespace().next().expect("the thread's number");
    let calls = trace.lines().filter(|line| line.split_whitespace().next() == Some(thread));
    let after = calls.skip_while(|line| !line.contains("capbuf-mark-begin")).skip(1);
    after.take_while(|line| !line.contains("capbuf-mark-end")).map(str::to_owned).collect()
}

#[test]
fn twenty_thousand_writes_beside_two_readers_make_no_system_call() {
    let mut calls = calls_between_marks(&[]);
    // The second line of the first mark, if the trace shows it in two.
    calls.retain(|call| !call.contains("<... statx resumed>"));
    assert!(calls.is_empty(), "{calls:#?}");
}

#[test]
fn planted_system_call_is_seen() {
    let calls = calls_between_marks(&["--with-fault"]);
    assert!(calls.iter().any(|call| call.contains("sched_yield")), "{calls:?}");
}
