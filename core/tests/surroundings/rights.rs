//! Rights that are missing or were given up.

use std::fs;

use capbuf::{Error, Registry, Span, domains};

use crate::{Folder, inside, mode, set_mode, spec};

/// Gives up what root may do, in this thread.
fn become_nobody() {
    if rustix::process::geteuid().is_root() {
        let nobody = rustix::thread::Uid::from_raw(65_534);
        rustix::thread::set_thread_uid(nobody).unwrap();
    }
}

fn assert_denied<T>(what: &str, outcome: capbuf::Result<T>) {
    let error = outcome.err().unwrap_or_else(|| panic!("{what} succeeded"));
    assert!(error.to_string().contains("Permission denied"), "{what}: {error}");
}

#[test]
fn source_in_a_folder_without_permission_is_not_absent() {
    let folder = Folder::new();
    let registry = folder.open();
    let buffer = registry.allocate("here", spec()).unwrap();
    let mut writer = buffer.writer().unwrap();
    folder.open().allocate("there", spec()).unwrap();
    set_mode(&folder.domain(), 0);
    let all = folder.path().to_owned();
    let seen = registry.clone();
    let look = move || {
        become_nobody();
        assert_denied("get", seen.try_get("there"));
        assert_denied("get of none", seen.try_get("nowhere"));
        assert_denied("contains", seen.try_contains("there"));
        assert_denied("buffers", seen.try_buffers());
        assert_denied("remove", seen.remove("there"));
        assert_denied("allocate", seen.get_or_allocate("there", spec()));
        assert_denied("claim", seen.claim_source("there"));
        assert!(seen.try_get("here").unwrap().is_some(), "it is mapped");
        let second = buffer.writer().err();
        assert!(matches!(second, Some(Error::WriterBusy { .. })), "{second:?}");
        let status = buffer.status();
        assert!(status.has_writer, "a lock that can't be looked at is no sign of death");
        if mode(&all) == 0o700 && !rustix::process::geteuid().is_root() {
            assert_denied("domains", domains(Some(&all)));
        }
    };
    // As the thread's user is another one from now on.
    std::thread::spawn(look).join().unwrap();
    // What is mapped works on.
    writer.write(&[7_i16; 100]).unwrap();
    assert_eq!(writer.buffer().read(Span::Frames(0..100)).unwrap().frames(), 100);
    set_mode(&folder.domain(), 0o700);
    assert!(registry.contains("there"));
}

#[test]
fn umask_takes_nothing_from_the_owner() {
    for umask in ["0177", "0277", "0477", "0777"] {
        let name = "rights::umask_takes_nothing_from_the_owner";
        inside(&format!("umask {umask}"), name, || {
            // The test's own folder would suffer from it as well.
            let shared = std::path::Path::new("/dev/shm").join(format!("capbuf-tests-{}", std::process::id()));
            let tracked = Registry::builder().track_allocations(true);
            let registry = tracked.domains_folder(&shared).open("birds").unwrap();
            let buffer = registry.allocate("x", spec()).unwrap();
            assert_eq!((mode(&shared), mode(&shared.join("birds"))), (0o700, 0o700));
            for file in fs::read_dir(shared.join("birds")).unwrap() {
                let path = file.unwrap().path();
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
            drop((buffer, registry));
            fs::remove_dir_all(&shared).unwrap();
        });
    }
}

#[test]
fn mode_of_a_folder_made_by_another_is_not_changed() {
    let folder = Folder::new();
    fs::create_dir(folder.domain()).unwrap();
    set_mode(&folder.domain(), 0o100);
    let opened = folder.try_open();
    assert_eq!(mode(&folder.domain()), 0o100);
    // Root needs no permission.
    if !rustix::process::geteuid().is_root() {
        assert!(opened.unwrap_err().to_string().contains("its mode is 100; allowed is 700"));
    }
    set_mode(&folder.domain(), 0o700);
}
