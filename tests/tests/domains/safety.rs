//! What others could have prepared or could use is refused, by its path, with what to do about it.

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

fn assert_forbidden<T: std::fmt::Debug>(outcome: capbuf::Result<T>, path: &Path, told: &str) {
    match outcome {
        Err(Error::Forbidden { path: named, reason }) => {
            assert_eq!(named, path.display().to_string());
            assert!(reason.contains(told), "{reason}");
        }
        other => panic!("{path:?}: {other:?}"),
    }
}

/// A domain with one ring, and nobody in it.
fn folder_with_ring() -> (Folder, PathBuf) {
    let folder = Folder::new();
    drop(folder.open().get_or_allocate(SOURCE, spec(1000)).unwrap());
    let ring = folder.ring();
    (folder, ring)
}

#[test]
fn folders_and_files_are_the_users_alone() {
    let folder = Folder::new();
    let base = folder.path().join("new");
    let mut command = capbuf_tests::Child::command("sh");
    // Whatever the process lets others do with its files.
    command.args(["-c", "umask 0000; exec \"$0\"", env!("CARGO_BIN_EXE_works_in_domain")]).env("CAPBUF_DIR", &base);
    let mut worker = Worker::of(command);
    worker.expect(&format!("open {DOMAIN}"), "opened");
    worker.ask(&format!("allocate {SOURCE} 1000"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let domain = base.join(DOMAIN);
    assert_eq!((mode(&base), mode(&domain)), (0o700, 0o700));
    let files = files_in(&domain, &[""]);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|name| mode(&domain.join(name)) == 0o600), "{files:?}");
    worker.end();
}

#[test]
fn a_folder_that_others_may_use_is_refused() {
    for mode in [0o755, 0o710, 0o701, 0o770, 0o777] {
        let (folder, ring) = folder_with_ring();
        set_mode(&folder.domain(), mode);
        assert_forbidden(try_open(folder.path(), DOMAIN), &folder.domain(), &format!("{mode:o}"));
        assert!(ring.exists() && folder.files(&[""]).len() == 1, "it is not touched");
        set_mode(&folder.domain(), 0o700);
        assert!(folder.open().contains(SOURCE));
    }
}

#[test]
fn a_link_is_no_folder() {
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
    assert!(ring.exists() && elsewhere.files(&[""]).len() == 1, "what the links lead to is not touched");
}

#[test]
fn a_file_in_place_of_a_ring_is_used_only_if_it_is_the_users_own_file() {
    let (folder, ring) = folder_with_ring();
    let registry = folder.open();
    let asked = || registry.get_or_allocate(SOURCE, spec(1000));
    for mode in [0o644, 0o660, 0o606] {
        set_mode(&ring, mode);
        assert_forbidden(asked(), &ring, &format!("{mode:o}"));
    }
    set_mode(&ring, 0o600);
    let aside = folder.path().join("aside");
    fs::rename(&ring, &aside).unwrap();
    symlink(&aside, &ring).unwrap();
    assert_forbidden(asked(), &ring, "link");
    assert!(registry.get(SOURCE).is_none());
    fs::remove_file(&ring).unwrap();
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&ring).status().unwrap();
    assert!(made.success());
    assert_forbidden(asked(), &ring, "regular file");
    fs::remove_file(&ring).unwrap();
    fs::create_dir(&ring).unwrap();
    assert!(asked().is_err());
    fs::remove_dir(&ring).unwrap();
    fs::rename(&aside, &ring).unwrap();
    assert!(asked().is_ok(), "the ring was not touched");
    assert_eq!(registry.stats().rings_allocated, 0);
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    let told = "set CAPBUF_DIR to a folder of your own";
    if !rustix::process::geteuid().is_root() {
        // What belongs to root is another user's, and can't be harmed.
        return assert_forbidden(try_open(Path::new("/usr"), "bin"), Path::new("/usr/bin"), told);
    }
    let nobody = 65_534;
    let (folder, ring) = folder_with_ring();
    let registry = folder.open();
    std::os::unix::fs::chown(&ring, Some(nobody), None).unwrap();
    assert_forbidden(registry.get_or_allocate(SOURCE, spec(1000)), &ring, told);
    drop(registry);
    std::os::unix::fs::chown(folder.domain(), Some(nobody), None).unwrap();
    assert_forbidden(try_open(folder.path(), DOMAIN), &folder.domain(), told);
    // Root's folders hold everybody's domains; any other user's do not.
    std::os::unix::fs::chown(folder.path(), Some(nobody), None).unwrap();
    assert_forbidden(try_open(folder.path(), "mine"), folder.path(), told);
    assert!(ring.exists() && !folder.path().join("mine").exists());
}
