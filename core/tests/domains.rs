//! Several registries on one domain, as several processes have them. What needs real processes is tested outside this crate.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use capbuf::{
    AllocateOptions, CaptureBuffer, Error, Length, Lifetime, Registry, SampleFormat, Span, Spec, domains, remove_domain,
};

/// A folder of domains, gone with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Registry {
        self.try_open("birds").unwrap()
    }

    fn try_open(&self, name: &str) -> capbuf::Result<Registry> {
        Registry::builder().domains_folder(self.path()).open(name)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path().join("birds")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn rings(&self) -> Vec<PathBuf> {
        let rings = self.files().into_iter().filter(|name| name.ends_with(".ring"));
        rings.map(|name| self.path().join("birds").join(name)).collect()
    }
}

fn spec() -> Spec {
    Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16).unwrap()
}

fn while_open() -> AllocateOptions {
    AllocateOptions::new().lifetime(Lifetime::WhileOpen)
}

fn whole(buffer: &CaptureBuffer) -> Vec<i16> {
    let segment = buffer.read(Span::Frames(buffer.frames())).unwrap();
    segment.samples().get::<i16>().unwrap().to_vec()
}

#[test]
fn what_one_registry_allocates_and_writes_the_other_finds_and_reads() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    assert_eq!((one.domain(), one.path()), (Some("birds"), Some(folder.path().join("birds").as_path())));
    assert!(!other.contains("tone:440") && other.get("tone:440").is_none());
    let buffer = one.allocate("tone:440", spec()).unwrap();
    let audio: Vec<i16> = (0..4000).collect();
    buffer.writer().unwrap().write(&audio).unwrap();
    assert!(other.contains("tone:440"));
    let same = other.get_or_allocate("tone:440", spec()).unwrap();
    assert!(same.same_as(&buffer) && whole(&same) == audio);
    assert_eq!((one.stats().rings_allocated, other.stats().rings_allocated), (1, 0));
    assert_eq!((other.stats().rings_mapped, other.stats().bytes), (1, 0));
    assert!(matches!(other.allocate("tone:440", spec()), Err(Error::AlreadyExists { .. })));
    let longer = Spec::new(Length::Seconds(2.0), 8000, 1, SampleFormat::S16).unwrap();
    assert!(
        matches!(other.get_or_allocate("tone:440", longer), Err(Error::SpecMismatch { existing, .. }) if existing == spec())
    );
    assert_eq!(other.buffers().len(), 1);
    assert!(other.domain_metrics_text().contains("capbuf_live_buffers 1"));
    let opened_by = same.opened_by();
    assert!(opened_by.len() == 2 && opened_by.iter().all(|by| by.holder.pid == std::process::id()), "{opened_by:?}");
}

#[test]
fn a_domain_has_one_writer_and_says_who_it_is() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let writer = one.get_or_allocate("x", spec()).unwrap().writer().unwrap();
    let buffer = other.get("x").unwrap();
    match buffer.writer() {
        Err(Error::WriterBusy { holder: Some(holder), .. }) => assert_eq!(holder.pid, std::process::id()),
        other => panic!("{other:?}"),
    }
    let text = buffer.writer().unwrap_err().to_string();
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    assert!(buffer.status().has_writer && buffer.status().writer.is_some());
    drop(writer);
    assert!(!buffer.status().has_writer && buffer.status().writer.is_none());
    buffer.writer().unwrap().write(&[1_i16]).unwrap();
}

#[test]
fn a_feed_is_claimed_once_in_a_domain() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let feed = one.claim_source("rtsp://me:sesame@camera").unwrap();
    let busy = other.claim_source("rtsp://me:sesame@camera").unwrap_err();
    assert!(
        matches!(busy, Error::WriterBusy { holder: Some(_), .. }) && !busy.to_string().contains("sesame"),
        "{busy}"
    );
    assert!(one.claim_source("rtsp://me:sesame@camera").is_err(), "nor twice by the same registry");
    drop(feed);
    other.claim_source("rtsp://me:sesame@camera").unwrap();
}

