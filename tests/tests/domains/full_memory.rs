//! Shared memory that is full is an error when a ring is made, and never a signal when it is written.

use std::process::Command;

use capbuf_tests::Child;

use crate::worker::{DOMAIN, Folder, SOURCE, Worker, numbers};

/// Starts a worker whose domains lie in a file system of one megabyte, which only it sees.
fn worker_in_one_megabyte(folder: &Folder) -> Worker {
    let ways: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let mount = "mount -t tmpfs -o size=1m,mode=0700 capbuf-tests \"$CAPBUF_DIR\" && exec \"$@\"";
    let prepare = |way: &[&str], program: &str| {
        let mut command = Child::command("unshare");
        command.args(way).args(["sh", "-c", mount, "sh", program]).env("CAPBUF_DIR", folder.path());
        command
    };
    let works = |mut command: Command| command.output().is_ok_and(|output| output.status.success());
    let way = ways.into_iter().find(|way| works(prepare(way, "true")));
    let way = way.expect("this system lets neither users nor this test mount anything, by unshare: run it as root");
    let mut worker = Worker::of(prepare(way, env!("CARGO_BIN_EXE_works_in_domain")));
    worker.expect(&format!("open {DOMAIN}"), "opened");
    worker
}

#[test]
fn a_ring_larger_than_the_memory_there_is_is_refused_with_the_numbers_and_leaves_nothing() {
    let folder = Folder::new();
    let mut worker = worker_in_one_megabyte(&folder);
    let refusal = worker.refused(&format!("allocate {SOURCE} {}", 4 << 20), "OutOfSpace");
    let [asked, free, ..] = numbers(&refusal)[..] else { panic!("{refusal}") };
    assert!(asked > 8 << 20 && free > 900 << 10 && free <= 1 << 20, "{refusal}");
    assert!(refusal.contains(&format!("{} has", folder.domain().display())), "{refusal}");
    let files = worker.ask("files");
    assert!(files.starts_with("process-") && !files.contains(' '), "{files}");
    // All of it is there again for what fits.
    let answer = worker.ask(&format!("allocate {SOURCE} {}", 400 << 10));
    assert!(answer.starts_with("ring "), "{answer}");
    worker.end();
}

#[test]
fn a_ring_is_written_whole_after_its_memory_was_filled_by_something_else() {
    let folder = Folder::new();
    let mut worker = worker_in_one_megabyte(&folder);
    let answer = worker.ask(&format!("allocate {SOURCE} {}", 256 << 10));
    assert!(answer.starts_with("ring "), "{answer}");
    let filled = numbers(&worker.ask("fill"))[0];
    assert!(filled > 100 << 10, "{filled} bytes were free beside the ring");
    worker.refused("allocate another 1000", "OutOfSpace");
    worker.expect("writer", "writer 0");
    let end = 3 * (256 << 10);
    worker.expect(&format!("write {end}"), &format!("written {end}"));
    worker.expect(&format!("read {} {end}", end - (256 << 10)), &format!("right {}", 256 << 10));
    worker.end();
}

#[test]
fn a_watch_tells_when_the_memory_where_a_domain_lies_is_nearly_full_whoever_filled_it() {
    let folder = Folder::new();
    let mut worker = worker_in_one_megabyte(&folder);
    worker.expect("look", "fine");
    // Far from the budget: a ring of half of what there is, and one more.
    assert!(worker.ask(&format!("allocate {SOURCE} {}", 200 << 10)).starts_with("ring "));
    worker.expect("look", "fine");
    assert!(worker.ask(&format!("allocate another {}", 240 << 10)).starts_with("ring "));
    let told = worker.ask("look");
    let [taken, left, ..] = numbers(&told)[..] else { panic!("{told}") };
    assert!(told.starts_with("wrong severe: budget: the domain's buffers take "), "{told}");
    assert!(taken > 880 << 10 && left < 120 << 10 && taken + left < 1 << 20, "{told}");
    worker.expect("remove another", "removed");
    worker.expect("look", "fine");
    worker.ask("fill");
    let told = worker.ask("look");
    assert!(told.contains("and where they lie 0 are left"), "{told}");
    worker.end();
}
