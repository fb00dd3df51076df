//! The end of buffers, of processes and of domains.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use capbuf::{AllocateOptions, Error, Lifetime, domains, remove_domain};

use crate::support::wait_until;
use crate::{Folder, samples, spec};

#[test]
fn removal_is_seen_by_every_registry_and_open_handles_stay_readable() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let buffer = one.get_or_allocate("x", spec()).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write(&[7_i16; 100]).unwrap();
    let held = other.get("x").unwrap();
    other.remove("x").unwrap();
    assert!(!one.contains("x"));
    assert!(one.get("x").is_none());
    assert!(one.buffers().is_empty());
    assert!(matches!(writer.write(&[7_i16]), Err(Error::Removed { .. })));
    assert!(held.is_removed());
    assert_eq!(samples(&held), [7; 100]);
    assert!(matches!(one.remove("x"), Err(Error::NotFound { .. })));
}

#[test]
fn allocation_after_removal_makes_another_buffer_for_every_registry() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let held = one.get_or_allocate("x", spec()).unwrap();
    held.writer().unwrap().write(&[7_i16; 100]).unwrap();
    other.remove("x").unwrap();
    assert!(!one.contains("x"));
    let new = one.get_or_allocate("x", spec()).unwrap();
    assert!(!new.same_as(&held));
    assert!(new.frames().is_empty());
    assert!(other.get("x").unwrap().same_as(&new));
    // This time without a lookup between removal and allocation.
    other.remove("x").unwrap();
    let newest = one.get_or_allocate("x", spec()).unwrap();
    assert!(!newest.is_removed());
    assert!(!newest.same_as(&new));
}

#[test]
fn while_open_buffer_ends_with_its_last_registry_and_until_removed_stays() {
    let folder = Folder::new();
    let registry = folder.open();
    let until_removed = registry.get_or_allocate("kept", spec()).unwrap();
    until_removed.writer().unwrap().write(&[1_i16, 2, 3]).unwrap();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let while_open = registry.get_or_allocate_with("passing", spec(), &options).unwrap();
    assert_eq!((until_removed.lifetime(), while_open.lifetime()), (Lifetime::UntilRemoved, Lifetime::WhileOpen));
    let other = folder.open();
    let held = other.get("passing").unwrap();
    drop((registry, until_removed, while_open));
    assert!(other.contains("passing"), "another registry has it open");
    drop((other, held));
    // The thread that commits memory ahead may hold a buffer for a moment longer.
    wait_until("one ring, no process, no claim", || folder.files().len() == 1);
    let again = folder.open();
    assert!(!again.contains("passing"));
    assert_eq!(samples(&again.get("kept").unwrap()), [1, 2, 3]);
}

#[test]
fn domain_is_listed_with_its_buffers_processes_and_bytes() {
    let folder = Folder::new();
    assert_eq!(domains(Some(&folder.path().join("none"))).unwrap(), []);
    let registry = folder.open();
    let buffer = registry.get_or_allocate("x", spec()).unwrap();
    let listed = domains(Some(folder.path())).unwrap();
    let found: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.buffers, it.processes, it.has_dead)).collect();
    assert_eq!(found, [("birds", 1, 1, false)]);
    assert_eq!(listed[0].bytes, buffer.status().bytes);
}

#[test]
fn removed_domain_loses_its_buffers_and_its_folder_with_the_last_registry() {
    let folder = Folder::new();
    assert!(matches!(remove_domain("birds", Some(folder.path())), Err(Error::NotFound { .. })));
    let registry = folder.open();
    let buffer = registry.get_or_allocate("x", spec()).unwrap();
    remove_domain("birds", Some(folder.path())).unwrap();
    assert!(buffer.is_removed());
    assert!(!registry.contains("x"));
    assert!(folder.path().join("birds").exists(), "a registry has it open");
    drop((registry, buffer));
    remove_domain("birds", Some(folder.path())).unwrap();
    assert_eq!(domains(Some(folder.path())).unwrap(), []);
}

#[test]
fn files_of_dead_processes_are_swept_by_the_next_open() {
    let folder = Folder::new();
    drop(folder.open());
    let birds = folder.path().join("birds");
    let leave = |name: &str, text: &str| {
        fs::write(birds.join(name), text).unwrap();
        fs::set_permissions(birds.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    let hash = "0".repeat(32);
    leave("process-00000000deadbeef", "1\ndead\n");
    for end in ["new", "claim", "feed"] {
        leave(&format!("{hash}.{end}"), "1\ndead\n");
    }
    assert!(domains(Some(folder.path())).unwrap()[0].has_dead);
    let registry = folder.open();
    assert_eq!(folder.files().len(), 1, "only the registry's own process file: {:?}", folder.files());
    leave(&format!("{hash}.new"), "");
    let swept = registry.sweep().unwrap();
    assert_eq!((swept.processes, swept.buffers, swept.leftovers), (0, 0, 1));
}
