//! Limits of a process and of a file system.

use capbuf::{Error, Registry, Span};

use crate::{Folder, frames, inside};

#[test]
fn ring_beyond_the_limit_of_a_file_is_an_error_and_no_signal() {
    // In blocks of 512 bytes.
    inside("ulimit -f 100", "space::ring_beyond_the_limit_of_a_file_is_an_error_and_no_signal", || {
        let folder = Folder::new();
        let registry = folder.open();
        let error = registry.allocate("large", frames(100_000)).unwrap_err();
        assert!(matches!(error, Error::System { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("files of 51200 bytes") && message.contains("ulimit -f"), "{message}");
        assert!(folder.files(".new").is_empty());
        registry.allocate("small", frames(1000)).unwrap();
        // A log of attempts is larger than the limit: it stays in this process's memory.
        let tracked = Registry::builder().track_allocations(true).domains_folder(folder.path()).open("birds").unwrap();
        assert!(tracked.get("small").is_some());
    });
}

#[test]
fn process_that_may_write_no_file_reads() {
    inside("true", "space::process_that_may_write_no_file_reads", || {
        let folder = Folder::new();
        drop(folder.open().allocate("x", frames(1000)).unwrap());
        let nothing = rustix::process::Rlimit { current: Some(0), maximum: None };
        rustix::process::setrlimit(rustix::process::Resource::Fsize, nothing).unwrap();
        assert!(folder.open().try_get("x").unwrap().is_some());
    });
}

#[test]
fn file_system_that_reserves_no_space_gets_zeros_written() {
    let name = "space::file_system_that_reserves_no_space_gets_zeros_written";
    inside("mount -t ramfs -o mode=0700 capbuf-tests /mnt", name, || {
        let registry = Registry::builder().domains_folder("/mnt").open("birds").unwrap();
        let buffer = registry.allocate("x", frames(100_000)).unwrap();
        let samples: Vec<i16> = (0..150_000).map(|frame| frame as i16).collect();
        buffer.writer().unwrap().write(&samples).unwrap();
        let read = buffer.read(Span::Frames(50_000..150_000)).unwrap();
        assert_eq!(read.samples().get::<i16>().unwrap(), &samples[50_000..]);
    });
}

#[test]
fn missing_shared_memory_is_an_error_with_the_remedy() {
    let name = "space::missing_shared_memory_is_an_error_with_the_remedy";
    inside("mount -t tmpfs -o ro,mode=0755 capbuf-tests /dev && unset CAPBUF_DIR", name, || {
        let error = Registry::open("birds").unwrap_err().to_string();
        assert!(error.contains("/dev/shm/capbuf-") && error.contains("set CAPBUF_DIR to a folder"), "{error}");
    });
}
