//! `capbuf track`, and parts of `capbuf report`.

use std::path::Path;

use capbuf::{Length, Registry, SampleFormat, Spec};
use serde_json::Value;

use crate::program::{Running, domains_of, run, wait_for};

fn report(folder: &Path, arguments: &[&str]) -> Value {
    let ended = run(folder, &[&["report", "--json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).expect("JSON")
}

fn printed(folder: &Path, arguments: &[&str]) -> String {
    let ended = run(folder, arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
    ended.out
}

#[test]
fn running_daemon_is_switched_and_its_report_is_reset() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Running::start(folder.path(), &["record", "tone:440"]);
    let own = Registry::builder().domains_folder(domains_of(folder.path())).open("default").expect("a domain");
    let request = |source: &str| {
        let spec = Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16).expect("a spec");
        drop(own.get_or_allocate(source, spec).expect("a buffer"));
    };
    let pid = recorder.id().to_string();
    let own_pid = std::process::id().to_string();
    wait_for("the recorder", || printed(folder.path(), &["track"]).contains(&pid).then_some(()));
    assert!(printed(folder.path(), &["report"]).contains("attempts unknown"));
    request("mic");
    let switched = printed(folder.path(), &["track", "on"]);
    let states: Vec<_> = switched.lines().skip(1).map(|line| line.split_whitespace().last()).collect();
    assert_eq!(states, [Some("on"); 3], "{switched}");
    assert!(own.is_allocation_tracking());
    (0..4).for_each(|_| request("mic"));
    assert_eq!(report(folder.path(), &[])["totals"]["attempts"], 4);
    assert_eq!(report(folder.path(), &["--pid", &own_pid])["totals"]["attempts"], 4);
    assert_eq!(report(folder.path(), &["--pid", &pid])["sources"][0]["call_sites"], serde_json::json!([]));
    assert_eq!(report(folder.path(), &["--since", "1h"])["totals"]["attempts"], 4);
    let refused = run(folder.path(), &["report", "--pid", "1"]);
    assert!(refused.code == Some(1) && refused.err.contains(&own_pid), "{}", refused.err);
    let refused = run(folder.path(), &["report", "--since", "yesterday"]);
    assert!(refused.code == Some(2) && refused.err.contains("10m"), "{}", refused.err);
    let refused = run(folder.path(), &["report", "--since", "2200-01-01T00:00:00Z"]);
    assert!(refused.code == Some(1) && refused.err.contains("a time to come"), "{}", refused.err);
    assert!(printed(folder.path(), &["report", "--reset"]).contains("from now on"));
    assert_eq!(report(folder.path(), &[])["totals"]["attempts"], 0);
    request("mic");
    let since = report(folder.path(), &[]);
    assert!(since["totals"]["attempts"] == 1 && since["reset_utc"].is_string(), "{since:#}");
    assert_eq!(report(folder.path(), &["--all"])["totals"]["attempts"], 5);
    let switched = printed(folder.path(), &["track", "off"]);
    assert!(!switched.contains(" on"), "{switched}");
    assert!(!own.is_allocation_tracking());
    request("mic");
    assert_eq!(report(folder.path(), &["--all"])["totals"]["attempts"], 5);
}
