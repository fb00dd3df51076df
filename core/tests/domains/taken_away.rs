//! Folders and files that are taken away under their users, as cleaners, `rm` and logind do it.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use capbuf::{CaptureBuffer, Error, Length, Registry, SampleFormat, Span, Spec};

use crate::support::wait_until;

/// A way to take files away, and its name.
type Way = (&'static str, fn(&Path));

fn spec() -> Spec {
    Spec::new(Length::Frames(1000), 8000, 1, SampleFormat::S16).expect("valid")
}

fn open(base: &Path) -> Registry {
    Registry::builder().domains_folder(base).open("birds").expect("it opens")
}

fn files(base: &Path, affix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(base.join("birds")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let name = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains(affix));
    let mut found: Vec<_> = entries.filter(name).collect();
    found.sort();
    found
}

fn remove(base: &Path, affix: &str) -> Vec<PathBuf> {
    let found = files(base, affix);
    assert!(!found.is_empty(), "nothing is named {affix}");
    found.iter().for_each(|path| std::fs::remove_file(path).expect("it is removed"));
    found
}

fn is_removed(error: &Error) -> bool {
    matches!(error, Error::Removed { .. })
}

fn is_busy(error: &Error) -> bool {
    matches!(error, Error::WriterBusy { .. })
}

#[test]
fn lost_folder_is_noticed_and_the_registry_works_on_in_a_new_one() {
    let ways: [Way; 4] = [
        ("the base folder is removed", |base| std::fs::remove_dir_all(base).expect("removed")),
        ("the domain's folder is removed", |base| std::fs::remove_dir_all(base.join("birds")).expect("removed")),
        ("the folder is renamed", |base| std::fs::rename(base.join("birds"), base.join("moved")).expect("renamed")),
        ("another process makes a new one", |base| {
            std::fs::remove_dir_all(base).expect("removed");
            open(base).get_or_allocate("mic", spec()).expect("made");
        }),
    ];
    for (way, take) in ways {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().join("base");
        let registry = open(&base);
        let old: Vec<CaptureBuffer> = (0..2)
            .map(|round| {
                let _ = std::fs::remove_dir_all(base.join("moved"));
                let buffer = registry.get_or_allocate("mic", spec()).expect(way);
                let mut writer = buffer.writer().expect(way);
                writer.write(&[7_i16; 500]).expect(way);
                let claim = registry.claim_source("mic").expect(way);
                claim.check().expect(way);
                take(&base);
                wait_until(way, || buffer.is_removed());
                assert!(writer.write(&[7_i16; 500]).is_err_and(|error| is_removed(&error)), "{way} {round}");
                assert!(buffer.writer().is_err_and(|error| is_removed(&error)), "{way} {round}");
                assert!(claim.check().is_err_and(|error| is_removed(&error)), "{way} {round}");
                assert!(buffer.removal().is_some_and(|how| how.contains("taken away")), "{way} {round}");
                // The handle on the registry works on, in the new folder.
                registry.get_or_allocate("other", spec()).expect(way);
                registry.claim_source("mic").expect(way);
                assert!(base.join("birds").is_dir() && files(&base, ".ring").len() <= 2, "{way} {round}");
                let again = registry.get_or_allocate("mic", spec()).expect(way);
                assert!(!again.is_removed() && !again.same_as(&buffer), "{way} {round}");
                assert!(open(&base).get("mic").is_some_and(|found| found.same_as(&again)), "{way} {round}");
                buffer
            })
            .collect();
        for buffer in old {
            assert_eq!(buffer.read(Span::Frames(0..500)).expect(way).frames(), 500, "{way}: old handles read");
        }
    }
}

#[test]
fn missing_liveness_lock_means_no_death() {
    let folder = tempfile::tempdir().expect("a folder");
    let (registry, other) = (open(folder.path()), open(folder.path()));
    let buffer = registry.get_or_allocate("mic", spec()).expect("made");
    let mut writer = buffer.writer().expect("free");
    let theirs = other.get("mic").expect("found");
    let names = remove(folder.path(), "process-");
    assert!(theirs.status().has_writer && theirs.opened_by().len() == 1);
    assert_eq!(theirs.status().writer.map(|holder| holder.pid), Some(std::process::id()));
    assert!(theirs.writer().is_err_and(|error| is_busy(&error)));
    other.sweep().expect("it sweeps");
    writer.write(&[1_i16; 10]).expect("the lease is its own");
    assert!(theirs.writer().is_err_and(|error| is_busy(&error)) && theirs.opened_by().len() == 1);
    // Each process puts its own back, under the same name.
    registry.sweep().expect("it sweeps");
    assert_eq!(files(folder.path(), "process-"), names);
    drop((registry, other, writer, buffer, theirs));
    assert!(files(folder.path(), "process-").is_empty());
}

#[test]
fn missing_claim_is_put_back_and_nobody_else_gets_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (registry, other) = (open(folder.path()), open(folder.path()));
    let claim = registry.claim_source("mic").expect("free");
    let names = remove(folder.path(), ".feed");
    claim.check().expect("put back");
    assert_eq!(files(folder.path(), ".feed"), names);
    assert!(other.claim_source("mic").is_err_and(|error| is_busy(&error)));
    // Not put back yet: the writer's lease is still held.
    let buffer = registry.get_or_allocate("mic", spec()).expect("made");
    let writer = buffer.writer().expect("free");
    remove(folder.path(), ".feed");
    assert!(other.claim_source("mic").is_err_and(|error| is_busy(&error)));
    drop(writer);
    let theirs = other.claim_source("mic").expect("neither file nor lease");
    assert!(claim.check().is_err_and(|error| is_busy(&error)), "it is lost, and says so");
    drop(claim);
    assert_eq!(files(folder.path(), ".feed"), names, "the file is another holder's now");
    theirs.check().expect("held");
}

