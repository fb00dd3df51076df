//! Limits of a process and of a file system.

use std::fs;
use std::path::Path;

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

/// Makes empty files until there is no inode left.
fn fill_inodes(folder: &str) {
    let mut number = 0;
    while fs::File::create_new(format!("{folder}/full-{number}")).is_ok() {
        number += 1;
    }
    assert!(number < 1000, "the file system is bounded");
}

const FEW_INODES: &str = "mount -t tmpfs -o nr_inodes=40,mode=0700 capbuf-tests /mnt && mkdir /mnt/full";

fn open_mnt() -> Registry {
    Registry::builder().domains_folder("/mnt").open("birds").unwrap()
}

#[test]
fn folder_without_inodes_is_read_and_buffers_are_removed() {
    inside(FEW_INODES, "space::folder_without_inodes_is_read_and_buffers_are_removed", || {
        let registry = open_mnt();
        let buffers = ["a", "b", "c"].map(|source| registry.allocate(source, frames(1000)).unwrap());
        buffers[0].writer().unwrap().write(&[7_i16; 500]).unwrap();
        fill_inodes("/mnt/full");
        // Another process would have no liveness lock: it has a mark in no ring.
        let reader = open_mnt();
        let same = reader.try_get("a").unwrap().unwrap();
        assert!(same.same_as(&buffers[0]) && same.opened_by().len() == 1);
        assert_eq!(same.read(Span::Frames(0..500)).unwrap().frames(), 500);
        assert_eq!(reader.try_buffers().unwrap().len(), 3);
        for refused in [reader.allocate("d", frames(1000)).map(|_| ()), same.writer().map(|_| ())] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("No space left on device") && error.contains("remove buffers"), "{error}");
        }
        reader.remove("a").unwrap();
        assert!(buffers[0].is_removed() && registry.try_get("a").unwrap().is_none());
        registry.remove("b").unwrap();
        registry.remove("c").unwrap();
        // A registry lets go of a removed buffer when it is looked up.
        let is_gone = |source: &str| [&registry, &reader].iter().all(|registry| registry.get(source).is_none());
        assert!(["a", "b", "c"].into_iter().all(is_gone));
        drop((buffers, same));
        // As three are gone there is room for two lock files and a ring.
        drop(reader.allocate("d", frames(1000)).unwrap().writer().unwrap());
        assert_eq!(reader.try_buffers().unwrap().len(), 1);
    });
}

#[test]
fn sweep_makes_room_in_a_folder_without_inodes() {
    inside(FEW_INODES, "space::sweep_makes_room_in_a_folder_without_inodes", || {
        let registry = open_mnt();
        // What a process leaves that is killed while it makes a buffer.
        let left = ["process-00000000000000aa", "0123456789abcdef0123456789abcdef.new"];
        for name in left {
            fs::write(format!("/mnt/birds/{name}"), "").unwrap();
            crate::set_mode(Path::new(&format!("/mnt/birds/{name}")), 0o600);
        }
        fill_inodes("/mnt/full");
        let swept = registry.sweep().unwrap();
        assert_eq!((swept.processes, swept.leftovers), (1, 1));
        assert!(left.iter().all(|name| !Path::new(&format!("/mnt/birds/{name}")).exists()));
    });
}

#[test]
fn domain_on_a_mount_for_reading_is_read_beside_its_writer() {
    let name = "space::domain_on_a_mount_for_reading_is_read_beside_its_writer";
    let mount = "mount -t tmpfs -o mode=0700 capbuf-tests /mnt && mkdir -m 700 /mnt/rw /mnt/ro \
                 && mount --bind /mnt/rw /mnt/ro && mount -o remount,bind,ro /mnt/ro";
    inside(mount, name, || {
        let registry = Registry::builder().domains_folder("/mnt/rw").open("birds").unwrap();
        let buffer = registry.allocate("x", frames(1000)).unwrap();
        let mut writer = buffer.writer().unwrap();
        writer.write(&[7_i16; 5000]).unwrap();
        // A dead process that can't be swept there.
        fs::write("/mnt/rw/birds/process-00000000000000aa", "").unwrap();
        crate::set_mode(Path::new("/mnt/rw/birds/process-00000000000000aa"), 0o600);
        let reader = Registry::builder().domains_folder("/mnt/ro").open("birds").unwrap();
        let same = reader.get_or_allocate("x", frames(1000)).unwrap();
        assert!(same.same_as(&buffer));
        assert_eq!(same.read(Span::Frames(4500..5000)).unwrap().frames(), 500);
        assert!(matches!(same.read(Span::Frames(0..10)), Err(Error::Evicted { .. })));
        assert!(same.status().has_writer && same.status().writer.is_some());
        writer.write(&[8_i16; 10]).unwrap();
        assert_eq!(same.frames().end, 5010);
        let refused = [
            reader.allocate("y", frames(1000)).map(|_| ()),
            reader.remove("x"),
            same.writer().map(|_| ()),
            reader.claim_source("x").map(|_| ()),
            reader.sweep().map(|_| ()),
        ];
        for (at, refused) in refused.into_iter().enumerate() {
            let error = refused.err().unwrap_or_else(|| panic!("{at} succeeded")).to_string();
            assert!(error.contains("Read-only file system") || error.contains("mounted for reading"), "{at}: {error}");
        }
        // Its removal is seen there as well.
        registry.remove("x").unwrap();
        assert!(same.is_removed() && reader.try_get("x").unwrap().is_none());
    });
}
