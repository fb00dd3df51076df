//! Nothing that a domain shows lets a password be guessed: neither names of files nor keys nor
//! labels are hashes that depend on nothing but the source.

use std::fs;

use capbuf::{Error, Registry};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::{Folder, spec};

const SOURCES: [&str; 3] = ["rtsp://me:sesame@cam/1", "rtsp://you:sesame@cam/1", "http://cam/1?token=sesame"];

/// Everything of a registry that is shown to people and to other programs.
fn shown(registry: &Registry) -> String {
    let report = registry.allocation_report();
    [registry.metrics_text(), registry.domain_metrics_text(), report.to_string(), report.to_json()].concat()
}

fn assert_not_guessable(shown: &str) {
    for source in SOURCES {
        let (short, long) = (xxh3_64(source.as_bytes()), xxh3_128(source.as_bytes()));
        for hash in [format!("{short:016x}"), format!("{long:032x}")] {
            for part in hash.as_bytes().chunks(8) {
                let part = std::str::from_utf8(part).unwrap();
                assert!(!shown.contains(part), "{part} of the hash of {source} in\n{shown}");
            }
        }
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn passwords_can_not_be_guessed_from_labels_keys_and_file_names() {
    let (birds, others) = (Folder::new(), Folder::new());
    let registry = birds.builder().track_allocations(true).open("birds").unwrap();
    let elsewhere = others.builder().open("birds").unwrap();
    for source in SOURCES {
        registry.get_or_allocate(source, spec()).unwrap();
        elsewhere.get_or_allocate(source, spec()).unwrap();
    }
    assert_not_guessable(&shown(&registry));
    let metrics = registry.metrics_text();
    for label in ["{source=\"cam/1\"}", "{source=\"cam/1 #2\"}", "{source=\"cam/1 #3\"}"] {
        assert!(metrics.contains(label), "{metrics}");
    }
    let private = Registry::builder().track_allocations(true).build();
    SOURCES.iter().for_each(|source| drop(private.get_or_allocate(source, spec()).unwrap()));
    assert_not_guessable(&shown(&private));
    let report = private.allocation_report();
    let again = Registry::builder().track_allocations(true).build();
    SOURCES.iter().for_each(|source| drop(again.get_or_allocate(source, spec()).unwrap()));
    let keys = |sources: &[capbuf::SourceReport]| sources.iter().map(|source| source.key.clone()).collect::<Vec<_>>();
    assert_ne!(keys(&report.sources), keys(&again.allocation_report().sources), "the key is secret");
    // The name of a file is part of messages.
    assert_not_guessable(&birds.files().join("\n"));
    let names =
        |folder: &Folder| folder.rings().iter().map(|ring| ring.file_name().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(names(&birds).iter().all(|name| !names(&others).contains(name)), "{:?}", names(&birds));
    for ring in birds.rings() {
        fs::write(ring, "damaged").unwrap();
    }
    for source in SOURCES {
        let error = birds.open().get_or_allocate(source, spec()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert_not_guessable(&error.to_string());
    }
}

#[test]
fn key_of_file_names_is_shared_until_the_domain_is_removed() {
    let folder = Folder::new();
    let start = std::sync::Barrier::new(8);
    let ids: Vec<_> = std::thread::scope(|scope| {
        let open = || {
            start.wait();
            folder.open().get_or_allocate("x", spec()).unwrap().id()
        };
        let opened: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        opened.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids, [ids[0]; 8], "one ring for all that opened the domain at once");
    let key = folder.path().join("birds/.key");
    let (held, before) = (folder.open(), fs::read(&key).unwrap());
    capbuf::remove_domain("birds", Some(folder.path())).unwrap();
    assert_eq!(fs::read(&key).unwrap(), before, "a process that has the domain open goes on with its key");
    drop(held);
    capbuf::remove_domain("birds", Some(folder.path())).unwrap();
    assert!(!folder.path().join("birds").exists());
    folder.open();
    assert_ne!(fs::read(&key).unwrap(), before);
}