#[test]
fn missing_ring_counts_as_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = open(folder.path());
    for _ in 0..2 {
        let buffer = registry.get_or_allocate("mic", spec()).expect("made");
        let mut writer = buffer.writer().expect("free");
        remove(folder.path(), ".ring");
        wait_until("the loss", || buffer.is_removed());
        assert!(writer.write(&[1_i16; 10]).is_err_and(|error| is_removed(&error)));
        assert!(!registry.contains("mic") && registry.remove("mic").is_err());
    }
}

#[test]
fn missing_key_is_put_back_before_another_process_makes_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = open(folder.path());
    let buffer = registry.get_or_allocate("mic", spec()).expect("made");
    remove(folder.path(), ".key");
    let found = std::thread::scope(|scope| {
        let opener = scope.spawn(|| open(folder.path()).get("mic").map(|found| found.same_as(&buffer)));
        while !opener.is_finished() {
            registry.sweep().expect("it sweeps");
        }
        opener.join().expect("no panic")
    });
    assert_eq!(found, Some(true));
}

#[test]
fn overwritten_lease_stops_the_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (registry, other) = (open(folder.path()), open(folder.path()));
    let buffer = registry.get_or_allocate("mic", spec()).expect("made");
    let mut writer = buffer.writer().expect("free");
    // After many chunks on time, most take the shortest path.
    let on_time = |chunk: i64| 1_800_000_000_000_000_000 + chunk * 1_250_000;
    for chunk in 0..2000 {
        writer.write_at(&[1_i16; 10], on_time(chunk)).expect("its own");
    }
    let ring = files(folder.path(), ".ring").remove(0);
    let ring = std::fs::File::options().write(true).open(ring).expect("it opens");
    ring.write_all_at(&0_u64.to_ne_bytes(), 192).expect("written");
    assert!(writer.write_at(&[1_i16; 10], on_time(2000)).is_err_and(|error| is_busy(&error)));
    assert!(writer.write_at(&[1_i16; 10], 0).is_err_and(|error| is_busy(&error)));
    assert!(writer.write(&[1_i16; 10]).is_err_and(|error| is_busy(&error)));
    let theirs = other.get("mic").expect("found");
    assert!(theirs.writer().is_err_and(|error| is_busy(&error)), "two writers of one process");
    drop(writer);
    theirs.writer().expect("free").write(&[1_i16; 10]).expect("its own");
}
