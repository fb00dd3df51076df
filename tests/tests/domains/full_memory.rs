//! Full shared memory is an error of the allocation, never a signal of a write.

use std::process::Command;

use capbuf_tests::Child;

use crate::worker::{DOMAIN, Folder, SOURCE, Worker, numbers};

/// Starts a worker whose domains lie in a private file system of one megabyte.
fn worker_in_one_megabyte(folder: &Folder) -> Worker {
    let all: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let mount = "mount -t tmpfs -o size=1m,mode=0700 capbuf-tests \"$CAPBUF_DIR\" && exec \"$@\"";
    let prepare = |namespaces: &[&str], program: &str| {
        let mut command = Child::command("unshare");
        command.args(namespaces).args(["sh", "-c", mount, "sh", program]).env("CAPBUF_DIR", folder.path());
        command
    };
    let works = |mut command: Command| command.output().is_ok_and(|output| output.status.success());
    let allowed = all.into_iter().find(|namespaces| works(prepare(namespaces, "true")));
    let allowed = allowed.expect("unshare cannot mount a file system as this user: run the test as root");
    let mut worker = Worker::of(prepare(allowed, env!("CARGO_BIN_EXE_works_in_domain")));
    worker.expect(&format!("open {DOMAIN}"), "opened");
    worker
}

#[test]
fn ring_larger_than_free_memory_is_refused_and_leaves_no_file() {
    let folder = Folder::new();
    let mut worker = worker_in_one_megabyte(&folder);
    let refusal = worker.expect_error(&format!("allocate {SOURCE} {}", 4 << 20), "OutOfSpace");
    let [requested, free, ..] = numbers(&refusal)[..] else { panic!("{refusal}") };
    assert!(requested > 8 << 20, "{refusal}");
    assert!(free > 900 << 10 && free <= 1 << 20, "{refusal}");
    assert!(refusal.contains(&format!("{} has", folder.domain().display())), "{refusal}");
    let files = worker.request("files");
    assert!(files.starts_with("process-") && !files.contains(' '), "{files}");
    // All memory is free again for a ring that fits.
    let reply = worker.request(&format!("allocate {SOURCE} {}", 400 << 10));
    assert!(reply.starts_with("ring "), "{reply}");
    worker.end();
}

#[test]
fn ring_can_be_written_after_other_files_filled_the_memory() {
    let folder = Folder::new();
    let mut worker = worker_in_one_megabyte(&folder);
    let reply = worker.request(&format!("allocate {SOURCE} {}", 256 << 10));
    assert!(reply.starts_with("ring "), "{reply}");
    let filled = numbers(&worker.request("fill"))[0];
    assert!(filled > 100 << 10, "{filled} bytes were free beside the ring");
    worker.expect_error("allocate another 1000", "OutOfSpace");
    worker.expect("writer", "writer 0");
    let end = 3 * (256 << 10);
    worker.expect(&format!("write {end}"), &format!("written {end}"));
    worker.expect(&format!("read {} {end}", end - (256 << 10)), &format!("right {}", 256 << 10));
    worker.end();
}

#[test]
fn watch_reports_nearly_full_memory_whatever_filled_it() {
    let folder = Folder::new();
    let mut worker = worker_in_one_megabyte(&folder);
    worker.expect("look", "fine");
    // Far from the budget: a ring of half the memory, and one more.
    assert!(worker.request(&format!("allocate {SOURCE} {}", 200 << 10)).starts_with("ring "));
    worker.expect("look", "fine");
    assert!(worker.request(&format!("allocate another {}", 232 << 10)).starts_with("ring "));
    let anomaly = worker.request("look");
    let [used, free, ..] = numbers(&anomaly)[..] else { panic!("{anomaly}") };
    assert!(anomaly.starts_with("wrong severe: budget: the domain's buffers take "), "{anomaly}");
    assert!(used > 880 << 10, "{anomaly}");
    assert!(free < 120 << 10, "{anomaly}");
    assert!(used + free < 1 << 20, "{anomaly}");
    worker.expect("remove another", "removed");
    worker.expect("look", "fine");
    worker.request("fill");
    let anomaly = worker.request("look");
    assert!(anomaly.contains("and 0 bytes are free"), "{anomaly}");
    worker.end();
}
