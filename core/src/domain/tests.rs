use std::os::unix::fs::OpenOptionsExt as _;

use super::handle::Domain;
use super::holders;
use super::liveness::LivenessLock;
use super::removal::{self, PENDING};
use crate::buffer::SourceHealth;
use crate::lifetime::{AllocateOptions, Lifetime};
use crate::memory::Region;
use crate::source::Source;
use crate::source_state::SourceState;
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::Ordering;
use crate::{Error, Registry};

#[test]
fn opener_waits_for_a_pending_removal_and_holders_do_not() {
    let base = tempfile::tempdir().unwrap();
    let open = || Registry::builder().domains_folder(base.path()).open("birds").unwrap();
    let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let ours = open();
    let buffer = ours.allocate_with("x", spec, &options).unwrap();
    let domain = Domain::open("birds", Some(base.path()), 0).unwrap();
    let (domain, ring) = (&domain, &*domain.names_of("x").rings().next().unwrap());
    let mut writer = buffer.writer().unwrap();
    let lock = domain.lock_ring(ring).unwrap();
    removal::flag(&buffer.shared.region).store(PENDING, Ordering::SeqCst);
    assert!(!buffer.is_removed() && ours.get("x").unwrap().same_as(&buffer));
    writer.write(&[1_i16; 10]).unwrap();
    drop(writer);
    std::thread::scope(|scope| {
        // As another process does, which has a mark of its own.
        let region = &buffer.shared.region;
        let theirs = LivenessLock::new(&domain.folder).unwrap();
        let opener = scope.spawn(move || {
            let place = holders::mark(region, theirs.number());
            let stays = removal::stays_open(region, || domain.lock_ring(ring)).unwrap();
            holders::leave(region, place, theirs.number());
            stays
        });
        // Its mark is set, so the remover would see it and withdraw the flag.
        while marks(region) < 2 {
            std::thread::yield_now();
        }
        removal::flag(&buffer.shared.region).store(0, Ordering::SeqCst);
        drop(lock);
        assert!(opener.join().unwrap());
    });
    // A process that died left its removal pending: the next one withdraws it.
    removal::flag(&buffer.shared.region).store(PENDING, Ordering::SeqCst);
    assert!(open().get("x").unwrap().same_as(&buffer));
    removal::flag(&buffer.shared.region).store(PENDING, Ordering::SeqCst);
    assert!(open().get_or_allocate("x", spec).unwrap().same_as(&buffer));
    assert_eq!(removal::flag(&buffer.shared.region).load(Ordering::SeqCst), 0);
    drop((ours, buffer));
    assert!(domain.find("x", 0).unwrap().is_none(), "gone with its last holder");
}

/// The number of places that are taken.
fn marks(region: &Region) -> usize {
    region.header().holders.iter().filter(|slot| slot.liveness.load(Ordering::Relaxed) != 0).count()
}

#[test]
fn sources_with_the_same_hash_have_separate_rings() {
    let base = tempfile::tempdir().unwrap();
    let domain = Domain::open_hashed("birds", Some(base.path()), 0, |_, _| 7).unwrap();
    let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
    let make = |name: &str| {
        let source = Source::new(name).unwrap();
        domain.find_or_make(&source, &spec, Lifetime::UntilRemoved, 0, || Ok(()))
    };
    let names = ["a", "b", "c", "d"];
    let made: Vec<_> = names.iter().map(|name| make(name).unwrap().0.region.id()).collect();
    for (name, id) in names.iter().zip(&made) {
        assert_eq!(domain.find(name, 0).unwrap().unwrap().region.id(), *id, "{name}");
        let (found, permit) = make(name).unwrap();
        assert!(found.region.id() == *id && permit.is_none(), "{name} was made again");
    }
    assert!(matches!(make("e"), Err(Error::System { .. })), "a fifth has no place");
    assert!(domain.find("e", 0).unwrap().is_none());
    // A hole where one was removed hides none of the others, and is reused.
    assert!(domain.remove("b").unwrap() && !domain.remove("b").unwrap());
    assert_eq!(domain.find("d", 0).unwrap().unwrap().region.id(), made[3]);
    assert!(make("e").unwrap().1.is_some());
    assert_eq!(domain.sources().unwrap().len(), 4);
}

/// Calls `call` while a file of the domain is locked, as by a process that is frozen; a call that
/// waits for ever fails.
fn while_locked<R: Send + 'static>(path: &std::path::Path, call: impl FnOnce() -> R + Send + 'static) -> R {
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    file.lock().unwrap();
    let (sender, returned) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(call()));
    returned.recv_timeout(std::time::Duration::from_secs(60)).expect("the wait has a limit")
}