#[test]
fn a_removed_buffer_is_gone_for_everyone_and_read_on_by_who_has_it() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let buffer = one.get_or_allocate("x", spec()).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write(&[7_i16; 100]).unwrap();
    let held = other.get("x").unwrap();
    other.remove("x").unwrap();
    assert!(!one.contains("x") && one.get("x").is_none() && one.buffers().is_empty());
    assert!(matches!(writer.write(&[7_i16]), Err(Error::Removed { .. })));
    assert!(held.is_removed() && whole(&held) == [7; 100]);
    assert!(matches!(one.remove("x"), Err(Error::NotFound { .. })));
    let new = one.get_or_allocate("x", spec()).unwrap();
    assert!(!new.same_as(&held) && new.frames().is_empty() && other.get("x").unwrap().same_as(&new));
    other.remove("x").unwrap();
    let newest = one.get_or_allocate("x", spec()).unwrap();
    assert!(!newest.is_removed() && !newest.same_as(&new), "without a look at what was there");
}

#[test]
fn a_buffer_stays_until_it_is_removed_or_goes_with_the_last_who_has_it_open() {
    let folder = Folder::new();
    let registry = folder.open();
    let kept = registry.get_or_allocate("kept", spec()).unwrap();
    kept.writer().unwrap().write(&[1_i16, 2, 3]).unwrap();
    let passing = registry.get_or_allocate_with("passing", spec(), &while_open()).unwrap();
    assert_eq!((kept.lifetime(), passing.lifetime()), (Lifetime::UntilRemoved, Lifetime::WhileOpen));
    let other = folder.open();
    let held = other.get("passing").unwrap();
    drop((registry, kept, passing));
    assert!(other.contains("passing"), "another has it open");
    drop((other, held));
    assert_eq!(folder.files().len(), 1, "no process, no claim, one ring: {:?}", folder.files());
    let again = folder.open();
    assert!(!again.contains("passing"));
    assert_eq!(whole(&again.get("kept").unwrap()), [1, 2, 3]);
}

#[test]
fn names_and_folders_that_are_not_safe_are_refused_by_name() {
    let folder = Folder::new();
    for bad in ["", ".", "..", "a/b", "-x", ".x", "ä", "a b", &"x".repeat(65)] {
        let error = folder.try_open(bad).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { what: "domain", .. }), "{bad:?}: {error}");
    }
    let forbidden = |name: &str, word: &str| {
        let error = folder.try_open(name).unwrap_err();
        assert!(matches!(error, Error::Forbidden { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name) && error.to_string().contains(word), "{error}");
    };
    fs::create_dir(folder.path().join("open")).unwrap();
    fs::set_permissions(folder.path().join("open"), fs::Permissions::from_mode(0o750)).unwrap();
    forbidden("open", "750");
    std::os::unix::fs::symlink(folder.path().join("open"), folder.path().join("link")).unwrap();
    forbidden("link", "link");
    fs::write(folder.path().join("file"), "").unwrap();
    forbidden("file", "folder");
    let modes = [folder.open().path().unwrap().to_owned()].map(|path| fs::metadata(path).unwrap().permissions().mode());
    assert_eq!(modes[0] & 0o777, 0o700);
}

#[test]
fn a_file_that_is_no_ring_is_an_error_and_is_neither_used_nor_replaced() {
    let folder = Folder::new();
    drop(folder.open().get_or_allocate("x", spec()).unwrap());
    let ring = folder.rings().remove(0);
    assert_eq!(fs::metadata(&ring).unwrap().permissions().mode() & 0o777, 0o600);
    let good = fs::read(&ring).unwrap();
    let asked = |bytes: &[u8]| {
        fs::write(&ring, bytes).unwrap();
        let registry = folder.open();
        assert!(registry.get("x").is_none() && registry.buffers().is_empty());
        registry.get_or_allocate("x", spec()).unwrap_err()
    };
    let changed = |offset: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[offset] = to;
        asked(&bytes)
    };
    assert!(matches!(changed(8, 9), Error::LayoutMismatch { found: 9, known: 3, .. }));
    // Magic, sizes, shape, lifetime, name. (Another rate would be as good a ring.)
    for offset in [0, 12, 16, 24, 32, 40, 48, 56, 68, 72, 76, 96, 100, 256] {
        let error = changed(offset, 0xff);
        assert!(matches!(error, Error::Corrupt { .. }), "{offset}: {error}");
    }
    assert!(matches!(asked(&good[..good.len() - 4096]), Error::Corrupt { .. }));
    assert!(matches!(asked(b""), Error::Corrupt { .. }));
    fs::write(&ring, &good).unwrap();
    assert!(folder.open().get_or_allocate("x", spec()).is_ok());
    fs::set_permissions(&ring, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(folder.open().get_or_allocate("x", spec()), Err(Error::Forbidden { .. })));
    fs::set_permissions(&ring, fs::Permissions::from_mode(0o600)).unwrap();
    // Removing a domain removes what is damaged, too.
    fs::write(&ring, b"").unwrap();
    remove_domain("birds", Some(folder.path())).unwrap();
    assert!(!folder.path().join("birds").exists());
}

