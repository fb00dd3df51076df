//! Folders and files that others could have prepared or could use are refused, by path, with
//! advice.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use capbuf::{Error, Registry};

use crate::worker::{DOMAIN, Folder, SOURCE, Worker, files_in, spec};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn try_open(folder: &Path, domain: &str) -> capbuf::Result<Registry> {
    Registry::builder().domains_folder(folder).open(domain)
}

fn assert_forbidden<T: std::fmt::Debug>(outcome: capbuf::Result<T>, path: &Path, wanted: &str) {
    match outcome {
        Err(Error::Forbidden { path: named, reason }) => {
            assert_eq!(named, path.display().to_string());
            assert!(reason.contains(wanted), "{reason}");
        }
        other => panic!("{path:?}: {other:?}"),
    }
}

/// Makes a domain with one ring, open in no process.
fn folder_with_ring() -> (Folder, PathBuf) {
    let folder = Folder::new();
    drop(folder.open().get_or_allocate(SOURCE, spec(1000)).unwrap());
    let ring = folder.ring();
    (folder, ring)
}

#[test]
fn folders_and_files_are_accessible_to_the_user_only() {
    let folder = Folder::new();
    let base = folder.path().join("new");
    let mut command = capbuf_tests::Child::command("sh");
    // With a umask that lets others do everything.
    command.args(["-c", "umask 0000; exec \"$0\"", env!("CARGO_BIN_EXE_works_in_domain")]).env("CAPBUF_DIR", &base);
    let mut worker = Worker::of(command);
    worker.expect(&format!("open {DOMAIN}"), "opened");
    worker.request(&format!("allocate {SOURCE} 1000"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let domain = base.join(DOMAIN);
    assert_eq!(mode(&base), 0o700);
    assert_eq!(mode(&domain), 0o700);
    let files = files_in(&domain, &[""]);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|name| mode(&domain.join(name)) == 0o600), "{files:?}");
    worker.end();
}

#[test]
fn folder_accessible_to_others_is_refused() {
    for mode in [0o755, 0o710, 0o701, 0o770, 0o777] {
        let (folder, ring) = folder_with_ring();
        set_mode(&folder.domain(), mode);
        assert_forbidden(try_open(folder.path(), DOMAIN), &folder.domain(), &format!("{mode:o}"));
        assert!(ring.exists(), "the ring is gone");
        assert_eq!(folder.files(&[""]).len(), 1, "the folder was changed");
        set_mode(&folder.domain(), 0o700);
        assert!(folder.open().contains(SOURCE));
    }
}

#[test]
fn symbolic_link_is_refused_as_folder() {
    let (elsewhere, ring) = folder_with_ring();
    let folder = Folder::new();
    symlink(elsewhere.domain(), folder.domain()).unwrap();
    assert_forbidden(try_open(folder.path(), DOMAIN), &folder.domain(), "link");
    let base = folder.path().join("link");
    symlink(elsewhere.path(), &base).unwrap();
    assert_forbidden(try_open(&base, DOMAIN), &base, "link");
    let (nowhere, file) = (folder.path().join("nowhere"), folder.path().join("file"));
    symlink("not-there", folder.path().join("nowhere")).unwrap();
    assert_forbidden(try_open(&nowhere, DOMAIN), &nowhere, "link");
    assert!(!folder.path().join("not-there").exists());
    fs::write(&file, "").unwrap();
    assert_forbidden(try_open(&file, DOMAIN), &file, "folder");
    assert!(ring.exists(), "the ring behind the links is gone");
    assert_eq!(elsewhere.files(&[""]).len(), 1, "the folder behind the links was changed");
}

#[test]
fn only_the_users_own_regular_file_is_used_as_ring() {
    let (folder, ring) = folder_with_ring();
    let registry = folder.open();
    let allocate = || registry.get_or_allocate(SOURCE, spec(1000));
    for mode in [0o644, 0o660, 0o606] {
        set_mode(&ring, mode);
        assert_forbidden(allocate(), &ring, &format!("{mode:o}"));
    }
    set_mode(&ring, 0o600);
    let aside = folder.path().join("aside");
    fs::rename(&ring, &aside).unwrap();
    symlink(&aside, &ring).unwrap();
    assert_forbidden(allocate(), &ring, "link");
    assert!(registry.get(SOURCE).is_none());
    fs::remove_file(&ring).unwrap();
    let status = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&ring).status().unwrap();
    assert!(status.success());
    assert_forbidden(allocate(), &ring, "named pipe");
    fs::remove_file(&ring).unwrap();
    fs::create_dir(&ring).unwrap();
    assert!(allocate().is_err());
    fs::remove_dir(&ring).unwrap();
    fs::rename(&aside, &ring).unwrap();
    assert!(allocate().is_ok(), "the ring was changed");
    assert_eq!(registry.stats().rings_allocated, 0);
}

#[test]
fn folders_and_files_of_another_user_are_refused() {
    let advice = "set CAPBUF_DIR to a folder of your own";
    if !rustix::process::geteuid().is_root() {
        // Root's folders are another user's, and this process cannot change them.
        return assert_forbidden(try_open(Path::new("/usr"), "bin"), Path::new("/usr/bin"), advice);
    }
    let nobody = 65_534;
    let (folder, ring) = folder_with_ring();
    let registry = folder.open();
    std::os::unix::fs::chown(&ring, Some(nobody), None).unwrap();
    assert_forbidden(registry.get_or_allocate(SOURCE, spec(1000)), &ring, advice);
    drop(registry);
    std::os::unix::fs::chown(folder.domain(), Some(nobody), None).unwrap();
    assert_forbidden(try_open(folder.path(), DOMAIN), &folder.domain(), advice);
    // A base folder may be root's, but no other user's.
    std::os::unix::fs::chown(folder.path(), Some(nobody), None).unwrap();
    assert_forbidden(try_open(folder.path(), "mine"), folder.path(), advice);
    assert!(ring.exists(), "the ring is gone");
    assert!(!folder.path().join("mine").exists(), "a refused domain was made");
}