#[test]
fn every_wait_for_a_lock_ends_in_an_error_that_names_the_holder() {
    let base = tempfile::tempdir().unwrap();
    let open = {
        let base = base.path().to_owned();
        move || Registry::builder().domains_folder(&base).open("birds")
    };
    let registry = open().unwrap();
    let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let buffer = registry.allocate_with("x", spec, &options).unwrap();
    let folder = base.path().join("birds");
    let ring = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let ring = ring.into_iter().find(|path| path.extension().is_some_and(|end| end == "ring")).unwrap();
    let holder = format!("process {} (", std::process::id());
    let check = |error: Error| {
        let message = error.to_string();
        assert!(message.contains(&holder) && message.contains("has held it for 2 s"), "{message}");
    };
    check(while_locked(&folder.join(".key"), open.clone()).unwrap_err());
    let remover = registry.clone();
    check(while_locked(&ring, move || remover.remove("x")).unwrap_err());
    // A removal that is pending, and whose process is frozen: a lookup has a limit, too.
    removal::flag(&buffer.shared.region).store(PENDING, Ordering::SeqCst);
    check(while_locked(&ring, move || open()?.try_get("x").map(drop)).unwrap_err());
    removal::flag(&buffer.shared.region).store(0, Ordering::SeqCst);
}

#[test]
fn process_counts_once_however_many_registries_and_handles_it_has() {
    let base = tempfile::tempdir().unwrap();
    let open = || Registry::builder().domains_folder(base.path()).open("birds").unwrap();
    let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let registry = open();
    let buffer = registry.allocate_with("x", spec, &options).unwrap();
    let others: Vec<_> = (0..200).map(|_| open()).collect();
    let handles: Vec<_> = others.iter().map(|registry| registry.get("x").unwrap()).collect();
    assert_eq!(marks(&buffer.shared.region), 1);
    assert_eq!((buffer.opened_by().len(), buffer.status().unlisted_processes), (1, 0));
    assert_eq!(crate::domains(Some(base.path())).unwrap()[0].processes, 1);
    // The one that made the mark goes: the others keep it, also for a sweep of another process.
    drop((registry, buffer));
    open().sweep().unwrap();
    assert!(handles[0].opened_by().len() == 1 && !handles[0].is_removed());
    drop((handles, others));
    assert!(open().get("x").is_none(), "gone with its last holder");
}

#[test]
fn full_table_of_holders_keeps_out_neither_readers_nor_the_writer() {
    let base = tempfile::tempdir().unwrap();
    let open = || Registry::builder().domains_folder(base.path()).open("birds").unwrap();
    let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let registry = open();
    let made = registry.allocate_with("x", spec, &options).unwrap();
    // All places are other processes', alive.
    let domain = Domain::open("birds", Some(base.path()), 0).unwrap();
    let (_, region, _) = domain.look("x").unwrap().unwrap();
    let theirs = LivenessLock::new(&domain.folder).unwrap();
    while holders::mark(&region, theirs.number()).is_some() {}
    drop((made, registry));
    assert!(holders::mark(&region, theirs.number()).is_some(), "the place of this process");
    // This process has none. It finds the source, reads it, and records it.
    let recorder = open();
    assert_eq!(recorder.buffers().len(), 1);
    let found = recorder.get_or_allocate("x", spec).unwrap();
    assert_eq!(region.header().unlisted.load(Ordering::Relaxed), 1);
    let mut writer = found.writer().unwrap();
    writer.write(&[8_i16; 100]).unwrap();
    // All that have a mark end: the ring stays while its writer writes.
    (0..128).for_each(|place| holders::leave(&region, Some(place), theirs.number()));
    domain.sweep().unwrap();
    assert!(!domain.remove_abandoned("x").unwrap());
    writer.write(&[9_i16; 100]).unwrap();
    assert_eq!(found.frames(), 0..200);
    drop((writer, found, recorder));
    assert!(domain.find("x", 0).unwrap().is_none(), "gone with its last holder");
}

