//! `DEBUG_BUFFER_ALLOC` alone: reports on stderr, from processes of their own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use capbuf::Registry;
use rustix::process::{Pid, Signal, kill_process};

use super::small;

/// The scenario of a child process.
const SCENARIO: &str = "CAPBUF_TEST_SCENARIO";

/// Runs in the child processes of this file's tests only.
#[test]
fn child() {
    let Ok(scenario) = std::env::var(SCENARIO) else { return };
    if scenario == "domain" {
        for _ in 0..2 {
            Registry::open("birds").unwrap();
        }
        return;
    }
    let (registry, second) = (Registry::private(), Registry::private());
    let buffer = registry.get_or_allocate("rtsp://me:sesame@cam/1", small()).unwrap();
    drop(second);
    match scenario.as_str() {
        "dropped" => {
            drop((registry.clone(), registry, buffer));
            eprintln!("after the last handle");
        }
        "exit" => {
            std::mem::forget((registry, buffer));
            eprintln!("before the end");
        }
        "signal" => {
            println!("ready");
            std::io::stdin().read_line(&mut String::new()).unwrap();
        }
        other => panic!("no scenario {other}"),
    }
}

fn start(scenario: &str, value: &str, folder: &std::path::Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "printed::child", "--nocapture"]).env(SCENARIO, scenario);
    command.env("DEBUG_BUFFER_ALLOC", value).env("CAPBUF_DIR", folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs a scenario to its end, which is orderly; returns its stderr.
fn run(scenario: &str, value: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let ended = start(scenario, value, folder.path()).wait_with_output().unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{errors}");
    errors
}

#[test]
fn private_registry_prints_its_report_when_the_process_ends() {
    let errors = run("exit", "true");
    let (_, after) = errors.split_once("before the end").unwrap();
    assert_eq!(after.matches("Allocations of a private registry").count(), 1, "{errors}");
    assert!(after.contains("attempts 1, allocations 1, live buffers 1"), "{errors}");
    assert!(after.contains("printed.rs:"), "{errors}");
    assert!(!errors.contains("sesame"), "{errors}");
}

#[test]
fn private_registry_prints_its_report_with_its_last_handle() {
    let errors = run("dropped", "1");
    let (before, after) = errors.split_once("after the last handle").unwrap();
    assert_eq!(before.matches("Allocations of a private registry").count(), 2, "{errors}");
    assert_eq!(before.matches("attempts 1, allocations 1, live buffers 1").count(), 1, "{errors}");
    assert!(!after.contains("Allocations of"), "{errors}");
}

#[test]
fn nothing_is_printed_without_the_variable() {
    for value in ["", "false", "0"] {
        assert_eq!(run("exit", value), "before the end\n");
    }
}

#[test]
fn wrong_value_is_reported_once_with_the_allowed_ones() {
    let errors = run("exit", "maybe");
    let said: Vec<_> = errors.lines().filter(|line| line.contains("DEBUG_BUFFER_ALLOC")).collect();
    assert_eq!(said.len(), 1, "{errors}");
    assert!(said[0].contains("\"maybe\"") && said[0].contains("true, 1, yes, on"), "{errors}");
    assert!(!errors.contains("Allocations of"), "{errors}");
}

#[test]
fn domain_says_once_where_its_reports_are() {
    let errors = run("domain", "on");
    assert_eq!(errors.matches("capbuf report --domain birds").count(), 1, "{errors}");
    assert!(!errors.contains("Allocations of"), "{errors}");
}

#[test]
fn report_is_printed_at_a_signal_and_the_process_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("signal", "yes", folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("ready")));
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    for _ in 0..2 {
        kill_process(Pid::from_child(&child), Signal::USR2).unwrap();
        assert!(errors.any(|line| line.contains("DEBUG_BUFFER_ALLOC, at SIGUSR2")));
        assert!(errors.any(|line| line.contains("attempts 1, allocations 1, live buffers 1")));
    }
    drop(child.stdin.take());
    lines.for_each(drop);
    let rest: Vec<_> = errors.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("at its end")), "{rest:?}");
}
