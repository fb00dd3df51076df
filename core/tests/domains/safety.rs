//! Names, folders and files that are not safe to use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use capbuf::{Error, remove_domain};

use crate::{Folder, spec};

#[test]
fn unsafe_domain_names_are_refused() {
    let folder = Folder::new();
    for bad in ["", ".", "..", "a/b", "-x", ".x", "ä", "a b", &"x".repeat(65)] {
        let error = folder.builder().open(bad).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { what: "domain", .. }), "{bad:?}: {error}");
    }
}

#[test]
fn unsafe_folders_are_refused_by_name_and_reason() {
    let folder = Folder::new();
    let assert_forbidden = |name: &str, reason: &str| {
        let error = folder.builder().open(name).unwrap_err();
        assert!(matches!(error, Error::Forbidden { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    };
    fs::create_dir(folder.path().join("open")).unwrap();
    fs::set_permissions(folder.path().join("open"), fs::Permissions::from_mode(0o750)).unwrap();
    assert_forbidden("open", "750");
    std::os::unix::fs::symlink(folder.path().join("open"), folder.path().join("link")).unwrap();
    assert_forbidden("link", "link");
    fs::write(folder.path().join("file"), "").unwrap();
    assert_forbidden("file", "folder");
}

#[test]
fn domain_folder_and_ring_are_private_to_the_user() {
    let folder = Folder::new();
    let registry = folder.open();
    let _buffer = registry.allocate("x", spec()).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(registry.path().unwrap()), 0o700);
    assert_eq!(mode(&folder.rings()[0]), 0o600);
}

#[test]
fn damaged_ring_file_is_an_error_and_is_neither_used_nor_replaced() {
    let folder = Folder::new();
    drop(folder.open().get_or_allocate("x", spec()).unwrap());
    let ring = folder.rings().remove(0);
    let good = fs::read(&ring).unwrap();
    let error_with = |bytes: &[u8]| {
        fs::write(&ring, bytes).unwrap();
        let registry = folder.open();
        assert!(registry.get("x").is_none());
        assert!(registry.buffers().is_empty());
        registry.get_or_allocate("x", spec()).unwrap_err()
    };
    let error_with_byte = |offset: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[offset] = byte;
        error_with(&bytes)
    };
    assert!(matches!(error_with_byte(8, 9), Error::LayoutMismatch { found: 9, known: 5, .. }));
    // Magic, sizes, shape, lifetime, name. Another sample rate would still be a valid ring.
    for offset in [0, 12, 16, 24, 32, 40, 48, 56, 68, 72, 76, 96, 100, 256] {
        let error = error_with_byte(offset, 0xff);
        assert!(matches!(error, Error::Corrupt { .. }), "{offset}: {error}");
    }
    assert!(matches!(error_with(&good[..good.len() - 4096]), Error::Corrupt { .. }));
    assert!(matches!(error_with(b""), Error::Corrupt { .. }));
    fs::write(&ring, &good).unwrap();
    folder.open().get_or_allocate("x", spec()).unwrap();
}

#[test]
fn ring_file_that_others_may_read_is_forbidden() {
    let folder = Folder::new();
    drop(folder.open().get_or_allocate("x", spec()).unwrap());
    fs::set_permissions(&folder.rings()[0], fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(folder.open().get_or_allocate("x", spec()), Err(Error::Forbidden { .. })));
}

#[test]
fn removing_a_domain_removes_damaged_files() {
    let folder = Folder::new();
    drop(folder.open().get_or_allocate("x", spec()).unwrap());
    fs::write(&folder.rings()[0], b"").unwrap();
    remove_domain("birds", Some(folder.path())).unwrap();
    assert!(!folder.path().join("birds").exists());
}