/// A process that is killed while it records: its locks are released, and nothing else is done.
/// Returns the number of the ring.
fn killed_recorder(base: &std::path::Path, grace_s: u32, has_writer: bool, spec: Spec) -> u64 {
    let domain = Domain::open("birds", Some(base), grace_s).unwrap();
    let theirs = LivenessLock::new(&domain.folder).unwrap();
    let number = theirs.number();
    let source = Source::new("x").unwrap();
    let (mapped, _) = domain.find_or_make(&source, &spec, Lifetime::WhileOpen, 0, || Ok(())).unwrap();
    let header = mapped.region.header();
    domain.take_over(&mapped.region);
    if has_writer {
        header.readers.lease.store(number, Ordering::Relaxed);
    } else {
        header.health.liveness.store(number, Ordering::Relaxed);
        header.health.state.store(5, Ordering::Relaxed);
    }
    holders::mark(&mapped.region, number).unwrap();
    mapped.membership.leave(&mapped.region);
    let name = domain.folder.path().join(theirs.name());
    drop(theirs);
    std::fs::File::options().write(true).create_new(true).mode(0o600).open(name).unwrap();
    mapped.region.id()
}

#[test]
fn killed_recorder_leaves_its_ring_for_the_grace_time_and_no_longer() {
    let base = tempfile::tempdir().unwrap();
    let open = || Registry::builder().domains_folder(base.path()).open("birds").unwrap();
    let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
    for has_writer in [true, false] {
        killed_recorder(base.path(), 3600, has_writer, spec);
        // Readers that come and go do not end it, nor a second sweep.
        for _ in 0..2 {
            assert_eq!(open().sweep().unwrap().buffers, 0);
        }
        let found = open().get("x").unwrap();
        let status = found.status();
        assert!(status.orphaned_left.is_some_and(|left| left.as_secs() > 3000), "{status:?}");
        assert_eq!(status.health.as_ref().unwrap().reason, "orphaned: its recorder was killed");
        assert_eq!(found.status().health, status.health, "a second look finds the same");
        // Until the time is over: then the next process that opens the domain sweeps.
        found.shared.region.header().orphaned_boot_ns.fetch_sub(3_600_000_000_001, Ordering::Relaxed);
        assert_eq!(found.status().orphaned_left, Some(std::time::Duration::ZERO));
        drop(found);
        assert!(!open().contains("x"));
        assert!(!crate::domains(Some(base.path())).unwrap()[0].has_dead);
    }
    killed_recorder(base.path(), 0, true, spec);
    assert!(!open().contains("x"), "without a grace time");
}

#[test]
fn time_of_an_orphan_does_not_end_while_its_next_recorder_waits_for_the_source() {
    let base = tempfile::tempdir().unwrap();
    let open = || Registry::builder().domains_folder(base.path()).open("birds").unwrap();
    let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
    let id = killed_recorder(base.path(), 3600, true, spec);
    let registry = open();
    let claim = registry.claim_source("x").unwrap();
    claim.publish(None, &SourceHealth::new(SourceState::BackingOff, 0, 0, "connection refused")).unwrap();
    let (_, region, _) = Domain::open("birds", Some(base.path()), 0).unwrap().look("x").unwrap().unwrap();
    region.header().orphaned_boot_ns.fetch_sub(3_600_000_000_001, Ordering::Relaxed);
    registry.sweep().unwrap();
    assert_eq!(registry.get("x").map(|found| found.id()), Some(id));
}

#[test]
fn next_recorder_takes_an_orphaned_ring_over_or_replaces_one_of_another_shape() {
    let base = tempfile::tempdir().unwrap();
    let registry = || Registry::builder().domains_folder(base.path()).open("birds").unwrap();
    let spec = |frames| Spec::new(Length::Frames(frames), 1000, 1, SampleFormat::S16).unwrap();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let id = killed_recorder(base.path(), 3600, true, spec(1000));
    let next = registry();
    let same = next.get_or_allocate_with("x", spec(1000), &options).unwrap();
    assert!(same.id() == id && same.status().orphaned_left.is_some());
    let writer = same.writer().unwrap();
    assert_eq!(same.status().orphaned_left, None);
    drop((writer, same, next));
    assert!(!registry().contains("x"), "an orderly end removes it at once");
    let id = killed_recorder(base.path(), 3600, true, spec(1000));
    let next = registry();
    let reader = next.get("x").unwrap();
    let refused = next.get_or_allocate_with("x", spec(2000), &options).unwrap_err();
    assert!(matches!(refused, Error::SpecMismatch { .. }) && !reader.is_removed(), "no recorder: {refused}");
    let _claim = next.claim_source("x").unwrap();
    let other = next.get_or_allocate_with("x", spec(2000), &options).unwrap();
    assert!(other.id() != id && reader.id() == id && reader.is_removed());
    let refused = next.get_or_allocate_with("x", spec(3000), &options).unwrap_err();
    assert!(matches!(refused, Error::SpecMismatch { .. }), "{refused}");
}
