//! The writer makes no system call, and so takes no lock that could make it wait: watched from outside by `strace`.

use capbuf_tests::Child;

/// The calls that the writing thread made between its two marks.
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
    assert!(status.success(), "{}", child.complaints());
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
    // Where the tracer shows the first mark in two lines, the second is not a call of its own.
    calls.retain(|call| !call.contains("<... statx resumed>"));
    assert!(calls.is_empty(), "{calls:#?}");
}

#[test]
fn a_system_call_among_the_writes_would_be_seen() {
    let calls = calls_between_marks(&["--with-fault"]);
    assert!(calls.iter().any(|call| call.contains("sched_yield")), "{calls:?}");
}