#[test]
fn domains_are_listed_and_removed_with_all_that_is_in_them() {
    let folder = Folder::new();
    assert_eq!(domains(Some(&folder.path().join("none"))).unwrap(), []);
    assert!(matches!(remove_domain("birds", Some(folder.path())), Err(Error::NotFound { .. })));
    let registry = folder.open();
    let buffer = registry.get_or_allocate("x", spec()).unwrap();
    let listed = domains(Some(folder.path())).unwrap();
    let found: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.buffers, it.processes, it.has_dead)).collect();
    assert_eq!(found, [("birds", 1, 1, false)]);
    assert_eq!(listed[0].bytes, buffer.status().bytes);
    remove_domain("birds", Some(folder.path())).unwrap();
    assert!(buffer.is_removed() && !registry.contains("x"));
    assert!(folder.path().join("birds").exists(), "somebody has it open");
    drop((registry, buffer));
    remove_domain("birds", Some(folder.path())).unwrap();
    assert_eq!(domains(Some(folder.path())).unwrap(), []);
}

#[test]
fn what_the_dead_left_is_swept_by_the_next_to_open_the_domain() {
    let folder = Folder::new();
    drop(folder.open());
    let birds = folder.path().join("birds");
    let hash = "0".repeat(32);
    for leftover in
        ["process-00000000deadbeef", &format!("{hash}.new"), &format!("{hash}.claim"), &format!("{hash}.feed")]
    {
        fs::write(birds.join(leftover), "1\ndead\n").unwrap();
        fs::set_permissions(birds.join(leftover), fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(domains(Some(folder.path())).unwrap()[0].has_dead);
    let registry = folder.open();
    assert_eq!(folder.files().len(), 1, "its own presence: {:?}", folder.files());
    fs::write(birds.join(format!("{hash}.new")), "").unwrap();
    fs::set_permissions(birds.join(format!("{hash}.new")), fs::Permissions::from_mode(0o600)).unwrap();
    let swept = registry.sweep().unwrap();
    assert_eq!((swept.processes, swept.buffers, swept.leftovers), (0, 0, 1));
}

#[test]
fn a_waiting_reader_in_one_registry_sees_what_another_writes() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let buffer = one.get_or_allocate("x", spec()).unwrap();
    let reader = other.get("x").unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write(&[1_i16; 10]).unwrap();
    std::thread::scope(|scope| {
        let read = scope.spawn(|| {
            let options = capbuf::ReadOptions::new().wait(Duration::from_secs(60));
            reader.read_with(Span::Frames(10..20), &options)
        });
        writer.write(&[2_i16; 10]).unwrap();
        assert_eq!(read.join().unwrap().unwrap().samples().get::<i16>(), Some(&[2; 10][..]));
    });
}

#[test]
fn a_budget_bounds_what_a_registry_makes_not_what_it_finds() {
    let folder = Folder::new();
    let one = folder.open();
    let bytes = one.get_or_allocate("x", spec()).unwrap().status().bytes;
    let poor = Registry::builder().domains_folder(folder.path()).budget_bytes(bytes).open("birds").unwrap();
    assert!(poor.get_or_allocate("x", spec()).is_ok() && poor.get_or_allocate("y", spec()).is_ok());
    assert!(matches!(poor.get_or_allocate("z", spec()), Err(Error::OverBudget { .. })));
    assert_eq!(folder.rings().len(), 2);
    assert!(folder.files().iter().all(|name| !name.ends_with(".new") && !name.ends_with(".claim")));
}
