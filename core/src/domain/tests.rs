use super::handle::Domain;
use super::removal::{self, PENDING};
use crate::lifetime::{AllocateOptions, Lifetime};
use crate::source::Source;
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::Ordering;
use crate::{Error, Registry};

#[test]
fn opener_waits_for_a_pending_removal_and_holders_do_not() {
    let base = tempfile::tempdir().unwrap();
    let open = || Registry::builder().domains_folder(base.path()).open("birds").unwrap();
    let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let (ours, theirs) = (open(), open());
    let buffer = ours.allocate_with("x", spec, &options).unwrap();
    let domain = Domain::open("birds", Some(base.path())).unwrap();
    let ring = domain.names_of("x").rings().next().unwrap();
    let lock = domain.lock_ring(&ring).unwrap();
    removal::flag(&buffer.shared.region).store(PENDING, Ordering::SeqCst);
    assert!(!buffer.is_removed() && ours.get("x").unwrap().same_as(&buffer));
    buffer.writer().unwrap().write(&[1_i16; 10]).unwrap();
    std::thread::scope(|scope| {
        let opener = scope.spawn(|| theirs.get("x").map(|found| found.same_as(&buffer)));
        // Its mark is set, so the remover would see it and withdraw the flag.
        while buffer.opened_by().len() < 2 {
            std::thread::yield_now();
        }
        removal::flag(&buffer.shared.region).store(0, Ordering::SeqCst);
        drop(lock);
        assert_eq!(opener.join().unwrap(), Some(true));
    });
    // A process that died left its removal pending: the next one withdraws it.
    removal::flag(&buffer.shared.region).store(PENDING, Ordering::SeqCst);
    assert!(open().get("x").unwrap().same_as(&buffer));
    removal::flag(&buffer.shared.region).store(PENDING, Ordering::SeqCst);
    assert!(open().get_or_allocate("x", spec).unwrap().same_as(&buffer));
    assert_eq!(removal::flag(&buffer.shared.region).load(Ordering::SeqCst), 0);
    drop((ours, theirs, buffer));
    assert!(domain.find("x", 0).unwrap().is_none(), "gone with its last holder");
}

#[test]
fn sources_with_the_same_hash_have_separate_rings() {
    let base = tempfile::tempdir().unwrap();
    let domain = Domain::open_hashed("birds", Some(base.path()), |_, _| 7).unwrap();
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
