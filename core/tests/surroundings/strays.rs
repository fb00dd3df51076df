//! Files in a domain that are damaged, or not this library's.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use capbuf::{Error, domains};

use crate::{Folder, set_mode, spec};

/// Files of every wrong kind, under names of this library's files and others.
fn litter(domain: &Path) -> Vec<String> {
    let hash = |digit: &str| digit.repeat(32);
    let at = |name: &str| domain.join(name);
    let mut names = Vec::new();
    let mut name = |name: String| {
        names.push(name.clone());
        domain.join(name)
    };
    fs::create_dir(name(format!("{}-0.ring", hash("1")))).unwrap();
    let _ = UnixListener::bind(name(format!("{}-0.ring", hash("2")))).unwrap();
    symlink("/etc/passwd", name(format!("{}-0.ring", hash("3")))).unwrap();
    let open_to_others = name(format!("{}-0.ring", hash("4")));
    fs::write(&open_to_others, "x").unwrap();
    set_mode(&open_to_others, 0o644);
    let empty = name(format!("{}-1.ring", hash("5")));
    fs::write(&empty, "").unwrap();
    set_mode(&empty, 0o600);
    for file in [".claim", ".new", ".feed"] {
        fs::create_dir(name(format!("{}{file}", hash("6")))).unwrap();
    }
    let pipe = name("process-00000000000000ab".to_owned());
    let own = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, own, 0).unwrap();
    fs::create_dir(name("00000000000000ac.track".to_owned())).unwrap();
    fs::write(name("process-notes.txt".to_owned()), "mine").unwrap();
    fs::write(name("notes".to_owned()), "mine").unwrap();
    fs::write(at("").join(OsStr::from_bytes(b"\xff\xfe")), "mine").unwrap();
    names
}

#[test]
fn strays_stop_nothing_and_are_named() {
    let folder = Folder::new();
    let registry = folder.open();
    let _buffer = registry.allocate("good", spec()).unwrap();
    let names = litter(&folder.domain());
    let dead = folder.domain().join("process-00000000000000aa");
    let old = folder.domain().join("0000000000003000-00000000000000aa.pool");
    for path in [&dead, &old] {
        fs::write(path, "").unwrap();
        set_mode(path, 0o600);
    }
    // Opening sweeps; so does the call.
    let other = folder.open();
    assert!(!dead.exists() && !old.exists(), "the sweep removes both");
    other.sweep().unwrap();
    for name in &names {
        assert!(folder.domain().join(name).symlink_metadata().is_ok(), "{name} was removed");
    }
    assert_eq!(other.try_buffers().unwrap().len(), 1);
    let listed = domains(Some(folder.path())).unwrap();
    assert_eq!((listed.len(), listed[0].processes, listed[0].has_dead), (1, 2, false), "{listed:?}");
    let unusable: Vec<_> = other.unusable_files().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(unusable.len(), names.len() + 1, "{unusable:#?}");
    for name in &names {
        assert!(unusable.iter().any(|line| line.contains(name)), "{name} is not named: {unusable:#?}");
    }
    #[cfg(feature = "observe")]
    {
        let (text, metrics) = (other.allocation_report().to_string(), other.metrics_text());
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
        assert!(metrics.contains(&format!("capbuf_unusable_files {}.0", names.len() + 1)), "{metrics}");
        assert!(metrics.contains("capbuf_live_buffers 1.0"), "{metrics}");
    }
    other.get_or_allocate("another", spec()).unwrap();
    other.remove("good").unwrap();
}

#[test]
fn damaged_buffer_is_removed_by_its_source_or_its_file() {
    let folder = Folder::new();
    let damage = |at: usize, byte: u8| {
        let registry = folder.open();
        drop(registry.get_or_allocate("x", spec()).unwrap());
        let ring = folder.files(".ring").remove(0);
        let mut bytes = fs::read(&ring).unwrap();
        bytes[at] = byte;
        fs::write(&ring, bytes).unwrap();
        ring
    };
    // The magic number; the layout's version.
    for at in [0, 8] {
        damage(at, 0xff);
        let registry = folder.open();
        let error = registry.try_get("x").unwrap_err();
        assert!(error.to_string().contains("capbuf remove"), "{error}");
        let ring = match registry.remove("x") {
            // Another version of the library may use it.
            Err(Error::LayoutMismatch { .. }) => folder.files(".ring").remove(0),
            removed => {
                removed.unwrap();
                assert!(folder.files(".ring").is_empty() && matches!(error, Error::Corrupt { .. }));
                damage(at, 0xff)
            }
        };
        let name = ring.file_name().unwrap().to_str().unwrap();
        assert!(!registry.remove_unusable("other-0.ring").unwrap());
        assert!(registry.remove_unusable(name).unwrap());
        assert!(folder.files(".ring").is_empty());
    }
    let registry = folder.open();
    registry.get_or_allocate("x", spec()).unwrap();
    let good = folder.files(".ring").remove(0);
    assert!(!registry.remove_unusable(good.file_name().unwrap().to_str().unwrap()).unwrap(), "it can be used");
}
